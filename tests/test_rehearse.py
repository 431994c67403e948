"""`run --rehearse`: the whole run against an emulated vendor, and nothing real is changed."""

import asyncio
import csv
import os
import stat
import tempfile
import zipfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_provision import (
    Control,
    ExitCode,
    LedgerPlace,
    OnExists,
    Outcome,
    Policy,
    Reconcile,
    Results,
    Rules,
    Secret,
    Source,
    provision,
    rehearse,
)
from bulk_provision.checks import check
from bulk_provision.cli import cli
from bulk_provision.errors import AccountBusyError, RehearsalError
from bulk_provision.job import Until
from bulk_provision.ledger.schema import endpoints, listed, rows, runs
from bulk_provision.model import Account, Caution, Invalid, Limit, Row
from bulk_provision.pace import Halt
from bulk_provision.passwords import MADE_LATER, REHEARSED, Recipe, generate
from bulk_provision.rounds import Orders, Routes, go
from bulk_provision.sandbox import Sandbox, SandboxOptions
from bulk_provision.settings import Served
from commands import command
from fake_vendor import FakeVendor, Luck
from lists import ACCOUNT, PACE, Heard, World, blank, made, people
from truth import read_results
from virtual_time import on_virtual_time, run


@pytest.fixture
def world(tmp_path, empty_ledger, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return World(tmp_path, empty_ledger)


def left_behind(world):
    return list((world.folder / "tmp").iterdir())


def known(world):
    """Everything that the ledger knows about rows and endpoints, and its runs that have rows."""
    with world.open() as ledger, ledger._engine.connect() as connection:
        return [
            connection.execute(sa.select(endpoints).order_by(endpoints.c.username)).all(),
            connection.execute(sa.select(rows)).all(),
            connection.execute(sa.select(listed)).all(),
            connection.execute(sa.select(runs).where(runs.c.kind != "reconcile")).all(),
        ]


async def rehearsed(world, vendor, source, policy=None, **more):
    """Rehearse a source; see that nothing was changed, here or there, and nothing is left."""
    path = source if isinstance(source, Path) else world.write(source)
    asked, held, knew = len(vendor.requests), dict(vendor.vendor.endpoints), known(world)
    given = {"results": Results(csv=True), "pace": PACE, "sender": vendor} | more
    try:
        return await rehearse(
            path, ACCOUNT, policy=policy or Policy(), ledger=str(world.ledger), **given
        )
    finally:
        assert {request.call for request in vendor.requests[asked:]} <= {"list_sip"}
        assert dict(vendor.vendor.endpoints) == held
        assert known(world) == knew
        assert left_behind(world) == []


def rows_in(summary):
    """The rows of results in CSV, by their number in the source."""
    found = {}
    for name in summary.results:
        with Path(name).open(encoding="utf-8-sig", newline="") as file:
            found |= {int(row["row"]): row for row in csv.DictReader(file)}
    return found


def fates(summary):
    return {
        number: (row["username"], row["outcome"], row["code"])
        for number, row in rows_in(summary).items()
    }


# -- what it tells is what happens --

NAMES = ["ada", "bob", "cyd", "dot", "eve", "fay"]
PASSWORDS = ["", "Chosen-Pw-1", "Chosen-Pw-2"]
SOURCES = st.dictionaries(
    st.sampled_from([*NAMES, "no good"]), st.sampled_from(PASSWORDS), min_size=1
)


@given(
    source=SOURCES,
    earlier=SOURCES,
    luck=st.lists(st.sampled_from([Luck.FINE, Luck.LOST_AFTER, Luck.LOST_BEFORE]), max_size=12),
    existing=st.dictionaries(st.sampled_from(NAMES), st.sampled_from(PASSWORDS[1:])),
    on_exists=st.sampled_from(OnExists),
    reconcile=st.sampled_from([Reconcile.AUTO, Reconcile.ALWAYS]),
    recheck=st.booleans(),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_real_run_after_it_has_the_same_outcomes_and_makes_the_calls_that_were_told(
    tmp_path_factory, empty_ledger, source, earlier, luck, existing, on_exists, reconcile, recheck
):
    """Whatever the account and the ledger have been through: created, foreign, reset, in doubt."""
    folder = tmp_path_factory.mktemp("rehearsal")
    (folder / "tmp").mkdir()
    world = World(folder, empty_ledger)
    policy = Policy(on_exists, recheck=recheck, reconcile=reconcile)

    async def main():
        vendor = FakeVendor(luck, existing=existing)
        await world.run(vendor, earlier)
        vendor.bring(())
        told = await rehearsed(world, vendor, source, policy)
        happened, _ = await world.run(vendor, source, policy)
        assert fates(told) == fates(happened)
        assert told.outcomes == happened.outcomes
        assert told.exit_code == happened.exit_code
        assert told.rehearsal.calls == told.calls == happened.calls

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder / "tmp"))
        run(main())


@on_virtual_time
async def test_it_takes_the_way_that_the_real_run_takes_and_counts_its_pages(world):
    vendor = FakeVendor(existing=people(2_000))
    told = await rehearsed(world, vendor, blank(people(2_050)))
    assert (told.outcomes[Outcome.EXISTS], told.outcomes[Outcome.CREATED]) == (2_000, 50)
    assert told.rehearsal.calls == 200 + 50
    assert told.rehearsal.seconds == 250 / PACE.rate
    assert (told.rehearsal.listed, told.rehearsal.list_calls) == (2_000, 200)
    happened, _ = await world.run(vendor, blank(people(2_050)))
    assert happened.calls == told.rehearsal.calls


@on_virtual_time
async def test_an_empty_account_costs_one_real_call(world):
    vendor = FakeVendor()
    told = await rehearsed(world, vendor, blank(people(20)))
    assert made(vendor, "list_sip") == 1
    assert told.outcomes[Outcome.CREATED] == 20
    assert told.exit_code is ExitCode.DONE


@on_virtual_time
async def test_the_time_to_read_a_long_list_is_told_before_it_is_read(world):
    class Told(Heard):
        def rehearsing(self, endpoints, pages, seconds):
            told.append((endpoints, pages, seconds, len(vendor.requests)))

    told, vendor = [], FakeVendor(existing=people(1_500))
    await rehearsed(world, vendor, {"ada": ""}, watcher=Told())
    assert told == [(1_500, 150, 150 / PACE.rate, 1)]


# -- the ledger, and what is left --


@on_virtual_time
async def test_the_ledger_keeps_that_the_list_was_read_and_nothing_else(world):
    vendor = FakeVendor(existing=people(30))
    await rehearsed(world, vendor, blank(people(40)), job="nightly")
    with world.open() as ledger:
        (reading,) = ledger.runs()
        assert (reading.kind, reading.calls, reading.rows) == ("reconcile", 3, 0)
        assert ledger.last_run("nightly") is None, "it is no run of the job"


@on_virtual_time
async def test_the_copy_is_private_and_goes_whatever_happens(world):
    class Looking(Heard):
        def planned(self, run_id, staged, plan):
            (folder,) = left_behind(world)
            modes.update(stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir())
            modes.add(stat.S_IMODE(folder.stat().st_mode) & 0o077)
            raise KeyError("something went wrong")

    modes = set()
    with pytest.raises(KeyError):
        await rehearsed(world, FakeVendor(), {"ada": ""}, watcher=Looking())
    assert modes == {0o600, 0}


@on_virtual_time
async def test_ctrl_c_in_the_middle_leaves_nothing_behind(world):
    class Stopping(Heard):
        def planned(self, run_id, staged, plan):
            control.stop(Halt(ExitCode.INTERRUPTED, "interrupted by Ctrl-C"))

    control = Control()
    told = await rehearsed(
        world, FakeVendor(), blank(people(20)), watcher=Stopping(), control=control
    )
    assert told.exit_code is ExitCode.INTERRUPTED
    assert told.outcomes[Outcome.UNPROCESSED] == 20


@on_virtual_time
async def test_a_reading_that_is_interrupted_goes_on_with_the_next_rehearsal(world):
    control, vendor = Control(), FakeVendor(existing=people(1_000))
    vendor.before[70] = lambda: control.stop(Halt(ExitCode.INTERRUPTED, "interrupted by Ctrl-C"))
    with pytest.raises(RehearsalError, match="Ctrl-C") as caught:
        await rehearse(
            world.write(blank(people(5))), ACCOUNT, pace=PACE, ledger=str(world.ledger),
            sender=vendor, control=control,
        )  # fmt: skip
    assert caught.value.exit_code == 130
    assert left_behind(world) == []
    before = len(vendor.requests)
    told = await rehearse(
        world.write(blank(people(5))), ACCOUNT, pace=PACE, ledger=str(world.ledger),
        sender=vendor, results=Results(csv=True),
    )  # fmt: skip
    assert told.outcomes[Outcome.EXISTS] == 5
    assert len(vendor.requests) - before <= 1 + 100 - 60, "it began where it had been"


# -- trouble --


@pytest.mark.parametrize(
    ("luck", "exit_code"), [(Luck.REFUSED, 3), (Luck.MISSING, 4), (Luck.LOST_BEFORE, 4)]
)
@on_virtual_time
async def test_a_list_that_cannot_be_read_stops_it_with_the_usual_code(world, luck, exit_code):
    with pytest.raises(RehearsalError, match="Nothing was rehearsed") as caught:
        await rehearsed(world, FakeVendor([luck] * 100), {"ada": ""})
    assert caught.value.exit_code == exit_code
    assert ("--reconcile never" in caught.value.cure) == (exit_code != 3)


@pytest.mark.parametrize("reconcile", [Reconcile.AUTO, Reconcile.NEVER])
@on_virtual_time
async def test_an_account_that_another_run_holds_is_not_called(world, reconcile):
    vendor = FakeVendor()
    with world.open() as ledger:
        with ledger.book(ACCOUNT.appid, ACCOUNT.base_url).lease(wait=0):
            with pytest.raises(AccountBusyError):
                await rehearsed(world, vendor, {"ada": ""}, Policy(reconcile=reconcile))
    assert vendor.requests == []


@on_virtual_time
async def test_a_list_that_kept_moving_is_told(world):
    vendor = FakeVendor(existing=people(200))
    vendor.before = {
        number: lambda number=number: vendor.vendor.add_sip(f"new{number}", "x")
        for number in range(3, 90, 5)
    }
    told = await rehearse(
        world.write(blank(people(3))), ACCOUNT, pace=PACE, ledger=str(world.ledger),
        sender=vendor, results=Results(csv=True),
    )  # fmt: skip
    assert "kept moving" in told.rehearsal.notes[0]
    assert made(vendor, "list_sip") == len(vendor.requests)


@on_virtual_time
async def test_without_the_list_nothing_is_called_and_that_is_said(world):
    vendor = FakeVendor(existing={"bob": "theirs"})
    await world.run(vendor, {"ada": "", "bob": ""})
    calls = len(vendor.requests)
    told = await rehearsed(
        world, vendor, {"ada": "", "bob": "", "cyd": ""}, Policy(reconcile=Reconcile.NEVER)
    )
    assert len(vendor.requests) == calls
    assert told.rehearsal.listed is None
    assert "was not read" in told.rehearsal.notes[0]
    outcomes = {username: outcome for username, outcome, _ in fates(told).values()}
    assert outcomes == {"ada": "unchanged", "bob": "exists", "cyd": "created"}


# -- deadline, limits, canary --


@on_virtual_time
async def test_a_deadline_is_counted_in_calls(world):
    vendor = FakeVendor(existing=people(120))
    told = await rehearsed(world, vendor, blank(people(150)), until=Until(0.1, "0.1s"))
    assert told.exit_code is ExitCode.DEADLINE
    assert told.outcomes[Outcome.CREATED] == 8, "0.1 s are 20 calls, and 12 read the list"
    assert told.rehearsal.until_deadline == 128
    assert told.rehearsal.calls == 12 + 30, "that all of them would need"
    assert "the deadline (0.1s) would pass" in told.reason


@on_virtual_time
async def test_without_a_rate_neither_duration_nor_deadline_can_be_told(world):
    told = await rehearsed(
        world, FakeVendor(), blank(people(5)), pace=replace(PACE, rate=None), until=Until(1, "1s")
    )
    assert told.exit_code is ExitCode.DONE
    assert told.rehearsal.seconds is None
    assert "was not rehearsed" in told.rehearsal.notes[0]


@on_virtual_time
async def test_a_limit_stops_it_as_it_stops_the_run(world):
    caution = Caution(invalid=Limit(rows=0))
    told = await rehearsed(world, FakeVendor(), {"ada": "", "no good": ""}, caution=caution)
    assert told.exit_code is ExitCode.LIMIT_PASSED
    assert told.rehearsal.calls == 0


@on_virtual_time
async def test_canaries_are_read_back_and_their_calls_are_told(world):
    told = await rehearsed(world, FakeVendor(), blank(people(10)), caution=Caution(canary=3))
    assert told.rehearsal.calls == 10 + 3


# -- the results --


@on_virtual_time
async def test_passwords_that_are_not_made_yet_are_said_to_be_so_and_all_others_are_shown(world):
    vendor = FakeVendor(existing={"theirs": "x"})
    await world.run(vendor, {"old": ""})
    (works,) = [password for name, password in vendor.vendor.endpoints.items() if name == "old"]
    source = {"old": "", "own": "Chosen-Pw-1", "made": "", "theirs": ""}
    told = await rehearsed(world, vendor, source, Policy(on_exists=OnExists.RESET))
    by_name = {row["username"]: row for row in rows_in(told).values()}
    assert by_name["old"]["password"] == works
    assert by_name["own"]["password"] == "Chosen-Pw-1"
    assert by_name["made"]["password"] == by_name["theirs"]["password"] == MADE_LATER
    assert by_name["made"]["connect_url"] == "", "the emulated vendor's would be of no use"
    assert all(row["message"].startswith("Rehearsal: ") for row in by_name.values())
    assert all("-rehearsal-" in Path(name).name for name in told.results)


@on_virtual_time
async def test_the_workbook_says_above_all_that_it_is_a_rehearsal(world):
    results = Results(str(world.folder / "out.xlsx"), annotate=True)
    told = await rehearsed(world, FakeVendor(), {"ada": "", "bob": "Chosen-Pw-1"}, results=results)
    names = [Path(name).name for name in told.results]
    assert names == ["out-rehearsal.xlsx", "out-rehearsal-annotated.xlsx"]
    book = openpyxl.load_workbook(told.results[0])
    texts = [str(cell.value) for row in book["Summary"].iter_rows() for cell in row if cell.value]
    assert texts[1] == "REHEARSAL: nothing was created at TeleCMI."
    assert "2 rows from 1.csv: 2 that will have working credentials." in texts
    assert texts[texts.index("Calls of the real run") + 1] == "2"
    assert texts[texts.index("Rate allowed") + 1] == "200 calls a second"
    assert texts[texts.index("The real run will take") + 1] == "about 0.0 s"
    assert not any("Hand over" in text or "export" in text for text in texts)
    sheets = read_results(Path(told.results[0]))
    assert [row["password"] for row in sheets.credentials] == [MADE_LATER, "Chosen-Pw-1"]


@on_virtual_time
async def test_it_can_be_protected(world):
    results = Results(protect=Secret("A-Password-For-It-1"))
    told = await rehearsed(world, FakeVendor(), {"ada": ""}, results=results)
    with pytest.raises(zipfile.BadZipFile):
        openpyxl.load_workbook(told.results[0])


@on_virtual_time
async def test_what_stands_for_a_password_never_becomes_one(world):
    told = await rehearsed(world, FakeVendor(), {"ada": "", "bob": "Chosen-Pw-1"})
    (created,) = [Path(name) for name in told.results if name.endswith("-created.csv")]
    vendor = FakeVendor()
    happened = await provision(
        created, ACCOUNT, pace=PACE, ledger=str(world.ledger), sender=vendor,
        results=Results(csv=True),
    )  # fmt: skip
    assert dict(vendor.vendor.endpoints) == {"bob": "Chosen-Pw-1"}
    assert fates(happened)[2] == ("ada", "invalid", "password-rehearsed")


def test_the_check_says_what_it_is():
    refused = check(Row(2, "ada", f" {MADE_LATER}", ()), Rules(), lambda *_: "B2")
    assert isinstance(refused, Invalid)
    assert "a rehearsal shows" in refused.problems[0].why


def test_only_a_rehearsal_makes_no_password():
    assert generate(REHEARSED) == MADE_LATER
    assert generate(Recipe()) != MADE_LATER, "an equal recipe is not the rehearsal's"


# -- rounds --


class Told:
    def __init__(self):
        self.notes = []

    def watcher(self, account, source):
        return nullcontext(Heard())

    def note(self, event, **fields):
        self.notes.append(event)

    def stopping(self, reason):
        raise AssertionError("no clock stops a rehearsal")


def served(sandbox, name=""):
    options = sandbox.options
    return Served(name, Account(options.appid, Secret(options.secret), sandbox.base_url), PACE)


async def round_of(world, source, account, **more):
    orders = Orders(
        source=Source(str(source)),
        account=account,
        results=Results(folder=world.folder / "out", csv=True),
        policy=Policy(),
        rules=Rules(),
        ledger=LedgerPlace(str(world.ledger)),
        rehearse=True,
        **more,
    )
    told = Told()
    return await go(orders, told, Control()), told


async def test_over_sockets_the_only_calls_are_of_list_sip_and_several_files_build_on_each_other(
    world,
):
    existing = tuple(people(25).items())
    world.write(blank(people(20, 40)), "people-1.csv")
    world.write(blank(people(35, 45)), "people-2.csv")
    async with Sandbox(SandboxOptions(existing=existing)) as sandbox:
        done, _ = await round_of(
            world, world.folder / "people-*.csv", served(sandbox), takes_all=True, deadline=3600.0
        )
        assert [arrival.call for arrival in sandbox.vendor.arrivals] == ["list_sip"] * 3
        assert dict(sandbox.vendor.endpoints) == dict(existing)
    first, second = done.runs
    assert (first.outcomes[Outcome.EXISTS], first.outcomes[Outcome.CREATED]) == (5, 15)
    assert (second.outcomes[Outcome.UNCHANGED], second.outcomes[Outcome.CREATED]) == (5, 5)
    assert left_behind(world) == []


async def test_accounts_side_by_side_are_each_rehearsed_with_their_own_state(world):
    path = world.folder / "people.csv"
    path.write_text("username,site\nada,north\nada,south\nbob,south\n")
    async with (
        Sandbox(SandboxOptions(existing=(("ada", "x"),))) as north,
        Sandbox(SandboxOptions(existing=(("bob", "x"),))) as south,
    ):
        known = {"north": served(north, "north"), "south": served(south, "south")}
        routes = Routes("site", frozenset(known), known.__getitem__)
        done, _ = await round_of(world, path, None, routes=routes)
        for sandbox in (north, south):
            assert [arrival.call for arrival in sandbox.vendor.arrivals] == ["list_sip"]
    assert done.troubles == ()
    came = [(run.outcomes[Outcome.EXISTS], run.outcomes[Outcome.CREATED]) for run in done.runs]
    assert sorted(came) == [(1, 0), (1, 1)]
    assert left_behind(world) == []


async def test_files_of_an_inbox_stay_where_they_are(world):
    inbox = world.folder / "inbox"
    inbox.mkdir()
    path = world.write({"ada": ""}, "inbox/people.csv")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    async with Sandbox() as sandbox:
        done, told = await round_of(world, inbox, served(sandbox))
    assert done.runs[0].outcomes[Outcome.CREATED] == 1
    assert list(inbox.iterdir()) == [path]
    assert told.notes == []


# -- the command --


async def test_a_job_is_rehearsed_and_whoever_watches_it_hears_nothing(tmp_path):
    (tmp_path / "people.csv").write_text("username,password\nada,\nbob,Chosen-Pw-1\n")
    (tmp_path / "old.xlsx").write_text("of an earlier run")
    (tmp_path / "nightly.toml").write_text(
        'source = "people.csv"\nrate = 10\nledger = "l.db"\noutput = "old.xlsx"\nyes = true\n'
        'report = "report.json"\nmetrics = "m.prom"\nlog_folder = "logs"\nkeep_results_days = 0\n'
        'healthcheck = "http://127.0.0.1:9/nobody"\non_exists = "reset"\n'
    )
    async with Sandbox(SandboxOptions(existing=(("bob", "x"),))) as sandbox:
        job = ("run", "--job", "nightly.toml", "--rehearse")
        result, plain = await asyncio.gather(
            command(sandbox, tmp_path, *job, "--json"),
            command(sandbox, tmp_path, *job, "--ledger", "other.db", "-o", "x.xlsx"),
        )
        assert {arrival.call for arrival in sandbox.vendor.arrivals} == {"list_sip"}
    told = result.json
    assert (result.code, told["run_id"]) == (0, None), result.err
    assert told["results"] == ["old-rehearsal.xlsx"]
    assert (told["rehearsal"]["calls"], told["expected_seconds"]) == (3, 0.3)
    assert (tmp_path / "old.xlsx").read_text() == "of an earlier run"
    assert {path.name for path in tmp_path.iterdir() if ".db" not in path.name} == {
        *("people.csv", "old.xlsx", "nightly.toml", "old-rehearsal.xlsx", "x-rehearsal.xlsx"),
    }
    assert "healthcheck" not in result.err
    assert plain.out.startswith("REHEARSAL: nothing was created at TeleCMI.\n")
    assert "A real run: 3 calls, about 0.3 s at 10 calls a second\n" in plain.out
    assert SandboxOptions().secret not in result.err + result.out


def test_a_variable_that_would_not_be_heard_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("BULK_PROVISION_REHEARSE", "true")
    ran = CliRunner().invoke(cli, ["run", str(tmp_path / "people.csv")])
    assert ran.exit_code != 0
    assert "is a flag alone" in str(ran.exception)
