"""Who is told how a run goes, and who may stop it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.filling import Filled
    from bulk_provision.model import Outcome, Summary
    from bulk_provision.pace import Halt
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged


class Progress(NamedTuple):
    """How far a run is."""

    run_id: int
    rows: int
    outcomes: dict[Outcome, int]  # of the rows that are settled, but for those left for later
    calls: int
    seconds: float  # since the first call could leave
    is_waiting: bool  # held back by the vendor
    pages: tuple[int, int] | None = None  # of the vendor's list: read, of how many; None: not it
    later: int = 0  # rows that are left for a later wave


class Watcher:
    """Is told how a run goes; does nothing about it. Override what is of interest."""

    def waiting(self, holder: str) -> None:
        """Another run holds the account; this one waits."""

    def planned(self, run_id: int, staged: Staged, plan: Plan) -> None:
        """Everything is read and checked; calls begin now."""

    def rehearsing(self, endpoints: int | None, pages: int, seconds: float | None) -> None:
        """What follows is a rehearsal; the vendor's real list is read now.

        Args:
            endpoints: that the list has; None: it is not read (any more).
            pages: that it has: one call each.
            seconds: that reading takes; None: without a limit on the rate.
        """

    def reconciling(self, run_id: int) -> None:
        """The vendor's list is read now, to be compared; no other call is made."""

    def listed(self, filled: Filled) -> None:
        """The vendor's list was used, or it was seen that it does not pay; rows follow."""

    def progressed(self, progress: Progress) -> None:
        """Called about twice a second."""

    def writing(self) -> None:
        """The calls have ended; the results are being written."""

    def ended(self, summary: Summary) -> None:
        """Everything is done."""


class Abortable(Protocol):
    """Something whose calls under way need not be waited for."""

    def abort(self) -> None:
        """Do not wait for them."""
        ...


class Stoppable(Protocol):
    """Something that sends nothing more once it is told so."""

    def stop(self, halt: Halt) -> None:
        """Let nothing more leave."""
        ...


class Control:
    """Stops runs from outside, between two loops or from a signal handler."""

    def __init__(self) -> None:
        self.halt: Halt | None = None
        self._going: list[tuple[Stoppable, Abortable]] = []

    def stop(self, halt: Halt) -> None:
        """Send nothing more; calls under way may end. A second time: do not wait for them."""
        if self.halt is not None:
            self.abort()
        self.halt = self.halt or halt
        for pacer, _ in self._going:
            pacer.stop(self.halt)

    def abort(self) -> None:
        """Do not wait for the calls under way."""
        for _, calls in self._going:
            calls.abort()

    @contextlib.contextmanager
    def over_a_part(self) -> Iterator[Control]:
        """Give a control over a part: what stops this one stops it, and not the other way round."""
        part = Control()
        with self.over(part, part):
            yield part

    @contextlib.contextmanager
    def over(self, pacer: Stoppable, calls: Abortable) -> Iterator[None]:
        """Let `stop` act on this pacer, and on these calls, while the block lasts."""
        self._going.append((pacer, calls))
        if self.halt is not None:
            pacer.stop(self.halt)
        try:
            yield
        finally:
            self._going.remove((pacer, calls))
