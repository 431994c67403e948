"""What staging a source found: its problems, the same ones told once, and what must stop a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.characters import sentence
from bulk_provision.model import Warned

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bulk_provision.model import Problem

_CHUNK = 1000
PLACES = 3  # how many places of a problem are named
_REASONS = 5  # how many reasons of one kind are told apart: a source can have a new one in each row
_COLLISIONS = 3  # usernames of several users that are named
_TELLING_APART = ("domain", "realm", "server", "context", "tenant", "host")  # columns of exports
_MORE_REASONS = "more of the same kind, each for a reason of its own: see the rows themselves"


@dataclass(slots=True)
class Tally:
    """A problem that several rows have in common: told once, with its count."""

    problem: Problem  # the first one
    count: int = 0
    places: list[str] = field(default_factory=list)  # the first few
    seen: list[str] = field(default_factory=list)  # what stands there; "" where that is secret

    def as_text(self) -> str:
        """Return what is wrong and the cure, in one line."""
        return f"{sentence(self.problem.why)} {self.problem.cure}".rstrip()


class Stop(NamedTuple):
    """A reason to call nothing at all: it is about the rows together, and each might be right.

    Args:
        what: is wrong, and where; a sentence.
        cure: what to do about it; a sentence.
    """

    what: str
    cure: str


@dataclass(slots=True)
class Staged:
    """What staging found.

    Args:
        source: the input file's path as it was given.
        sheet: the worksheet that was read; "" for text files.
        rows: rows read.
        tallies: every problem and warning, the same ones told once, in the order of appearance.
        interrupted: whether reading was ended before the source's end.
        digits: how many usernames of nothing but digits there are, by their length.
        keep: how many problems are to be kept one by one, with the row that they belong to.
        found: these, as they were found.
        stops: why a run must not call anything; () mostly.
    """

    source: str = ""
    sheet: str = ""
    rows: int = 0
    tallies: list[Tally] = field(default_factory=list)
    interrupted: bool = False
    digits: Counter[int] = field(default_factory=Counter)
    keep: int = 0
    found: list[tuple[int, Problem]] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    _kinds: dict[str, dict[str, Tally]] = field(default_factory=dict)

    def tell(self, problems: Iterable[Problem], number: int = 0) -> None:
        """Count problems; the same ones are those of one kind with one reason.

        Args:
            problems: of one row, or of the source as a whole.
            number: the row's; 0 for the source.
        """
        for problem in problems:
            if number and len(self.found) < self.keep:
                self.found.append((number, problem))
            tally = self._tally(problem)
            tally.count += 1
            if len(tally.places) < PLACES:
                tally.places.append(problem.where)
                tally.seen.append(problem.seen)

    def _tally(self, problem: Problem) -> Tally:
        reasons = self._kinds.setdefault(problem.kind, {})
        why = problem.why
        if why not in reasons and len(reasons) >= _REASONS:
            why = _MORE_REASONS
        if why not in reasons:
            reasons[why] = Tally(problem._replace(why=why))
            self.tallies.append(reasons[why])
        return reasons[why]

    @property
    def warnings(self) -> tuple[Warned, ...]:
        """The warnings alone, as the ledger and the results keep them."""
        return tuple(
            Warned(tally.as_text(), tally.count, tally.problem.where)
            for tally in self.tallies
            if tally.problem.warning
        )


def in_words(problem: Problem) -> str:
    """Return where a problem is, and what, as a row's message has it."""
    seen = f" ({storable(problem.seen)})" if problem.seen else ""
    return storable(f"{problem.where}: {problem.why}{seen}.")


def storable(text: str) -> str:
    """Return text that every database can hold: lone surrogates and NUL as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
