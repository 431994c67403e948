"""Points in a row's life at which a test may kill the process; off unless a test sets one.

    BULK_PROVISION_FAIL_AT=intent-committed        SIGKILL when that point is first reached
    BULK_PROVISION_FAIL_AT=intent-committed:3      … when it is reached for the third time

SIGKILL, not an exception: nothing gets the chance to clean up, as after a power cut. The points
stand where docs/reliability.md draws the edges between the states of a row.
"""

from __future__ import annotations

import os
import signal
import threading

POINTS = (
    "lease-taken",
    "rows-staged",
    "intent-committing",
    "intent-committed",
    "turn-taken",
    "request-sent",
    "read-back-sent",
    "answer-received",
    "outcome-committing",
    "outcome-committed",
    "run-closing",
    "run-closed",
    "results-writing",
    "results-written",
    "lease-returning",
    "lease-returned",
)
POINTS_OF_CARE = ("erased", "resealed")  # of `forget` and `rekey`
POINTS_OF_LISTS = ("page-committing", "page-committed", "list-used")  # of reading the vendor's list

_name, _, _count = os.environ.get("BULK_PROVISION_FAIL_AT", "").partition(":")
_left = int(_count or 1)
_lock = threading.Lock()


def is_armed() -> bool:
    """Tell whether a point is set in this process."""
    return bool(_name)


def reach(name: str) -> None:
    """Die here, if a test wants it."""
    if _name != name:
        return
    global _left  # noqa: PLW0603  (one process, one countdown)
    with _lock:
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
