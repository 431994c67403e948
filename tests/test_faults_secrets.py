"""Marked secrets, and everything that a run leaves behind searched for them."""

import asyncio
import signal
import sys

import psutil
import pytest

from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from commands import command, ended, environment, started

MARK = "Mark3d"
SOURCE = (
    "username,password,name\n"
    + "".join(f"user{n},{MARK}-Pass-{n},Person\n" for n in range(30))
    + f"bad user,{MARK}-Pass-x,Person\nuser1,{MARK}-Pass-y,Twin\nempty,,Person\n"
)
ARGUMENTS = ("run", "u.csv", "-o", "results/r.xlsx", "--rate", "100", "--settle", "0.1", "--json")


def prepare(folder):
    (folder / "u.csv").write_text(SOURCE)
    (folder / "results").mkdir()
    (folder / "tmp").mkdir()


def leaks(folder):
    """The files that hold a mark, beside the source and the results (which are to hold them)."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != "u.csv"
        and path.parent.name != "results"
        and MARK.encode() in path.read_bytes()
    ]


def options(*faults):
    return SandboxOptions(secret=f"{MARK}-Secret", faults=FaultPlan.parse(*faults))


@pytest.mark.parametrize(
    "faults",
    [
        ("garbage@p:0.3", "cut@p:0.2", "duplicate-keys@p:0.2"),
        ("drop-after-commit@p:0.3", "html-502@p:0.2", "other-username@p:0.2"),
        ("420@from:9",),
        ("429:1@3", "redirect@5", "html-404@7"),
    ],
    ids=["odd answers", "lost answers", "refused account", "gateway"],
)
async def test_no_secret_is_left_anywhere_but_in_the_results(tmp_path, faults):
    prepare(tmp_path)
    async with Sandbox(options(*faults)) as sandbox:
        result = await command(sandbox, tmp_path, *ARGUMENTS, TMPDIR=str(tmp_path / "tmp"))
    assert MARK not in result.out + result.err
    assert leaks(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == [], "temporary files are left"


async def test_no_secret_is_in_the_process_list(tmp_path):
    prepare(tmp_path)
    async with Sandbox(options("slow:0.2")) as sandbox:
        async with started(sandbox, tmp_path, *ARGUMENTS) as process:
            while not sandbox.vendor.arrivals:
                await asyncio.sleep(0.02)
            listed = psutil.Process(process.pid)
            words = " ".join([*listed.cmdline(), listed.name()])
            process.send_signal(signal.SIGINT)
            await ended(process)
    assert MARK not in words


async def test_a_killed_run_leaves_no_secret_behind(tmp_path):
    prepare(tmp_path)
    for point in ("request-sent", "results-writing"):
        async with Sandbox(options()) as sandbox:
            result = await command(
                sandbox, tmp_path, *ARGUMENTS,
                BULK_PROVISION_FAIL_AT=point, TMPDIR=str(tmp_path / "tmp"),
            )  # fmt: skip
        assert result.code == -signal.SIGKILL
        assert MARK not in result.out + result.err
        assert leaks(tmp_path) == []
        assert not list((tmp_path / "results").iterdir()), "a half-written workbook was left"


async def test_a_bug_inside_the_program_shows_no_secret_in_its_traceback(tmp_path):
    prepare(tmp_path)
    program = (
        "from bulk_provision import endings\n"
        "def created(step, verdict): raise RuntimeError('a bug')\n"
        "endings.created = created\n"
        "from bulk_provision.__main__ import main\n"
        "main()\n"
    )
    async with Sandbox(options()) as sandbox:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, *ARGUMENTS),
            cwd=tmp_path,
            env=environment(sandbox, tmp_path),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        result = await ended(process)
    assert result.code == 1
    assert "RuntimeError: a bug" in result.err
    assert MARK not in result.out + result.err
    assert leaks(tmp_path) == []


async def test_errors_about_settings_do_not_repeat_the_secret(tmp_path):
    prepare(tmp_path)
    (tmp_path / "job.toml").write_text(f'secret = "{MARK}-Secret"\n')
    async with Sandbox(options()) as sandbox:
        job = await command(sandbox, tmp_path, *ARGUMENTS, "--job", "job.toml")
        key = await command(sandbox, tmp_path, *ARGUMENTS, BULK_PROVISION_KEY=f"{MARK}-Key")
        wrong = await command(sandbox, tmp_path, *ARGUMENTS, BULK_PROVISION_CONCURRENCY=f"{MARK}")
    for result in (job, key, wrong):
        assert result.code == 2
        assert MARK not in result.out + result.err
