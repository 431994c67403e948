"""How the tests of the sandbox call it: over real HTTP, without the program's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from bulk_provision.sandbox import Sandbox


@dataclass
class Heard:
    """What a client heard: status and body, or nothing."""

    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def json(self):
        return json.loads(self.body)


async def call(sandbox: Sandbox, name: str, /, **properties) -> Heard:
    """Make one of the five calls with the sandbox's own appid and secret, unless others are given.

    A property given as None is left out. A connection that breaks is heard as far as it went.
    """
    known = {"appid": sandbox.options.appid, "secret": sandbox.options.secret} | properties
    body = {name: given for name, given in known.items() if given is not None}
    heard = Heard()
    async with aiohttp.ClientSession() as session:
        try:
            url = f"{sandbox.base_url}/{name}"
            async with session.post(url, json=body, allow_redirects=False) as response:
                heard.status, heard.headers = response.status, dict(response.headers)
                async for piece in response.content.iter_any():
                    heard.body += piece
        except aiohttp.ClientError:
            pass
    return heard


async def add(sandbox: Sandbox, username: str = "ada", password: str = "pw-1", **more) -> Heard:
    """Create an endpoint."""
    return await call(sandbox, "add_sip", username=username, password=password, **more)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so (the test's own time limit is the limit)."""
    while not true():
        await asyncio.sleep(0.002)
