"""A TCP proxy for tests that breaks connections on purpose, at a byte of one's choice.

    async with TcpProxy("127.0.0.1", sandbox.port, [Pass(), Reset(at=20)]) as proxy:
        ... call http://127.0.0.1:{proxy.port} ...

A plan says what happens to each connection: one behaviour for all of them, a sequence (the first
connection gets the first one, those beyond its end pass), or a function of the connection's number,
counted from 1. `proxy.plan` may be replaced at any time, for the connections to come.

What strikes `at` byte N of a flow (`of="request"`: from the client; `of="answer"`: to it) lets the
first N bytes of that flow pass, counted over the connection's whole life, and happens when there is
one more. So `at=0, of="answer"` is: the request went through, and the first byte of the answer was
about to come back.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Self

Flow = Literal["request", "answer"]

CHUNK = 64 * 1024


class Link:
    """One connection: the client's side, the target's side, and the bytes that passed."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.number = number
        self.passed: dict[Flow, int] = {"request": 0, "answer": 0}
        self.client = writer
        self.target: asyncio.StreamWriter | None = None
        self._readers: dict[Flow, asyncio.StreamReader] = {"request": reader}

    async def reach(self, host: str, port: int) -> None:
        """Connect to the target."""
        self._readers["answer"], self.target = await asyncio.open_connection(host, port)

    def source(self, flow: Flow) -> asyncio.StreamReader:
        return self._readers[flow]

    def sink(self, flow: Flow) -> asyncio.StreamWriter:
        if flow == "answer":
            return self.client
        assert self.target is not None
        return self.target

    async def send(self, flow: Flow, data: bytes) -> None:
        """Pass bytes on, in bounded memory."""
        self.sink(flow).write(data)
        await self.sink(flow).drain()
        self.passed[flow] += len(data)

    def end(self, flow: Flow) -> None:
        """Pass on that a flow has ended; the other one goes on."""
        sink = self.sink(flow)
        if sink.is_closing():
            return
        if sink.can_write_eof():
            sink.write_eof()
        else:  # TLS knows no half-closed connection
            sink.close()

    async def discard(self, flow: Flow) -> None:
        """Read a flow to its end, and pass nothing on."""
        while await self.source(flow).read(CHUNK):
            pass

    def close(self) -> None:
        """Close both sides after what was written: FIN."""
        for writer in filter(None, (self.client, self.target)):
            writer.close()

    def reset(self) -> None:
        """Close both sides at once: RST."""
        for writer in filter(None, (self.client, self.target)):
            with suppress(OSError):  # its own side may have gone already
                _on_close_send_rst(writer.get_extra_info("socket"))
            writer.transport.abort()

    async def closed(self) -> None:
        """Wait until nothing is left of it."""
        for writer in filter(None, (self.client, self.target)):
            with suppress(OSError):
                await writer.wait_closed()


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """What happens to a connection: subclasses strike at a byte of a flow."""

    at: int = 0
    of: Flow = "answer"

    async def serve(self, link: Link, host: str, port: int) -> None:
        """Join client and target until both have ended."""
        await link.reach(host, port)
        await asyncio.gather(self._pump(link, "request"), self._pump(link, "answer"))

    async def strike(self, link: Link) -> bool:
        """Happen. True to let the rest pass; False to pass neither the rest nor its end."""
        raise NotImplementedError

    async def _pump(self, link: Link, flow: Flow) -> None:
        struck = self.of != flow
        while data := await link.source(flow).read(CHUNK):
            before = self.at - link.passed[flow]
            if not struck and before < len(data):
                struck = True
                await link.send(flow, data[:before])
                data = data[before:]
                if not await self.strike(link):
                    return await link.discard(flow)
            await link.send(flow, data)
        return link.end(flow)


@dataclass(frozen=True, kw_only=True)
class Pass(Behaviour):
    """Everything passes unchanged."""

    async def strike(self, link: Link) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Reset(Behaviour):
    """RST to both sides."""

    async def strike(self, link: Link) -> bool:
        link.reset()
        return False


@dataclass(frozen=True, kw_only=True)
class Truncate(Behaviour):
    """FIN to both sides: whoever counts bytes sees that some are missing."""

    async def strike(self, link: Link) -> bool:
        link.close()
        return False


@dataclass(frozen=True, kw_only=True)
class HalfClose(Behaviour):
    """The flow ends with FIN; the other flow goes on."""

    async def strike(self, link: Link) -> bool:
        link.end(self.of)
        return False


@dataclass(frozen=True, kw_only=True)
class Stall(Behaviour):
    """Nothing of the flow passes for so many seconds, then the rest does."""

    seconds: float

    async def strike(self, link: Link) -> bool:
        await asyncio.sleep(self.seconds)
        return True


@dataclass(frozen=True, kw_only=True)
class BlackHole(Behaviour):
    """The connection opens, everything is read, nothing is ever answered.

    Args:
        deliver: whether the target gets the request all the same.
    """

    deliver: bool = False

    async def serve(self, link: Link, host: str, port: int) -> None:
        if self.deliver:
            await super().serve(link, host, port)
        else:
            await link.discard("request")

    async def strike(self, link: Link) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class Replace(Behaviour):
    """These bytes come instead of the answer to the connection's first request.

    Args:
        answer: the bytes, or a function that gives them piece by piece.
        deliver: whether the target gets the request all the same (its answer is thrown away).
        keep_open: whether the connection stays open afterwards, silent, until the client closes it.
    """

    answer: bytes | Callable[[], Iterable[bytes]]
    deliver: bool = False
    keep_open: bool = False

    async def serve(self, link: Link, host: str, port: int) -> None:
        if self.deliver:
            await super().serve(link, host, port)
            return
        await _read_request(link.source("request"))
        await self.strike(link)
        if self.keep_open:
            await link.discard("request")

    async def strike(self, link: Link) -> bool:
        for piece in [self.answer] if isinstance(self.answer, bytes) else self.answer():
            await link.send("answer", piece)
        if not self.keep_open:
            link.close()
        return False


@dataclass(frozen=True, kw_only=True)
class Refuse(Behaviour):
    """Nobody listens when this connection's turn comes.

    All attempts are refused, until the time is over or `proxy.listen()` is called; then it is the
    next connection's turn. (Of clients that connect at the same moment, one may have been let in
    before the listener could be closed: it is reset.)

    Args:
        seconds: how long; None for until `proxy.listen()`.
    """

    seconds: float | None = None

    async def serve(self, link: Link, host: str, port: int) -> None:
        link.reset()


Plan = Behaviour | Sequence[Behaviour] | Callable[[int], Behaviour]


class TcpProxy:
    """Listens on a free loopback port, and passes connections on as its plan says.

    Args:
        host: of the target.
        port: of the target.
        plan: what happens to each connection; everything passes unless told.
        tls: to speak TLS to clients with this certificate (and plain TCP to the target).

    Attributes:
        port: where it listens.
        plan: for the connections to come.
        links: all connections so far, with the bytes that passed.
    """

    def __init__(
        self, host: str, port: int, plan: Plan | None = None, *, tls: ssl.SSLContext | None = None
    ) -> None:
        self._target = (host, port)
        self._tls = tls
        self.plan: Plan = Pass() if plan is None else plan
        self.links: list[Link] = []
        self._turn = 1
        self._listener: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reopening: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        # Bound but never listening: it keeps the port ours while connections are refused.
        self._place = _bound(0)
        self.port: int = self._place.getsockname()[1]
        first = self._behaviour(1)
        if isinstance(first, Refuse):
            self._refuse(first)
        else:
            await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._close_listener()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._place.close()

    async def listen(self) -> None:
        """End a `Refuse`: it is the next connection's turn."""
        if self._listener is None:
            self._turn += 1
            await self._open()

    def reset_all(self) -> None:
        """RST to every connection that is open."""
        for link in self.links:
            link.reset()

    async def _open(self) -> None:
        self._listener = await asyncio.start_server(
            self._accepted, sock=_bound(self.port), ssl=self._tls
        )

    def _close_listener(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _behaviour(self, number: int) -> Behaviour:
        if isinstance(self.plan, Behaviour):
            return self.plan
        if callable(self.plan):
            return self.plan(number)
        return self.plan[number - 1] if number <= len(self.plan) else Pass()

    def _refuse(self, refusal: Refuse) -> None:
        self._close_listener()
        if refusal.seconds is not None:
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(refusal.seconds, self._start_listening)

    def _start_listening(self) -> None:
        self._keep(asyncio.ensure_future(self.listen()))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self._turn = self._turn, self._turn + 1
        upcoming = self._behaviour(self._turn)
        if isinstance(upcoming, Refuse):
            self._refuse(upcoming)
        link = Link(number, reader, writer)
        self.links.append(link)
        self._keep(asyncio.ensure_future(self._serve(link)))

    async def _serve(self, link: Link) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._behaviour(link.number).serve(link, *self._target)
        finally:
            link.close()
            await link.closed()


async def _read_request(reader: asyncio.StreamReader) -> None:
    """Read one HTTP request; its length must be told by Content-Length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _on_close_send_rst(side: socket.socket) -> None:
    linger_for_no_time = struct.pack("ii", 1, 0)
    side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
