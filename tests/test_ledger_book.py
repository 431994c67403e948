"""An account's runs and rows: what is staged, what is open, and what a run that ended leaves."""

import time

import pytest
import sqlalchemy as sa

from bulk_provision.ledger import Refusal, State
from bulk_provision.ledger import book as book_room
from bulk_provision.ledger import twins as twins_room
from bulk_provision.ledger.schema import runs
from bulk_provision.model import Outcome, Warned
from ledger_samples import (
    PASSWORD,
    begin,
    endpoint,
    intent,
    journal_of,
    outcomes,
    row,
    settled,
    stored_rows,
)


def twins(pages):
    return [(twin.number, twin.username, twin.first_number) for page in pages for twin in page]


def open_names(book, run_id, *, unsettled):
    return [one.username for page in book.open_rows(run_id, unsettled=unsettled) for one in page]


async def leave(book, run_id, *intents, **outcomes_of):
    """Write intents, and how those that are named ended (their seq is their place)."""
    async with journal_of(book, run_id) as journal:
        for seq, name in enumerate(intents, start=1):
            await journal.write(intent(book, name))
            if name in outcomes_of:
                await journal.write(settled(seq, name, outcomes_of[name]))


# -- staging --


def test_a_staged_row_is_kept_as_it_was_read(ledger, book):
    run_id = begin(book)
    others = ("Ada L.", "", "=1+1", "half of a pair: \ud83d", 'a "b", c')
    staged = row(book, 1, "ada", PASSWORD, others=others, note="weak")
    book.stage(run_id, [staged])
    kept = stored_rows(ledger, run_id)[0]
    assert (kept["number"], kept["username"], kept["action"]) == (2, "ada", "create")
    assert (kept["outcome"], kept["note"]) == (None, "weak")
    assert book.vault.open("ada", kept["sealed"]) == PASSWORD


def test_rows_are_counted_by_outcome_and_by_action(book):
    run_id = begin(book, "ada", "bob")
    book.stage(
        run_id,
        [
            row(book, 3, "cyd", action="settle"),
            row(book, 4, "dan", outcome=Outcome.UNCHANGED),
            row(book, 5, "", outcome=Outcome.INVALID),
        ],
    )
    assert book.planned(run_id) == (
        {Outcome.UNCHANGED: 1, Outcome.INVALID: 1},
        {"create": 2, "settle": 1},
    )


def test_a_plan_that_is_discarded_leaves_no_row_and_no_run(ledger, book):
    plan = book.begin_run(
        source="users.csv", sheet="", sha256="", columns=(), rate=None, only_planned=True
    )
    book.stage(plan, [row(book, 1, "ada")])
    kept = begin(book, "bob")
    book.discard_plan(plan)
    assert stored_rows(ledger, plan) == []
    assert [record.run_id for record in ledger.runs()] == [kept]
    assert outcomes(ledger, kept) == {"bob": None}


def test_plans_that_a_killed_process_left_behind_go_after_a_day(ledger, book):
    left, young, mine = (
        book.begin_run(source="", sheet="", sha256="", columns=(), rate=None, only_planned=True)
        for _ in range(3)
    )
    with ledger._engine.begin() as connection:
        two_days_ago = time.time() - 2 * 86_400
        connection.execute(sa.update(runs).where(runs.c.id == left).values(started_at=two_days_ago))
    book.discard_plan(mine)
    with ledger._engine.connect() as connection:
        assert list(connection.scalars(sa.select(runs.c.id))) == [young]


# -- duplicates --


def test_every_row_but_the_first_of_equal_usernames_is_a_duplicate(book):
    run_id = begin(book, "ada", "bob", "ada", "Ada", "bob", "ada")
    assert twins(book.duplicates(run_id)) == [(4, "ada", 2), (6, "bob", 3), (7, "ada", 2)]


def test_usernames_that_differ_only_by_case_are_told_apart_from_duplicates(book):
    run_id = begin(book, "ada", "ADA", "bob", "Ada", "ada")
    assert twins(book.case_twins(run_id)) == [(3, "ADA", 2), (5, "Ada", 2)]


def test_blank_usernames_are_no_duplicates(book):
    run_id = begin(book, "", "", "ada")
    assert twins(book.duplicates(run_id)) == twins(book.case_twins(run_id)) == []


def test_rows_that_are_invalid_already_are_not_told_again(book):
    run_id = begin(book, "ada")
    book.stage(run_id, [row(book, 2, "ada", outcome=Outcome.INVALID)])
    assert twins(book.duplicates(run_id)) == []


def test_rows_of_another_run_are_no_duplicates(book):
    begin(book, "ada")
    assert twins(book.duplicates(begin(book, "ada"))) == []


def test_duplicates_come_in_pages(book, monkeypatch):
    monkeypatch.setattr(twins_room, "_PAGE", 3)
    pages = list(book.duplicates(begin(book, *["ada"] * 9)))
    assert [len(page) for page in pages] == [3, 3, 2]


def test_a_row_can_be_refused_while_the_duplicates_are_read(ledger, book, monkeypatch):
    monkeypatch.setattr(twins_room, "_PAGE", 2)
    run_id = begin(book, *["ada"] * 6)
    for page in book.duplicates(run_id):
        book.refuse(run_id, [Refusal(twin.seq, "duplicate", "twice", "") for twin in page])
    kept = [one["outcome"] for one in stored_rows(ledger, run_id)]
    assert kept == [None] + ["invalid"] * 5


def test_notes_are_added_to_notes(ledger, book):
    run_id = begin(book, "ada")
    book.annotate(run_id, [(1, "weak.")])
    book.annotate(run_id, [(1, "Differs by case.")])
    assert stored_rows(ledger, run_id)[0]["note"] == "weak. Differs by case."


# -- open rows --


async def test_unsettled_rows_are_apart_from_the_others(book):
    await leave(book, begin(book), "bob", "cyd", "dan", bob=Outcome.IN_DOUBT, dan=Outcome.CREATED)
    run_id = begin(book, "ada", "bob", "cyd", "dan")
    assert open_names(book, run_id, unsettled=True) == ["bob", "cyd"]
    assert open_names(book, run_id, unsettled=False) == ["ada", "dan"]


async def test_an_open_row_comes_with_what_is_known_of_its_endpoint(book):
    first = begin(book, "ada")
    await leave(book, first, "ada", ada=Outcome.IN_DOUBT)
    run_id = begin(book)
    book.stage(run_id, [row(book, 1, "ada", "of the sheet"), row(book, 2, "bob")])
    [known] = next(book.open_rows(run_id, unsettled=True))
    [unknown] = next(book.open_rows(run_id, unsettled=False))
    assert (known.number, book.vault.open("ada", known.sealed)) == (2, "of the sheet")
    assert (known.known.state, known.known.doubted, known.known.run_id) == (
        State.IN_DOUBT,
        True,
        first,
    )
    assert book.vault.open("ada", known.known.sealed) == PASSWORD
    assert (unknown.username, unknown.known) == ("bob", None)


async def test_open_rows_come_in_pages_and_each_once_although_rows_are_settled_meanwhile(
    book, monkeypatch
):
    monkeypatch.setattr(book_room, "_PAGE", 3)
    names = [f"user{number}" for number in range(10)]
    run_id, seen = begin(book, *names), []
    async with journal_of(book, run_id) as journal:
        for page in book.open_rows(run_id, unsettled=False):
            assert len(page) <= 3
            for one in page:
                seen.append(one.username)
                await journal.write(intent(book, one.username))
                await journal.write(settled(one.seq, one.username, Outcome.CREATED))
    assert seen == names


def test_settled_rows_are_not_open(book):
    run_id = begin(book)
    book.stage(run_id, [row(book, 1, "ada", outcome=Outcome.INVALID), row(book, 2, "bob")])
    assert open_names(book, run_id, unsettled=False) == ["bob"]


async def test_endpoints_of_another_account_are_not_known(ledger, book):
    await leave(ledger.book(2, "https://b"), begin(ledger.book(2, "https://b")), "ada")
    run_id = begin(book, "ada")
    assert open_names(book, run_id, unsettled=False) == ["ada"]
    assert book.known(["ada"]) == {}


async def test_known_tells_of_any_number_of_usernames(book, monkeypatch):
    monkeypatch.setattr(book_room, "_PAGE", 2)
    await leave(book, begin(book), "a", "b", "c", "d", c=Outcome.CREATED)
    known = book.known(["a", "x", "c", "b", "a", "y", "d"])
    assert {name: one.state for name, one in known.items()} == {
        "a": State.INTENDED,
        "b": State.INTENDED,
        "c": State.CREATED,
        "d": State.INTENDED,
    }


async def test_stray_doubts_are_those_that_no_open_row_asks_for(book):
    await leave(book, begin(book), "ada", "bob", "cyd", "dan", dan=Outcome.CREATED)
    run_id = begin(book, "bob")
    book.stage(run_id, [row(book, 2, "cyd", outcome=Outcome.INVALID)])
    strays = book.stray_doubts(run_id)
    assert [(name, known.state) for name, known in strays] == [
        ("ada", State.INTENDED),
        ("cyd", State.INTENDED),
    ]


# -- a run's end --


def test_a_runs_end_is_kept(ledger, book):
    run_id = begin(book, "ada")
    told = (Warned("weak", 3, "row 2"),)
    book.end_run(run_id, state="stopped", reason="420", exit_code=3, rows_read=1, warnings=told)
    record = ledger.run(run_id)
    assert (record.state, record.reason, record.exit_code) == ("stopped", "420", 3)
    assert record.warnings == told
    assert record.ended_at >= record.started_at


async def test_closing_gives_every_open_row_an_outcome(ledger, book):
    await leave(book, begin(book), "cyd", cyd=Outcome.IN_DOUBT)
    run_id = begin(book, "ada", "bob", "cyd", "dan")
    await leave(book, run_id, "ada", "bob", ada=Outcome.CREATED)
    book.close_open_rows(run_id, "the disk is full")
    assert outcomes(ledger, run_id) == {
        "ada": "created",
        "bob": "in_doubt",
        "cyd": "in_doubt",
        "dan": "unprocessed",
    }
    told = {one["username"]: one["message"] for one in stored_rows(ledger, run_id)}
    assert told["bob"] == "A request may have left before the run stopped: the disk is full."
    assert told["dan"] == "The run stopped before this row: the disk is full."


async def test_closing_turns_intents_into_doubts(ledger, book):
    run_id = begin(book, "ada", "bob")
    await leave(book, run_id, "ada", "bob", bob=Outcome.CREATED)
    book.close_open_rows(run_id, "killed")
    ada, bob = endpoint(ledger, "ada"), endpoint(ledger, "bob")
    assert (ada["state"], ada["doubted"]) == (State.IN_DOUBT, True)
    assert (bob["state"], bob["doubted"]) == (State.CREATED, False)


@pytest.mark.parametrize(
    ("outcome", "state", "told"),
    [
        (Outcome.CREATED, State.CREATED, "unchanged"),
        (Outcome.EXISTS, State.RESET, "exists"),
        (Outcome.EXISTS, State.EXISTS, "unprocessed"),
        (Outcome.FAILED, State.FAILED, "unprocessed"),
    ],
)
async def test_closing_keeps_what_is_known_of_rows_that_were_to_be_asked_about_again(
    ledger, book, outcome, state, told
):
    earlier = begin(book, "ada")
    async with journal_of(book, earlier) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(settled(1, "ada", outcome, state=state, proof="answer"))
    run_id = begin(book, "ada")
    book.close_open_rows(run_id, "interrupted")
    assert outcomes(ledger, run_id) == {"ada": told}


async def test_dead_runs_are_closed_and_the_living_one_is_not(ledger, book):
    dead = begin(book, "ada", "bob")
    await leave(book, dead, "ada")
    ended = begin(book, "cyd")
    book.end_run(ended, state="done", reason="", exit_code=0, rows_read=1, warnings=())
    elsewhere = begin(ledger.book(2, "https://b"), "dan")
    alive = begin(book, "eve")
    assert book.close_dead_runs(but=alive) == [dead]
    record = ledger.run(dead)
    assert (record.state, record.exit_code, record.rows) == ("interrupted", None, 2)
    assert record.reason == "the program was killed, or its machine went down"
    assert outcomes(ledger, dead) == {"ada": "in_doubt", "bob": "unprocessed"}
    assert outcomes(ledger, elsewhere) == {"dan": None}
    assert outcomes(ledger, alive) == {"eve": None}
    assert book.close_dead_runs(but=alive) == []


# -- intents that never became requests --


async def test_an_intent_that_is_withdrawn_keeps_its_password(ledger, book):
    run_id = begin(book, "ada")
    await leave(book, run_id, "ada")
    book.withdraw_intents(run_id)
    found = endpoint(ledger, "ada")
    assert (found["state"], found["doubted"]) == (State.PLANNED, False)
    assert book.vault.open("ada", found["sealed"]) == PASSWORD


@pytest.mark.parametrize(
    "unclear", [{"doubted": True}, {"purpose": "reset"}, {"purpose": "change"}]
)
async def test_an_intent_about_what_may_exist_stays_in_doubt(ledger, book, unclear):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada", **unclear))
    book.withdraw_intents(run_id)
    found = endpoint(ledger, "ada")
    assert (found["state"], found["doubted"]) == (State.IN_DOUBT, True)


async def test_a_removal_of_which_no_request_left_leaves_the_endpoint_ours(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada", purpose="remove"))
    book.withdraw_intents(run_id)
    found = endpoint(ledger, "ada")
    assert (found["state"], found["doubted"]) == (State.CREATED, False)


async def test_an_undo_that_stopped_before_an_endpoint_of_ours_says_so(ledger, book):
    creating = begin(book, "ada")
    async with journal_of(book, creating) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(settled(1, "ada", Outcome.CREATED))
    undo = book.begin_run(
        source="u.csv", sheet="", sha256="", columns=(), rate=1.0, undoes=creating
    )
    book.stage(undo, [row(book, 1, "ada", action="remove")])
    book.close_open_rows(undo, "tired")
    assert outcomes(ledger, undo) == {"ada": "unprocessed"}


async def test_only_the_runs_own_intents_are_withdrawn(ledger, book):
    await leave(book, begin(book, "ada"), "ada")
    book.withdraw_intents(begin(book))
    assert endpoint(ledger, "ada")["state"] == State.INTENDED


# -- passwords --


async def test_every_password_that_may_have_been_sent_is_remembered(book):
    async with journal_of(book, begin(book, "ada")) as journal:
        await journal.write(intent(book, "ada", "first"))
        for earlier, later in (("first", "second"), ("second", "third")):
            sealed = book.vault.seal("ada", earlier)
            await journal.write(intent(book, "ada", later, doubted=True, earlier=sealed))
    assert book.passwords_sent("ada") == ["third", "first", "second"]
    assert book.passwords_sent("bob") == []
