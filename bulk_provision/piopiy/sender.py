"""Calls over the network, by aiohttp: verified TLS, bounded answers, a time limit on every wait.

Connections, names, TLS and the reading of answers are aiohttp's. The request is written here: in
one piece, in the very step that follows its turn. `aiohttp.ClientSession` writes it a while later,
in a task of its own, and was measured at 105 µs a call against 45.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from bulk_provision import failpoints
from bulk_provision.piopiy.calls import Call, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

    from bulk_provision.model import Account

ANSWER_LIMIT = 64 * 1024  # bytes; the longest documented answer (ten rows of list_sip) has 1 KiB
_TROUBLE = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError)
_CONNECTIONS = 3  # tried for a request, when they turn out to be of no use at its turn


class _Deadlines:
    """Ends the calls that are left without an answer, by one timer for all of them.

    All have the same time limit, so the first that left is the first that is late. A timer of its
    own for each call, hardly ever to go off, was measured at a tenth of the call's whole cost.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late_at: dict[Connection, float] = {}  # in the order of leaving
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, connection: Connection) -> None:
        """Count the seconds of the call on a connection from now on."""
        loop = asyncio.get_running_loop()
        self._late_at[connection] = late_at = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(late_at, self._end_late_ones)

    def end(self, connection: Connection) -> bool:
        """Count no more; return whether the call was ended because it was late."""
        return self._late_at.pop(connection, None) is None

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _end_late_ones(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for connection, late_at in list(self._late_at.items()):
            if late_at > loop.time():
                self._timer = loop.call_at(late_at, self._end_late_ones)
                return
            del self._late_at[connection]
            if connection.transport is not None:  # its reader is told that the connection is lost
                connection.transport.abort()


def _head(url: URL) -> bytes:
    """Return the head of POST requests to an address, up to the length of their body."""
    lines = (
        f"POST {url.raw_path_qs} HTTP/1.1",
        f"Host: {url.host_port_subcomponent}",
        "Content-Type: application/json",
        "Accept: application/json",
        "Accept-Encoding: identity",
        "User-Agent: bulk-provision",
        "Content-Length: ",
    )
    return "\r\n".join(lines).encode("ascii")


class _NoLastingConnectionError(aiohttp.ClientConnectionError):
    """The server closes connections as soon as they are there."""


def _is_blank(connection: Connection) -> bool:
    """Tell whether the connection still stands, and nothing was said on it before we speak.

    A server closes idle connections, and some first send an answer (a 408, an empty 400) that
    nobody asked for: aiohttp would take it for the answer to the next request.
    """
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close


class LocalSender:
    """Sends from this process, by aiohttp, over kept-alive connections.

    TLS is verified, redirects are not followed, proxies of the environment are not used. The
    answer is asked for uncompressed, and no more than ANSWER_LIMIT bytes of it are read. There are
    as many connections as there were calls at the same time: who calls limits these.

    Args:
        account: who calls, and where.
        timeout: seconds for the answer, from the moment the request leaves.
        connect_timeout: seconds for a connection to come about.
    """

    def __init__(self, account: Account, *, timeout: float, connect_timeout: float) -> None:
        self._credentials = {"appid": account.appid, "secret": account.secret.reveal()}
        self._base_url = URL(account.base_url)
        self._heads = {call: _head(URL(f"{account.base_url}/{call.value}")) for call in Call}
        self._timeout = timeout
        self._deadlines = _Deadlines(timeout)
        self._connect_timeout = connect_timeout
        self._connector: aiohttp.TCPConnector | None = None
        self._idle: list[Connection] = []  # the one that was used last is taken first

    def __repr__(self) -> str:
        return "LocalSender(•••)"

    async def __aenter__(self) -> Self:
        self._connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=60)
        # Tells aiohttp's connector where to connect; it is never sent itself.
        self._destination = ClientRequest("POST", self._base_url)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._deadlines.close()
        while self._idle:
            self._idle.pop().close()
        if self._connector is not None:
            await self._connector.close()

    async def send(self, request: Request, turn: Callable[[], Awaitable[None]]) -> Reply:
        """Make a call; see `Sender.send`."""
        body = json.dumps({**self._credentials, **request.fields()}).encode()
        message = b"%b%d\r\n\r\n%b" % (self._heads[request.call], len(body), body)
        try:
            connection = await self._at_its_turn(turn)
        except TimeoutError:
            return Reply(False, trouble=f"no connection within {self._connect_timeout:g} s")
        except _TROUBLE as problem:
            return Reply(False, trouble=_in_words(problem))
        _pass_fail_point(request.call)
        return await self._answer(connection, message)

    async def _at_its_turn(self, turn: Callable[[], Awaitable[None]]) -> Connection:
        """Return a connection at the request's turn, to be written to at once.

        First the connection, then the turn: so a slow handshake delays nobody else's call, no
        permit is spent on waiting for a connection, and what fails before is known not to have
        left.
        """
        for _ in range(_CONNECTIONS):
            connection = self._idle_one() or await self._new_one()
            try:
                await turn()
            except BaseException:
                self._keep(connection)
                raise
            if _is_blank(connection):
                return connection
            connection.close()
        raise _NoLastingConnectionError

    def _idle_one(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if _is_blank(connection):
                return connection
            connection.close()
        return None

    async def _new_one(self) -> Connection:
        assert self._connector is not None, "use the sender with `async with`"
        limit = aiohttp.ClientTimeout(connect=self._connect_timeout)
        return await self._connector.connect(self._destination, [], limit)

    def _keep(self, connection: Connection) -> None:
        if _is_blank(connection):
            self._idle.append(connection)
        else:
            connection.close()

    async def _answer(self, connection: Connection, message: bytes) -> Reply:
        """Write a request in the very step that follows its turn, and read the answer."""
        self._deadlines.begin(connection)
        is_whole = False
        try:
            reply = await _exchange(connection.protocol, message)
            is_whole = reply.body is not None
        except _TROUBLE as problem:
            reply = Reply(True, trouble=_in_words(problem))
        finally:
            is_late = self._deadlines.end(connection)
            if is_whole:
                self._keep(connection)
            else:
                connection.close()
        if is_late and not is_whole:
            return Reply(True, trouble=f"no answer within {self._timeout:g} s")
        return reply


def _pass_fail_point(call: Call) -> None:
    """Let a test kill the process when a request is written and its answer is not there."""
    if failpoints.is_armed():
        name = "read-back-sent" if call is Call.GET else "request-sent"
        # a moment later the bytes are surely on their way
        asyncio.get_running_loop().call_later(0.05, failpoints.reach, name)


async def _exchange(protocol: ResponseHandler | None, message: bytes) -> Reply:
    """Write a request, and read its answer (interim ones, "100 Continue", are passed over)."""
    assert protocol is not None
    assert protocol.transport is not None
    protocol.set_response_params(read_until_eof=True, auto_decompress=False)
    protocol.transport.write(message)
    head, content = await protocol.read()
    while 100 <= head.code < 200 and head.code != 101:
        head, content = await protocol.read()
    retry_after = _seconds(head.headers.get("Retry-After"))
    body = b""
    while not content.at_eof():
        body += await content.readany()
        if len(body) > ANSWER_LIMIT:
            trouble = f"HTTP {head.code} with an answer of over {ANSWER_LIMIT} bytes"
            return Reply(True, head.code, None, retry_after, trouble)
    return Reply(True, head.code, body, retry_after)


def _seconds(retry_after: str | None) -> float | None:
    """Read Retry-After: seconds, or a date (RFC 9110 §10.2.3)."""
    if retry_after is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, float(int(retry_after)))
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    return None


def _in_words(problem: Exception) -> str:
    """Say what went wrong, without what an exception's text might quote of the request."""
    if isinstance(problem, aiohttp.ClientConnectorCertificateError):
        error = problem.certificate_error
        return f"TeleCMI's certificate is not valid: {getattr(error, 'verify_message', error)}"
    if isinstance(problem, aiohttp.ClientConnectorDNSError):
        return f"the name {problem.host} cannot be found"
    if isinstance(problem, aiohttp.ClientConnectorError):
        return f"no connection: {_reason(problem.os_error)}"
    if isinstance(problem, _NoLastingConnectionError):
        return "the server closes every connection before a request can leave"
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "the connection was closed before the answer"
    if isinstance(problem, aiohttp.ClientPayloadError):
        return "the answer was cut short"
    if isinstance(problem, HttpProcessingError):
        return "the answer is not valid HTTP"
    if isinstance(problem, OSError):
        return f"the connection broke: {_reason(problem)}"
    return f"the answer could not be read ({type(problem).__name__})"


def _reason(problem: OSError) -> str:
    """Return the system's words; asyncio puts the address in their place."""
    if problem.errno is None or isinstance(problem, ssl.SSLError):
        return problem.strerror or str(problem)
    return os.strerror(problem.errno)
