"""From the source into the ledger: every row read, checked, and compared with what is known.

All of it happens before any call. Rows are staged in the ledger rather than kept in memory, so
that memory does not grow with the file; duplicates are found there, by a query.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision import failpoints
from bulk_provision.characters import sentence, visible
from bulk_provision.checks import check
from bulk_provision.comparisons import (
    collision,
    differs_only_by_case,
    duplicate,
    is_digits,
    lost_zeros,
    zeros_lost,
)
from bulk_provision.intake import PASSWORD_UNUSABLE
from bulk_provision.ledger import Refusal, StagedRow
from bulk_provision.model import Invalid, Outcome, User, Warned
from bulk_provision.plan import Remembered, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bulk_provision.checks import Rules
    from bulk_provision.intake import Users
    from bulk_provision.ledger import Book
    from bulk_provision.model import Problem, Row
    from bulk_provision.plan import Policy
    from bulk_provision.shares import Share

_CHUNK = 1000
_PLACES = 3  # how many places of a problem are named
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
            if len(tally.places) < _PLACES:
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


def stage(
    table: Users,
    book: Book,
    run_id: int,
    rules: Rules,
    policy: Policy,
    *,
    share: Share | None = None,
    interrupted: Callable[[], bool] = lambda: False,
    keep: int = 0,
) -> Staged:
    """Read the whole source into the ledger; no row is called for before all are checked.

    Args:
        table: the source.
        book: the account's part of the ledger.
        run_id: the run that the rows belong to.
        rules: what is checked.
        policy: what a row's plan depends on.
        share: which rows are this account's, in a source for several; None: all.
        interrupted: asked between chunks; True ends the reading.
        keep: how many problems are to be kept one by one, in `Staged.found`.

    Raises:
        SourceError: the source turns out to be unreadable in the middle.
    """
    staged = Staged(table.source, table.sheet, keep=keep)
    staged.tell(table.notes)
    rows = table.rows(spaces=" " in rules.allow_username)
    for chunk in _chunks(rows if share is None else share.of(rows, table.where)):
        if interrupted():
            staged.interrupted = True
            return staged
        checked = [check(row, rules, table.where) for row in chunk]
        _stage_chunk(checked, book, run_id, policy, staged)
    staged.tell(table.left_out)
    _stop_without_passwords(table, staged)
    if table.is_export or table.is_renamed:
        _refuse_collisions(table, book, run_id, staged)
    else:
        _refuse_duplicates(table, book, run_id, staged)
    _warn_of_twins(table, book, run_id, staged)
    _warn_of_lost_zeros(table, book, run_id, staged)
    return staged


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _stage_chunk(
    checked: list[User | Invalid], book: Book, run_id: int, policy: Policy, staged: Staged
) -> None:
    vault = book.vault
    known = book.known([one.username for one in checked if isinstance(one, User)])
    entries: list[StagedRow] = []
    for seq, one in enumerate(checked, start=staged.rows + 1):
        if isinstance(one, Invalid):
            entries.append(_refused(seq, one, book))
            staged.tell(one.problems, one.row.number)
            continue
        if is_digits(one.username):
            staged.digits[len(one.username)] += 1
        decision = decide(one.username, one.password, known.get(one.username), policy, vault)
        sealed = vault.seal(one.username, one.password) if one.password else None
        note = None
        if one.warnings:
            staged.tell(one.warnings, one.number)
            note = " ".join(sentence(warning.why) for warning in one.warnings)
        row = (seq, one.number, one.username, sealed, one.others)
        if isinstance(decision, Remembered):
            outcome, code, message, tip = decision
            entries.append(StagedRow(*row, None, outcome, code, message, tip, note))
        else:
            entries.append(StagedRow(*row, decision, note=note))
    staged.rows += len(checked)
    book.stage(run_id, entries)
    failpoints.reach("rows-staged")


def _refused(seq: int, invalid: Invalid, book: Book) -> StagedRow:
    row, problems = invalid
    errors = [problem for problem in problems if not problem.warning]
    username = storable(row.username)
    return StagedRow(
        seq,
        row.number,
        username,
        book.vault.seal(username, row.password) if row.password else None,
        row.others,
        outcome=Outcome.INVALID,
        code=errors[0].kind,
        message=" ".join(_told(problem) for problem in errors),
        tip=" ".join(dict.fromkeys(problem.cure for problem in errors)),
        note=" ".join(sentence(problem.why) for problem in problems if problem.warning) or None,
    )


def _told(problem: Problem) -> str:
    seen = f" ({storable(problem.seen)})" if problem.seen else ""
    return storable(f"{problem.where}: {problem.why}{seen}.")


def storable(text: str) -> str:
    """Return text that every database can hold: lone surrogates and NUL as escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _refuse_duplicates(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Refuse every row but the first of equal usernames."""
    for twins in book.duplicates(run_id):
        refusals = []
        for twin in twins:
            where = table.where(twin.number, "username")
            problem = duplicate(where, twin.username, twin.first_number)
            staged.tell([problem], twin.number)
            refusals.append(Refusal(twin.seq, problem.kind, _told(problem), problem.cure))
        book.refuse(run_id, refusals)


def _stop_without_passwords(table: Users, staged: Staged) -> None:
    """Let nothing be called when users have no password that can be used, and none may be made.

    Their phones would stop working without anybody having decided it; and the others would be
    moved meanwhile.
    """
    lacking = [
        tally
        for tally in staged.tallies
        if tally.problem.kind in PASSWORD_UNUSABLE and not tally.problem.warning
    ]
    if lacking:
        count = sum(tally.count for tally in lacking)
        told = "; ".join(
            f"{tally.count:,} because {tally.problem.why} ({tally.places[0]})" for tally in lacking
        )
        users = "user has" if count == 1 else "users have"
        what = f"{table.source}: {count:,} {users} no password to use: {told}."
        staged.stops.append(Stop(what, lacking[0].problem.cure))


def _refuse_collisions(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Refuse every row of equal usernames, and let nothing be called at all.

    In a spreadsheet the first row is the person's. Here the source calls the users otherwise, or
    tells them apart by something else: whoever came first would get the login of several.
    """
    count, last = 0, ""
    shown: dict[str, list[str]] = {}
    for twins in book.collisions(run_id):
        refusals = []
        for twin in twins:
            if twin.username != last:
                count, last = count + 1, twin.username
            places = shown.get(twin.username)
            if places is None and len(shown) < _COLLISIONS:
                places = shown[twin.username] = []
                if twin.number != twin.first_number:  # the first one is refused for another reason
                    places.append(table.where(twin.first_number, ""))
            if places is not None and len(places) < _PLACES:
                places.append(table.where(twin.number, ""))
            where = table.where(twin.number, "username")
            problem = collision(where, twin.username, twin.first_number)
            staged.tell([problem], twin.number)
            refusals.append(Refusal(twin.seq, problem.kind, _told(problem), problem.cure))
        book.refuse(run_id, refusals)
    if count:
        staged.stops.append(_collided(table, count, shown))


def _collided(table: Users, count: int, shown: Mapping[str, Sequence[str]]) -> Stop:
    told = ", ".join(f"{visible(name)} ({', '.join(places)})" for name, places in shown.items())
    more = f", and {count - len(shown):,} more" if count > len(shown) else ""
    usernames = "username comes" if count == 1 else "usernames come"
    what = f"{table.source}: {count:,} {usernames} out more than once: {told}{more}."
    telling = next((one for one in table.columns if one.casefold() in _TELLING_APART), None)
    if table.is_renamed:
        cure = "Let the rules that make usernames keep them apart, or name them with --names FILE."
    elif telling is not None:
        template = f"--username-template '{{username}}-{{{telling}}}'"
        cure = f"Keep them apart, with {template}, say; or name them with --names FILE."
    else:
        cure = "Keep them apart with --username-template and another column, or with --names FILE."
    return Stop(what, cure)


def _warn_of_twins(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Warn where only the case of two usernames differs."""
    for twins in book.case_twins(run_id):
        notes = []
        for twin in twins:
            where = table.where(twin.number, "username")
            problem = differs_only_by_case(
                where, twin.username, twin.first_username, twin.first_number
            )
            notes.append((twin.seq, twin.number, problem))
        _annotate(book, run_id, notes, staged)


def _warn_of_lost_zeros(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Warn of usernames that may have been longer once."""
    usual = lost_zeros(staged.digits)
    if usual is None:
        return
    for page in book.shorter(run_id, usual):
        notes = [
            (seq, number, zeros_lost(table.where(number, "username"), username, usual))
            for seq, number, username in page
            if is_digits(username)
        ]
        _annotate(book, run_id, notes, staged)


def _annotate(
    book: Book, run_id: int, notes: Sequence[tuple[int, int, Problem]], staged: Staged
) -> None:
    """Add warnings to rows, given by their seq and number."""
    for _, number, problem in notes:
        staged.tell([problem], number)
    book.annotate(
        run_id,
        [(seq, sentence(f"{problem.why} ({problem.seen})")) for seq, _, problem in notes],
    )
