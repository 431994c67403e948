"""The real command as a subprocess, against the sandbox over real sockets, for tests."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulk_provision.sandbox import Sandbox


class Ended(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


def environment(sandbox: Sandbox | None, home: Path, **more: str) -> dict[str, str]:
    """Nothing of the developer's own settings or data, and the sandbox's account."""
    clean = {name: value for name, value in os.environ.items() if "BULK_PROVISION" not in name}
    clean |= {"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "PYTHONWARNINGS": "error"}
    if sandbox is not None:
        clean |= {
            "BULK_PROVISION_BASE_URL": sandbox.base_url,
            "BULK_PROVISION_APPID": str(sandbox.options.appid),
            "BULK_PROVISION_SECRET": sandbox.options.secret,
        }
    return clean | more


@asynccontextmanager
async def started(
    sandbox: Sandbox | None, home: Path, *arguments: str, **env: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bulk_provision",
        *arguments,
        cwd=home,
        env=environment(sandbox, home, **env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process, stdin: bytes = b"") -> Ended:
    out, err = await asyncio.wait_for(process.communicate(stdin), 90)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def command(
    sandbox: Sandbox | None, home: Path, *arguments: str, stdin: bytes = b"", **env: str
) -> Ended:
    async with started(sandbox, home, *arguments, **env) as process:
        return await ended(process, stdin)
