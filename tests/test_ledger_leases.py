"""One process at a time calls for an account; who is gone is replaced, and the replaced know."""

import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import psutil
import pytest
import sqlalchemy as sa

from bulk_provision.errors import AccountBusyError, LeaseLostError, LedgerWriteError
from bulk_provision.ledger import Lease, leases
from bulk_provision.ledger.leases import holder_of
from bulk_provision.ledger.schema import leases as table
from ledger_samples import APPID, BASE_URL

HOLDER = """
import sys, time
from bulk_provision.ledger import Ledger
with Ledger(sys.argv[1]) as ledger, ledger.book(int(sys.argv[2]), sys.argv[3]).lease(wait=0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _look_often(monkeypatch):
    monkeypatch.setattr(leases, "_POLL_SECONDS", 0.01)


@pytest.fixture
def steady_clock(monkeypatch):
    """The clock by which a process believes in its lease, set by hand."""
    clock = [1000.0]
    monkeypatch.setattr(leases, "_steady_clock", lambda: clock[0])
    return clock


def change(ledger, **values):
    """Change the lease as another process, or another machine, would."""
    with ledger._engine.begin() as connection:
        connection.execute(sa.update(table).values(**values))


def stored(ledger):
    with ledger._engine.connect() as connection:
        return connection.execute(sa.select(table)).one()


def take_over(ledger):
    change(ledger, token=table.c.token + 1, holder="somebody@elsewhere, process 7")


def short_lease(ledger, book, seconds):
    return Lease(ledger._engine, book.account_id, book.label, seconds=seconds)


def until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@contextmanager
def holding_process(ledger):
    """Another process that holds the account."""
    asked = [sys.executable, "-c", HOLDER, str(ledger.path), str(APPID), BASE_URL]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


# -- taking and giving back --


def test_a_lease_says_who_holds_the_account(ledger, book):
    assert holder_of(ledger._engine, book.account_id) is None
    with book.lease(wait=0):
        holder = holder_of(ledger._engine, book.account_id)
        assert holder.name.endswith(f", process {psutil.Process().pid}")
        assert holder.expires_at == pytest.approx(time.time() + leases.LEASE_SECONDS, abs=5)
    assert holder_of(ledger._engine, book.account_id) is None


def test_a_second_holder_is_refused_and_told_who_the_first_is(book):
    with book.lease(wait=0), pytest.raises(AccountBusyError) as caught, book.lease(wait=0):
        pass
    told = str(caught.value)
    assert f"Account {APPID} at {BASE_URL} is held by another run: " in told
    assert f"process {psutil.Process().pid}, since 20" in told
    assert "--wait" in caught.value.cure


def test_an_account_that_was_given_back_can_be_taken_at_once(book):
    tokens = []
    for _ in range(3):
        with book.lease(wait=0) as lease:
            tokens.append(lease.token)
    assert tokens == [1, 2, 3]


def test_it_is_given_back_when_the_run_fails(book):
    with pytest.raises(ZeroDivisionError), book.lease(wait=0):
        raise ZeroDivisionError
    with book.lease(wait=0):
        pass


def test_two_accounts_of_a_ledger_do_not_hinder_each_other(ledger, book):
    with book.lease(wait=0), ledger.book(APPID + 1, BASE_URL).lease(wait=0):
        pass


def test_who_waits_takes_the_account_when_it_is_given_back(book):
    told, first = [], book.lease(wait=0).__enter__()
    giving_back = threading.Timer(0.05, first.__exit__)
    giving_back.start()
    with book.lease(wait=30, on_wait=told.append) as second:
        assert second.token == first.token + 1
    giving_back.join()
    assert len(told) == 1
    assert "process" in told[0]


def test_who_waits_gives_up_after_its_time(book):
    with book.lease(wait=0), pytest.raises(AccountBusyError), book.lease(wait=0.05):
        pass


def test_who_waits_can_be_told_to_give_up(book):
    answers = iter([False, False, True])
    with (
        book.lease(wait=0),
        pytest.raises(AccountBusyError),
        book.lease(wait=3600, gave_up=lambda: next(answers)),
    ):
        pass


# -- a holder that is gone --


def test_a_holder_of_this_machine_that_lives_is_respected(ledger, book):
    with (
        holding_process(ledger) as process,
        pytest.raises(AccountBusyError, match=f"process {process.pid}"),
        book.lease(wait=0),
    ):
        pass


@pytest.mark.parametrize("reaped", [True, False])
def test_a_holder_of_this_machine_that_was_killed_is_replaced_at_once(ledger, book, reaped):
    with holding_process(ledger) as process:
        process.send_signal(signal.SIGKILL)
        if reaped:
            process.wait()
        else:
            until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_ZOMBIE)
        with book.lease(wait=0) as lease:
            assert lease.token == 2


def test_another_process_with_the_dead_holders_number_is_told_from_it(ledger, book):
    with book.lease(wait=0):
        change(ledger, pid_started=table.c.pid_started - 60)
        with book.lease(wait=0) as second:
            assert second.token == 2


def test_a_step_of_the_clock_does_not_make_a_living_holder_look_dead(ledger, book, monkeypatch):
    with holding_process(ledger):
        booted = psutil.boot_time()
        monkeypatch.setattr(psutil._psplatform, "boot_time", lambda: booted + 3600)
        with pytest.raises(AccountBusyError), book.lease(wait=0):
            pass


@pytest.mark.parametrize(("seconds", "is_free"), [(60, False), (-1, True)])
def test_of_a_holder_elsewhere_only_the_expiry_tells(ledger, book, seconds, is_free):
    with book.lease(wait=0):
        pass
    change(
        ledger,
        holder="ada@elsewhere, process 1",
        place="elsewhere",
        pid=1,
        pid_started=0.0,
        since=time.time(),
        expires_at=time.time() + seconds,
    )
    if is_free:
        with book.lease(wait=0) as lease:
            assert lease.token == 2
    else:
        with pytest.raises(AccountBusyError, match="ada@elsewhere"), book.lease(wait=0):
            pass


# -- believing in it --


def test_a_lease_is_fresh_until_its_time_is_over(book, steady_clock):
    with book.lease(wait=0) as lease:
        assert lease.is_fresh()
        steady_clock[0] += leases.LEASE_SECONDS - 0.001
        assert lease.is_fresh()
        steady_clock[0] += 0.001
        assert not lease.is_fresh()


def test_a_lease_counts_from_before_it_was_asked_for(ledger, book, steady_clock, monkeypatch):
    """What waiting for the database's lock takes, the others do not wait for us."""
    write = Lease._write

    def slow_write(self, *args, **kwargs):
        steady_clock[0] += 20
        write(self, *args, **kwargs)

    monkeypatch.setattr(Lease, "_write", slow_write)
    with book.lease(wait=0) as lease:
        steady_clock[0] += leases.LEASE_SECONDS - 20
        assert not lease.is_fresh()


def test_confirming_makes_it_fresh_again(ledger, book, steady_clock):
    with book.lease(wait=0) as lease:
        steady_clock[0] += 2 * leases.LEASE_SECONDS
        change(ledger, expires_at=0.0)  # nobody took it over meanwhile
        lease.confirm()
        assert lease.is_fresh()
        assert stored(ledger).expires_at > time.time()


def test_who_was_replaced_cannot_confirm_and_does_not_believe_any_more(ledger, book):
    with book.lease(wait=0) as lease:
        take_over(ledger)
        assert lease.is_fresh(), "it cannot know yet"
        with pytest.raises(LeaseLostError, match="taken over by another run"):
            lease.confirm()
        assert not lease.is_fresh()


def test_who_was_replaced_does_not_give_back_what_is_anothers(ledger, book):
    with book.lease(wait=0):
        take_over(ledger)
    assert stored(ledger).holder == "somebody@elsewhere, process 7"


# -- the renewing thread --


def test_it_is_renewed_while_it_is_held(ledger, book):
    with short_lease(ledger, book, seconds=0.1):
        first = stored(ledger).expires_at
        until(lambda: stored(ledger).expires_at > first + 0.2)


def test_a_ledger_that_is_locked_for_a_while_does_not_end_the_renewing(ledger, book):
    lease = short_lease(ledger, book, seconds=0.05)
    confirm, tries = lease.confirm, []

    def confirm_later():
        tries.append(1)
        if len(tries) < 3:
            raise LedgerWriteError("locked")
        confirm()

    lease.confirm = confirm_later
    with lease:
        until(lambda: len(tries) > 4)


def test_the_renewing_thread_notices_that_it_was_replaced(ledger, book):
    with short_lease(ledger, book, seconds=0.5) as lease:
        take_over(ledger)
        lease._believed_until += 3600  # so that only the thread can have found out
        until(lambda: not lease.is_fresh())


def test_giving_back_a_ledger_that_cannot_be_written_is_no_error(ledger, book, monkeypatch):
    def full(*_args, **_kwargs):
        raise LedgerWriteError("database or disk is full")

    with book.lease(wait=0):
        monkeypatch.setattr(ledger._engine, "begin", full)
