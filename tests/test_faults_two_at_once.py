"""Two runs and one account: one pace, one holder, and a stopped holder that wakes up too late."""

import asyncio
import signal
import sqlite3

from bulk_provision.sandbox import Latency, Sandbox, SandboxOptions
from commands import command, ended, started
from truth import assert_true, read_results


def write_users(path, first, count):
    lines = [f"user{n:04}," for n in range(first, first + count)]
    path.write_text("username,password\n" + "\n".join(lines) + "\n")


async def until_calls(sandbox, count):
    async with asyncio.timeout(60):
        while len(sandbox.vendor.arrivals) < count:
            await asyncio.sleep(0.01)


def stopped_between_commits(process, ledger):
    """SIGSTOP a process at a moment at which it does not hold SQLite's lock."""
    while True:
        process.send_signal(signal.SIGSTOP)
        try:
            with sqlite3.connect(ledger, timeout=0, isolation_level=None) as probe:
                probe.execute("BEGIN IMMEDIATE")
                probe.execute("ROLLBACK")
        except sqlite3.OperationalError:
            process.send_signal(signal.SIGCONT)
        else:
            return
        finally:
            probe.close()


def worst_second(sandbox):
    """The most calls within 0.9 s: a tenth is left to the jitter of a busy test machine."""
    moments = sorted(arrival.at for arrival in sandbox.vendor.arrivals)
    worst, first = 0, 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 0.9:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


async def test_the_limit_holds_over_two_runs_that_follow_each_other(tmp_path):
    write_users(tmp_path / "a.csv", 0, 40)
    write_users(tmp_path / "b.csv", 100, 40)
    async with Sandbox() as sandbox:
        rate = ("--rate", "20", "--wait", "60", "--json")
        async with started(sandbox, tmp_path, "run", "a.csv", *rate) as first:
            await until_calls(sandbox, 2)
            second = await command(sandbox, tmp_path, "run", "b.csv", *rate)
            assert (await ended(first)).code == 0
    assert second.code == 0
    assert len(sandbox.vendor.created) == 80
    assert worst_second(sandbox) <= 20


async def test_a_killed_holder_is_noticed_at_once(tmp_path):
    write_users(tmp_path / "a.csv", 0, 200)
    async with Sandbox() as sandbox:
        async with started(sandbox, tmp_path, "run", "a.csv", "--rate", "20") as first:
            await until_calls(sandbox, 3)
            first.kill()
            await first.wait()
        second = await command(sandbox, tmp_path, "run", "a.csv", "--rate", "0", "--json")
    assert second.code == 0, "it did not have to wait for the lease to expire"


async def test_a_stopped_holder_loses_its_lease_and_sends_nothing_when_it_wakes_up(tmp_path):
    write_users(tmp_path / "a.csv", 0, 300)
    write_users(tmp_path / "b.csv", 1000, 5)
    short = {"BULK_PROVISION_LEASE_SECONDS": "3"}
    async with Sandbox(SandboxOptions(latency=Latency(0.05, 0.05))) as sandbox:
        arguments = ("run", "a.csv", "-o", "a.xlsx", "--rate", "20", "--json")
        async with started(sandbox, tmp_path, *arguments, **short) as sleeper:
            await until_calls(sandbox, 5)
            stopped_between_commits(sleeper, tmp_path / "data" / "bulk-provision" / "ledger.db")
            second = await command(
                sandbox, tmp_path, "run", "b.csv", "--json", "--wait", "30", "--settle", "0.1",
                **short,
            )  # fmt: skip
            assert second.code == 0, second.err
            before = len(sandbox.vendor.arrivals)
            sleeper.send_signal(signal.SIGCONT)
            woken = await ended(sleeper)
            assert len(sandbox.vendor.arrivals) == before, "it sent something after it woke up"
        assert woken.code == 4
        assert "taken" in woken.err + woken.out
        again = await command(
            sandbox, tmp_path, "run", "a.csv", "-o", "2.xlsx", "--rate", "0", "--json"
        )
    assert again.code == 0
    sheets = read_results(tmp_path / "2.xlsx")
    created = {name: n for name, n in sandbox.vendor.created.items() if name < "user1000"}
    assert_true(sheets, sandbox.vendor.endpoints, created, rows=300)
    assert max(sandbox.vendor.created.values()) == 1


async def test_two_accounts_in_one_ledger_run_side_by_side(tmp_path):
    write_users(tmp_path / "a.csv", 0, 30)
    async with Sandbox() as one, Sandbox() as other:
        arguments = ("run", "a.csv", "--rate", "15", "--json", "--ledger", "both.db")
        async with (
            started(one, tmp_path, *arguments, "-o", "1.xlsx") as first,
            started(other, tmp_path, *arguments, "-o", "2.xlsx") as second,
        ):
            results = await asyncio.gather(ended(first), ended(second))
    assert [result.code for result in results] == [0, 0]
    for sandbox, name in ((one, "1.xlsx"), (other, "2.xlsx")):
        sheets = read_results(tmp_path / name)
        assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=30)
    spans = [
        (sandbox.vendor.arrivals[0].at, sandbox.vendor.arrivals[-1].at) for sandbox in (one, other)
    ]
    assert max(start for start, _ in spans) < min(end for _, end in spans), "one after the other"
