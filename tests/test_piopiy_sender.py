"""The sender takes its turn between connecting and writing, and sends what is documented."""

import asyncio
import json
import socket
from contextlib import asynccontextmanager

import pytest

from bulk_provision.errors import LeaseLostError
from bulk_provision.pace import Halted
from bulk_provision.piopiy import Call, Kind, Reply, Request, judge
from bulk_provision.sandbox import CodeForm, CodeIn, Sandbox, SandboxOptions
from bulk_provision.sandbox.options import DEFAULT_APPID, DEFAULT_SECRET
from sending import ADD, GET, PASSWORD, Turns, sender_to, through
from tcp_proxy import TcpProxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def proxied_sandbox():
    async with Sandbox() as sandbox, TcpProxy("127.0.0.1", sandbox.port) as proxy:
        yield sandbox, proxy


class RawServer:
    """A listening socket, and nothing that hides what happens on it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.base_url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.peer = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        if self.peer is not None:
            self.peer.close()

    def accept_now(self):
        """Accept a connection that is there already (BlockingIOError when there is none)."""
        self.peer, _ = self.listener.accept()
        self.peer.setblocking(False)

    async def accept(self):
        self.peer, _ = await asyncio.get_running_loop().sock_accept(self.listener)

    def has_a_byte(self):
        try:
            return bool(self.peer.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return False

    async def request(self, answer=ANSWER):
        """Read the request, answer it, and return its head and its body."""
        loop = asyncio.get_running_loop()
        got = b""
        while not got.endswith(b"}"):
            got += await loop.sock_recv(self.peer, 65536)
        await loop.sock_sendall(self.peer, answer)
        head, _, body = got.partition(b"\r\n\r\n")
        return head.decode(), json.loads(body)


# -- the turn --


async def test_the_turn_comes_when_the_connection_is_there_and_before_a_byte_leaves():
    turn_is_over = asyncio.Event()
    with RawServer() as server:

        async def in_the_meantime():
            server.accept_now()
            for _ in range(20):
                await asyncio.sleep(0)
            assert not server.has_a_byte()
            turn_is_over.set()

        async with sender_to(server.base_url) as sender:
            sending = asyncio.ensure_future(sender.send(ADD, Turns(in_the_meantime)))
            await turn_is_over.wait()
            await server.request()
            assert await sending == Reply(True, 200, b"{}")


@pytest.mark.parametrize("stop", [Halted(), LeaseLostError("taken over"), asyncio.CancelledError()])
async def test_what_a_turn_raises_is_passed_on_and_nothing_is_written(stop):
    async def refuse():
        raise stop

    async with proxied_sandbox() as (sandbox, proxy), sender_to(through(proxy)) as sender:
        with pytest.raises(type(stop)):
            await sender.send(ADD, Turns(refuse))
        assert proxy.links[0].passed["request"] == 0
        assert sandbox.vendor.arrivals == []


async def test_a_connection_whose_turn_never_came_is_used_again():
    async def refuse():
        raise Halted

    async with proxied_sandbox() as (_, proxy), sender_to(through(proxy)) as sender:
        with pytest.raises(Halted):
            await sender.send(ADD, Turns(refuse))
        assert (await sender.send(ADD, Turns())).status == 200
        assert len(proxy.links) == 1


async def test_every_request_takes_one_turn_on_kept_connections():
    turns, seats = Turns(), asyncio.Semaphore(3)

    async def seated(sender, request):
        async with seats:
            return await sender.send(request, turns)

    async with proxied_sandbox() as (sandbox, proxy):
        async with sender_to(through(proxy)) as sender:
            asked = [Request(Call.ADD, f"user{n}", PASSWORD) for n in range(30)]
            replies = await asyncio.gather(*(seated(sender, one) for one in asked))
    assert {reply.status for reply in replies} == {200}
    assert len(sandbox.vendor.arrivals) == turns.taken == 30
    assert len(proxy.links) <= 3


async def test_the_wait_for_the_turn_is_not_part_of_the_time_limit():
    async with Sandbox() as sandbox, sender_to(sandbox.base_url, timeout=0.2) as sender:
        reply = await sender.send(ADD, Turns(lambda: asyncio.sleep(0.3)))
    assert reply.status == 200


async def test_a_connection_that_was_closed_during_the_wait_is_replaced():
    async with proxied_sandbox() as (sandbox, proxy), sender_to(through(proxy)) as sender:
        await sender.send(ADD, Turns())

        async def the_server_hangs_up():
            if len(proxy.links) == 1:
                proxy.links[0].close()
                await proxy.links[0].closed()
                await asyncio.sleep(0.02)

        turns = Turns(the_server_hangs_up)
        reply = await sender.send(GET, turns)
    assert (reply.sent, reply.status) == (True, 200)
    assert (turns.taken, len(proxy.links)) == (2, 2)
    assert [arrival.call for arrival in sandbox.vendor.arrivals] == ["add_sip", "get_sip"]


@pytest.mark.parametrize("during_the_turn", [False, True])
async def test_an_answer_that_nobody_asked_for_is_not_taken_for_ours(during_the_turn):
    """Servers send a 400 or 408 on idle connections: here one would say "exists already"."""
    unasked = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
    async with proxied_sandbox() as (sandbox, proxy), sender_to(through(proxy)) as sender:

        async def the_server_speaks():
            if len(proxy.links) == 1:
                await proxy.links[0].send("answer", unasked)
                await asyncio.sleep(0.02)

        await sender.send(GET, Turns())
        if not during_the_turn:
            await the_server_speaks()
        reply = await sender.send(ADD, Turns(the_server_speaks if during_the_turn else None))
    assert reply.status == 200
    assert dict(sandbox.vendor.endpoints) == {"ada": PASSWORD}


async def test_a_server_that_hangs_up_on_everybody_is_given_up():
    async def hang_up(_reader, writer):
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    turns = Turns(lambda: asyncio.sleep(0.02))
    async with server, sender_to("http://127.0.0.1:{1}".format(*server_address(server))) as sender:
        reply = await sender.send(ADD, turns)
    assert reply == Reply(
        False, trouble="the server closes every connection before a request can leave"
    )
    assert turns.taken == 3


def server_address(server):
    return server.sockets[0].getsockname()


# -- the request --


async def test_the_request_is_the_documented_one():
    with RawServer() as server:
        async with sender_to(f"{server.base_url}/v1/endpoint") as sender:
            sending = asyncio.ensure_future(sender.send(ADD, Turns()))
            await server.accept()
            head, body = await server.request()
            await sending
    assert head.startswith("POST /v1/endpoint/add_sip HTTP/1.1\r\n")
    assert "Content-Type: application/json" in head
    assert "Accept-Encoding: identity" in head
    assert "Cookie" not in head
    assert body == {
        "appid": DEFAULT_APPID,
        "secret": DEFAULT_SECRET,
        "username": "ada",
        "password": PASSWORD,
    }


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (Request(Call.ADD, "ada", "pw"), {"username": "ada", "password": "pw"}),
        (Request(Call.UPDATE, "ada", "pw"), {"username": "ada", "password": "pw"}),
        (Request(Call.GET, "ada", "pw"), {"username": "ada"}),
        (Request(Call.REMOVE, "ada", "pw"), {"username": "ada"}),
        (Request(Call.LIST, "ada", "pw", page=3), {"page": 3}),
    ],
)
def test_each_call_sends_its_own_fields_and_no_others(asked, fields):
    assert asked.fields() == fields


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with Sandbox() as sandbox, sender_to(sandbox.base_url) as sender:
        assert (await sender.send(ADD, Turns())).status == 200


async def test_cookies_are_not_kept():
    with RawServer() as server:
        async with sender_to(server.base_url) as sender:
            first = asyncio.ensure_future(sender.send(GET, Turns()))
            await server.accept()
            await server.request(ANSWER.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n"))
            await first
            second = asyncio.ensure_future(sender.send(GET, Turns()))
            head, _ = await server.request()
            await second
    assert "Cookie" not in head


def test_a_senders_repr_shows_no_secret():
    assert "Marked-Secret" not in repr(sender_to("http://127.0.0.1:9", secret="Marked-Secret"))


# -- against the sandbox: every shape of answer --


@pytest.mark.parametrize("code_in", CodeIn)
@pytest.mark.parametrize("code_form", CodeForm)
async def test_every_answer_shape_of_the_vendor_is_understood(code_in, code_form):
    options = SandboxOptions(
        code_in=code_in, code_form=code_form, existing=(("eve", "evespassword"),)
    )
    new = {"username": "ada", "password": PASSWORD}
    expected = [
        (Request(Call.ADD, **new), Kind.DONE),
        (Request(Call.ADD, **new), Kind.EXISTS),
        (Request(Call.GET, "ada"), Kind.DONE),
        (Request(Call.UPDATE, "ada", "another"), Kind.DONE),
        (Request(Call.LIST, page=1), Kind.DONE),
        (Request(Call.REMOVE, "eve"), Kind.DONE),
        (Request(Call.REMOVE, "eve"), Kind.ABSENT),
        (Request(Call.GET, "eve"), Kind.ABSENT),
        (Request(Call.GET, ""), Kind.DOUBT if code_in is CodeIn.STATUS else Kind.REFUSED),
    ]
    async with Sandbox(options) as sandbox, sender_to(sandbox.base_url) as sender:
        kinds = [judge(asked, await sender.send(asked, Turns())).kind for asked, _ in expected]
    assert kinds == [kind for _, kind in expected]


@pytest.mark.parametrize("code_in", CodeIn)
async def test_a_wrong_secret_refuses_the_account(code_in):
    async with Sandbox(SandboxOptions(code_in=code_in)) as sandbox:
        async with sender_to(sandbox.base_url, secret="wrong") as sender:
            reply = await sender.send(ADD, Turns())
    assert judge(ADD, reply).kind is Kind.ACCOUNT_REFUSED
