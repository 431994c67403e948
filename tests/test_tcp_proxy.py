"""The proxy that breaks connections does so at the byte, and in the way, that it is told."""

import asyncio
import datetime as dt
import ssl
import time
import tracemalloc
from contextlib import asynccontextmanager, suppress

import pytest

from raw_answers import (
    gateway_page,
    gzip_garbage,
    header_flood,
    http_answer,
    huge_body,
    redirect_to,
)
from tcp_proxy import (
    BlackHole,
    HalfClose,
    Pass,
    Refuse,
    Replace,
    Reset,
    Stall,
    TcpProxy,
    Truncate,
)

REQUEST = b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
ANSWER = b"0123456789" * 10


class Target:
    """A server that answers each whole request with `ANSWER`, and keeps what it got."""

    def __init__(self):
        self.got = b""
        self.ends = 0

    async def serve(self, reader, writer):
        try:
            while data := await reader.read(1000):
                self.got += data
                if self.got.endswith(b"hello"):
                    writer.write(ANSWER)
            self.ends += 1
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def proxied(plan=None, **options):
    """A target, and a proxy before it."""
    target = Target()
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with TcpProxy("127.0.0.1", port, plan, **options) as proxy:
            yield proxy, target


@asynccontextmanager
async def connected(proxy, **options):
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):  # it was reset: that was the point
            await writer.wait_closed()


async def hear(proxy, expected=None, **options):
    """Send one request; return what came back (so many bytes, or all) and how it ended."""
    heard = b""
    async with connected(proxy, **options) as (reader, writer):
        try:
            writer.write(REQUEST)
            while expected is None or len(heard) < expected:
                piece = await reader.read(1000)
                if not piece:
                    return heard, "end"
                heard += piece
        except ConnectionResetError:
            return heard, "reset"
    return heard, "open"


async def until(true):
    while not true():
        await asyncio.sleep(0.002)


async def test_without_a_plan_everything_passes_and_is_counted():
    async with proxied() as (proxy, target):
        assert await hear(proxy, len(ANSWER)) == (ANSWER, "open")
        assert target.got == REQUEST
        assert proxy.links[0].passed == {"request": len(REQUEST), "answer": len(ANSWER)}


async def test_the_end_of_a_connection_passes_too():
    async with proxied() as (proxy, target):
        await hear(proxy, len(ANSWER))
        await until(lambda: target.ends == 1)


@pytest.mark.parametrize("at", [0, 1, 37])
async def test_a_reset_comes_at_a_byte_of_the_answer(at):
    async with proxied(Reset(at=at)) as (proxy, target):
        assert await hear(proxy) == (ANSWER[:at], "reset")
        assert target.got == REQUEST


@pytest.mark.parametrize("at", [0, 1, len(REQUEST) - 1])
async def test_a_reset_comes_at_a_byte_of_the_request(at):
    async with proxied(Reset(at=at, of="request")) as (proxy, target):
        assert await hear(proxy) == (b"", "reset")
        await asyncio.gather(*proxy._tasks)
        assert REQUEST[:at].startswith(target.got)  # an RST may overtake what is not yet read


@pytest.mark.parametrize("at", [0, 37])
async def test_a_truncated_answer_ends_as_if_it_were_whole(at):
    async with proxied(Truncate(at=at)) as (proxy, _):
        assert await hear(proxy) == (ANSWER[:at], "end")


async def test_a_half_closed_connection_still_takes_requests():
    async with proxied(HalfClose(at=37)) as (proxy, target), connected(proxy) as (reader, writer):
        writer.write(REQUEST)
        assert await reader.read() == ANSWER[:37]
        writer.write(b"more")
        await until(lambda: target.got == REQUEST + b"more")


async def test_a_request_can_end_half_way_and_be_answered_all_the_same():
    plan = HalfClose(at=len(REQUEST), of="request")
    async with proxied(plan) as (proxy, target):
        async with connected(proxy) as (reader, writer):
            writer.write(REQUEST + b"never seen")
            assert await reader.read() == ANSWER
        assert target.got == REQUEST
        assert target.ends == 1


@pytest.mark.parametrize("deliver", [False, True])
async def test_a_black_hole_never_answers(deliver):
    plan = BlackHole(deliver=deliver)
    async with proxied(plan) as (proxy, target), connected(proxy) as (reader, writer):
        writer.write(REQUEST)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)
        await until(lambda: target.got == (REQUEST if deliver else b""))


@pytest.mark.parametrize("of", ["request", "answer"])
async def test_a_stall_holds_the_rest_back_for_a_while(of):
    plan = Stall(seconds=0.1, at=5, of=of)
    async with proxied(plan) as (proxy, target), connected(proxy) as (reader, writer):
        started = time.monotonic()
        writer.write(REQUEST)
        if of == "answer":
            assert await reader.readexactly(5) == ANSWER[:5]
        else:
            await until(lambda: target.got == REQUEST[:5])
        await reader.readexactly(95 if of == "answer" else 100)
        assert time.monotonic() - started >= 0.1


@pytest.mark.parametrize("deliver", [False, True])
@pytest.mark.parametrize(
    "answer",
    [
        http_answer(200, b"{}", length=50),
        gateway_page(502),
        redirect_to("http://127.0.0.1:1/"),
        gzip_garbage(),
        b"no HTTP at all",
    ],
)
async def test_an_answer_can_be_replaced_by_any_bytes(answer, deliver):
    async with proxied(Replace(answer=answer, deliver=deliver)) as (proxy, target):
        assert await hear(proxy) == (answer, "end")
        assert target.got == (REQUEST if deliver else b"")


async def test_a_replaced_answer_may_leave_the_connection_open():
    plan = Replace(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", keep_open=True)
    async with proxied(plan) as (proxy, _), connected(proxy) as (reader, writer):
        writer.write(REQUEST)
        assert (await reader.readuntil(b"half")).endswith(b"half")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.1)


async def test_a_header_flood_comes_whole():
    async with proxied(Replace(answer=header_flood(500))) as (proxy, _):
        heard, _ = await hear(proxy)
        assert heard.count(b"\r\nX-Flood-") == 500


async def test_a_huge_answer_takes_little_memory():
    plan = Replace(answer=huge_body(100))
    async with proxied(plan) as (proxy, _), connected(proxy) as (reader, writer):
        tracemalloc.start()
        writer.write(REQUEST)
        heard = 0
        while piece := await reader.read(1 << 20):
            heard += len(piece)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert heard > 100 << 20
    assert peak < 8 << 20


async def test_a_client_that_has_enough_of_a_huge_answer_does_no_harm(caplog):
    async with proxied([Replace(answer=huge_body(100))]) as (proxy, _):
        await hear(proxy, expected=1000)
        assert await hear(proxy, len(ANSWER)) == (ANSWER, "open")
    assert not caplog.records


async def test_refused_until_it_listens_again():
    async with proxied([Pass(), Refuse(), Truncate(at=3)]) as (proxy, _):
        assert await hear(proxy, len(ANSWER)) == (ANSWER, "open")
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await hear(proxy)
        await proxy.listen()
        assert await hear(proxy) == (ANSWER[:3], "end")


async def test_the_very_first_connection_can_be_refused_for_a_while():
    async with proxied([Refuse(seconds=0.05)]) as (proxy, _):
        with pytest.raises(ConnectionRefusedError):
            await hear(proxy)
        await until(lambda: proxy._listener is not None)
        assert await hear(proxy, len(ANSWER)) == (ANSWER, "open")


async def test_a_plan_can_be_a_sequence_or_a_function_of_the_connections_number():
    for plan in ([Truncate(at=1), Truncate(at=2)], lambda n: Truncate(at=n) if n < 3 else Pass()):
        async with proxied(plan) as (proxy, _):
            assert (await hear(proxy))[0] == ANSWER[:1]
            assert (await hear(proxy))[0] == ANSWER[:2]
            assert (await hear(proxy, len(ANSWER)))[0] == ANSWER


async def test_a_plan_can_be_replaced_and_open_connections_reset():
    async with proxied() as (proxy, _), connected(proxy) as (reader, writer):
        writer.write(REQUEST)
        await reader.readexactly(len(ANSWER))
        proxy.plan = Truncate(at=4)
        proxy.reset_all()
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        assert await hear(proxy) == (ANSWER[:4], "end")


async def test_a_target_that_is_gone_closes_the_connection():
    async with proxied() as (proxy, _):
        proxy._target = ("127.0.0.1", 1)
        assert (await hear(proxy))[0] == b""


async def test_leaving_ends_connections_that_hang(caplog):
    async with proxied(Stall(seconds=600)) as (proxy, target):
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        writer.write(REQUEST)
        await until(lambda: target.got == REQUEST)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert not caplog.records


async def test_it_can_speak_tls_with_any_certificate(tmp_path):
    certificate = self_signed(tmp_path, "wrong.example", expired=True)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with proxied(tls=server) as (proxy, _):
        assert await hear(proxy, len(ANSWER), ssl=trusting) == (ANSWER, "open")
        with pytest.raises(ssl.SSLCertVerificationError):
            await hear(proxy, ssl=ssl.create_default_context())


def self_signed(folder, name, *, expired):
    """A file with a key and its own certificate for this host name."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    day = dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder(who, who, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - 3 * day)
        .not_valid_after(now + (-day if expired else day))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / f"{name}.pem"
    file.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return file
