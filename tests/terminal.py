"""The real command at a terminal of its own, with somebody who types, for tests."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import sys
import termios
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from commands import Ended, environment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bulk_provision.sandbox import Sandbox

_PATIENCE = 60.0  # seconds for what is waited for: the machine may be busy


class Terminal:
    """What the command shows (standard error, and output if that is shown too), and a keyboard."""

    def __init__(self, process: asyncio.subprocess.Process, handle: int) -> None:
        self.process = process
        self.shown = ""
        self._handle = handle
        self._news = asyncio.Event()
        asyncio.get_running_loop().add_reader(handle, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._handle, 65_536)
        except OSError:  # nobody has it open any more
            data = b""
        if not data:
            self.leave()
        self.shown += data.decode(errors="replace")
        self._news.set()

    def leave(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)

    async def asks(self, question: str, *, times: int = 1) -> None:
        """Wait until a question was shown so often in all."""
        async with asyncio.timeout(_PATIENCE):
            while self.shown.count(question) < times:
                self._news.clear()
                await self._news.wait()

    def type(self, line: str) -> None:
        os.write(self._handle, f"{line}\n".encode())

    async def ended(self) -> Ended:
        """Wait for the end; `err` is what the terminal showed."""
        out = b""
        async with asyncio.timeout(_PATIENCE):
            if self.process.stdout is not None:
                out = await self.process.stdout.read()
            code = await self.process.wait()
        self._read()
        return Ended(code, out.decode(), self.shown)


@asynccontextmanager
async def at_a_terminal(
    sandbox: Sandbox | None, home: Path, *arguments: str, **env: str
) -> AsyncIterator[Terminal]:
    """Start the command with input and errors at a terminal; its output goes into a pipe."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bulk_provision", *arguments),
        cwd=home,
        env=environment(sandbox, home, **env),
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.set_blocking(ours, False)
    terminal = Terminal(process, ours)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        terminal.leave()
        os.close(theirs)
        with suppress(OSError):
            os.close(ours)
