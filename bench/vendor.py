"""A vendor that is never the bottleneck: `add_sip` and nothing else, in a process of its own.

    python bench/vendor.py        prints its port, and serves on loopback until its stdin ends

Every POST gets the documented success body, with the username and the password that it named;
its arrival is written down on the monotonic clock, which all processes of a machine share. A GET
answers what was written down (doubles in the machine's byte order), and forgets it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from array import array

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Vendor(asyncio.Protocol):
    """One connection; it stays open as long as the client likes."""

    arrivals = array("d")

    def __init__(self) -> None:
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(_HEAD_END)) >= 0:
            head = self._read[:end]
            whole = end + len(_HEAD_END) + _length(head)
            if len(self._read) < whole:
                return
            body = self._read[end + len(_HEAD_END) : whole]
            self._read = self._read[whole:]
            self._transport.write(_answer(self._told() if head[:1] == b"G" else _created(body)))

    def _told(self) -> bytes:
        told = self.arrivals.tobytes()
        del self.arrivals[:]
        return told


def _created(body: bytes) -> bytes:
    Vendor.arrivals.append(time.monotonic())
    asked = json.loads(body)
    return json.dumps(
        {
            "code": "cmi-200",
            "username": asked["username"],
            "password": asked["password"],
            "connect_URL": f"{asked['username']}@sbcind.telecmi.com",
            "audio": True,
            "video": False,
            "type": "sip",
        }
    ).encode()


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


def _length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(_LENGTH)
    return 0 if at < 0 else int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0])


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Vendor, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # until the bench closes it, or dies


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve())
