"""A job's past, as the ledger tells it."""

import pytest

from bulk_provision.ledger import Noted, Past
from bulk_provision.ledger.schema import attempts, runs
from bulk_provision.model import Outcome
from ledger_samples import BASE_URL, begin, intent, journal_of
from rounds import Row, failed, place, run_of, well

NIGHTLY = Past("nightly")


@pytest.fixture
def ledger_place(empty_ledger, tmp_path):
    return place(empty_ledger, tmp_path)


@pytest.fixture
def ledger(ledger_place):
    with ledger_place.open() as opened:
        yield opened


def ended(ledger, run_id, moment, **more):
    with ledger._engine.begin() as connection:
        connection.execute(runs.update().where(runs.c.id == run_id).values(ended_at=moment, **more))


def test_the_last_end_is_that_of_the_account_that_is_furthest_behind(ledger, ledger_place):
    for moment, appid, exit_code in ((10, 1, 0), (20, 2, 0), (30, 1, 0), (40, 2, 1), (50, 1, 4)):
        run = run_of(ledger_place, [well("ada")], exit_code, appid=appid)
        ended(ledger, run.run_id, moment)
    assert ledger.last_end(NIGHTLY, (0,)) == 20
    assert ledger.last_end(NIGHTLY, (0, 1)) == 30
    assert ledger.last_end(NIGHTLY, (3,)) == 0
    assert ledger.last_end(Past("other"), (0,)) == 0


def test_an_undo_is_no_success(ledger, ledger_place):
    ended(ledger, run_of(ledger_place, [well("ada")], 0).run_id, 10)
    ended(ledger, run_of(ledger_place, [well("ada")], 0).run_id, 20, kind="undo", undoes=1)
    assert ledger.last_end(NIGHTLY, (0,)) == 10


def test_without_a_job_runs_are_those_of_the_source(ledger, ledger_place):
    ended(ledger, run_of(ledger_place, [well("ada")], 0, job="").run_id, 10)
    ended(ledger, run_of(ledger_place, [well("ada")], 0).run_id, 20)
    assert ledger.last_end(Past("", ("people.csv",)), (0,)) == 10
    assert ledger.last_end(Past("", ("other.csv",)), (0,)) == 0


async def test_doubts_are_counted_for_the_jobs_accounts(ledger, ledger_place):
    run_of(ledger_place, [well("ada")], 0)
    run_of(ledger_place, [well("ada")], 0, appid=2)
    run_of(ledger_place, [well("ada")], 0, appid=3, job="other")
    for appid, names in ((1001, ("a", "b")), (3, ("c",))):
        book = ledger.book(appid, BASE_URL)
        async with journal_of(book, begin(book, *names)) as journal:
            for name in names:
                await journal.write(intent(book, name))
    assert ledger.unsettled(NIGHTLY) == {1001: 2, 2: 0}


def test_how_long_a_run_called(ledger):
    book = ledger.book(1001, BASE_URL)
    run_id, idle = begin(book, "ada"), begin(book)
    with ledger._engine.begin() as connection:
        for ended_at, seconds, verdict in ((5, 5, "unsent"), (100, 2, "done"), (110, 1, "done")):
            call = {"run_id": run_id, "username": "ada", "call": "add_sip", "detail": ""}
            told = {"ended_at": ended_at, "seconds": seconds, "verdict": verdict, "code": "200"}
            connection.execute(attempts.insert().values(**call, **told))
    facts = ledger.run_facts([run_id, idle, 99])
    assert facts == {run_id: ("provision", 10.0, 12.0), idle: ("provision", 10.0, 0.0)}


def test_a_fingerprint_is_of_who_fails_and_how(ledger, ledger_place):
    def fingerprint(*rows, **more):
        return ledger.failing_fingerprint([run_of(ledger_place, rows, 1, **more).run_id])

    first = fingerprint(well("ada"), failed("bob"), failed("eve"))
    assert first == fingerprint(failed("eve", message="told otherwise"), failed("bob"))
    others = [
        fingerprint(failed("eve")),
        fingerprint(failed("eve"), failed("bob"), failed("bob")),
        fingerprint(failed("eve"), failed("bob", code="400")),
        fingerprint(failed("eve"), Row("bob", Outcome.IN_DOUBT, "502")),
        fingerprint(failed("eve"), failed("bob"), appid=2),
        fingerprint(failed("bob\n"), failed("eve")),
    ]
    assert len({first, *others}) == 7
    assert fingerprint(well("ada")) == ""
    assert ledger.failing_fingerprint([]) == ""


def test_failing_rows_in_the_sources_order(ledger, ledger_place):
    run = run_of(ledger_place, [failed("eve"), well("ada"), failed("bob")], 1)
    found = ledger.failing_rows([run.run_id], limit=9)
    assert [(row.number, row.username) for row in found] == [(2, "eve"), (4, "bob")]
    assert len(ledger.failing_rows([run.run_id], limit=1)) == 1


def test_notes_change_by_the_field(ledger):
    assert ledger.noted("nightly") is None
    ledger.note("nightly", succeeded_at=5.0)
    ledger.note("nightly", told="well", told_at=7.0)
    ledger.note("other", busy=1)
    assert ledger.noted("nightly") == Noted(told="well", told_at=7.0, succeeded_at=5.0)
    assert ledger.noted("other") == Noted(busy=1)
