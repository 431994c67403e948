"""Where notices go: Apprise's addresses, one a line. They hold tokens: none is ever told.

They are used by a process of its own (`courier`): a server that answers a byte a minute would
else hold up the job's end for ever, and nothing that Apprise logs can reach our output.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret
from bulk_provision.settings import ENV_PREFIX, Reference
from bulk_provision.settings.secrets import LIMIT
from bulk_provision.watch import courier
from bulk_provision.watch.courier import FINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulk_provision.settings import Settings
    from bulk_provision.watch.message import Message

_SCHEMA = re.compile(r"([a-z][a-z0-9]{1,15})://", re.IGNORECASE)
_COURIER = [str(Path(courier.__file__))]  # by its file: it needs nothing else of ours
_TO_START = 15.0  # seconds for a busy machine to start Python and import Apprise


class Address(NamedTuple):
    """Somewhere a notice goes.

    Args:
        line: in the file; from 1.
        url: Apprise's.
    """

    line: int
    url: Secret

    def __str__(self) -> str:
        schema = _SCHEMA.match(self.url.reveal())
        return f"line {self.line} ({schema[1].lower()})" if schema else f"line {self.line}"


class Addresses:
    """Everywhere that notices go.

    Args:
        addresses: at least one.
        seconds: for all of them, side by side.
    """

    def __init__(self, addresses: list[Address], seconds: float = 30.0) -> None:
        self._addresses = addresses
        self._seconds = seconds

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return those that settings name, if any.

        Raises:
            UsageError: they cannot be read, or one makes no sense, or Apprise is not installed.
        """
        reference = Reference.one_of(
            "the addresses for notices",
            env=settings.notify_env,
            file=settings.notify_file,
            command=settings.notify_command,
        )
        if reference is None:
            return None
        if importlib.util.find_spec("apprise") is None:
            raise UsageError(
                "Notices are sent by Apprise, which is not installed.",
                "pip install 'bulk-provision[notify]', or leave away where to notify.",
            )
        text = reference.text().reveal()
        if reference.kind != "env" and len(text) >= LIMIT:  # it may have been cut
            raise UsageError(f"The addresses for notices are too long: at most {LIMIT} characters.")
        addresses = list(_read(text))
        if not addresses:
            raise UsageError("There is no address among the addresses for notices.")
        _refuse_nonsense(addresses)
        return cls(addresses)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._addresses)

    def send(self, message: Message, tell: Callable[..., None]) -> bool:
        """Send a notice everywhere; tell where it was not taken.

        Returns:
            Whether it was taken somewhere.
        """
        answers = _answers(self._addresses, self._seconds, message._asdict())
        for address, answer in zip(self._addresses, answers, strict=True):
            if answer != FINE:
                tell("notice_not_sent", address=str(address), why=answer)
        return FINE in answers


def _refuse_nonsense(addresses: list[Address]) -> None:
    answers = _answers(addresses, seconds=0.0, message={})
    told = [
        f"{address}: {answer}"
        for address, answer in zip(addresses, answers, strict=True)
        if answer != FINE
    ]
    if told:
        raise UsageError(
            f"Of the addresses for notices, {'; '.join(told)}.",
            "https://appriseit.com tells how each is written; some want a further package.",
        )


def _answers(addresses: list[Address], seconds: float, message: dict[str, str]) -> list[str]:
    """Let the courier look at addresses, or send to them; return what came of each."""
    urls = [address.url.reveal() for address in addresses]
    letter = {"addresses": urls, "seconds": seconds, **message}
    # The job's own secrets are no business of a library that talks to strangers.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)
    }
    why = "the process in which Apprise works broke off"
    try:
        ran = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-W", "ignore", "-P", *_COURIER],
            input=json.dumps(letter).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=seconds + _TO_START,
            check=False,
        )
        answers = json.loads(ran.stdout)
        if isinstance(answers, list) and len(answers) == len(addresses):
            return [str(answer) for answer in answers]
    except subprocess.TimeoutExpired:
        why = "no answer in time"
    except ValueError:  # it wrote none
        pass
    return [why] * len(addresses)


def _read(text: str) -> Iterator[Address]:
    for number, line in enumerate(text.splitlines(), start=1):
        url = line.strip()
        if url and not url.startswith("#"):
            yield Address(number, Secret(url))
