"""The process of its own in which Apprise works: a letter on standard input, answers on output.

A letter has `addresses`, `seconds`, and what is to be sent to them: `title`, `body` and `kind`.
Without a body they are only looked at. There is an answer for each address.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apprise import Apprise

FINE, NONSENSE = "fine", "Apprise does not understand it"
_VAIN = {"TIMEOUT": "no answer in time"}


def main() -> None:
    """Answer the letter; end without waiting for threads that a slow server holds."""
    letter = json.load(sys.stdin)
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)  # whatever else is printed is no answer
        senders = [_sender(address) for address in letter["addresses"]]
        with ThreadPoolExecutor(len(senders)) as pool:
            json.dump(list(pool.map(partial(_answer, letter), senders)), out)
            out.flush()
            os._exit(0)


def _sender(address: str) -> Apprise | None:
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - 0.3 s

    # Nothing is kept on the disk, and no redirect is followed: the address is whom we trust.
    asset = AppriseAsset(
        app_id="bulk-provision",
        app_desc="bulk-provision",
        storage_mode="memory",
        http_redirects=False,
    )
    sender = Apprise(asset=asset)
    try:
        return sender if sender.add(address) else None
    except Exception:  # noqa: BLE001  (of one of a hundred plugins: the others are to be asked)
        return None


def _answer(letter: dict[str, Any], sender: Apprise | None) -> str:
    from apprise import NotifyFormat, NotifyType  # noqa: PLC0415

    if sender is None:
        return NONSENSE
    if "body" not in letter:
        return FINE
    try:
        result = sender.notify(
            letter["body"],
            title=letter["title"],
            notify_type=NotifyType(letter["kind"]),
            body_format=NotifyFormat.TEXT,
            timeout=letter["seconds"],
        )
    except Exception as problem:  # noqa: BLE001  (as above)
        return f"Apprise failed ({type(problem).__name__})"
    return FINE if result else _VAIN.get(result.status.name, "it was not taken")


if __name__ == "__main__":
    main()
