"""What is handed in is on the disk when its future resolves: in order, in groups, or not at all."""

import asyncio
import sqlite3
import threading
from contextlib import closing, contextmanager

import pytest
import sqlalchemy as sa

from bulk_provision.errors import LeaseLostError, LedgerWriteError
from bulk_provision.ledger import Attempt, Ledger, State, opening
from bulk_provision.ledger.schema import attempts, leases
from bulk_provision.model import Outcome
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

FULL_FOR_BOB = """
    CREATE TRIGGER full BEFORE INSERT ON endpoints WHEN new.username = 'bob'
    BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END
"""


def attempt(username, verdict="done"):
    return Attempt(username, "add_sip", 0.1, verdict, "200", "detail")


def attempts_made(ledger):
    with ledger._engine.connect() as connection:
        return list(connection.scalars(sa.select(attempts.c.username).order_by(attempts.c.id)))


def take_over(ledger):
    with ledger._engine.begin() as connection:
        connection.execute(sa.update(leases).values(token=leases.c.token + 1))


def commits_from_now_on(ledger):
    commits = []
    sa.event.listen(ledger._engine, "commit", commits.append)
    return commits


@contextmanager
def writer_held_up(ledger):
    """Keeps the journal's thread from writing while the block lasts."""
    with closing(sqlite3.connect(ledger.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("COMMIT")


# -- durable --


async def test_what_has_resolved_is_seen_by_another_process(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        with Ledger(str(ledger.path)) as another:
            found = endpoint(another, "ada")
    assert (found["state"], found["purpose"], found["run_id"]) == (State.INTENDED, "create", run_id)
    assert book.vault.open("ada", found["sealed"]) == PASSWORD


async def test_what_belongs_together_is_written_together(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(attempt("ada"), settled(1, "ada", Outcome.CREATED, proof="answer"))
    assert attempts_made(ledger) == ["ada"]
    assert outcomes(ledger, run_id) == {"ada": "created"}
    assert endpoint(ledger, "ada")["state"] == State.CREATED


async def test_closing_writes_what_is_waiting(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        for number in range(50):
            journal.note(attempt(f"user{number}"))
    assert len(attempts_made(ledger)) == 50


async def test_flushing_waits_for_all_that_was_noted(ledger, book):
    async with journal_of(book, begin(book)) as journal:
        for number in range(50):
            journal.note(attempt(f"user{number}"))
        await journal.flush()
        assert len(attempts_made(ledger)) == 50


async def test_entries_are_written_in_the_order_in_which_they_were_handed_in(ledger, book):
    names = [f"user{number}" for number in range(200)]
    async with journal_of(book, begin(book)) as journal:
        for name in names:
            journal.note(attempt(name))
            if name.endswith("7"):
                await journal.flush()
    assert attempts_made(ledger) == names


async def test_a_later_intent_replaces_an_earlier_outcome(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        await journal.write(settled(1, "ada", Outcome.EXISTS))
        await journal.write(intent(book, "ada", "another", purpose="reset"))
    found = endpoint(ledger, "ada")
    assert (found["state"], found["purpose"]) == (State.INTENDED, "reset")
    assert book.passwords_sent("ada") == ["another"]


# -- in groups --


async def test_what_is_waiting_together_is_committed_together(ledger, book):
    async with journal_of(book, begin(book)) as journal:
        commits = commits_from_now_on(ledger)
        with writer_held_up(ledger):
            writes = [journal.write(intent(book, f"user{n}")) for n in range(500)]
            await asyncio.sleep(0.05)
            assert not any(write.done() for write in writes)
        await asyncio.gather(*writes)
        assert len(commits) <= 3


async def test_many_writers_share_few_commits(ledger, book):
    async def writer(number):
        for again in range(10):
            await journal.write(intent(book, f"user{number}-{again}"))

    async with journal_of(book, begin(book)) as journal:
        commits = commits_from_now_on(ledger)
        await asyncio.gather(*(writer(number) for number in range(50)))
        assert len(commits) <= 250


async def test_a_group_is_bounded(ledger, book):
    async with journal_of(book, begin(book)) as journal:
        commits = commits_from_now_on(ledger)
        with writer_held_up(ledger):
            for number in range(5000):
                journal.note(attempt(f"user{number}"))
        await journal.flush()
        assert len(commits) >= 3


# -- failures --


async def fail(future, error):
    with pytest.raises(error) as caught:
        await future
    return caught.value


async def test_a_commit_that_fails_fails_all_that_waited_for_it_and_everything_after(ledger, book):
    with closing(sqlite3.connect(ledger.path)) as other:
        other.execute(FULL_FOR_BOB)
    async with journal_of(book, begin(book)) as journal:
        with writer_held_up(ledger):
            alone = journal.write(intent(book, "ada"))
            await asyncio.sleep(0.02)  # the journal's thread has taken it, and waits
            together = [journal.write(intent(book, name)) for name in ("cyd", "bob", "dan")]
        await alone
        for future in together:
            problem = await fail(future, LedgerWriteError)
            assert "database or disk is full" in str(problem)
            assert problem.exit_code == 4
        await fail(journal.write(intent(book, "eve")), LedgerWriteError)
        await fail(journal.flush(), LedgerWriteError)
    assert endpoint(ledger, "ada") is not None
    assert [endpoint(ledger, name) for name in ("bob", "cyd", "dan", "eve")] == [None] * 4


async def test_a_note_that_fails_shows_in_the_next_flush(ledger, book):
    async with journal_of(book, begin(book)) as journal:
        take_over(ledger)
        journal.note(attempt("ada"))
        await fail(journal.flush(), LeaseLostError)
    assert attempts_made(ledger) == []


async def test_a_ledger_that_stays_locked_fails_the_write(ledger, monkeypatch):
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.05)
    with Ledger(str(ledger.path)) as impatient:
        book = impatient.book(1, "https://a")
        async with journal_of(book, begin(book)) as journal:
            with writer_held_up(ledger):
                problem = await fail(journal.write(attempt("ada")), LedgerWriteError)
    assert "database is locked" in str(problem)


async def test_a_ledger_that_cannot_be_reached_fails_the_write(ledger, book, monkeypatch):
    async with journal_of(book, begin(book)) as journal:
        with monkeypatch.context() as gone:
            gone.setattr(ledger._engine, "connect", lambda: 1 / 0)
            await fail(journal.write(attempt("ada")), ZeroDivisionError)


async def test_an_entry_that_no_database_takes_fails_its_writer_and_hangs_nobody(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        odd = settled(1, "ada", Outcome.CREATED, connect_url="half of a pair: \ud83d")
        await fail(journal.write(odd), UnicodeEncodeError)
        await fail(journal.flush(), UnicodeEncodeError)
    assert outcomes(ledger, run_id) == {"ada": None}


async def test_a_writer_that_was_cancelled_does_not_disturb_the_others(ledger, book):
    async with journal_of(book, begin(book)) as journal:
        with writer_held_up(ledger):
            cancelled = journal.write(intent(book, "ada"))
            other = journal.write(intent(book, "bob"))
            cancelled.cancel()
        await other
    assert endpoint(ledger, "ada") is not None, "it was handed in, so it may have left"


async def test_no_thread_is_left_behind(ledger, book):
    before = threading.active_count()
    async with journal_of(book, begin(book)) as journal:
        await journal.write(attempt("ada"))
    assert not journal._thread.is_alive()
    assert threading.active_count() <= before + 1  # the executor's, which asyncio keeps


# -- the fence --


async def test_once_the_account_is_taken_over_nothing_is_written_any_more(ledger, book):
    run_id = begin(book, "ada", "bob")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        take_over(ledger)
        for entry in (intent(book, "bob"), attempt("ada"), settled(1, "ada", Outcome.CREATED)):
            await fail(journal.write(entry), LeaseLostError)
    assert endpoint(ledger, "bob") is None
    assert endpoint(ledger, "ada")["state"] == State.INTENDED
    assert outcomes(ledger, run_id) == {"ada": None, "bob": None}


async def test_another_accounts_holder_is_not_in_the_way(ledger, book):
    other = ledger.book(2, "https://b")
    async with journal_of(book, begin(book)) as journal, journal_of(other, begin(other)) as theirs:
        await asyncio.gather(journal.write(attempt("ada")), theirs.write(attempt("bob")))
    assert sorted(attempts_made(ledger)) == ["ada", "bob"]


# -- what an outcome writes --


async def test_the_vendors_password_replaces_the_one_that_was_sent(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        held = book.vault.seal("ada", "held")
        await journal.write(settled(1, "ada", Outcome.CREATED, sealed=held, connect_url="ada@sip"))
        assert book.passwords_sent("ada") == ["held"]
        await journal.write(settled(1, "ada", Outcome.CREATED))
    found = endpoint(ledger, "ada")
    assert book.vault.open("ada", found["sealed"]) == "held"
    assert found["connect_url"] == "ada@sip", "what is known stays known"


async def test_an_endpoint_that_no_row_asks_for_is_settled_without_one(ledger, book):
    first = begin(book, "ada")
    async with journal_of(book, first) as journal:
        await journal.write(intent(book, "ada"))
    second = begin(book, "bob")
    async with journal_of(book, second) as journal:
        await journal.write(settled(None, "ada", Outcome.CREATED))
    assert endpoint(ledger, "ada")["state"] == State.CREATED
    assert outcomes(ledger, second) == {"bob": None}


async def test_settling_an_old_doubt_settles_the_rows_of_earlier_runs(ledger, book):
    earlier = begin(book, "ada", "bob")
    async with journal_of(book, earlier) as journal:
        for seq, name in enumerate(("ada", "bob"), start=1):
            await journal.write(intent(book, name))
            await journal.write(settled(seq, name, Outcome.IN_DOUBT))
    elsewhere = ledger.book(2, "https://b")
    others = begin(elsewhere, "ada")
    async with journal_of(elsewhere, others) as journal:
        await journal.write(intent(elsewhere, "ada"))
        await journal.write(settled(1, "ada", Outcome.IN_DOUBT))
    later = begin(book, "ada")
    async with journal_of(book, later) as journal:
        await journal.write(settled(1, "ada", Outcome.CREATED, settles_earlier_runs=True))
    assert outcomes(ledger, earlier) == {"ada": "created", "bob": "in_doubt"}
    message = stored_rows(ledger, earlier)[0]["message"]
    assert message == f"It is created. (settled by run {later})"
    assert outcomes(ledger, others) == {"ada": "in_doubt"}, "another account's"


async def test_a_doubt_is_settled_for_runs_of_the_kind_that_is_meant(ledger, book):
    """What failed to be removed is none that failed to be created."""
    of_kind = {"source": "u.csv", "sheet": "", "sha256": "", "columns": (), "rate": 1.0}
    creating, undo = book.begin_run(**of_kind), book.begin_run(**of_kind, undoes=1)
    for run_id in (creating, undo):
        book.stage(run_id, [row(book, 1, "ada", outcome=Outcome.IN_DOUBT)])
    async with journal_of(book, begin(book, "ada")) as journal:
        await journal.write(intent(book, "ada"))
        of_undo = {"settles_earlier_runs": True, "of_kind": "undo"}
        await journal.write(
            settled(None, "ada", Outcome.CREATED, settles_earlier_runs=True),
            settled(None, "ada", Outcome.FAILED, state=State.CREATED, **of_undo),
        )
    assert outcomes(ledger, creating) == {"ada": "created"}
    assert outcomes(ledger, undo) == {"ada": "failed"}


async def test_no_password_can_be_read_in_the_ledgers_files(ledger, book):
    run_id = begin(book, "ada")
    async with journal_of(book, run_id) as journal:
        await journal.write(intent(book, "ada"))
        earlier = book.vault.seal("ada", "Earlier-" + PASSWORD)
        await journal.write(intent(book, "ada", earlier=earlier))
        await journal.write(attempt("ada"), settled(1, "ada", Outcome.CREATED))
        files = list(ledger.path.parent.iterdir())
        assert any(file.name.endswith("-wal") and file.stat().st_size for file in files)
        for file in files:
            assert PASSWORD.encode() not in file.read_bytes(), file.name
