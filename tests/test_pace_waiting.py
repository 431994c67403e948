"""429 and Retry-After hold back everybody; a halt ends every waiting; a lease is confirmed."""

import asyncio

import pytest

from bulk_provision.errors import LeaseLostError
from bulk_provision.model import ExitCode
from bulk_provision.pace import Halt, Halted
from pacing import Held, halts, now, pacer, take
from virtual_time import on_virtual_time

CTRL_C = Halt(ExitCode.INTERRUPTED, "interrupted")


async def rate_of(pace, count=40):
    came = await take(pace, count)
    return (len(came) - 1) / (came[-1] - came[0])


# -- 429 and Retry-After --


@on_virtual_time
async def test_retry_after_holds_back_everybody():
    pace = pacer(rate=100)
    began = now()
    pace.busy(retry_after=20)
    came = await take(pace, 30)
    assert came[0] == pytest.approx(began + 20)


@on_virtual_time
async def test_retry_after_holds_back_who_is_waiting_for_a_slot_already():
    pace = pacer(rate=0.5)
    began = now()
    await pace.turn()
    waiting = asyncio.ensure_future(take(pace, 3))
    await asyncio.sleep(1)
    pace.busy(retry_after=20)
    assert (await waiting)[0] >= began + 21


@on_virtual_time
async def test_retry_after_holds_back_who_would_begin():
    pace = pacer()
    began = now()
    pace.pause(20)
    assert pace.waits
    await pace.ready()
    assert now() == pytest.approx(began + 20)
    assert not pace.waits


@on_virtual_time
async def test_a_429_without_retry_after_waits_a_second():
    pace = pacer(rate=100)
    began = now()
    pace.busy(None)
    assert (await take(pace, 1))[0] == pytest.approx(began + 1)


@on_virtual_time
async def test_a_429_lowers_the_rate():
    pace = pacer(rate=10)
    pace.busy(None)
    assert await rate_of(pace) == pytest.approx(7, rel=0.02)


@on_virtual_time
async def test_429s_of_calls_that_were_under_way_together_lower_the_rate_once():
    pace = pacer(rate=10)
    for _ in range(8):
        pace.busy(None)
    assert await rate_of(pace) == pytest.approx(7, rel=0.02)


@on_virtual_time
async def test_a_429_after_the_wait_lowers_the_rate_again():
    pace = pacer(rate=10)
    pace.busy(None)
    await take(pace, 1)
    pace.busy(None)
    assert await rate_of(pace) == pytest.approx(4.9, rel=0.02)


@on_virtual_time
async def test_however_many_429s_come_some_calls_leave():
    pace = pacer(rate=10, patience=3600)
    for _ in range(50):
        pace.busy(None)
        await take(pace, 1)
    assert await rate_of(pace, 5) == pytest.approx(0.5, rel=0.05)


@on_virtual_time
async def test_good_answers_raise_the_rate_again_with_time():
    pace = pacer(rate=10)
    pace.busy(None)
    for _ in range(40):
        await pace.turn()
        pace.good()
    assert 7 < await rate_of(pace) < 9.9
    for _ in range(400):
        await pace.turn()
        pace.good()
    assert await rate_of(pace) == pytest.approx(10, rel=0.02)


@on_virtual_time
async def test_without_a_limit_a_429_makes_what_was_reached_the_measure():
    pace = pacer(rate=None)
    for _ in range(200):
        await pace.turn()
        await asyncio.sleep(0.01)
    pace.busy(None)
    assert await rate_of(pace) == pytest.approx(70, rel=0.05)


@on_virtual_time
async def test_who_is_asked_to_wait_longer_than_patience_stops():
    pace = pacer(patience=120)
    pace.pause(121)
    assert pace.halt == Halt(ExitCode.STOPPED, "TeleCMI asks to wait 121 s before the next call")


@on_virtual_time
async def test_429s_and_nothing_else_end_the_run_after_patience():
    pace = pacer(rate=10, patience=60)
    began = now()
    while not await halts(pace):
        pace.busy(None)
    assert 60 <= now() - began < 65
    assert pace.halt.exit_code is ExitCode.STOPPED


@on_virtual_time
async def test_429s_among_good_answers_do_not_end_the_run():
    pace = pacer(rate=10, patience=60)
    for _ in range(100):
        await pace.turn()
        pace.busy(None)
        await pace.turn()
        pace.good()
    assert pace.halt is None


# -- a halt --


@on_virtual_time
async def test_the_first_reason_to_halt_stays():
    pace = pacer()
    pace.stop(CTRL_C)
    pace.stop(Halt(ExitCode.STOPPED, "another"))
    assert pace.halt == CTRL_C


WAYS_TO_WAIT = {
    "a slot": lambda pace: take(pace, 2, waiting=1),
    "a long sleep": lambda pace: pace.sleep(3600),
    "a back-off": lambda pace: pace.back_off(7),
    "a pause": lambda pace: take(pace, 1),
    "a beginning": lambda pace: pace.ready(),
}


@pytest.mark.parametrize("way", WAYS_TO_WAIT)
@on_virtual_time
async def test_a_halt_wakes_who_waits_for(way):
    pace = pacer(rate=0.01)
    if way in ("a pause", "a beginning"):
        pace.pause(100)
    waiting = asyncio.ensure_future(WAYS_TO_WAIT[way](pace))
    await asyncio.sleep(1)
    assert not waiting.done()
    halted_at = now()
    pace.stop(CTRL_C)
    with pytest.raises(Halted):
        await waiting
    assert now() - halted_at <= 0.2


@on_virtual_time
async def test_after_a_halt_nothing_begins_and_nothing_leaves():
    pace = pacer()
    pace.stop(CTRL_C)
    with pytest.raises(Halted):
        await pace.ready()
    with pytest.raises(Halted):
        await pace.turn()
    assert pace.calls == 0


@on_virtual_time
async def test_back_off_grows_and_stays_bounded():
    pace, waits = pacer(), []
    for attempt in range(1, 12):
        began = now()
        await pace.back_off(attempt)
        waits.append(now() - began)
    for attempt, seconds in enumerate(waits):
        assert 0.75 * min(30, 0.5 * 2**attempt) <= seconds <= 1.25 * min(30, 0.5 * 2**attempt)


# -- the lease --


@on_virtual_time
async def test_a_fresh_lease_is_not_asked():
    lease = Held()
    await take(pacer(lease), 10)
    assert lease.confirmed == 0


@on_virtual_time
async def test_a_lease_that_is_not_fresh_is_confirmed_before_the_call_leaves():
    lease = Held("stale")
    pace = pacer(lease, rate=10)
    await take(pace, 10)
    assert lease.confirmed == 1
    assert pace.calls == 10


@on_virtual_time
async def test_a_lost_lease_lets_nothing_leave():
    pace = pacer(Held("lost"), rate=10)
    for _ in range(3):
        with pytest.raises(LeaseLostError):
            await pace.turn()
    assert pace.calls == 0
