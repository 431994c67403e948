"""Whatever the network does, the sender says whether the request may have left, and what happened.

Nothing is raised, nothing hangs, nothing is read without end.
"""

import asyncio
import socket
import tracemalloc
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.piopiy import Kind, Reply, judge
from bulk_provision.piopiy import sender as sender_room
from bulk_provision.piopiy.sender import ANSWER_LIMIT
from bulk_provision.sandbox import Sandbox, SandboxOptions
from raw_answers import (
    gateway_page,
    gzip_garbage,
    header_flood,
    http_answer,
    huge_body,
    redirect_to,
)
from sandbox_calls import until
from sending import ADD, PASSWORD, Turns, sender_to, through
from tcp_proxy import BlackHole, Replace, Reset, Stall, TcpProxy, Truncate

SHORT = 0.1  # seconds: time limits that are meant to strike


@asynccontextmanager
async def broken_by(plan, **limits):
    """The sandbox, and a sender to it through a proxy that breaks connections."""
    async with (
        Sandbox() as sandbox,
        TcpProxy("127.0.0.1", sandbox.port, plan) as proxy,
        sender_to(through(proxy), **limits) as sender,
    ):
        yield sandbox, sender


async def sent_through(plan, **limits):
    """The reply to one add_sip, and what the vendor then holds."""
    async with broken_by(plan, **limits) as (sandbox, sender):
        reply = await sender.send(ADD, Turns())
        return reply, dict(sandbox.vendor.endpoints)


# -- before the request can leave --


async def test_a_refused_connection_is_unsent():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    turns = Turns()
    async with sender_to(f"http://127.0.0.1:{port}") as sender:
        reply = await sender.send(ADD, turns)
    assert reply == Reply(False, trouble="no connection: Connection refused")
    assert turns.taken == 0


async def test_a_name_that_is_not_known_is_unsent(monkeypatch):
    async def no_such_name(*_args, **_kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", no_such_name)
    async with sender_to("http://vendor.example") as sender:
        reply = await sender.send(ADD, Turns())
    assert reply == Reply(False, trouble="the name vendor.example cannot be found")


async def test_a_handshake_that_never_ends_is_unsent_after_the_connect_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with sender_to(f"https://127.0.0.1:{port}", connect_timeout=SHORT) as sender:
            reply = await sender.send(ADD, Turns())
    assert reply == Reply(False, trouble="no connection within 0.1 s")


async def test_a_server_that_does_not_speak_tls_is_unsent():
    async with Sandbox() as sandbox:
        async with sender_to(sandbox.base_url.replace("http://", "https://")) as sender:
            reply = await sender.send(ADD, Turns())
        assert (reply.sent, reply.status) == (False, None)
        assert reply.trouble.startswith("no connection: ")
        assert sandbox.vendor.arrivals == []


# -- after it may have left --


async def test_a_reset_before_the_vendor_saw_the_request_is_doubt():
    reply, endpoints = await sent_through(Reset(at=0, of="request"))
    assert (judge(ADD, reply).kind, reply.status) == (Kind.DOUBT, None)
    assert endpoints == {}


async def test_a_reset_after_the_vendor_did_it_is_doubt():
    reply, endpoints = await sent_through(Reset(at=0, of="answer"))
    assert (judge(ADD, reply).kind, reply.status) == (Kind.DOUBT, None)
    assert endpoints == {"ada": PASSWORD}


async def test_a_connection_closed_without_an_answer_is_doubt():
    reply, _ = await sent_through(Truncate(at=0, of="answer"))
    assert reply == Reply(True, trouble="the connection was closed before the answer")


@pytest.mark.parametrize("deliver", [False, True])
async def test_an_answer_that_never_comes_is_doubt_after_the_time_limit(deliver):
    reply, endpoints = await sent_through(BlackHole(deliver=deliver), timeout=SHORT)
    assert reply == Reply(True, trouble="no answer within 0.1 s")
    assert bool(endpoints) == deliver


@pytest.mark.parametrize("at", [1, 20, 150, 200])
async def test_an_answer_that_stalls_in_the_middle_is_doubt_after_the_time_limit(at):
    reply, _ = await sent_through(Stall(at=at, seconds=60), timeout=SHORT)
    assert reply == Reply(True, trouble="no answer within 0.1 s")


@pytest.mark.parametrize("at", [1, 20, 150, 200])
async def test_an_answer_that_is_cut_is_doubt(at):
    reply, _ = await sent_through(Truncate(at=at, of="answer"))
    assert (reply.sent, reply.body) == (True, None)
    assert reply.trouble


async def test_a_content_length_that_is_too_long_is_doubt():
    body = b'{"code": "cmi-200", "username": "ada"}'
    reply, _ = await sent_through(Replace(answer=http_answer(200, body, length=len(body) + 1)))
    assert reply == Reply(True, trouble="the answer was cut short")


async def test_a_content_length_that_is_too_short_is_doubt():
    body = b'{"code": "cmi-200", "username": "ada"}'
    reply, _ = await sent_through(Replace(answer=http_answer(200, body, length=len(body) - 5)))
    assert judge(ADD, reply).kind is Kind.DOUBT


@pytest.mark.parametrize("status", [400, 403, 500, 502, 503, 504])
async def test_a_gateways_page_is_doubt(status):
    reply, _ = await sent_through(Replace(answer=gateway_page(status)))
    assert (judge(ADD, reply).kind, reply.status) == (Kind.DOUBT, status)


async def test_bytes_that_are_not_http_are_doubt():
    reply, _ = await sent_through(Replace(answer=b"SSH-2.0-OpenSSH_9.2\r\n"))
    assert (reply.sent, reply.status, reply.body) == (True, None, None)
    assert PASSWORD not in reply.trouble


async def test_gzip_that_nobody_asked_for_is_not_unpacked():
    reply, _ = await sent_through(Replace(answer=gzip_garbage()))
    assert reply.body.startswith(b"\x1f\x8b")
    assert judge(ADD, reply).kind is Kind.DOUBT


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status):
    async with Sandbox() as elsewhere:
        answer = redirect_to(f"{elsewhere.base_url}/add_sip", status)
        reply, _ = await sent_through(Replace(answer=answer))
        assert elsewhere.vendor.arrivals == []
    assert (reply.status, judge(ADD, reply).kind) == (status, Kind.ASTRAY)


# -- bounded reading --


async def test_the_longest_answer_that_is_read_whole():
    body = b" " * ANSWER_LIMIT
    reply, _ = await sent_through(Replace(answer=http_answer(200, body)))
    assert reply.body == body


@pytest.mark.parametrize("answer", [http_answer(200, b" " * (ANSWER_LIMIT + 1)), huge_body(100)])
async def test_a_longer_answer_is_not_read(answer):
    async with broken_by(Replace(answer=answer)) as (_, sender):
        tracemalloc.start()
        reply = await sender.send(ADD, Turns())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (reply.sent, reply.status, reply.body) == (True, 200, None)
    assert reply.trouble == "HTTP 200 with an answer of over 65536 bytes"
    assert peak < 2_000_000


async def test_a_flood_of_headers_is_not_read():
    async with broken_by(Replace(answer=header_flood(100_000))) as (_, sender):
        tracemalloc.start()
        reply = await sender.send(ADD, Turns())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (reply.sent, reply.status, reply.body) == (True, None, None)
    assert peak < 2_000_000


async def test_after_an_answer_that_was_too_long_the_next_call_works():
    async with broken_by([Replace(answer=huge_body(2))]) as (sandbox, sender):
        await sender.send(ADD, Turns())
        assert (await sender.send(ADD, Turns())).status == 200
        assert dict(sandbox.vendor.endpoints) == {"ada": PASSWORD}


# -- Retry-After --


async def retry_after(value):
    answer = http_answer(503, headers=[("Retry-After", value)])
    reply, _ = await sent_through(Replace(answer=answer))
    return reply.retry_after


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("7", 7), ("86400", 86400), ("-5", 0)])
async def test_retry_after_in_seconds(value, seconds):
    assert await retry_after(value) == seconds


async def test_retry_after_as_a_date():
    then = datetime.now(UTC) + timedelta(seconds=90)
    assert 80 < await retry_after(format_datetime(then, usegmt=True)) <= 90


async def test_retry_after_as_a_date_that_is_over():
    assert await retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0


@pytest.mark.parametrize("value", ["", "soon", "1.5s", "9" * 400, "Wed, 99 Oct 2015 07:28:00 GMT"])
async def test_a_retry_after_that_says_nothing_is_none(value):
    assert await retry_after(value) is None


@given(st.one_of(st.text(max_size=40), st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} .{0,20}")))
def test_no_retry_after_can_break_it(value):
    seconds = sender_room._seconds(value)  # looks inside: the header has no other way in
    assert seconds is None or seconds >= 0


async def test_a_429_of_the_sandbox_tells_how_long_to_wait():
    async with Sandbox(SandboxOptions(limit=1)) as sandbox, sender_to(sandbox.base_url) as sender:
        await sender.send(ADD, Turns())
        verdict = judge(ADD, await sender.send(ADD, Turns()))
    assert (verdict.kind, verdict.retry_after) == (Kind.BUSY, 1.0)


# -- cancellation --


async def test_a_cancelled_call_ends_at_once_and_leaves_no_connection():
    async with Sandbox() as sandbox, TcpProxy("127.0.0.1", sandbox.port, BlackHole()) as proxy:
        async with sender_to(through(proxy)) as sender:
            sending = asyncio.ensure_future(sender.send(ADD, Turns()))
            await until(lambda: proxy.links and proxy.links[0].client.get_extra_info("socket"))
            await asyncio.sleep(0.02)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            proxy.plan = lambda _: Stall(at=10**9, seconds=0)
            assert (await sender.send(ADD, Turns())).status == 200
            assert len(proxy.links) == 2
