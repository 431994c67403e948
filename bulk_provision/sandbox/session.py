"""A sandbox for a while: until it is told to stop, or as long as a command runs beside it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from bulk_provision.sandbox.errors import SandboxOptionError
from bulk_provision.sandbox.options import SandboxOptions
from bulk_provision.sandbox.server import Sandbox

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_sandbox(
    options: SandboxOptions,
    *,
    port: int = 0,
    command: Sequence[str] | None = None,
    dump: Path | None = None,
    on_ready: Callable[[Sandbox], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM, or run a command against the sandbox and stop with it.

    The command finds the sandbox by `BULK_PROVISION_BASE_URL`, `BULK_PROVISION_APPID` and
    `BULK_PROVISION_SECRET` in its environment. SIGINT and SIGTERM are passed on to it.

    Args:
        options: what the sandbox is like.
        port: where to listen on the loopback interface; 0 for a free port.
        command: the program and its arguments; None to serve until told to stop.
        dump: a file to write what the sandbox holds into at the end, as JSON, mode 0600.
        on_ready: called once it listens.

    Returns:
        The command's exit status (128 and the signal's number when a signal ended it); 0 without
        a command.

    Raises:
        SandboxOptionError: when port, state file, command or dump cannot be used.
    """
    if command is not None and (not command or shutil.which(command[0]) is None):
        raise SandboxOptionError(
            f"there is no program {command[0] if command else ''!r} to run against the sandbox"
        )
    if dump is not None and not os.access(dump.parent, os.W_OK):
        raise SandboxOptionError(f"{dump} cannot be written: {dump.parent} is no writable folder")
    with asyncio.Runner(loop_factory=_fastest_loop) as runner:
        sandbox = Sandbox(options, port=port)
        status = runner.run(_session(sandbox, command, on_ready))
    if dump is not None:
        _write_privately(dump, json.dumps(sandbox.vendor.truth(), indent=1))
    return status


def _fastest_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  not there on every platform
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _session(
    sandbox: Sandbox,
    command: Sequence[str] | None,
    on_ready: Callable[[Sandbox], None] | None,
) -> int:
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, signals.put_nowait, number)
    try:
        async with sandbox:
            if on_ready is not None:
                on_ready(sandbox)
            if command is None:
                await signals.get()
                return 0
            return await _run_beside(sandbox, command, signals)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


async def _run_beside(
    sandbox: Sandbox, command: Sequence[str], signals: asyncio.Queue[signal.Signals]
) -> int:
    child = await asyncio.create_subprocess_exec(*command, env=_environment(sandbox))
    passing_on = asyncio.create_task(_pass_on(signals, child))
    try:
        status = await child.wait()
    finally:
        passing_on.cancel()
        with suppress(asyncio.CancelledError):
            await passing_on
    return status if status >= 0 else 128 - status


def _environment(sandbox: Sandbox) -> dict[str, str]:
    return os.environ | {
        "BULK_PROVISION_BASE_URL": sandbox.base_url,
        "BULK_PROVISION_APPID": str(sandbox.options.appid),
        "BULK_PROVISION_SECRET": sandbox.options.secret,
    }


async def _pass_on(
    signals: asyncio.Queue[signal.Signals], child: asyncio.subprocess.Process
) -> None:
    while True:
        number = await signals.get()
        # A Ctrl-C at the terminal goes to its whole foreground group, the child included. Passed
        # on once more it would count as the second one, which means "do not wait".
        if number is signal.SIGINT and _in_foreground():
            continue
        with suppress(ProcessLookupError):
            child.send_signal(number)


def _in_foreground() -> bool:
    """Whether this process belongs to the foreground group of a terminal."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _write_privately(path: Path, text: str) -> None:
    """Write a file aside and put it in place, readable by its owner alone."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as stream:
        stream.write(text)
    aside.replace(path)
