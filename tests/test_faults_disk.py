"""The disk and the database turn against a run: it stops cleanly, and nothing is lost."""

import os
import sqlite3
import subprocess
import sys

import pytest

from bulk_provision.sandbox import Sandbox
from commands import command, environment
from truth import assert_true, read_results

FAST = ("--rate", "0", "--settle", "0.1", "--json")


def write_users(path, count):
    path.write_text("username\n" + "".join(f"user{n:05}\n" for n in range(count)))


def ledger_path(folder):
    return folder / "data" / "bulk-provision" / "ledger.db"


async def with_file_size_limit(sandbox, folder, limit, *arguments):
    """Run the command so that no file can grow beyond `limit` bytes (as on a full disk)."""
    import asyncio

    program = (
        "import resource, signal, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "sys.argv[1:] = sys.argv[1:]\n"
        "from bulk_provision.__main__ import main\n"
        "main()\n"
    )
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment(sandbox, folder),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=90,
    )


@pytest.mark.parametrize("kilobytes", [130, 180, 260, 400, 700])
async def test_a_disk_that_fills_up_anywhere_in_a_run_loses_nothing(tmp_path, kilobytes):
    write_users(tmp_path / "u.csv", 1500)
    async with Sandbox() as sandbox:
        run = ("run", "u.csv", *FAST)
        full = await with_file_size_limit(sandbox, tmp_path, kilobytes * 1024, *run, "-o", "1.xlsx")
        assert full.returncode in (2, 4), full.stderr
        assert "Traceback" not in full.stderr
        with sqlite3.connect(ledger_path(tmp_path)) as ledger:
            assert ledger.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            journalled = {name for (name,) in ledger.execute("SELECT username FROM endpoints")}
        ledger.close()
        assert set(sandbox.vendor.created) <= journalled, "called without a journalled intent"
        for path in tmp_path.glob("*.xlsx"):
            read_results(path)  # whole, or not there at all
        again = await command(sandbox, tmp_path, *run, "-o", "2.xlsx")
        assert again.code == 0, again.err
    sheets = read_results(tmp_path / "2.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=1500)
    assert len(sheets.credentials) == 1500


async def test_a_results_file_that_does_not_fit_is_not_left_half_written(tmp_path):
    write_users(tmp_path / "u.csv", 3000)
    async with Sandbox() as sandbox:
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "1.xlsx", *FAST)
        size = (tmp_path / "1.xlsx").stat().st_size
        export = ("export", "1", "-o", "2.xlsx")
        full = await with_file_size_limit(sandbox, tmp_path, size // 2, *export)
        assert full.returncode == 2
        assert "bulk-provision export" in full.stderr
        assert not (tmp_path / "2.xlsx").exists()
        assert not list(tmp_path.glob("*.part")) + list(tmp_path.glob(".*.part"))
        assert (await command(sandbox, tmp_path, *export)).code == 0


async def refused_before_any_call(folder, expected, **env):
    write_users(folder / "u.csv", 3)
    async with Sandbox() as sandbox:
        result = await command(sandbox, folder, "run", "u.csv", *FAST, **env)
        assert not sandbox.vendor.arrivals
    assert result.code == 2, result.err
    assert expected in result.err
    assert "Traceback" not in result.err


async def made_ledger(folder):
    write_users(folder / "u.csv", 3)
    async with Sandbox() as sandbox:
        await command(sandbox, folder, "run", "u.csv", *FAST)
    return ledger_path(folder)


async def test_a_damaged_ledger_is_refused(tmp_path):
    path = await made_ledger(tmp_path)
    for leftover in path.parent.glob("ledger.db-*"):
        leftover.unlink()
    path.write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    await refused_before_any_call(tmp_path, "Restore it from a backup")


async def test_a_file_that_is_no_ledger_is_refused(tmp_path):
    path = ledger_path(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("dear diary, " * 100)
    await refused_before_any_call(tmp_path, "not a database")


async def test_a_ledger_of_a_newer_version_is_refused(tmp_path):
    path = await made_ledger(tmp_path)
    with sqlite3.connect(path) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
    ledger.close()
    await refused_before_any_call(tmp_path, "newer version")


async def test_a_missing_key_is_named(tmp_path):
    path = await made_ledger(tmp_path)
    path.with_name("ledger.db.key").unlink()
    await refused_before_any_call(tmp_path, "ledger.db.key")


async def test_a_wrong_key_is_refused(tmp_path):
    path = await made_ledger(tmp_path)
    key_file = path.with_name("ledger.db.key")
    key_file.write_text("A" * 43 + "=\n")
    await refused_before_any_call(tmp_path, "not the one that the ledger")


async def test_a_ledger_locked_by_another_program_is_told_after_a_while(tmp_path):
    path = await made_ledger(tmp_path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        await refused_before_any_call(tmp_path, "locked")
    finally:
        other.close()


async def test_a_folder_that_nobody_may_write_to_is_named(tmp_path):
    await refused_before_any_call(
        tmp_path, "cannot be opened for writing", BULK_PROVISION_LEDGER="/sys/ledger.db"
    )
