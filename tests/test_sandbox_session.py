"""A sandbox that serves until told to stop, or runs a command and stops with it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import termios
from contextlib import contextmanager

import pytest

from bulk_provision.sandbox import (
    FaultPlan,
    Sandbox,
    SandboxOptionError,
    SandboxOptions,
    run_sandbox,
)

# What a client needs is in its environment; this one uses nothing but the standard library.
CLIENT = """
import json, os, urllib.request
body = {"appid": int(os.environ["BULK_PROVISION_APPID"]), "username": "ada", "password": "pw",
        "secret": os.environ["BULK_PROVISION_SECRET"]}
request = urllib.request.Request(os.environ["BULK_PROVISION_BASE_URL"] + "/add_sip",
    json.dumps(body).encode(), {"Content-Type": "application/json"})
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
assert json.load(direct.open(request))["code"] == "cmi-200"
"""

# A sandbox in a process of its own; what it is given as arguments is the command beside it.
SANDBOX = """
import sys
from bulk_provision.sandbox import SandboxOptions, run_sandbox
ready = lambda sandbox: print(sandbox.base_url, flush=True)
sys.exit(run_sandbox(SandboxOptions(), command=sys.argv[1:] or None, on_ready=ready))
"""

# A command that says which signals it got, and ends with 7 at SIGTERM.
LISTENER = """
import os, signal, sys, time
# A signal may come in the middle of a print, and another print in there is an error.
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"SIGINT\\n"))
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"SIGTERM\\n"), sys.exit(7)))
os.write(1, b"listening\\n")
while True:
    time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@contextmanager
def started(*command, **how):
    """A sandbox in a process of its own, with its standard output as `stdout`, ended at the end."""
    process = subprocess.Popen(
        [*python(SANDBOX), *command], stdout=subprocess.PIPE, text=True, **how
    )
    with process:
        try:
            assert process.stdout.readline().startswith("http://127.0.0.1:")
            yield process
        finally:
            process.kill()


def test_a_command_finds_the_sandbox_in_its_environment(tmp_path):
    dump = tmp_path / "truth.json"
    options = SandboxOptions(appid=77, secret="s3cret", existing=(("bob", "theirs"),))
    assert run_sandbox(options, command=python(CLIENT), dump=dump) == 0
    truth = json.loads(dump.read_text())
    assert truth["endpoints"] == {"bob": "theirs", "ada": "pw"}
    assert truth["created"] == {"ada": 1}
    assert [(call["call"], call["status"]) for call in truth["calls"]] == [("add_sip", 200)]


def test_the_dump_is_for_its_owner_alone_and_replaces_an_older_one(tmp_path):
    dump = tmp_path / "truth.json"
    dump.write_text("old")
    dump.chmod(0o644)
    run_sandbox(SandboxOptions(), command=["true"], dump=dump)
    assert dump.stat().st_mode & 0o777 == 0o600
    assert json.loads(dump.read_text()) == {"endpoints": {}, "created": {}, "calls": []}
    assert list(tmp_path.iterdir()) == [dump]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import sys; sys.exit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 128 + 9),
    ],
)
def test_the_commands_exit_status_is_returned(code, status):
    assert run_sandbox(SandboxOptions(), command=python(code)) == status


def test_a_command_that_meets_a_fault_fails_by_itself():
    options = SandboxOptions(faults=FaultPlan.parse("420"))
    assert run_sandbox(options, command=python(CLIENT)) == 1


def test_who_waits_is_told_when_it_listens():
    heard: list[Sandbox] = []
    run_sandbox(SandboxOptions(), command=["true"], on_ready=heard.append)
    assert heard[0].base_url.endswith(f":{heard[0].port}/v1/endpoint")
    assert heard[0].port > 0


def test_the_port_is_free_again_afterwards():
    ports = []
    for _ in range(2):
        port = ports[0] if ports else 0
        run_sandbox(
            SandboxOptions(), port=port, command=["true"], on_ready=lambda s: ports.append(s.port)
        )
    assert ports[0] == ports[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_command_it_serves_until_a_signal(number):
    with started() as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_passed_on_to_the_command(number):
    # A session of its own has no terminal: nobody but the sandbox tells the command.
    with started(*python(LISTENER), start_new_session=True) as process:
        assert process.stdout.readline() == "listening\n"
        process.send_signal(number)
        assert process.stdout.readline() == f"{number.name}\n"
        if number is signal.SIGINT:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 7


def test_a_ctrl_c_at_the_terminal_reaches_the_command_once():
    keyboard, terminal = os.openpty()

    def own_terminal():
        os.setsid()
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

    with started(*python(LISTENER), stdin=terminal, preexec_fn=own_terminal) as process:
        assert process.stdout.readline() == "listening\n"
        os.write(keyboard, b"\x03")
        assert process.stdout.readline() == "SIGINT\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "SIGTERM\n"
        assert process.wait(timeout=20) == 7
    os.close(keyboard)
    os.close(terminal)


@pytest.mark.parametrize("command", [[], ["no-such-program-anywhere"], ["/"]])
def test_a_command_that_cannot_run_is_named_before_anything_listens(command):
    with pytest.raises(SandboxOptionError, match="there is no program"):
        run_sandbox(SandboxOptions(), command=command, on_ready=pytest.fail)


def test_a_dump_that_cannot_be_written_is_named_before_anything_listens(tmp_path):
    with pytest.raises(SandboxOptionError, match="is no writable folder"):
        run_sandbox(SandboxOptions(), dump=tmp_path / "no" / "truth.json", on_ready=pytest.fail)


def test_a_port_in_use_is_an_error_of_the_options():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxOptionError, match=f"cannot listen on port {port}"):
            run_sandbox(SandboxOptions(), port=port, command=["true"])
