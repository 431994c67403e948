"""A vendor that is never the bottleneck: answers every POST as `add_sip`, in a process of its own.

    python bench/vendor.py        prints its port, and serves on loopback until its stdin ends

Each POST gets the documented success body for the username and password that it names; the moment
of its arrival is written down by the monotonic clock. A GET answers the moments written down so
far (as doubles of this machine), and forgets them.
"""

import asyncio
import json
import sys
import time
from array import array

import uvloop

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


class Connection(asyncio.Protocol):
    """Reads requests, one after the other, as long as the client likes."""

    arrivals = array("d")

    def __init__(self):
        self._read = b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        now = time.monotonic()
        self._read += data
        while (end := self._read.find(HEAD_END)) >= 0:
            head, begin = self._read[:end], end + len(HEAD_END)
            whole = begin + content_length(head)
            if len(self._read) < whole:
                return
            body, self._read = self._read[begin:whole], self._read[whole:]
            if head.startswith(b"GET"):
                self._transport.write(answer(self._tell()))
            else:
                self.arrivals.append(now)
                self._transport.write(answer(created(json.loads(body))))

    def _tell(self):
        told = self.arrivals.tobytes()
        del self.arrivals[:]
        return told


def content_length(head):
    """Return the length of the body that follows a head."""
    lower = head.lower()
    at = lower.find(LENGTH)
    return int(lower[at + len(LENGTH) :].partition(b"\r\n")[0]) if at >= 0 else 0


def created(asked):
    """Return the documented body of a success."""
    told = {
        "code": "cmi-200",
        "username": asked["username"],
        "password": asked["password"],
        "connect_URL": "sbcind.telecmi.com",
        "audio": True,
        "video": True,
        "type": "sip",
    }
    return json.dumps(told).encode()


def answer(body):
    """Return a whole HTTP answer."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def serve():
    """Serve until stdin ends: with the process that started us, however that ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
