"""`bulk-provision reconcile`, the real command: drift beside the vendor's truth, and no change."""

import csv
import signal

import pytest

from bulk_provision.sandbox import Latency, Sandbox, SandboxOptions
from commands import command, ended, started
from sandbox_calls import until

FAST = ("--rate", "0", "--settle", "0")
THEIRS = tuple((f"other{n:02}", f"Their-Own-Word-{n}") for n in range(12))


def write(path, *rows):
    path.write_text("username,password\n" + "".join(f"{row}\n" for row in rows))


def drift_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {(row["drift"], row["username"]): row for row in csv.DictReader(file)}


async def an_account_that_drifted(sandbox, home):
    """Forty of ours; then somebody else was at work."""
    write(home / "u.csv", *(f"user{n:02}," for n in range(40)), "chosen,Chosen-Word-99")
    made = await command(sandbox, home, "run", "u.csv", "-o", "r.xlsx", *FAST)
    assert made.code == 0, made.err
    vendor = sandbox.vendor
    vendor.remove_sip("user03")
    vendor.update_sip("user04", "Changed-Since-4")
    vendor.update_sip("chosen", "Changed-Since-5")
    vendor.add_sip("=HYPERLINK(1)", "Their-Own-Word-x")
    write(
        home / "u.csv",
        *(f"user{n:02}," for n in range(38)),
        *("chosen,Chosen-Word-99", "newcomer,", "bad user,"),
        *("other01,Their-Own-Word-1", "other02,Not-Their-Word-2"),
    )


async def test_four_kinds_of_drift_and_nothing_is_changed(tmp_path):
    async with Sandbox(SandboxOptions(existing=THEIRS)) as sandbox:
        await an_account_that_drifted(sandbox, tmp_path)
        before, calls = dict(sandbox.vendor.endpoints), len(sandbox.vendor.arrivals)
        told = await command(sandbox, tmp_path, "reconcile", "u.csv", "-o", "d.csv", *FAST)
        assert {arrival.call for arrival in sandbox.vendor.arrivals[calls:]} == {"list_sip"}
        assert len(sandbox.vendor.arrivals) - calls == 6
        assert dict(sandbox.vendor.endpoints) == before
        asked = {f"user{n:02}" for n in range(38)} | {"chosen", "newcomer", "other01", "other02"}
        expected = (
            {("missing at TeleCMI", name) for name in asked - before.keys() - {"user03"}}
            | {("in no source", name) for name in before.keys() - asked}
            | {("password differs", name) for name in ("user04", "chosen", "other02")}
            | {("gone at TeleCMI", "user03")}
        )
    found = {(kind, name.removeprefix("'")): row for (kind, name), row in
             drift_of(tmp_path / "d.csv").items()}  # fmt: skip
    assert found.keys() == expected
    assert found["password differs", "chosen"]["row"] == "40"
    assert "nor the one that we set" in found["password differs", "chosen"]["note"]
    assert found["in no source", "user39"]["note"] == "an earlier run of ours made it"
    assert told.code == 1
    for line in (
        "1 in the source, and not at TeleCMI (run creates them)",
        "13 at TeleCMI, and in no source",
        "3 with another password at TeleCMI",
        "1 ours in the ledger, and gone at TeleCMI (run --recheck creates them again)",
        "Invalid, 1 time: It holds U+0020 SPACE",
    ):
        assert line in told.out
    heard = told.out + told.err + (tmp_path / "d.csv").read_text("utf-8-sig")
    assert "Word" not in heard, "no password of anybody"
    assert "Changed-Since" not in heard


@pytest.mark.parametrize("point", ["page-committed:2", "list-used"])
async def test_a_killed_reading_goes_on_where_it_was(tmp_path, point):
    existing = tuple((f"user{n:04}", "Their-Own-Word") for n in range(600))
    async with Sandbox(SandboxOptions(existing=existing, latency=Latency(0.01, 0.01))) as sandbox:
        told = await command(sandbox, tmp_path, "reconcile", *FAST, BULK_PROVISION_FAIL_AT=point)
        assert told.code == -signal.SIGKILL
        before = len(sandbox.vendor.arrivals)
        again = await command(sandbox, tmp_path, "reconcile", "--json", *FAST)
        calls = len(sandbox.vendor.arrivals) - before
    assert (again.json["found"], again.json["is_whole"]) == (600, True)
    assert again.json["drift"]["in_no_source"]["count"] == 600
    assert calls == again.json["calls"] < 60
    if point == "list-used":
        assert calls == 1, "all of it was there: the first page tells that it is the same list"


async def test_a_killed_run_in_its_reading_goes_on_too_and_then_makes_its_calls(tmp_path):
    existing = tuple((f"user{n:04}", "Their-Own-Word") for n in range(600))
    write(tmp_path / "u.csv", *(f"user{n:04}," for n in range(610)))
    async with Sandbox(SandboxOptions(existing=existing, latency=Latency(0.01, 0.01))) as sandbox:
        arguments = ("run", "u.csv", "-o", "r.xlsx", "--json", *FAST)
        await command(sandbox, tmp_path, *arguments, BULK_PROVISION_FAIL_AT="page-committed:3")
        assert not dict(sandbox.vendor.created)
        again = await command(sandbox, tmp_path, *arguments)
        assert (again.code, len(sandbox.vendor.created)) == (0, 10)
        assert again.json["outcomes"]["exists"] == 600


async def test_it_stops_when_it_is_told_to_and_goes_on_the_next_time(tmp_path):
    existing = tuple((f"user{n:04}", "Their-Own-Word") for n in range(600))
    async with Sandbox(SandboxOptions(existing=existing)) as sandbox:
        arguments = ("reconcile", "--rate", "40", "--json")
        async with started(sandbox, tmp_path, *arguments) as process:
            await until(lambda: len(sandbox.vendor.arrivals) >= 30)
            process.send_signal(signal.SIGTERM)
            told = await ended(process)
        assert told.code == told.json["exit_code"] == 143
        assert told.json["drift"]["gone"]["count"] is None
        calls = len(sandbox.vendor.arrivals)
        assert calls <= 30 + 10
        again = await command(sandbox, tmp_path, "reconcile", "--json", *FAST)
        assert (again.json["found"], again.json["is_whole"]) == (600, True)
        assert len(sandbox.vendor.arrivals) - calls <= 61 - 30 + 10  # what had a seat


async def test_plan_says_which_way_a_run_would_take_and_why(tmp_path):
    existing = tuple((f"user{n:04}", "Their-Own-Word") for n in range(200))
    write(tmp_path / "u.csv", *(f"user{n:04}," for n in range(250)))
    async with Sandbox(SandboxOptions(existing=existing)) as sandbox:
        first = await command(sandbox, tmp_path, "plan", "u.csv")
        assert "It begins with TeleCMI's list, because the ledger knows nothing" in first.out
        assert not sandbox.vendor.arrivals
        await command(sandbox, tmp_path, "reconcile", *FAST)
        after = await command(sandbox, tmp_path, "plan", "u.csv", "--json")
    assert after.json["calls"] == 50
    assert after.json["way"] == {
        "way": "rows",
        "why": "the ledger knows this account already",
        "listed": 200,
    }


async def test_an_account_of_several_is_compared_with_its_own_rows(tmp_path):
    write(tmp_path / "u.csv", "ada,,north", "bob,,south", "cyd,,north")
    (tmp_path / "u.csv").write_text(
        (tmp_path / "u.csv").read_text().replace("username,password", "username,password,site")
    )
    async with Sandbox() as north, Sandbox() as south:
        accounts = "".join(
            f'[accounts.{name}]\nappid = {sandbox.options.appid}\nsecret_env = "{name}"\n'
            f'base_url = "{sandbox.base_url}"\n'
            for name, sandbox in (("north", north), ("south", south))
        )
        (tmp_path / "job.toml").write_text(
            f'source = "u.csv"\naccount_column = "site"\nrate = 0\nresults_folder = "r"\n{accounts}'
        )
        secrets = {"north": north.options.secret, "south": south.options.secret}
        ran = await command(None, tmp_path, "run", "--job", "job.toml", **secrets)
        assert ran.code == 0, ran.err
        north.vendor.remove_sip("cyd")
        arguments = ("reconcile", "--job", "job.toml", "--json", "--account")
        told = [await command(None, tmp_path, *arguments, name, **secrets) for name in secrets]
    counts = [{kind: one["count"] for kind, one in one.json["drift"].items()} for one in told]
    assert counts[0] == {"missing": 0, "in_no_source": 0, "password": 0, "gone": 1}
    assert set(counts[1].values()) == {0}
