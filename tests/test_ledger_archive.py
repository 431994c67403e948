"""What the ledger tells of a run: each row once, with the credential that works, or none."""

import pytest

from bulk_provision.errors import UsageError
from bulk_provision.ledger import Attempt, State, archive
from bulk_provision.model import OUTCOMES_OF, Outcome
from ledger_samples import (
    APPID,
    BASE_URL,
    PASSWORD,
    begin,
    intent,
    journal_of,
    row,
    settled,
)

SHEET, CONNECT_URL = "Sheet-Password-1", "ada@sbcsg.telecmi.com"


async def ended(book, outcome, *, sheet=SHEET, sent=PASSWORD, **more):
    """A run of one row, "ada", whose request ended like that."""
    run_id = begin(book)
    book.stage(run_id, [row(book, 1, "ada", sheet, others=("Ada L.", "=1+1"))])
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada", sent))
        await journal.write(settled(1, "ada", outcome, connect_url=CONNECT_URL, **more))
    return run_id


def told(ledger, run_id):
    """The only row of a run: its credential, and whether it is handed over."""
    [only] = ledger.result_rows(run_id)
    return only.outcome, only.password, only.connect_url, only.handed_over


# -- rows, by outcome --


async def test_a_created_row_tells_the_password_that_was_sent(ledger, book):
    run_id = await ended(book, Outcome.CREATED, proof="answer")
    assert told(ledger, run_id) == (Outcome.CREATED, PASSWORD, CONNECT_URL, True)


async def test_a_created_row_tells_the_password_that_the_vendor_holds_instead(ledger, book):
    held = book.vault.seal("ada", "held by the vendor")
    run_id = await ended(book, Outcome.CREATED, proof="read-back", sealed=held)
    assert told(ledger, run_id) == (Outcome.CREATED, "held by the vendor", CONNECT_URL, True)


async def test_an_unchanged_row_tells_the_password_of_the_run_that_created_it(ledger, book):
    await ended(book, Outcome.CREATED, proof="answer")
    run_id = begin(book)
    book.stage(run_id, [row(book, 1, "ada", "new in the sheet", outcome=Outcome.UNCHANGED)])
    assert told(ledger, run_id) == (Outcome.UNCHANGED, PASSWORD, CONNECT_URL, True)


async def test_an_existing_row_tells_no_password(ledger, book):
    run_id = await ended(book, Outcome.EXISTS)
    assert told(ledger, run_id) == (Outcome.EXISTS, "", CONNECT_URL, False)


async def test_an_existing_row_whose_password_was_compared_tells_it_when_it_is_the_sheets(
    ledger, book
):
    mark = book.vault.mark("ada", SHEET)
    run_id = await ended(book, Outcome.EXISTS, compared=f"same {mark}")
    assert told(ledger, run_id) == (Outcome.EXISTS, SHEET, CONNECT_URL, False)


@pytest.mark.parametrize("compared", ["other", "none"])
async def test_an_existing_row_whose_password_is_another_tells_none(ledger, book, compared):
    mark = book.vault.mark("ada", SHEET)
    run_id = await ended(book, Outcome.EXISTS, compared=f"{compared} {mark}")
    assert told(ledger, run_id) == (Outcome.EXISTS, "", CONNECT_URL, False)


async def test_a_comparison_with_an_earlier_sheets_password_says_nothing_about_this_one(
    ledger, book
):
    mark = book.vault.mark("ada", "last year's")
    run_id = await ended(book, Outcome.EXISTS, compared=f"same {mark}")
    assert told(ledger, run_id) == (Outcome.EXISTS, "", CONNECT_URL, False)


async def test_an_existing_row_that_was_reset_hands_the_password_over(ledger, book):
    run_id = await ended(book, Outcome.EXISTS, state=State.RESET, proof="answer")
    assert told(ledger, run_id) == (Outcome.EXISTS, PASSWORD, CONNECT_URL, True)


async def test_a_failed_row_tells_the_sheets_password_so_that_it_can_be_run_again(ledger, book):
    run_id = await ended(book, Outcome.FAILED)
    assert told(ledger, run_id) == (Outcome.FAILED, SHEET, "", False)


async def test_a_failed_row_does_not_tell_a_generated_password(ledger, book):
    run_id = await ended(book, Outcome.FAILED, sheet="")
    assert told(ledger, run_id) == (Outcome.FAILED, "", "", False)


async def test_a_row_in_doubt_tells_the_password_that_may_work_and_does_not_hand_it_over(
    ledger, book
):
    run_id = await ended(book, Outcome.IN_DOUBT)
    assert told(ledger, run_id) == (Outcome.IN_DOUBT, PASSWORD, "", False)


def test_an_invalid_row_tells_what_was_in_its_cells(ledger, book):
    run_id = begin(book)
    invalid = row(
        book,
        1,
        "a b",
        SHEET,
        others=("Ada L.", "=1+1"),
        outcome=Outcome.INVALID,
        code="username-characters",
        message="Users!A2: a blank.",
        tip="Remove it.",
        note="The password is weak.",
    )
    book.stage(run_id, [invalid])
    [only] = ledger.result_rows(run_id)
    assert only == (
        *(2, "a b", SHEET, "", Outcome.INVALID, "username-characters"),
        *("Users!A2: a blank. The password is weak.", "Remove it.", ("Ada L.", "=1+1"), False),
    )


# -- a run that has no end yet, or was killed --


async def test_rows_without_an_outcome_are_in_doubt_when_a_request_may_have_left(ledger, book):
    run_id = begin(book, "ada", "bob", "cyd")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(settled(1, "ada", Outcome.CREATED))
        await journal.write(intent(book, "bob"))
    rows = list(ledger.result_rows(run_id))
    assert [one.outcome for one in rows] == [
        Outcome.CREATED,
        Outcome.IN_DOUBT,
        Outcome.UNPROCESSED,
    ]
    assert rows[1].message == "A request may have left; what came of it is not written down."
    assert rows[2].message == "The run has not come to this row."
    counted = ledger.run(run_id).outcomes
    assert {outcome: n for outcome, n in counted.items() if n} == {
        Outcome.CREATED: 1,
        Outcome.IN_DOUBT: 1,
        Outcome.UNPROCESSED: 1,
    }


async def test_a_killed_run_tells_the_same_before_and_after_the_next_one_closes_it(ledger, book):
    run_id = begin(book, "ada", "bob", "cyd")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(settled(1, "ada", Outcome.CREATED))
        await journal.write(intent(book, "bob"))

    def as_told():
        rows = ledger.result_rows(run_id)
        return [(one.outcome, one.password) for one in rows], ledger.run(run_id).outcomes

    before = as_told()
    book.close_dead_runs()
    assert as_told() == before


# -- runs --


async def test_a_record_tells_what_the_run_was(ledger, book):
    run_id = begin(book, "ada", "bob", columns=("name", "Büro"))
    async with journal_of(book, run_id) as journal:
        for verdict in ("done", "exists", "doubt", "unsent", "busy"):
            journal.note(Attempt("ada", "add_sip", 0.1, verdict, "", ""))
    record = ledger.run(run_id)
    assert (record.appid, record.base_url) == (APPID, BASE_URL)
    assert (record.source, record.sheet, record.sha256) == ("users.csv", "", "ab" * 32)
    assert (record.state, record.ended_at, record.exit_code) == ("running", None, None)
    assert (record.rate, record.columns, record.rows) == (10.0, ("name", "Büro"), 2)
    assert record.calls == 4, "what did not leave is no call"
    assert tuple(record.outcomes) == OUTCOMES_OF["provision"]
    assert "@" in record.started_by


def test_the_newest_runs_come_first(ledger, book):
    ids = [begin(book) for _ in range(5)]
    assert [record.run_id for record in ledger.runs(limit=3)] == ids[:-4:-1]


def test_plans_are_no_runs(ledger, book):
    book.begin_run(source="", sheet="", sha256="", columns=(), rate=None, only_planned=True)
    assert ledger.runs() == []


def test_a_run_that_does_not_exist_is_a_usage_error(ledger):
    with pytest.raises(UsageError, match="no run 7 in this ledger"):
        ledger.run(7)
    with pytest.raises(UsageError):
        list(ledger.result_rows(7))


def test_outcomes_are_counted_and_open_rows_with_them(ledger, book):
    run_id = begin(book, "ada", "bob")
    book.stage(run_id, [row(book, 3, "cyd", outcome=Outcome.INVALID)])
    assert ledger.outcomes(run_id) == {None: 2, Outcome.INVALID: 1}


def test_rows_come_in_the_sources_order_whatever_the_page(ledger, book, monkeypatch):
    monkeypatch.setattr(archive, "_PAGE", 3)
    names = [f"user{number}" for number in (5, 1, 9, 2, 8, 3, 7)]
    run_id = begin(book, *names)
    assert [one.username for one in ledger.result_rows(run_id)] == names


def test_rows_of_two_runs_and_two_accounts_do_not_mix(ledger, book):
    begin(book, "ada")
    elsewhere = ledger.book(2, "https://b")
    other = begin(elsewhere, "bob", "cyd")
    assert [one.username for one in ledger.result_rows(other)] == ["bob", "cyd"]
    assert ledger.run(other).appid == 2


async def test_no_repr_of_a_row_shows_a_password(ledger, book):
    run_id = await ended(book, Outcome.CREATED)
    [only] = ledger.result_rows(run_id)
    assert PASSWORD not in f"{only!r} {only} {book.known(['ada'])}"
