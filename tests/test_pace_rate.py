"""Turns come at an even pace, never more than the rate in any second, and nearly as many."""

import asyncio
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pacing import Held, loop, most_in, now, now_and_then_late, pacer, take
from virtual_time import on_virtual_time

RATES = [0.5, 1, 2.5, 5, 7, 50, 330, 500]
each_rate = pytest.mark.parametrize("rate", RATES)


@each_rate
@on_virtual_time
async def test_slots_are_even(rate):
    came = await take(pacer(rate=rate), 30)
    distances = [after - before for before, after in itertools.pairwise(came[5:])]
    assert distances == pytest.approx([1.015 / rate] * len(distances))


@each_rate
@on_virtual_time
async def test_nearly_the_whole_rate_is_used(rate):
    now_and_then_late(1, usual=0.001, longest=0.001)
    came = await take(pacer(rate=rate), math.ceil(20 * rate))
    assert 0.97 * rate <= (len(came) - 1) / (came[-1] - came[0]) <= rate


@settings(max_examples=100)
@given(
    rate=st.sampled_from(RATES),
    seed=st.integers(0, 2**32),
    usual=st.sampled_from([0.0, 0.001, 0.02]),
    longest=st.sampled_from([0.0, 0.1, 3.0]),
    waiting=st.sampled_from([1, 3, 100]),
)
def test_never_more_than_the_rate_in_any_second(rate, seed, usual, longest, waiting):
    @on_virtual_time
    async def turns():
        now_and_then_late(seed, usual, longest)
        return await take(pacer(rate=rate), math.ceil(3 * rate) + 5, waiting=waiting)

    assert_within(rate, turns())


@settings(max_examples=100)
@given(
    rate=st.sampled_from(RATES),
    bursts=st.lists(st.tuples(st.floats(0, 3), st.integers(1, 60)), min_size=1, max_size=8),
    stalls=st.lists(st.floats(0, 2), max_size=4),
)
def test_bursts_of_calls_and_stalls_of_the_loop_do_not_break_the_rate(rate, bursts, stalls):
    @on_virtual_time
    async def turns():
        pace, came, running = pacer(rate=rate), [], loop()

        async def burst(after, count):
            await asyncio.sleep(after)
            came.extend(await take(pace, min(count, math.ceil(5 * rate)), waiting=count))

        async def stall(after):
            await asyncio.sleep(after)
            running.advance(after / 2)

        await asyncio.gather(*(burst(*one) for one in bursts), *map(stall, stalls))
        return sorted(came)

    assert_within(rate, turns())


@settings(max_examples=60)
@given(rate=st.sampled_from(RATES), seconds=st.floats(0.0, 3.0), every=st.integers(2, 20))
def test_a_lease_that_takes_long_to_confirm_does_not_break_the_rate(rate, seconds, every):
    @on_virtual_time
    async def turns():
        lease, asked, running = Held(), 0, loop()

        def is_fresh():
            nonlocal asked
            asked += 1
            return asked % every != 0

        lease.is_fresh = is_fresh
        lease.confirm = lambda: running.advance(seconds)
        return await take(pacer(lease, rate=rate), math.ceil(2 * rate) + 5)

    assert_within(rate, turns())


def assert_within(rate, came):
    assert most_in(came, max(1.0, 1 / rate)) <= math.ceil(rate)


@each_rate
@on_virtual_time
async def test_after_an_idle_time_the_first_call_leaves_at_once_and_the_pace_is_even_again(rate):
    pace = pacer(rate=rate)
    await take(pace, 10)
    await asyncio.sleep(60)
    began = now()
    came = await take(pace, math.ceil(3 * rate))
    assert came[0] == began
    assert most_in(came, 1.0) <= math.ceil(rate)
    assert (len(came) - 1) / (came[-1] - came[0]) >= 0.97 * rate


@each_rate
def test_a_call_that_is_a_little_late_makes_no_later_one_late(rate):
    @on_virtual_time
    async def turns(*late):
        lateness = iter([0.0, *late])
        loop().lateness = lambda: next(lateness, 0.0)
        return await take(pacer(rate=rate), 12)

    assert turns(0.003)[8:] == pytest.approx(turns()[8:], abs=1e-6)


@on_virtual_time
async def test_without_a_limit_turns_come_at_once():
    came = await take(pacer(rate=None), 1000)
    assert came[-1] == came[0]


@on_virtual_time
async def test_turns_are_counted():
    pace = pacer(rate=100)
    await take(pace, 42)
    assert pace.calls == 42
