"""From the source into the ledger: every row read, checked, and compared with what is known.

All of it happens before any call. Rows are staged in the ledger rather than kept in memory, so
that memory does not grow with the file; duplicates are found there, by a query.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from bulk_provision import failpoints
from bulk_provision.characters import sentence
from bulk_provision.checks import check
from bulk_provision.comparisons import (
    is_digits,
)
from bulk_provision.ledger import StagedRow
from bulk_provision.model import Invalid, Outcome, User
from bulk_provision.plan import Remembered, decide

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulk_provision.checks import Rules
    from bulk_provision.intake import Users
    from bulk_provision.ledger import Book
    from bulk_provision.model import Row
    from bulk_provision.plan import Policy
    from bulk_provision.shares import Share

from bulk_provision.between_rows import judge_together
from bulk_provision.staged import Staged, in_words, storable

_CHUNK = 1000
_PLACES = 3  # how many places of a problem are named
_REASONS = 5  # how many reasons of one kind are told apart: a source can have a new one in each row
_COLLISIONS = 3  # usernames of several users that are named
_TELLING_APART = ("domain", "realm", "server", "context", "tenant", "host")  # columns of exports
_MORE_REASONS = "more of the same kind, each for a reason of its own: see the rows themselves"


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
    judge_together(table, book, run_id, staged)
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
        message=" ".join(in_words(problem) for problem in errors),
        tip=" ".join(dict.fromkeys(problem.cure for problem in errors)),
        note=" ".join(sentence(problem.why) for problem in problems if problem.warning) or None,
    )
