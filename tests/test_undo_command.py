"""`bulk-provision undo`, as a user runs it: a subprocess, a real ledger, the sandbox."""

import asyncio
import json
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import openpyxl
import pytest

from bulk_provision import Account, Pace, Secret
from bulk_provision import job as jobs
from bulk_provision.failpoints import POINTS
from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from commands import command, ended, started
from terminal import at_a_terminal

FAST = ("--rate", "0", "--settle", "0.1")
LOSE_TWO = FaultPlan.parse("add_sip:drop-after-commit@1-2")
THEIRS = (("user0003", "theirs-1"), ("user00", "theirs-2"), ("user00030", "theirs-3"))


@pytest.fixture
def vendor():
    return Sandbox(SandboxOptions(existing=THEIRS))


def write_users(path, count, password=""):
    lines = [f"user{n:04},{password},Person {n}" for n in range(count)]
    path.write_text("username,password,name\n" + "\n".join(lines) + "\n")


async def provision(sandbox, home, count=12, password=""):
    """Let run 1 create them, in this process: what is tested is the command that undoes it."""
    write_users(home / "users.csv", count, password)
    account = Account(sandbox.options.appid, Secret(sandbox.options.secret), sandbox.base_url)
    ledger = str(home / "data" / "bulk-provision" / "ledger.db")
    pace = Pace(rate=None, settle=0.1)
    return await jobs.provision(
        home / "users.csv", account, pace=pace, results=home / "run.xlsx", ledger=ledger
    )


async def undo(sandbox, home, *arguments, **env):
    """Undo run 1, with nothing but the secret in the environment: the ledger knows the account."""
    secret = {"BULK_PROVISION_SECRET": sandbox.options.secret}
    return await command(None, home, "undo", "1", *FAST, *arguments, **secret, **env)


def sheets(path):
    book = openpyxl.load_workbook(path)
    return {
        name: [[cell or "" for cell in row] for row in book[name].iter_rows(values_only=True)]
        for name in book.sheetnames
    }


def in_ledger(home, query):
    with closing(sqlite3.connect(home / "data" / "bulk-provision" / "ledger.db")) as ledger:
        return ledger.execute(query).fetchall()


async def test_it_removes_exactly_what_the_run_created_and_writes_a_workbook_about_it(
    vendor, tmp_path
):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path)
        sandbox.vendor.update_sip("user0005", "changed-by-others")
        sandbox.vendor.remove_sip("user0006")
        passwords = set(sandbox.vendor.endpoints.values())
        result = await undo(sandbox, tmp_path, "--yes", "1", "-o", "u.xlsx", "--json")
        assert sandbox.vendor.endpoints == {**dict(THEIRS), "user0005": "changed-by-others"}
    assert result.code == 0, result.err
    told = result.json
    assert told["outcomes"] == {
        "removed": 9, "gone": 1, "kept": 1, "failed": 0, "in_doubt": 0, "unprocessed": 0
    }  # fmt: skip
    assert (told["run_id"], told["undoes"], told["rows"], told["calls"]) == (2, 1, 11, 20)
    book = sheets(tmp_path / "u.xlsx")
    assert list(book) == ["Summary", "Removed", "Kept", "Failed"]
    assert [row[1] for row in book["Kept"][1:]] == ["user0005"]
    assert [(row[1], row[4]) for row in book["Removed"][1:]] == [
        (f"user{n:04}", "gone" if n == 6 else "removed") for n in range(12) if n not in (3, 5)
    ]
    assert book["Removed"][1][8] == "Person 0"
    assert not passwords & {cell for rows in book.values() for row in rows for cell in row}
    assert not any(password in result.err for password in passwords)


async def test_the_plan_says_how_many_and_why_not_the_others_and_calls_nothing(vendor, tmp_path):
    vendor.options = replace(vendor.options, faults=LOSE_TWO)
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 5, "Sheet-Pass-9")
        calls = len(sandbox.vendor.arrivals)
        shown = await undo(sandbox, tmp_path, "--plan", "--rate", "2")
        as_json = await undo(sandbox, tmp_path, "--plan", "--json")
        assert len(sandbox.vendor.arrivals) == calls
    assert "2 kept (each row says why)" in shown.out
    assert "--include-confirmed" in shown.out
    assert "2 to remove, if they are still ours" in shown.out
    assert "4 calls, about 2.0 s at the configured rate" in shown.out
    told = json.loads(as_json.out)
    assert (told["rows"], told["remembered"], told["actions"]) == (4, {"kept": 2}, {"remove": 2})
    assert [(kept["kind"], kept["count"]) for kept in told["kept"]] == [("kept-confirmed", 2)]


async def test_confirmed_by_read_back_alone_it_is_left_out_unless_asked_for(tmp_path):
    async with Sandbox(SandboxOptions(faults=LOSE_TWO)) as sandbox:
        await provision(sandbox, tmp_path, 5, "Sheet-Pass-9")
        result = await undo(sandbox, tmp_path, "--yes", "1", "--csv", "-o", "u", "--json")
        assert result.json["outcomes"]["kept"] == 2
        assert len(sandbox.vendor.endpoints) == 2
        assert sorted(path.name for path in tmp_path.glob("u-*.csv")) == [
            "u-failed.csv", "u-kept.csv", "u-removed.csv", "u-unprocessed.csv"
        ]  # fmt: skip
        assert "--include-confirmed" in (tmp_path / "u-kept.csv").read_text("utf-8-sig")
        asked = ("--yes", "1", "--include-confirmed", "-o", "all.xlsx", "--json")
        assert (await undo(sandbox, tmp_path, *asked)).json["outcomes"]["removed"] == 2
        assert sandbox.vendor.endpoints == {}


async def test_at_a_terminal_the_number_of_the_run_is_to_be_typed(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 3)
        for typed, code in (("y", 2), ("1", 0)):
            arguments = ("undo", "1", "-o", f"u{code}.xlsx", *FAST)
            async with at_a_terminal(sandbox, tmp_path, *arguments) as terminal:
                await terminal.asks("type the number of the run (1)")
                assert "3 to remove" in terminal.shown
                terminal.type(typed)
                assert (await terminal.ended()).code == code
            assert ("user0001" in sandbox.vendor.endpoints) is (code != 0)


REFUSED = {
    (): "there is no terminal to ask for your consent",
    ("--yes", "2"): "--yes 2 is not the run that is to be undone: 1",
    ("--yes", "1", "--appid", "77"): "was made for the account 1000001 at",
    ("--yes", "1", "--base-url", "http://localhost:1"): "not for 1000001 at http://localhost:1",
    ("--yes", "1", "-o", "run.xlsx"): "exists already",
}


async def test_what_is_refused_removes_nothing(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 1)
        calls = len(sandbox.vendor.arrivals)
        for arguments, told in REFUSED.items():
            result = await undo(sandbox, tmp_path, *arguments)
            assert (result.code, told in result.err) == (2, True), result.err
        assert len(sandbox.vendor.arrivals) == calls


async def test_an_account_by_name_is_compared_and_found(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 1)
        accounts = "".join(
            f'[accounts.{name}]\nappid = {appid}\nbase_url = "{sandbox.base_url}"\n'
            'secret_env = "PBX_SECRET"\n'
            for name, appid in (("mine", sandbox.options.appid), ("other", 5))
        )
        (tmp_path / "job.toml").write_text(f'source = "users.csv"\n{accounts}')
        arguments = ("undo", "1", "--yes", "1", "--job", "job.toml", "-o", "u.xlsx", *FAST)
        secret = {"PBX_SECRET": sandbox.options.secret}
        other = await command(None, tmp_path, *arguments, "--account", "other", **secret)
        assert (other.code, "user0000" in sandbox.vendor.endpoints) == (2, True)
        found = await command(None, tmp_path, *arguments, **secret)
        assert (found.code, "user0000" in sandbox.vendor.endpoints) == (0, False), found.err


async def test_a_wrong_secret_ends_with_3_and_leaves_everything(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 3)
        wrong = {"BULK_PROVISION_SECRET": "wrong"}
        arguments = ("undo", "1", "--yes", "1", "-o", "u.xlsx", "--json", *FAST)
        result = await command(None, tmp_path, *arguments, **wrong)
        assert (result.code, result.json["outcomes"]["unprocessed"]) == (3, 3)
        assert len(sandbox.vendor.endpoints) == len(THEIRS) + 3
    assert in_ledger(tmp_path, "SELECT DISTINCT state FROM endpoints") == [("created",)]


async def test_runs_show_and_export_know_an_undo(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 2)
        await undo(sandbox, tmp_path, "--yes", "1", "-o", "u.xlsx")
    assert "undo of run 1" in (await command(None, tmp_path, "runs")).out
    shown = (await command(None, tmp_path, "show", "2", "--rows")).out
    assert "undoes   run 1" in shown
    assert "2\tuser0000\tremoved\tRemoved." in shown
    exported = await command(None, tmp_path, "export", "2", "-o", "again.xlsx")
    assert exported.code == 0
    assert sheets(tmp_path / "again.xlsx")["Removed"] == sheets(tmp_path / "u.xlsx")["Removed"]
    undone = await command(None, tmp_path, "undo", "2", "--yes", "2")
    assert (undone.code, "is itself an undo" in undone.err) == (2, True)


async def test_a_signal_stops_it_and_the_next_one_goes_on(vendor, tmp_path):
    async with vendor as sandbox:
        await provision(sandbox, tmp_path, 40)
        secret = {"BULK_PROVISION_SECRET": sandbox.options.secret}
        arguments = ("undo", "1", "--yes", "1", "--rate", "30", "--json")
        async with started(None, tmp_path, *arguments, "-o", "u1.xlsx", **secret) as process:
            async with asyncio.timeout(30):
                while not any(arrival.call == "remove_sip" for arrival in sandbox.vendor.arrivals):
                    await asyncio.sleep(0.01)
            process.send_signal(signal.SIGINT)
            stopped = await ended(process)
        assert stopped.code == 130
        assert stopped.json["outcomes"]["unprocessed"] > 0
        assert sum(stopped.json["outcomes"].values()) == 39
        assert (await undo(sandbox, tmp_path, "--yes", "1", "-o", "u2.xlsx")).code == 0
        assert sandbox.vendor.endpoints == dict(THEIRS)


KILLS = (
    *("intent-committing", "intent-committed", "request-sent:2", "answer-received:5"),
    *("outcome-committing", "outcome-committed", "run-closing", "results-writing"),
)


async def test_killed_at_each_step_in_turn_it_still_removes_each_once_and_nothing_else(tmp_path):
    assert {kill.partition(":")[0] for kill in KILLS} <= set(POINTS)
    faults = FaultPlan.parse("remove_sip:drop-after-commit@every:7")
    options = SandboxOptions(existing=THEIRS, faults=faults)
    async with Sandbox(options) as sandbox:
        await provision(sandbox, tmp_path, 120)
        pace = ("--rate", "150", "--concurrency", "2", "--yes", "1")
        struck = 0
        for number, kill in enumerate(KILLS):
            at = {"BULK_PROVISION_FAIL_AT": kill}
            killed = await undo(sandbox, tmp_path, *pace, "-o", f"u{number}.xlsx", **at)
            struck += killed.code == -signal.SIGKILL
            assert killed.code in (0, -signal.SIGKILL), f"{kill}: {killed.err}"
            assert dict(THEIRS).items() <= sandbox.vendor.endpoints.items()
        last = await undo(sandbox, tmp_path, *pace, "-o", "last.xlsx", "--json")
        assert last.code == 0, last.err
        assert sandbox.vendor.endpoints == dict(THEIRS)
    assert struck == len(KILLS)
    assert in_ledger(tmp_path, "SELECT state, count(*) FROM endpoints GROUP BY state") == [
        ("exists", len(THEIRS)), ("removed", 119)
    ]  # fmt: skip
    told = "SELECT count(DISTINCT username) FROM rows WHERE outcome = 'removed'"
    assert in_ledger(tmp_path, told) == [(119,)]
    arrivals = sandbox.vendor.arrivals
    done = [one.username for one in arrivals if one.call == "remove_sip" and one.code == 200]
    assert len(done) == len(set(done)) == 119
    open_still = "SELECT count(*) FROM rows WHERE coalesce(outcome, 'in_doubt') = 'in_doubt'"
    assert in_ledger(tmp_path, open_still) == [(0,)]
    assert in_ledger(tmp_path, "SELECT count(*) FROM runs WHERE ended_at IS NULL") == [(0,)]
