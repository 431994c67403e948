"""The virtual clock jumps over what is only waiting, and overtakes nothing that is real."""

import asyncio
import time

from asyncio_throttle.throttler import Throttler

from bulk_provision.ledger import Attempt
from virtual_time import on_virtual_time, run


def now():
    return asyncio.get_running_loop().time()


def test_a_day_passes_in_no_time():
    async def sleep():
        began = now()
        await asyncio.sleep(86_400)
        return now() - began

    began = time.monotonic()
    assert run(sleep()) == 86_400
    assert time.monotonic() - began < 5


@on_virtual_time
async def test_timers_come_in_their_order():
    came = []

    async def come(after):
        await asyncio.sleep(after)
        came.append(after)

    await asyncio.gather(*map(come, [3, 1, 2, 1.5]))
    assert came == [1, 1.5, 2, 3]


@on_virtual_time
async def test_time_limits_work():
    try:
        async with asyncio.timeout(30):
            await asyncio.Event().wait()
    except TimeoutError:
        return
    raise AssertionError("the time limit never came")


@on_virtual_time
async def test_the_clock_stands_still_while_a_thread_is_at_work():
    began = now()
    work = asyncio.ensure_future(asyncio.to_thread(time.sleep, 0.05))
    await asyncio.wait([work], timeout=1)
    assert work.done()
    assert now() == began


@on_virtual_time
async def test_the_clock_stands_still_while_a_journal_commits(book):
    run_id = book.begin_run(source="a.csv", sheet="", sha256="", columns=(), rate=None)
    with book.lease(wait=0) as lease:
        journal = book.journal(run_id, lease.token)
        began = now()
        attempt = Attempt("ada", "add_sip", 0.1, "done", "200", "")
        async with asyncio.timeout(0.0001):
            await journal.write(attempt)
        assert now() == began
        await journal.close()


@on_virtual_time
async def test_real_sockets_are_not_overtaken():
    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with server:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            assert await reader.read() == b"hello\n"
        writer.close()
        await writer.wait_closed()


@on_virtual_time
async def test_a_loop_can_be_late():
    asyncio.get_running_loop().lateness = lambda: 0.25
    began = now()
    await asyncio.sleep(1)
    assert now() == began + 1.25


@on_virtual_time
async def test_asyncio_throttle_goes_by_the_virtual_clock():
    throttler = Throttler(rate_limit=2, period=60, retry_interval=1)
    began = now()
    for _ in range(5):
        await throttler.acquire()
    assert 120 < now() - began < 125
