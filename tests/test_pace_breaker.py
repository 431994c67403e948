"""The breaker: calls in a row without a good answer end the run, or slow it down to probes."""

import asyncio
import itertools

import pytest

from bulk_provision.model import ExitCode
from bulk_provision.pace import ASTRAY_STOPS_AFTER, BREAKER_OPENS_AFTER, LONGEST_BACKOFF, Halted
from pacing import halts, now, pacer
from virtual_time import on_virtual_time


def opened(**limits):
    """A pacer that has heard good answers once, and whose breaker has just opened."""
    pace = pacer(**limits)
    pace.good()
    for _ in range(BREAKER_OPENS_AFTER):
        pace.broken("reset")
    return pace


@on_virtual_time
async def test_failures_before_any_good_answer_end_the_run_fast():
    pace = pacer()
    for _ in range(BREAKER_OPENS_AFTER - 1):
        pace.broken("no connection: refused")
    assert pace.halt is None
    pace.broken("no connection: refused")
    assert pace.halt.exit_code is ExitCode.STOPPED
    assert pace.halt.reason == "TeleCMI did not answer once in 10 calls: no connection: refused"


@on_virtual_time
async def test_failures_after_a_good_answer_do_not_end_the_run_at_once():
    pace = opened()
    assert pace.halt is None
    assert pace.waits


@on_virtual_time
async def test_a_good_answer_between_failures_begins_the_count_anew():
    pace = pacer()
    for _ in range(20):
        for _ in range(BREAKER_OPENS_AFTER - 1):
            pace.broken("reset")
        pace.good()
    assert pace.halt is None
    assert not pace.waits


@on_virtual_time
async def test_while_the_breaker_is_open_one_call_at_a_time_begins():
    pace, begun = opened(), []

    async def call():
        await pace.ready()
        begun.append(now())
        await asyncio.sleep(5)  # its answer takes that long
        pace.broken("reset")

    calls = [asyncio.ensure_future(call()) for _ in range(6)]
    await asyncio.gather(*calls)
    assert all(after - before > 5 for before, after in itertools.pairwise(begun))


@on_virtual_time
async def test_probes_are_further_and_further_apart():
    pace, begun = opened(patience=3600), []
    for _ in range(12):
        await pace.ready()
        begun.append(now())
        pace.broken("reset")
    distances = [after - before for before, after in itertools.pairwise(begun)]
    assert distances[4] > 4 * distances[0]
    assert max(distances) <= 1.25 * LONGEST_BACKOFF + 0.1


@on_virtual_time
async def test_a_probe_that_succeeds_closes_the_breaker():
    pace = opened()
    await pace.ready()
    pace.good()
    assert not pace.waits
    began = now()
    await asyncio.gather(*(pace.ready() for _ in range(50)))
    assert now() == began


@pytest.mark.parametrize("answer", ["busy", "astray", "broken"])
@on_virtual_time
async def test_whatever_answers_a_probe_there_will_be_another(answer):
    pace = opened()
    await pace.ready()
    {
        "busy": lambda: pace.busy(None),
        "astray": lambda: pace.astray("HTTP 404"),
        "broken": lambda: pace.broken("reset"),
    }[answer]()
    async with asyncio.timeout(30):
        await pace.ready()


@on_virtual_time
async def test_a_probe_whose_failure_asks_to_wait_is_followed_by_another():
    pace, began = opened(), now()
    await pace.ready()
    pace.pause(30)  # a 503 with Retry-After
    pace.broken("HTTP 503")
    async with asyncio.timeout(100):
        await pace.ready()
    assert now() - began >= 30


@on_virtual_time
async def test_failures_of_calls_that_were_under_way_when_it_opened_are_nothing_new():
    few, many = opened(), opened()
    for _ in range(100):
        many.broken("reset")
    began = now()
    await few.ready()
    after_few = now() - began
    await many.ready()
    assert now() - began <= 2 * after_few + 0.2, "the next probe is no later for it"


@on_virtual_time
async def test_patience_ends_the_run():
    pace = opened(patience=60)
    began = now()
    while pace.halt is None:
        await pace.ready()
        pace.broken("reset")
    assert 60 <= now() - began <= 60 + 1.25 * LONGEST_BACKOFF
    assert pace.halt.exit_code is ExitCode.STOPPED
    assert pace.halt.reason == "TeleCMI stopped answering: reset (for 60 s)"


@on_virtual_time
async def test_a_vendor_that_comes_back_within_patience_is_found_again():
    pace = opened(patience=120)
    began = now()
    while now() - began < 80:
        await pace.ready()
        pace.broken("reset")
    await pace.ready()
    pace.good()
    await asyncio.sleep(60)
    for _ in range(BREAKER_OPENS_AFTER):
        pace.broken("reset")
    assert pace.halt is None, "patience begins anew"


@on_virtual_time
async def test_answers_that_no_endpoint_gives_end_the_run():
    pace = pacer()
    pace.good()
    for _ in range(ASTRAY_STOPS_AFTER - 1):
        pace.astray("HTTP 404")
    assert not await halts(pace)
    pace.astray("HTTP 404")
    assert await halts(pace)
    assert pace.halt.exit_code is ExitCode.STOPPED
    assert "not TeleCMI's endpoint service: HTTP 404" in pace.halt.reason


@on_virtual_time
async def test_a_good_answer_between_them_does_not():
    pace = pacer()
    for _ in range(10):
        for _ in range(ASTRAY_STOPS_AFTER - 1):
            pace.astray("HTTP 404")
        pace.good()
    assert pace.halt is None


@on_virtual_time
async def test_a_halt_wakes_who_waits_for_a_probe_to_end():
    pace = opened()
    await pace.ready()
    waiting = asyncio.ensure_future(pace.ready())
    await asyncio.sleep(100)
    assert not waiting.done()
    pace.astray("HTTP 404")
    for _ in range(ASTRAY_STOPS_AFTER):
        pace.astray("HTTP 404")
    with pytest.raises(Halted):
        await waiting
