"""Waves: `--limit N` does so many rows, and leaves the others for a later run."""

import json
import os
import shutil

import openpyxl
import pytest

from bulk_provision import Account, Outcome, Pace, Policy, Results, Secret, provision
from bulk_provision.cli.reporting import plan_lines, summary_lines
from bulk_provision.cli.watchers import LiveLine
from bulk_provision.errors import UsageError
from bulk_provision.job import Control, Progress, Watcher
from bulk_provision.ledger import Ledger
from bulk_provision.model import LATER_WAVE, Caution, ExitCode, Limit, OnExists, RoundSummary
from bulk_provision.pace import Halt
from bulk_provision.piopiy import Call
from bulk_provision.plan import Plan, plan_of
from bulk_provision.sandbox import Sandbox, SandboxOptions
from bulk_provision.settings import NotifyWhen, load_settings
from bulk_provision.staged import Staged
from bulk_provision.watch.findings import Job
from bulk_provision.watch.message import body_of
from bulk_provision.watch.occasions import WELL, judge
from bulk_provision.watch.report import write_report
from commands import command
from fake_vendor import APPID, SECRET, FakeVendor, Luck
from virtual_time import on_virtual_time

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")
NAMES = [f"user{number}" for number in range(10)]


@pytest.fixture
def place(tmp_path, empty_ledger):
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    shutil.copy(f"{empty_ledger}.key", f"{path}.key")
    return str(path)


@pytest.fixture
def source(tmp_path):
    return written(tmp_path / "users.csv", NAMES)


def written(path, names):
    path.write_text("username\n" + "".join(f"{name}\n" for name in names))
    return path


async def wave(source, place, vendor, size, *, results=None, policy=None, **caution):
    return await provision(
        source,
        ACCOUNT,
        pace=Pace(rate=100),
        caution=Caution(wave=size, **caution),
        policy=policy,
        results=results or Results(csv=True),
        ledger=place,
        sender=vendor,
    )


def told(place, run_id):
    """Username → outcome and code, in the source's order."""
    with Ledger(place) as ledger:
        return {row.username: (row.outcome, row.code) for row in ledger.result_rows(run_id)}


def created(place, run_id):
    return [name for name, (what, _) in told(place, run_id).items() if what is Outcome.CREATED]


def counts(summary):
    return {outcome.value: count for outcome, count in summary.outcomes.items() if count}


@on_virtual_time
async def test_each_wave_takes_the_next_rows_until_none_is_left(source, place):
    vendor = FakeVendor()
    first = await wave(source, place, vendor, 4)
    assert created(place, first.run_id) == NAMES[:4]
    assert counts(first) == {"created": 4, "unprocessed": 6}
    assert (first.later, first.exit_code) == ({Outcome.UNPROCESSED: 6}, ExitCode.DONE)
    second = await wave(source, place, vendor, 4)
    assert created(place, second.run_id) == NAMES[4:8]
    assert counts(second) == {"created": 4, "unchanged": 4, "unprocessed": 2}
    third = await wave(source, place, vendor, 4)
    assert counts(third) == {"created": 2, "unchanged": 8}
    assert (third.later, third.exit_code) == ({}, ExitCode.DONE)
    assert len(vendor.requests) == 10
    assert (await wave(source, place, vendor, 4)).calls == 0


@on_virtual_time
async def test_rows_that_are_left_say_so_and_the_accounting_holds(source, place):
    summary = await wave(source, place, FakeVendor(), 4)
    assert sum(summary.outcomes.values()) == summary.rows == 10
    with Ledger(place) as ledger:
        left = [row for row in ledger.result_rows(summary.run_id) if row.code == LATER_WAVE]
        assert ledger.run(summary.run_id).later == {Outcome.UNPROCESSED: 6}
    assert {row.message for row in left} == {"Left for a later wave (--limit 4)."}
    assert [row.username for row in left] == NAMES[4:]


@on_virtual_time
async def test_rows_that_need_no_call_do_not_count(tmp_path, place):
    vendor = FakeVendor()
    await wave(written(tmp_path / "old.csv", NAMES[:5]), place, vendor, None)
    names = [*NAMES, "not a name", NAMES[9]]
    summary = await wave(written(tmp_path / "new.csv", names), place, vendor, 3)
    assert created(place, summary.run_id) == NAMES[5:8]
    assert counts(summary) == {"created": 3, "unchanged": 5, "unprocessed": 2, "invalid": 2}
    assert summary.exit_code is ExitCode.SOME_ROWS


@on_virtual_time
async def test_doubts_come_first_and_count(source, place):
    vendor = FakeVendor([Luck.FINE, *[Luck.LOST_AFTER] * 50])
    first = await wave(source, place, vendor, 3)
    doubtful = [name for name, (what, _) in told(place, first.run_id).items() if what == "in_doubt"]
    assert len(doubtful) == 2
    vendor.bring([])
    second = await wave(source, place, vendor, 3)
    assert set(created(place, second.run_id)) == {*doubtful, NAMES[3]}
    vendor.bring([Luck.LOST_AFTER] * 50)
    await wave(source, place, vendor, 3)
    vendor.bring([])
    fourth = await wave(source, place, vendor, 1)  # all three are settled, and nobody else is done
    assert len(created(place, fourth.run_id)) == 3
    assert fourth.later == {Outcome.UNPROCESSED: 3}


@on_virtual_time
async def test_rows_that_fail_for_good_do_not_hold_up_the_waves(source, place):
    vendor = FakeVendor([Luck.MISSING] * 3)
    first = await wave(source, place, vendor, 3)
    assert counts(first) == {"failed": 3, "unprocessed": 7}
    assert created(place, (await wave(source, place, vendor, 3)).run_id) == NAMES[3:6]
    assert created(place, (await wave(source, place, vendor, 3)).run_id) == NAMES[6:9]
    last = await wave(source, place, vendor, 3)
    assert created(place, last.run_id) == [NAMES[0], NAMES[1], NAMES[9]]


@on_virtual_time
async def test_canaries_are_among_the_wave(source, place):
    vendor = FakeVendor()
    summary = await wave(source, place, vendor, 4, canary=2)
    assert created(place, summary.run_id) == NAMES[:4]
    calls = [request.call for request in vendor.requests]
    assert calls == [Call.ADD, Call.GET, Call.ADD, Call.GET, Call.ADD, Call.ADD]


@on_virtual_time
async def test_a_wave_that_is_stopped_is_told_as_stopped(source, place):
    control, vendor = Control(), FakeVendor()
    vendor.before[2] = lambda: control.stop(Halt(ExitCode.INTERRUPTED, "interrupted by Ctrl-C"))
    stopped = await provision(
        source,
        ACCOUNT,
        pace=Pace(rate=10, concurrency=1),
        caution=Caution(wave=5),
        results=Results(csv=True),
        ledger=place,
        control=control,
        sender=vendor,
    )
    assert stopped.exit_code is ExitCode.INTERRUPTED
    assert counts(stopped) == {"created": 2, "unprocessed": 8}
    assert stopped.later == {Outcome.UNPROCESSED: 5}
    goes_on = await wave(source, place, vendor, 5)
    assert created(place, goes_on.run_id) == NAMES[2:7]


@on_virtual_time
async def test_limits_measure_the_whole_source_and_later_waves_are_not_new(tmp_path, place):
    vendor, few = FakeVendor(), {"new": Limit(rows=2), "invalid": Limit(rows=1)}
    source = written(tmp_path / "users.csv", NAMES)
    await wave(source, place, vendor, 4, **few)
    second = await wave(source, place, vendor, 4, **few)
    assert counts(second) == {"created": 4, "unchanged": 4, "unprocessed": 2}
    written(source, [*NAMES, "ada", "bob", "cyd"])  # these are
    third = await wave(source, place, vendor, 1, **few)
    assert third.exit_code is ExitCode.LIMIT_PASSED
    assert "3 of 13 rows are new" in third.reason
    assert third.later == {}
    written(source, [*NAMES, "a b", "c d"])
    assert "2 of 12 rows are invalid" in (await wave(source, place, vendor, 1, **few)).reason


@on_virtual_time
async def test_a_password_that_is_to_change_later_works_as_it_is_meanwhile(tmp_path, place):
    source, vendor = tmp_path / "users.csv", FakeVendor()
    source.write_text("username,password\n" + "".join(f"{n},kT7-mango-{n}\n" for n in NAMES[:3]))
    await wave(source, place, vendor, None)
    source.write_text("username,password\n" + "".join(f"{n},wQ4-lemon-{n}\n" for n in NAMES[:3]))
    reset = Policy(on_exists=OnExists.RESET)
    summary = await wave(source, place, vendor, 1, policy=reset)
    assert counts(summary) == {"unchanged": 3}
    assert summary.later == {Outcome.UNCHANGED: 2}
    assert "2 of ours are to be changed: left for a later wave" in "\n".join(summary_lines(summary))
    with Ledger(place) as ledger:
        for row in ledger.result_rows(summary.run_id):
            assert row.handed_over
            assert vendor.vendor.endpoints[row.username] == row.password
    assert vendor.vendor.endpoints[NAMES[0]].startswith("wQ4")


@on_virtual_time
async def test_the_list_is_read_only_when_that_pays_for_the_wave(tmp_path, place):
    names = [f"user{number}" for number in range(300)]
    vendor = FakeVendor(existing=dict.fromkeys(names[:250], "theirs"))
    summary = await wave(written(tmp_path / "users.csv", names), place, vendor, 5)
    assert {request.call for request in vendor.requests} == {Call.ADD}
    assert summary.calls == 5


@on_virtual_time
async def test_results_of_changes_leave_out_what_was_left_and_still_tell_of_it(
    source, place, tmp_path
):
    path = tmp_path / "results.xlsx"
    results = Results(str(path), only_changed=True)
    await wave(source, place, FakeVendor(), 4, results=results)
    book = openpyxl.load_workbook(path)
    assert book["Failed"].max_row == 1
    assert book["Credentials"].max_row == 5
    text = "\n".join(str(cell.value) for row in book["Summary"] for cell in row if cell.value)
    assert "6 more are as they were, and left out" in text
    assert "6 rows are left for it" in text
    assert "fault of the program" not in text


@on_virtual_time
async def test_the_summary_does_not_tell_of_an_accident(source, place, tmp_path):
    path = tmp_path / "results.xlsx"
    summary = await wave(source, place, FakeVendor(), 4, results=Results(str(path)))
    sheet = openpyxl.load_workbook(path)["Summary"]
    text = "\n".join(str(cell.value) for row in sheet for cell in row if cell.value is not None)
    assert "4 with working credentials, 6 left for a later wave." in text
    assert "not processed" not in text
    assert "stopped early" not in text
    lines = list(summary_lines(summary))
    assert "        6 left for a later wave (run it again for the next one)" in lines
    assert not any("not processed" in line for line in lines)


def test_a_plan_counts_the_calls_of_the_wave_and_every_doubt():
    plan = plan_of({Outcome.UNCHANGED: 5}, {"create": 100, "settle": 3}, 10.0, wave=20)
    assert (plan.wave, plan.calls, plan.seconds) == (20, 20, 2.0)
    assert plan_of({}, {"create": 100, "settle": 30}, 10.0, wave=20).wave == 30
    assert plan_of({}, {"create": 20}, 10.0, wave=20).wave is None
    assert "  This run does 20 of these, a later one the others: 20 calls, about 2.0 s" in [
        line.removesuffix(" at the configured rate") for line in plan_lines(plan)
    ]


class Bar:
    """Keeps what the line shows."""

    def __init__(self):
        self.shown = {}

    def add_task(self, _description, **shown):
        self.shown |= shown

    def update(self, _task, **shown):
        self.shown |= shown


class Console:
    def print(self, *_text, **_style):
        pass


def line_after(plan, *progresses):
    bar = Bar()
    line = LiveLine(Console(), bar, "")
    line.planned(1, Staged("users.csv", "", plan.rows), plan)
    for progress in progresses:
        line.progressed(progress)
    return bar.shown


def test_the_live_line_of_a_long_run_shows_rate_time_left_and_failures():
    plan = Plan(200_000, {}, {}, calls=200_000, seconds=None)
    done = {Outcome.CREATED: 79_000, Outcome.FAILED: 1_000}
    shown = line_after(
        plan,
        Progress(1, 200_000, {Outcome.CREATED: 78_000}, 78_000, 30.0, False),
        Progress(1, 200_000, done, 80_000, 34.0, False),
    )
    assert (shown["completed"], shown["total"]) == (80_000, 200_000)
    assert shown["description"] == "79,000 created · 1,000 failed · 500.0 calls/s · 4 min 0 s left"


def test_the_live_line_of_a_wave_counts_the_wave():
    remembered = {Outcome.UNCHANGED: 50_000}
    plan = Plan(200_000, remembered, {}, calls=50_000, seconds=None, wave=50_000)
    assert line_after(plan)["total"] == 50_000
    shown = line_after(
        plan,
        Progress(2, 200_000, remembered, 0, 0.0, False, None, 100_000),
        Progress(
            2, 200_000, remembered | {Outcome.CREATED: 2_000}, 2_000, 4.0, False, None, 100_000
        ),
    )
    assert (shown["completed"], shown["total"]) == (2_000, 50_000)
    assert shown["description"].endswith("500.0 calls/s · 1 min 36 s left")


@on_virtual_time
async def test_progress_does_not_count_what_was_left_as_done(source, place):
    seen = []

    class Listening(Watcher):
        def progressed(self, progress):
            seen.append(progress)

    await provision(
        source,
        ACCOUNT,
        pace=Pace(rate=1),
        caution=Caution(wave=4),
        results=Results(csv=True),
        ledger=place,
        watcher=Listening(),
        sender=FakeVendor(),
    )
    assert {one.later for one in seen} == {6}
    assert all(Outcome.UNPROCESSED not in one.outcomes for one in seen)
    assert max(sum(one.outcomes.values()) for one in seen) <= 4


def round_of(summary):
    return RoundSummary("migration", 0.0, 1.0, (summary,), (), summary.exit_code)


@on_virtual_time
async def test_whoever_watches_hears_of_a_success_and_of_what_is_left(source, place, tmp_path):
    summary = await wave(source, place, FakeVendor(), 4)
    body = body_of(Job("migration"), round_of(summary))
    assert "6 rows left for a later wave: the next run goes on there." in body
    write_report(tmp_path / "report.json", Job("migration"), round_of(summary), None)
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["exit_code"], told["runs"][0]["left_for_later"]) == (0, 6)
    verdict = judge(round_of(summary), None, NotifyWhen.CHANGE)
    assert (verdict.occasion, verdict.told) == (None, WELL)


@on_virtual_time
async def test_what_was_left_is_still_known_when_the_rows_are_gone(source, place):
    for _ in range(2):  # the newest run keeps its rows
        summary = await provision(
            source,
            ACCOUNT,
            caution=Caution(wave=4),
            results=Results(csv=True),
            ledger=place,
            job="migration",
            sender=FakeVendor(),
        )
    first = summary.run_id - 1
    with Ledger(place) as ledger:
        before = ledger.run(first)
        assert ledger.remove_rows("migration", -1) == 1
        after = ledger.run(first)
    assert not after.has_rows
    assert (after.later, after.outcomes) == (before.later, before.outcomes)
    assert after.later == {Outcome.UNPROCESSED: 6}


def test_waves_that_would_never_get_on_are_refused():
    with pytest.raises(UsageError, match="never get beyond"):
        load_settings({"limit": 5, "recheck": True})
    with pytest.raises(UsageError):
        load_settings({"limit": 0})


async def test_the_command_does_waves_and_keeps_an_inbox_s_file_until_the_last(tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    written(inbox / "users.csv", NAMES)
    async with Sandbox(SandboxOptions()) as sandbox:
        options = ("run", "inbox", "--limit", "6", "--rate", "0")
        os.utime(inbox / "users.csv", (1e9, 1e9))
        first = await command(sandbox, tmp_path, *options)
        assert (first.code, "4 left for a later wave" in first.out) == (0, True)
        assert (inbox / "users.csv").exists()
        second = await command(sandbox, tmp_path, *options, "--json")
        assert (second.code, second.json["outcomes"]["created"]) == (0, 4)
        assert not (inbox / "users.csv").exists()
