"""A web server on this machine that keeps what it is sent, for tests of pings and notices."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


class Heard(NamedTuple):
    path: str
    query: dict[str, list[str]]
    body: str


class Listener:
    """What was heard, and what is answered: `statuses` first, then 200; or nothing at all."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.heard: list[Heard] = []
        self.statuses: list[int] = []
        self.silent = threading.Event()  # set: no answer until the test is over
        self.over = threading.Event()

    def url(self, path: str = "", scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/{path}"

    @property
    def paths(self) -> list[str]:
        return [one.path for one in self.heard]


@contextmanager
def listening() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            listener.heard.append(Heard(parts.path, parse_qs(parts.query), body))
            if listener.silent.is_set():
                listener.over.wait(60)
                return
            status = listener.statuses.pop(0) if listener.statuses else 200
            self.send_response(status)
            self.send_header("Location", listener.url("elsewhere"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener = Listener(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.over.set()
            server.shutdown()
            thread.join()
