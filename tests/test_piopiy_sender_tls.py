"""TLS is verified: what shows no valid certificate gets no request, and the reply says why.

The sender runs in a process of its own, which trusts the test's authority as users do it: by the
environment variable SSL_CERT_FILE, read when Python starts.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

import pytest

from bulk_provision.sandbox import Sandbox
from certificates import Authority
from tcp_proxy import TcpProxy

CLIENT = """
import asyncio, json, sys
from bulk_provision.model import Account, Secret
from bulk_provision.piopiy import Call, Request
from bulk_provision.piopiy.sender import LocalSender

async def main():
    turns = 0

    async def turn():
        nonlocal turns
        turns += 1

    account = Account(1_000_001, Secret("sandbox-secret"), sys.argv[1])
    async with LocalSender(account, timeout=20, connect_timeout=20) as sender:
        reply = await sender.send(Request(Call.ADD, "ada", "Some-Password-1"), turn)
    print(json.dumps([reply.sent, reply.status, reply.trouble, turns]))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


@asynccontextmanager
async def vendor_with(certificate):
    """The sandbox behind TLS: its base URL, and what arrived there."""
    async with (
        Sandbox() as sandbox,
        TcpProxy("127.0.0.1", sandbox.port, tls=certificate) as proxy,
    ):
        yield f"https://127.0.0.1:{proxy.port}/v1/endpoint", sandbox.vendor.arrivals


async def reply_from(base_url, trusted):
    """What a sender in a process of its own gets: sent, status, trouble, turns taken."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT, base_url),
        env={**os.environ, "SSL_CERT_FILE": str(trusted)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return json.loads(out)


async def test_a_valid_certificate_of_a_trusted_authority_is_accepted(authority):
    async with vendor_with(authority.server("127.0.0.1")) as (base_url, arrivals):
        assert await reply_from(base_url, authority.file) == [True, 200, "", 1]
        assert len(arrivals) == 1


@pytest.mark.parametrize(
    ("name", "expired", "reason"),
    [
        ("127.0.0.1", True, "certificate has expired"),
        ("vendor.example", False, "IP address mismatch"),
        ("127.0.0.2", False, "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_valid_is_refused_and_the_reply_says_why(
    authority, name, expired, reason
):
    async with vendor_with(authority.server(name, expired=expired)) as (base_url, arrivals):
        sent, status, trouble, turns = await reply_from(base_url, authority.file)
        assert arrivals == []
    assert (sent, status, turns) == (False, None, 0)
    assert trouble.startswith("TeleCMI's certificate is not valid: ")
    assert reason in trouble


async def test_a_certificate_of_an_authority_that_is_not_trusted_is_refused(authority, tmp_path):
    another = Authority(tmp_path)
    async with vendor_with(authority.server("127.0.0.1")) as (base_url, arrivals):
        sent, _, trouble, _ = await reply_from(base_url, another.file)
        assert arrivals == []
    assert not sent
    assert trouble.startswith("TeleCMI's certificate is not valid: ")
