"""Jobs through the real command: limits, canaries, deadlines, inboxes, accounts side by side."""

import asyncio
import json
import os
import re
import signal
import time

import openpyxl
import pytest

from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from commands import command, ended, started
from truth import assert_true, read_results

QUICK = ("--rate", "0", "--settle", "0.1")


def write_people(path, *names, password=""):
    path.write_text("username,password\n" + "".join(f"{name},{password}\n" for name in names))


def people(count, start=0):
    return [f"user{number:04}" for number in range(start, start + count)]


def write_job(folder, text, name="nightly"):
    path = folder / f"{name}.toml"
    path.write_text('source = "people.csv"\nrate = 0\nsettle = 0.1\nledger = "l.db"\n' + text)
    return path.name


def log_of(result):
    """The log's lines, by event."""
    return {line["event"]: line for line in map(json.loads, result.err.splitlines())}


# -- limits --


async def test_a_truncated_source_stops_before_any_call_and_the_next_whole_one_is_compared_with_the_last_whole_one(  # noqa: E501
    tmp_path,
):
    job = write_job(tmp_path, 'stop_if_vanished = "10%"\nstop_if_new = "50%"\n')
    async with Sandbox() as sandbox:
        write_people(tmp_path / "people.csv", *people(40))
        first = await command(sandbox, tmp_path, "run", "--job", job)
        assert first.code == 0, "the first run has nothing to be compared with"
        calls = len(sandbox.vendor.arrivals)
        write_people(tmp_path / "people.csv", *people(20))
        for _ in range(2):  # the truncated one does not become the measure
            truncated = await command(sandbox, tmp_path, "run", "--job", job)
            assert truncated.code == 6
            assert len(sandbox.vendor.arrivals) == calls
        told = log_of(truncated)["ended"]
        assert "20 of the 40 users of run 1 are not in the source any more" in told["reason"]
        assert "(allowed: 10 %)" in told["reason"]
        write_people(tmp_path / "people.csv", *people(38), *people(3, 100))
        grown = await command(sandbox, tmp_path, "run", "--job", job)
        assert grown.code == 0, grown.err
        assert log_of(grown)["ended"]["outcomes"] == {"created": 3, "unchanged": 38}
        write_people(tmp_path / "people.csv", *people(10, 200))
        other = await command(sandbox, tmp_path, "run", "--job", job)
        assert other.code == 6
        assert "10 of 10 rows are new (allowed: 50 %)" in log_of(other)["ended"]["reason"]
        meant = await command(sandbox, tmp_path, "run", "--job", job, "--ignore-limits")
        assert meant.code == 0
    assert len(sandbox.vendor.created) == 53


async def test_invalid_rows_are_counted_from_the_first_run_on(tmp_path):
    write_people(tmp_path / "people.csv", "ada", "no good", "bob")
    async with Sandbox() as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "people.csv", *QUICK, "--stop-if-invalid", "0", "--json"
        )
        assert result.code == 6
        assert result.json["outcomes"]["unprocessed"] == 2
        assert not sandbox.vendor.arrivals
        allowed = await command(
            sandbox, tmp_path, "run", "people.csv", *QUICK, "--stop-if-invalid", "34%", "--json"
        )
        assert allowed.json["outcomes"]["created"] == 2
    assert "1 of 3 rows are invalid (allowed: 0)" in result.err


# -- canaries --


async def test_canaries_are_created_and_read_back_before_all_others(tmp_path):
    write_people(tmp_path / "people.csv", "eve", *people(6))
    async with Sandbox(SandboxOptions(existing=(("eve", "hers"),))) as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "people.csv", *QUICK, "--canary", "2", "--json"
        )
        first = [(one.call, one.username) for one in sandbox.vendor.arrivals[:5]]
    assert result.code == 0
    assert result.json["outcomes"] | {"created": 6, "exists": 1} == result.json["outcomes"]
    assert first == [
        ("add_sip", "eve"),  # exists: no canary
        ("add_sip", "user0000"),
        ("get_sip", "user0000"),
        ("add_sip", "user0001"),
        ("get_sip", "user0001"),
    ]


@pytest.mark.parametrize(
    ("fault", "told", "outcome"),
    [
        ("get_sip:json-400@1", "created, and then that there is no such username", "in_doubt"),
        ("get_sip:garbage", "it could not be read back", "created"),
        ("add_sip:json-502@1", "did not do well: TeleCMI refused it", "failed"),
    ],
)
async def test_one_canary_that_does_not_do_well_stops_all_others(tmp_path, fault, told, outcome):
    write_people(tmp_path / "people.csv", *people(30))
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse(fault))) as sandbox:
        run = ("run", "people.csv", *QUICK, "--json", "-o", "r.xlsx", "--attempts", "2", "--yes")
        result = await command(sandbox, tmp_path, *run, "--canary", "2")
        assert result.code == 4
        assert "the canary 'user0000'" in result.err
        assert told in result.err
        outcomes = result.json["outcomes"]
        assert outcomes | {outcome: 1, "unprocessed": 29} == outcomes
        endpoints, created = sandbox.vendor.endpoints, sandbox.vendor.created
        assert_true(read_results(tmp_path / "r.xlsx"), endpoints, created, rows=30)


# -- deadlines --


async def test_a_run_that_passes_its_deadline_stops_cleanly_and_the_next_one_continues(tmp_path):
    write_people(tmp_path / "people.csv", *people(140))
    async with Sandbox() as sandbox:
        run = ("run", "people.csv", "--rate", "10", "--json", "--yes", "-o", "r.xlsx")
        late = await command(sandbox, tmp_path, *run, "--deadline", "6s")
        assert late.code == 7
        assert 0 < late.json["outcomes"]["created"] < 140
        assert late.json["outcomes"]["created"] + late.json["outcomes"]["unprocessed"] == 140
        assert late.json["outcomes"]["created"] == len(sandbox.vendor.created)
        assert "the deadline (6s) passed" in late.err
        rest = await command(sandbox, tmp_path, *run, "--rate", "0", "--deadline", "1h")
        assert rest.code == 0
    assert rest.json["outcomes"]["created"] == 140 - late.json["outcomes"]["created"]
    assert len(sandbox.vendor.created) == 140


# -- inboxes --


async def test_an_inbox_is_worked_off_and_what_cannot_be_read_is_put_aside(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    old = time.time() - 60
    for name, text in (
        ("b.csv", "username\nbob\n"),
        ("a.csv", "username\nada\nno good\n"),
        ("c.xlsx", "nothing"),
    ):
        (inbox / name).write_text(text)
        os.utime(inbox / name, (old, old))
    (inbox / "half.csv").write_text("username\nhal")
    soon = time.time() + 50  # by the clock of a file server: so that a slow machine finds it fresh
    os.utime(inbox / "half.csv", (soon, soon))
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "inbox", *QUICK, "--json")
        assert sorted(sandbox.vendor.created) == ["ada", "bob"]
    assert result.code == 2
    runs, (trouble,) = result.json["runs"], result.json["troubles"]
    assert [run["source"] for run in runs] == ["inbox/a.csv", "inbox/b.csv"]
    assert [run["exit_code"] for run in runs] == [1, 0]
    assert trouble["source"] == "inbox/c.xlsx"
    assert trouble["what"] in result.err

    def names(folder):
        return sorted(path.name.partition("-")[2] for path in (inbox / folder).glob("*.*"))

    assert (names("done"), names("failed")) == (["a.csv", "b.csv"], ["c.xlsx"])
    assert (inbox / "half.csv").exists(), "it may still be written"
    assert len(list((inbox / "results").glob("*.xlsx"))) == 2, (
        "beside the sources they would be run"
    )


async def test_an_empty_inbox_is_nothing_to_do(tmp_path):
    (tmp_path / "inbox").mkdir()
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "inbox")
        assert not sandbox.vendor.arrivals
    assert (result.code, result.out) == (0, "Nothing to do: the inbox is empty.\n")


# -- several accounts --


def accounts(*sandboxes, rate=0):
    """Tables of accounts, each at a sandbox of its own."""
    return 'account_column = "Account"\n' + "".join(
        f"[accounts.{name}]\nappid = {sandbox.options.appid}\n"
        f'secret_env = "SECRET_{name.upper()}"\n'
        f'base_url = "{sandbox.base_url}"\nrate = {rate}\n'
        for name, sandbox in zip(("north", "south"), sandboxes, strict=True)
    )


async def test_rows_go_to_the_accounts_that_they_name_side_by_side(tmp_path):
    (tmp_path / "people.csv").write_text(
        "username,Account\n"
        + "".join(f"n{i},north\ns{i}, south \n" for i in range(40))
        + "same,north\nsame,south\nlost,nowhere\nblank,\n"
    )
    async with (
        Sandbox(SandboxOptions(secret="a")) as north,
        Sandbox(SandboxOptions(secret="b")) as south,
    ):
        job = tmp_path / "job.toml"
        job.write_text('source = "people.csv"\nledger = "l.db"\n' + accounts(north, south, rate=15))
        secrets = {"SECRET_NORTH": "a", "SECRET_SOUTH": "b"}
        result = await command(None, tmp_path, "run", "--job", "job.toml", "--json", **secrets)
        spans = [
            (vendor.vendor.arrivals[0].at, vendor.vendor.arrivals[-1].at)
            for vendor in (north, south)
        ]
    assert result.code == 1
    assert set(north.vendor.created) == {"same", *(f"n{i}" for i in range(40))}
    assert set(south.vendor.created) == {"same", *(f"s{i}" for i in range(40))}
    assert min(end for _, end in spans) > max(start for start, _ in spans), "side by side"
    by_rows = {run["rows"]: run for run in result.json["runs"]}
    assert sorted(by_rows) == [41, 43], "those that name no account are told once"
    assert by_rows[43]["outcomes"]["invalid"] == 2
    for run, vendor in ((by_rows[43], north), (by_rows[41], south)):
        (path,) = run["results"]
        assert re.search(r"people-(north|south)-results-", path)
        sheets = read_results(tmp_path / path)
        endpoints, created = vendor.vendor.endpoints, vendor.vendor.created
        assert_true(sheets, endpoints, created, rows=run["rows"])
    assert {row["code"] for row in read_results(tmp_path / by_rows[43]["results"][0]).failed} == {
        "account-unknown",
        "account-missing",
    }


async def test_an_account_that_is_refused_does_not_hold_up_the_other(tmp_path):
    (tmp_path / "people.csv").write_text("username,account\nn,north\ns,south\n")
    async with Sandbox() as north, Sandbox() as south:
        job = tmp_path / "job.toml"
        job.write_text('source = "people.csv"\nledger = "l.db"\n' + accounts(north, south))
        secrets = {"SECRET_NORTH": "wrong", "SECRET_SOUTH": south.options.secret}
        result = await command(None, tmp_path, "run", "--job", "job.toml", "--json", **secrets)
        assert set(south.vendor.created) == {"s"}
        assert not north.vendor.created
    assert result.code == 3
    assert {run["exit_code"] for run in result.json["runs"]} == {0, 3}


async def test_a_secret_that_is_not_there_keeps_its_own_account_alone_from_going(tmp_path):
    (tmp_path / "people.csv").write_text("username,account\nn,north\ns,south\n")
    async with Sandbox() as north, Sandbox() as south:
        job = tmp_path / "job.toml"
        job.write_text('source = "people.csv"\nledger = "l.db"\n' + accounts(north, south))
        result = await command(
            *(None, tmp_path, "run", "--job", "job.toml", "--json"),
            SECRET_SOUTH=south.options.secret,
        )
        assert set(south.vendor.created) == {"s"}
    assert result.code == 2
    assert result.json["troubles"][0]["account"] == "north"
    assert "the secret of account 'north'" in result.err


async def test_a_source_that_names_no_described_account_is_refused(tmp_path):
    (tmp_path / "people.csv").write_text("username,account\nn,nord\n")
    async with Sandbox() as north, Sandbox() as south:
        job = tmp_path / "job.toml"
        job.write_text('source = "people.csv"\nledger = "l.db"\n' + accounts(north, south))
        secrets = {"SECRET_NORTH": "a", "SECRET_SOUTH": "b"}
        result = await command(None, tmp_path, "run", "--job", "job.toml", **secrets)
    assert result.code == 2
    assert "no row names an account that is described (named are: nord)" in result.err
    assert "Described are: north, south" in result.err


async def test_plan_tells_of_each_account_and_each_file_and_needs_no_secret(tmp_path):
    (tmp_path / "people.csv").write_text("username,account\nn,north\ns,south\nt,south\n")
    async with Sandbox() as north, Sandbox() as south:
        job = tmp_path / "job.toml"
        job.write_text('source = "peop*.csv"\nledger = "l.db"\n' + accounts(north, south))
        told = await command(None, tmp_path, "plan", "--job", "job.toml", "--json")
        marked = await command(None, tmp_path, "plan", "--job", "job.toml", "-o", "p.xlsx")
        assert north.vendor.arrivals == south.vendor.arrivals == []
    assert [plan["actions"] for plan in told.json] == [{"create": 1}, {"create": 2}]
    assert marked.code == 2
    assert "several plans" in marked.err


async def test_plan_and_reconcile_know_what_a_pattern_means(tmp_path):
    job = write_job(tmp_path, "").removesuffix(".toml")
    (tmp_path / "nightly.toml").write_text(
        (tmp_path / "nightly.toml").read_text().replace("people.csv", "people-*.csv")
    )
    write_people(tmp_path / "people-1.csv", "ada")
    async with Sandbox(SandboxOptions(existing=(("ada", "hers"),))) as sandbox:
        plan = await command(sandbox, tmp_path, "plan", "--job", f"{job}.toml", "--json")
        found = await command(sandbox, tmp_path, "reconcile", "--job", f"{job}.toml", "--json")
    assert plan.json["source"] == "people-1.csv"
    assert (found.code, found.json["source"]) == (0, "people-1.csv"), found.err


# -- what is kept --


async def test_results_of_what_changed_have_no_other_rows_and_no_file_when_nothing_did(tmp_path):
    job = write_job(tmp_path, 'results_rows = "changed"\nresults_folder = "out"\n')
    async with Sandbox() as sandbox:
        for count in (3, 3, 5):
            write_people(tmp_path / "people.csv", *people(count))
            result = await command(sandbox, tmp_path, "run", "--job", job, "--json")
            assert result.code == 0
            if count == 3 and result.json["outcomes"]["unchanged"] == 3:
                assert result.json["results"] == []
    (path,) = result.json["results"]
    sheets = read_results(tmp_path / path)
    assert [row["username"] for row in sheets.credentials] == ["user0003", "user0004"]
    assert not sheets.skipped
    assert not sheets.failed
    told = texts_of_summary(tmp_path / path)
    assert "2 rows from people.csv (3 more are as they were, and left out)" in told
    assert "unchanged, left out" in told
    assert "fault of the program" not in told


def texts_of_summary(path):
    book = openpyxl.load_workbook(path)
    return "\n".join(str(cell.value) for row in book["Summary"].iter_rows() for cell in row)


async def test_a_log_file_has_every_event_with_its_run(tmp_path):
    job = write_job(tmp_path, 'log_folder = "logs"\n')
    write_people(tmp_path / "people.csv", *people(3))
    async with Sandbox() as sandbox:
        result = await command(sandbox, tmp_path, "run", "--job", job, "--quiet")
    assert (result.code, result.err) == (0, "")
    (path,) = (tmp_path / "logs").iterdir()
    assert re.fullmatch(r"nightly-\d{8}T\d{6}\.\d{3}Z\.jsonl", path.name)
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["planned", "writing_results", "ended"]
    assert {(line["run_id"], line["job"]) for line in lines} == {(1, "nightly")}


async def test_sigterm_stops_every_run_of_a_round(tmp_path):
    names = "".join(f"n{i},north\ns{i},south\n" for i in range(100))
    (tmp_path / "people.csv").write_text("username,account\n" + names)
    async with Sandbox() as north, Sandbox() as south:
        job = tmp_path / "job.toml"
        job.write_text('source = "people.csv"\nledger = "l.db"\n' + accounts(north, south, rate=20))
        secrets = {f"SECRET_{name}": north.options.secret for name in ("NORTH", "SOUTH")}
        arguments = ("run", "--job", "job.toml", "--json")
        async with started(None, tmp_path, *arguments, **secrets) as process:
            while not (north.vendor.created and south.vendor.created):
                await asyncio.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            result = await ended(process)
    assert result.code == 143
    for run in result.json["runs"]:
        assert run["exit_code"] == 143
        assert run["outcomes"]["created"] + run["outcomes"]["unprocessed"] == 100
    created = sum(run["outcomes"]["created"] for run in result.json["runs"])
    assert created == len(north.vendor.created) + len(south.vendor.created)
