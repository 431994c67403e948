"""HTTP answers as raw bytes, right and wrong, for `tcp_proxy.Replace`."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable

CHUNK = 64 * 1024
MIB = 1024 * 1024


def http_answer(
    status: int = 200,
    body: bytes = b"",
    *,
    headers: Iterable[tuple[str, str]] = (("Content-Type", "application/json"),),
    length: int | None = None,
) -> bytes:
    """An HTTP answer; `length` is what its Content-Length says, whatever the body's is."""
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body) if length is None else length}", "", ""]
    return "\r\n".join(lines).encode() + body


def gateway_page(status: int) -> bytes:
    """A gateway's error page."""
    page = f"<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>"
    return http_answer(status, page.encode(), headers=[("Content-Type", "text/html")])


def redirect_to(url: str, status: int = 302) -> bytes:
    """A redirect."""
    return http_answer(status, headers=[("Location", url)])


def gzip_garbage() -> bytes:
    """An answer that says it is gzip, begins like it, and is not."""
    body = gzip.compress(b'{"code": "cmi-200"}')[:10] + b"\xff" * 40
    kind = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
    return http_answer(200, body, headers=kind)


def header_flood(count: int) -> Callable[[], Iterable[bytes]]:
    """An answer with so many header lines that it never seems to begin."""

    def pieces() -> Iterable[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        for number in range(count):
            yield b"X-Flood-%d: %s\r\n" % (number, b"y" * 100)
        yield b"Content-Length: 0\r\n\r\n"

    return pieces


def huge_body(mebibytes: int) -> Callable[[], Iterable[bytes]]:
    """An answer with a JSON body of so many MiB, made piece by piece."""

    def pieces() -> Iterable[bytes]:
        first, last = b'{"code": "cmi-200", "padding": "', b'"}'
        yield http_answer(200, first, length=len(first) + mebibytes * MIB + len(last))
        for _ in range(mebibytes * MIB // CHUNK):
            yield b"x" * CHUNK
        yield last

    return pieces
