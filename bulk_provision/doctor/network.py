"""The way to the vendor: its name, each kind of address, TLS, and what it thinks the time is."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from bulk_provision.doctor.results import PATIENCE, Health, Result, in_time

if TYPE_CHECKING:
    from collections.abc import Iterator

_FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}
_CONNECT_SECONDS = 4.0  # for an address of one kind
_DAYS_LEFT = 14
_OFF_WARNING, _OFF_FAILED = 5.0, 60.0  # seconds by which the clocks may differ


class Place(NamedTuple):
    """Where the vendor is.

    Args:
        host: its name or address.
        port: of it.
        path: of the calls.
        is_tls: whether it is https://.
    """

    host: str
    port: int
    path: str
    is_tls: bool

    @classmethod
    def of(cls, url: str) -> Place:
        """Take an address apart."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        return cls(parts.hostname or "", port, parts.path or "/", is_tls)


def resolved(host: str, port: int) -> dict[str, list[str]]:
    """Return a name's addresses by their kind, "IPv4" and "IPv6"; raises OSError."""
    found: dict[str, list[str]] = {}
    for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if family in _FAMILIES:
            found.setdefault(_FAMILIES[family], []).append(str(address[0]))
    return found


def name(host: str, port: int, what: str = "name") -> Iterator[Result]:
    """See that a name is known."""
    try:
        found = resolved(host, port)
    except OSError as problem:
        told = f"{host} is not known here: {problem.strerror or problem}."
        yield Result(what, Health.FAILED, told, "Check the address, and this machine's DNS.")
        return
    addresses = "; ".join(f"{kind} {', '.join(some)}" for kind, some in found.items())
    yield Result(what, Health.OK, f"{host}: {addresses}")


async def way_to(place: Place) -> list[Result]:
    """Look at the whole way, as far as it goes."""
    found = await in_time("name", lambda: name(place.host, place.port))
    if found[0].health is not Health.OK:
        return found
    found += await _each_kind(place)
    if found[-1].health is not Health.FAILED:
        found += await _conversation(place)
    return found


async def _each_kind(place: Place) -> list[Result]:
    """Connect to an address of each kind: a name may have some that are of no use from here."""
    addresses = await asyncio.get_running_loop().getaddrinfo(
        place.host, place.port, type=socket.SOCK_STREAM
    )
    first = {_FAMILIES[one[0]]: one[4][0] for one in reversed(addresses) if one[0] in _FAMILIES}
    told = await asyncio.gather(*(_connected(str(ip), place.port) for ip in first.values()))
    troubles = {kind: trouble for kind, trouble in zip(first, told, strict=True) if trouble}
    if not troubles:
        return [Result("connection", Health.OK, f"by {' and '.join(first)} to port {place.port}")]
    what = "; ".join(f"{kind}: {trouble}" for kind, trouble in troubles.items())
    if len(troubles) == len(first):
        cure = "Check the network and the firewall of this machine."
        return [Result("connection", Health.FAILED, f"{what}.", cure)]
    cure = "It goes without; connections may take longer to come about."
    return [Result("connection", Health.WARNING, f"{what}.", cure)]


async def _connected(address: str, port: int) -> str:
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return f"no connection within {_CONNECT_SECONDS:.0f} s"
    except OSError as problem:
        return (problem.strerror or str(problem)).lower()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


async def _conversation(place: Place) -> list[Result]:
    """Say hello by TLS, and ask for nothing but the head of an answer: it tells the time."""
    context = ssl.create_default_context() if place.is_tls else None  # as the calls do
    found: list[Result] = []
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(place.host, place.port, ssl=context)
            try:
                found.append(_tls(writer.get_extra_info("ssl_object")))
                found.append(await _clock(place, reader, writer))
            finally:
                writer.transport.abort()
    except ssl.SSLError as problem:
        why = getattr(problem, "verify_message", "") or problem.reason or str(problem)
        cure = "Check this machine's clock and its certificates (ca-certificates), and proxies."
        found.append(Result("TLS", Health.FAILED, f"{place.host} is not trusted: {why}.", cure))
    except TimeoutError:
        what = f"{place.host} did not answer within {PATIENCE:.0f} s."
        found.append(Result("clock" if found else "TLS", Health.FAILED, what, "Try again later."))
    except (OSError, EOFError, asyncio.LimitOverrunError) as problem:
        what = f"{place.host} broke off: {str(problem) or type(problem).__name__}."
        found.append(Result("clock" if found else "TLS", Health.FAILED, what, "Try again later."))
    return found


def _tls(ssl_object: ssl.SSLObject | None) -> Result:
    if ssl_object is None:
        return Result("TLS", Health.WARNING, "there is none: http://.", "Use https://, in earnest.")
    certificate = ssl_object.getpeercert() or {}
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    until = time.strftime("%Y-%m-%d", time.gmtime(ends))
    what = f"{ssl_object.version()}, certificate valid until {until}"
    if ends - time.time() < _DAYS_LEFT * 86_400:
        cure = "TeleCMI should renew it before then; without, every call would fail."
        return Result("TLS", Health.WARNING, f"{what}.", cure)
    return Result("TLS", Health.OK, what)


async def _clock(
    place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Result:
    host = f"[{place.host}]" if ":" in place.host else place.host
    asked_at = time.time()
    writer.write(
        f"HEAD {place.path} HTTP/1.1\r\nHost: {host}:{place.port}\r\n"
        "User-Agent: bulk-provision\r\nConnection: close\r\n\r\n".encode("ascii")
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    answered_at = time.time()
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "date":
            with contextlib.suppress(ValueError):
                moment = parsedate_to_datetime(value.strip()).timestamp()
                return _difference(moment, asked_at, answered_at)
    return Result("clock", Health.SKIPPED, f"{place.host} does not say what time it is")


def _difference(theirs: float, asked_at: float, answered_at: float) -> Result:
    """Compare the clocks: theirs is cut to a second, and was read between two moments of ours."""
    off = max(asked_at - (theirs + 1), theirs - answered_at, 0.0)
    if off <= _OFF_WARNING:
        return Result("clock", Health.OK, "it agrees with the vendor's")
    what = f"it is {off:,.0f} s {'fast' if asked_at > theirs else 'slow'} by the vendor's."
    health = Health.FAILED if off > _OFF_FAILED else Health.WARNING
    return Result("clock", health, what, "Let it be set by the network: timedatectl set-ntp true")
