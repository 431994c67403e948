"""`bulk-provision run`, as a user runs it: a subprocess, a real file, the sandbox over sockets."""

import asyncio
import json
import signal
import stat
from pathlib import Path

import pytest

from bulk_provision import Account, Secret, provision
from bulk_provision.ledger import Ledger
from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from commands import command, ended, started
from truth import assert_true, read_results

FAST = ("--rate", "0", "--settle", "0.1")


def write_users(path: Path, count: int) -> None:
    lines = [f"user{n:04},,Person {n}" for n in range(count)]
    path.write_text("username,password,name\n" + "\n".join(lines) + "\n")


async def until_calls(sandbox: Sandbox, count: int) -> None:
    async with asyncio.timeout(30):
        while len(sandbox.vendor.arrivals) < count:
            await asyncio.sleep(0.01)


async def test_every_row_is_created_and_the_workbook_holds_what_the_vendor_holds(tmp_path):
    write_users(tmp_path / "users.csv", 40)
    async with Sandbox(SandboxOptions(existing=(("user0003", "theirs"),))) as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "users.csv", "-o", "r.xlsx", "--json", *FAST
        )
    told = result.json
    assert (result.code, told["exit_code"]) == (0, 0)
    assert told["outcomes"]["created"] == 39
    assert told["outcomes"]["exists"] == 1
    assert told["calls"] == 40
    assert told["results"] == ["r.xlsx"]
    sheets = read_results(tmp_path / "r.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=40)
    assert [row["username"] for row in sheets.skipped] == ["user0003"]
    assert stat.S_IMODE((tmp_path / "r.xlsx").stat().st_mode) == 0o600


async def test_json_is_the_only_thing_on_stdout_and_has_the_documented_keys(tmp_path):
    write_users(tmp_path / "users.csv", 2)
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "users.csv", "--json", *FAST)
    assert set(json.loads(result.out)) == {
        "run_id", "account", "source", "rows", "outcomes", "calls", "seconds", "results",
        "exit_code",
    }  # fmt: skip
    assert set(json.loads(result.out)["outcomes"]) == {
        "created", "unchanged", "exists", "failed", "in_doubt", "unprocessed", "invalid",
    }  # fmt: skip
    for line in result.err.splitlines():
        json.loads(line)  # the log is JSON lines when stderr is no terminal


async def test_the_default_results_file_lies_beside_the_source(tmp_path):
    write_users(tmp_path / "users.csv", 1)
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "users.csv", "--json", *FAST)
    (path,) = result.json["results"]
    assert Path(path).name.startswith("users-results-2")
    assert (tmp_path / path).exists()


async def test_a_repeated_run_calls_nothing_and_hands_over_the_same_credentials(tmp_path):
    write_users(tmp_path / "users.csv", 20)
    async with Sandbox(SandboxOptions(existing=(("user0007", "theirs"),))) as sandbox:
        await command(sandbox, tmp_path, "run", "users.csv", "-o", "1.xlsx", *FAST)
        before = len(sandbox.vendor.arrivals)
        again = await command(
            sandbox, tmp_path, "run", "users.csv", "-o", "2.xlsx", "--json", *FAST
        )
        assert len(sandbox.vendor.arrivals) == before
    assert again.code == 0
    assert again.json["calls"] == 0
    assert again.json["outcomes"]["unchanged"] == 19
    assert again.json["outcomes"]["exists"] == 1
    first, second = read_results(tmp_path / "1.xlsx"), read_results(tmp_path / "2.xlsx")
    passwords = [[row["password"] for row in sheets.credentials] for sheets in (first, second)]
    assert passwords[0] == passwords[1]


@pytest.mark.parametrize("after", [1, 25, 60])
async def test_a_run_killed_in_mid_flight_loses_nothing_when_it_is_run_again(tmp_path, after):
    write_users(tmp_path / "users.csv", 80)
    async with Sandbox(SandboxOptions()) as sandbox:
        arguments = ("run", "users.csv", "--rate", "200", "--settle", "0.1")
        async with started(sandbox, tmp_path, *arguments, "-o", "1.xlsx") as process:
            await until_calls(sandbox, after)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        again = await command(sandbox, tmp_path, *arguments, "-o", "2.xlsx", "--json")
    assert again.code == 0, again.err
    sheets = read_results(tmp_path / "2.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=80)
    assert len(sheets.credentials) == 80
    killed = await command(None, tmp_path, "show", "1")
    assert "interrupted" in killed.out


async def test_a_refused_account_stops_the_run_at_once(tmp_path):
    write_users(tmp_path / "users.csv", 200)
    faults = FaultPlan.parse("420@from:20")
    async with Sandbox(SandboxOptions(faults=faults)) as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "users.csv", "-o", "r.xlsx", "--json", *FAST
        )
        sheets = read_results(tmp_path / "r.xlsx")
        assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=200)
        assert len(sandbox.vendor.arrivals) <= 20 + 10  # the calls under way may end
        assert result.code == 3
        # The first of the 19 good answers was that of list_sip: nobody is there yet.
        assert sheets.outcomes == {"created": 18, "unprocessed": 182}
        sandbox.faults = FaultPlan()
        again = await command(
            sandbox, tmp_path, "run", "users.csv", "-o", "2.xlsx", "--json", *FAST
        )
    assert again.code == 0
    assert again.json["outcomes"]["created"] == 182


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_stops_sending_and_the_results_are_still_written(tmp_path, number, code):
    write_users(tmp_path / "users.csv", 500)
    async with Sandbox() as sandbox:
        arguments = ("run", "users.csv", "-o", "r.xlsx", "--rate", "100", "--json")
        async with started(sandbox, tmp_path, *arguments) as process:
            await until_calls(sandbox, 10)
            process.send_signal(number)
            result = await ended(process)
    assert result.code == code
    sheets = read_results(tmp_path / "r.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=500)
    assert sheets.outcomes["created"] == len(sandbox.vendor.endpoints)
    assert sheets.outcomes["in_doubt"] == 0  # the calls under way were let to their end
    assert sheets.outcomes["unprocessed"] == 500 - len(sandbox.vendor.endpoints)


async def test_a_second_ctrl_c_does_not_wait_and_leaves_the_calls_under_way_in_doubt(tmp_path):
    write_users(tmp_path / "users.csv", 50)
    faults = FaultPlan.parse("slow:30@from:6")
    async with Sandbox(SandboxOptions(faults=faults)) as sandbox:
        arguments = ("run", "users.csv", "-o", "r.xlsx", "--rate", "0", "--json")
        async with started(sandbox, tmp_path, *arguments) as process:
            await until_calls(sandbox, 10)
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.3)  # two signals at the same moment would be one
            assert process.returncode is None
            process.send_signal(signal.SIGINT)
            result = await ended(process)
        assert result.code == 130
        sheets = read_results(tmp_path / "r.xlsx")
        assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=50)
        assert sheets.outcomes["in_doubt"] >= 1


async def test_a_source_that_cannot_be_read_calls_nothing(tmp_path):
    (tmp_path / "users.csv").write_text("name,department\nAda,Sales\n")
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "users.csv")
        assert not sandbox.vendor.arrivals
    assert result.code == 2
    assert "username" in result.err
    assert "Traceback" not in result.err


async def test_an_existing_results_file_is_refused_before_anything_is_called(tmp_path):
    write_users(tmp_path / "users.csv", 1)
    (tmp_path / "r.xlsx").write_text("mine")
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "users.csv", "-o", "r.xlsx")
        assert not sandbox.vendor.arrivals
    assert result.code == 2
    assert (tmp_path / "r.xlsx").read_text() == "mine"


async def test_a_second_run_on_the_same_account_ends_with_5_and_names_the_holder(tmp_path):
    write_users(tmp_path / "users.csv", 300)
    async with Sandbox() as sandbox:
        async with started(sandbox, tmp_path, "run", "users.csv", "--rate", "50") as first:
            await until_calls(sandbox, 3)
            second = await command(sandbox, tmp_path, "run", "users.csv", "-o", "2.xlsx")
            assert second.code == 5
            assert f"process {first.pid}" in second.err
            first.send_signal(signal.SIGINT)
            await ended(first)


async def test_a_second_run_that_waits_gets_its_turn(tmp_path):
    write_users(tmp_path / "users.csv", 30)
    async with Sandbox() as sandbox:
        async with started(sandbox, tmp_path, "run", "users.csv", "--rate", "20") as first:
            await until_calls(sandbox, 3)
            second = await command(
                sandbox, tmp_path, "run", "users.csv", "-o", "2.xlsx", "--json", "--wait", "60"
            )
            assert (await ended(first)).code == 0
    assert second.code == 0
    assert second.json["outcomes"]["unchanged"] == 30


async def test_the_secret_is_never_taken_from_a_flag(tmp_path):
    result = await command(None, tmp_path, "run", "users.csv", "--secret", "x")
    assert result.code == 2
    assert "No such option" in result.err


async def test_no_secret_appears_in_the_log_the_ledger_or_on_a_failure(tmp_path):
    (tmp_path / "users.csv").write_text(
        "username,password\nada,Marked-Pass-1\nbad user,Marked-Pass-2\nada,Marked-Pass-3\n"
    )
    options = SandboxOptions(secret="Marked-Secret", faults=FaultPlan.parse("garbage@1"))
    async with Sandbox(options) as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "users.csv", "-o", "r.xlsx", "--json", *FAST
        )
        assert result.code == 1
    everything = result.out + result.err
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            everything += path.read_bytes().decode("latin-1")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert "Marked" not in everything


async def test_csv_on_stdin_is_read(tmp_path):
    async with Sandbox() as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "-", "-o", "r.xlsx", "--json", *FAST, stdin=b"username\nada\n"
        )
    assert result.json["outcomes"]["created"] == 1
    assert list(sandbox.vendor.endpoints) == ["ada"]


async def test_export_writes_the_results_again(tmp_path):
    write_users(tmp_path / "users.csv", 5)
    async with Sandbox() as sandbox:
        await command(sandbox, tmp_path, "run", "users.csv", "-o", "1.xlsx", *FAST)
    result = await command(None, tmp_path, "export", "1", "-o", "again.xlsx")
    assert result.code == 0
    assert read_results(tmp_path / "again.xlsx") == read_results(tmp_path / "1.xlsx")


async def test_plan_says_what_would_be_done_and_calls_nothing(tmp_path):
    (tmp_path / "users.csv").write_text("username,password\nada,\nbad user,\nada,\n")
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "plan", "users.csv", "--json")
        assert not sandbox.vendor.arrivals
    assert result.code == 1
    assert result.json["actions"] == {"create": 1}
    assert result.json["remembered"] == {"invalid": 2}
    runs = await command(None, tmp_path, "runs")
    assert "No runs yet" in runs.out


async def test_a_cancelled_wait_for_the_account_does_not_take_it_later(tmp_path):
    write_users(tmp_path / "users.csv", 2)
    place = str(tmp_path / "ledger.db")
    account = Account(1, Secret("x"), "http://127.0.0.1:9/v1")
    with Ledger(place) as ledger:
        book = ledger.book(account.appid, account.base_url)
        with book.lease(wait=0):
            waiting = asyncio.create_task(
                provision(tmp_path / "users.csv", account, ledger=place, wait=60)
            )
            await asyncio.sleep(1.0)  # until it waits; nothing tells of that from outside
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        with book.lease(wait=0):
            pass  # it is free


async def test_ctrl_c_while_waiting_for_the_account_ends_with_130(tmp_path):
    write_users(tmp_path / "users.csv", 300)
    async with Sandbox() as sandbox:
        async with started(sandbox, tmp_path, "run", "users.csv", "--rate", "20") as first:
            await until_calls(sandbox, 1)
            waits = ("run", "users.csv", "-o", "2.xlsx", "--wait", "60")
            async with started(sandbox, tmp_path, *waits) as second:
                assert second.stderr is not None
                assert b"waiting" in await second.stderr.readline()
                second.send_signal(signal.SIGINT)
                result = await ended(second)
            first.send_signal(signal.SIGINT)
            await ended(first)
    assert result.code == 130
    assert "Nothing was called" in result.err
