"""One pace for an account: what a run owes, the next one keeps."""

from bulk_provision import Pace
from bulk_provision.pace import Pacer
from virtual_time import run


class FreshLease:
    def is_fresh(self):
        return True

    def confirm(self):
        raise AssertionError("it is fresh")


async def turns(pacer, count):
    for _ in range(count):
        await pacer.ready()
        await pacer.turn()


def test_a_run_that_follows_at_once_waits_for_its_first_slot():
    async def two_runs():
        first = Pacer(Pace(rate=0.5), FreshLease())
        await turns(first, 1)
        owed = first.owed()
        second = Pacer(Pace(rate=0.5), FreshLease(), held_back=owed)
        assert second.owed() == owed
        return owed

    assert 1.9 < run(two_runs()) < 2.1


def test_a_retry_after_outlives_the_run_that_was_told_it():
    async def told():
        pacer = Pacer(Pace(), FreshLease())
        pacer.busy(60.0)
        return pacer.owed()

    assert 59 < run(told()) <= 60


def test_the_ledger_hands_the_debt_to_the_next_run(book):
    with book.lease(wait=0) as first:
        first.owed = lambda: 30.0
        first.confirm()
    with book.lease(wait=0) as second:
        assert 29 < second.held_back <= 30
