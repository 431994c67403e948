"""What is wrong with rows together, each of which might be right: found when all are staged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.characters import sentence, visible
from bulk_provision.comparisons import (
    collision,
    differs_only_by_case,
    duplicate,
    is_digits,
    lost_zeros,
    zeros_lost,
)
from bulk_provision.intake import PASSWORD_UNUSABLE
from bulk_provision.ledger import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bulk_provision.intake import Users
    from bulk_provision.ledger import Book
    from bulk_provision.model import Problem

from bulk_provision.staged import PLACES, Staged, Stop, in_words

_CHUNK = 1000
_PLACES = 3  # how many places of a problem are named
_REASONS = 5  # how many reasons of one kind are told apart: a source can have a new one in each row
_COLLISIONS = 3  # usernames of several users that are named
_TELLING_APART = ("domain", "realm", "server", "context", "tenant", "host")  # columns of exports
_MORE_REASONS = "more of the same kind, each for a reason of its own: see the rows themselves"


def judge_together(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Refuse and warn of rows for what other rows are; and say whether a run must call nothing.

    Args:
        table: the source, of which all rows are staged.
        book: the account's part of the ledger.
        run_id: the run that the rows belong to.
        staged: what was found so far; what is found now is told to it.
    """
    _stop_without_passwords(table, staged)
    if table.is_export or table.is_renamed:
        _refuse_collisions(table, book, run_id, staged)
    else:
        _refuse_duplicates(table, book, run_id, staged)
    _warn_of_twins(table, book, run_id, staged)
    _warn_of_lost_zeros(table, book, run_id, staged)


def _refuse_duplicates(table: Users, book: Book, run_id: int, staged: Staged) -> None:
    """Refuse every row but the first of equal usernames."""
    for twins in book.duplicates(run_id):
        refusals = []
        for twin in twins:
            where = table.where(twin.number, "username")
            problem = duplicate(where, twin.username, twin.first_number)
            staged.tell([problem], twin.number)
            refusals.append(Refusal(twin.seq, problem.kind, in_words(problem), problem.cure))
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
            if places is not None and len(places) < PLACES:
                places.append(table.where(twin.number, ""))
            where = table.where(twin.number, "username")
            problem = collision(where, twin.username, twin.first_number)
            staged.tell([problem], twin.number)
            refusals.append(Refusal(twin.seq, problem.kind, in_words(problem), problem.cure))
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
