"""Calls over the network, by aiohttp: verified TLS, bounded answers, a time limit on every wait."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import os
import ssl
import time
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Self

import aiohttp
from yarl import URL

from bulk_provision import failpoints
from bulk_provision.piopiy.calls import Call, Reply, Request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from bulk_provision.model import Account

ANSWER_LIMIT = 64 * 1024  # bytes; the longest documented answer (ten rows of list_sip) has 1 KiB
_CONNECTIONS = 3  # tried for a request, when they turn out to be of no use at its turn


class _Deadlines:
    """Ends the calls that are left without an answer, by one timer for all of them.

    All have the same time limit, so the first that left is the first that is late. A timer of its
    own for each call, hardly ever to go off, was measured at a tenth of the call's whole cost.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late_at: dict[asyncio.Timeout, float] = {}  # in the order of leaving
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, call: asyncio.Timeout) -> None:
        """Count the seconds of a call from now on."""
        loop = asyncio.get_running_loop()
        self._late_at[call] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._late_at[call], self._end_late_ones)

    def end(self, call: asyncio.Timeout) -> None:
        """Count no more: its answer is there, or it did not leave after all."""
        self._late_at.pop(call, None)

    def close(self) -> None:
        """Let go of the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _end_late_ones(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        for call, late_at in list(self._late_at.items()):
            if late_at > loop.time():
                self._timer = loop.call_at(late_at, self._end_late_ones)
                return
            self.end(call)
            call.reschedule(late_at)


class _Departure:
    """The moment at which a request may leave: once it is over, the request counts as sent."""

    __slots__ = ("_deadlines", "has_left", "limit", "turn")

    def __init__(self, turn: Callable[[], Awaitable[None]], deadlines: _Deadlines) -> None:
        self.turn = turn
        self.limit = asyncio.timeout(None)
        self.has_left = False
        self._deadlines = deadlines

    async def leave(self) -> None:
        """Wait for the turn; from now on the answer has its time limit."""
        await self.turn()
        self._deadlines.begin(self.limit)
        self.has_left = True

    def stay(self) -> None:
        """Take it back: nothing was written, and nothing will be on this connection."""
        self._deadlines.end(self.limit)
        self.has_left = False


_departure: contextvars.ContextVar[_Departure] = contextvars.ContextVar("departure")


class _NoLastingConnectionError(aiohttp.ClientConnectionError):
    """The server closes connections as soon as they are there."""


class _PacedConnector(aiohttp.TCPConnector):
    """Takes the turn when the connection is there, right before the request is written.

    So a slow handshake delays nobody else's call, no permit is spent on waiting for a connection,
    and whatever fails before the turn is known not to have left.
    """

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  (aiohttp's signature)
    ) -> Connection:
        departure = _departure.get()
        for _ in range(_CONNECTIONS):
            connection = await super().connect(req, traces, timeout)
            try:
                await departure.leave()
            except BaseException:
                connection.release()
                raise
            if _is_blank(connection):
                return connection
            departure.stay()
            connection.close()
        raise _NoLastingConnectionError


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
    answer is asked for uncompressed, and no more than ANSWER_LIMIT bytes of it are read.

    Args:
        account: who calls, and where.
        concurrency: connections at the same time.
        timeout: seconds for the answer, from the moment the request leaves.
        connect_timeout: seconds for a connection to come about.
    """

    def __init__(
        self, account: Account, *, concurrency: int, timeout: float, connect_timeout: float
    ) -> None:
        self._credentials = {"appid": account.appid, "secret": account.secret.reveal()}
        self._urls = {call: URL(f"{account.base_url}/{call.value}") for call in Call}
        self._concurrency = concurrency
        self._timeout = timeout
        self._deadlines = _Deadlines(timeout)
        self._connect_timeout = connect_timeout
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return "LocalSender(•••)"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=_PacedConnector(
                limit=self._concurrency, ttl_dns_cache=60, keepalive_timeout=30
            ),
            # `connect` does not count the wait for a turn; _Deadlines limits the answer
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
            trace_configs=_fail_points() if failpoints.is_armed() else None,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "bulk-provision",
            },
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self._deadlines.close()
        if self._session is not None:
            await self._session.close()

    async def send(self, request: Request, turn: Callable[[], Awaitable[None]]) -> Reply:
        """Make a call; see `Sender.send`."""
        assert self._session is not None, "use the sender with `async with`"
        body = json.dumps({**self._credentials, **request.fields()}).encode()
        departure = _Departure(turn, self._deadlines)
        _departure.set(departure)
        try:
            async with (
                departure.limit,
                self._session.post(
                    self._urls[request.call], data=body, allow_redirects=False
                ) as response,
            ):
                return await _read(response)
        except TimeoutError:
            return Reply(departure.has_left, trouble=self._timed_out(departure))
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            return Reply(departure.has_left, trouble=_in_words(problem))
        finally:
            self._deadlines.end(departure.limit)

    def _timed_out(self, departure: _Departure) -> str:
        if departure.has_left:
            return f"no answer within {self._timeout:g} s"
        return f"no connection within {self._connect_timeout:g} s"


def _fail_points() -> list[aiohttp.TraceConfig]:
    """Let a test kill the process when a request is written and its answer is not there."""

    async def sent(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        params: aiohttp.TraceRequestChunkSentParams,
    ) -> None:
        name = "read-back-sent" if params.url.name == Call.GET else "request-sent"
        # aiohttp says so before it writes: a moment later the bytes are surely on their way
        asyncio.get_running_loop().call_later(0.05, failpoints.reach, name)

    trace = aiohttp.TraceConfig()
    trace.on_request_chunk_sent.append(sent)
    return [trace]


async def _read(response: aiohttp.ClientResponse) -> Reply:
    retry_after = _seconds(response.headers.get("Retry-After"))
    body = b""
    while not response.content.at_eof():
        body += await response.content.readany()
        if len(body) > ANSWER_LIMIT:
            response.close()
            trouble = f"HTTP {response.status} with an answer of over {ANSWER_LIMIT} bytes"
            return Reply(True, response.status, None, retry_after, trouble)
    return Reply(True, response.status, body, retry_after)


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
    if isinstance(problem, aiohttp.ClientResponseError):
        return "the answer is not valid HTTP"
    if isinstance(problem, OSError):
        return f"the connection broke: {_reason(problem)}"
    return f"the answer could not be read ({type(problem).__name__})"


def _reason(problem: OSError) -> str:
    """Return the system's words; asyncio puts the address in their place."""
    if problem.errno is None or isinstance(problem, ssl.SSLError):
        return problem.strerror or str(problem)
    return os.strerror(problem.errno)
