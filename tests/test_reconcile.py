"""Reconciling: what is drift, what is none, and the report about it. On virtual time."""

import csv

import openpyxl
import pytest

from bulk_provision import Outcome, Policy, Results
from bulk_provision.cli.reconcile import _lines
from bulk_provision.errors import ResultsError
from bulk_provision.model import Drift, DriftKind
from bulk_provision.results import drift_report
from bulk_provision.staged import Staged
from fake_vendor import FakeVendor, Luck
from lists import World, blank, people
from virtual_time import on_virtual_time

KINDS = (DriftKind.MISSING, DriftKind.IN_NO_SOURCE, DriftKind.PASSWORD, DriftKind.GONE)


@pytest.fixture
def world(tmp_path, empty_ledger):
    return World(tmp_path, empty_ledger)


def counts(found):
    return tuple(found.drift[kind] for kind in KINDS)


@on_virtual_time
async def test_no_drift_and_the_ledger_has_learned(world):
    vendor = FakeVendor(existing=people(12))
    found = await world.reconcile(vendor, people(12))
    assert (found.exit_code, found.learned, counts(found)) == (0, 12, (0, 0, 0, 0))
    summary, _ = await world.run(vendor, people(12))
    assert (summary.calls, summary.outcomes[Outcome.EXISTS]) == (0, 12)


@on_virtual_time
async def test_without_a_source_the_newest_run_of_each_source_counts(world):
    vendor = FakeVendor(existing=people(12))
    await world.run(vendor, blank(["cyd"]) | {"user00001": "password-1"})
    for source in (["ada", "bob"], ["ada"]):  # bob has left
        world.runs = 10
        await world.run(vendor, blank(source), policy=Policy())
        (world.folder / "11.csv").rename(world.folder / "old.csv")
        for path in world.folder.glob("11-results*"):
            path.unlink()
    vendor.vendor.remove_sip("cyd")
    found = await world.reconcile(vendor)
    assert counts(found) == (0, 12, 0, 1)
    assert found.first[DriftKind.IN_NO_SOURCE][0] == "bob"
    assert found.first[DriftKind.GONE] == ("cyd",)
    assert found.exit_code == 1


@on_virtual_time
async def test_what_is_gone_is_created_again_by_recheck(world):
    vendor = FakeVendor()
    await world.run(vendor, blank(["ada", "bob"]))
    vendor.vendor.remove_sip("ada")
    assert counts(await world.reconcile(vendor)) == (0, 0, 0, 1)
    await world.run(vendor, blank(["ada", "bob"]), Policy(recheck=True))
    assert counts(await world.reconcile(vendor)) == (0, 0, 0, 0)


@on_virtual_time
async def test_somebody_elses_that_is_gone_is_missing_and_recheck_creates_it(world):
    vendor = FakeVendor(existing={"eve": "x"})
    await world.run(vendor, blank(["eve"]))
    vendor.vendor.remove_sip("eve")
    assert counts(await world.reconcile(vendor)) == (1, 0, 0, 0)


@on_virtual_time
async def test_a_doubt_is_no_drift_and_stays_a_doubt(world):
    lost = [Luck.LOST_AFTER] * 3 + [Luck.LOST_BEFORE] * 6
    vendor = FakeVendor(lost, existing={})
    await world.run(vendor, blank(["ada"]))
    vendor.bring(())
    for source in (None, blank(["ada"]), blank(["bob", "ada"])):
        found = await world.reconcile(vendor, source)
        assert (found.in_doubt, found.learned) == (1, 0)
        assert counts(found) == (1 if source and "bob" in source else 0, 0, 0, 0)
    summary, _ = await world.run(vendor, blank(["ada"]))
    assert summary.outcomes[Outcome.CREATED] == 1, "settled by read-back, as always"


@on_virtual_time
async def test_a_forgotten_password_differs_from_nothing(world):
    vendor = FakeVendor()
    await world.run(vendor, blank(["ada"]))
    with world.open() as ledger:
        ledger.forget(run_id=1)
    vendor.vendor.update_sip("ada", "somebody's own")
    assert counts(await world.reconcile(vendor)) == (0, 0, 0, 0)


@on_virtual_time
async def test_a_moving_list_says_what_is_not_known(world):
    vendor = FakeVendor(existing=people(100))
    vendor.before = {
        number: lambda number=number: vendor.vendor.add_sip(f"new{number}", "x")
        for number in range(3, 99, 4)
    }
    found = await world.reconcile(vendor, people(100) | {"nobody": ""})
    assert found.drift[DriftKind.MISSING] is found.drift[DriftKind.GONE] is None
    text = "\n".join(_lines(found, Staged()))
    assert "in the source, and not at TeleCMI: not known" in text
    assert "The list kept moving" in text


@on_virtual_time
async def test_a_moving_list_without_drift_is_not_called_whole(world):
    vendor = FakeVendor(existing=people(30))
    for number in range(2, 40, 2):
        vendor.before[number] = lambda number=number: vendor.vendor.add_sip(f"new{number}", "x")
    source = people(30) | {f"new{number}": "x" for number in range(2, 40, 2)}
    found = await world.reconcile(vendor, source)
    assert (found.is_whole, found.exit_code) == (False, 4)


@on_virtual_time
async def test_the_report_holds_no_password_and_nothing_is_called_when_it_cannot_be_written(world):
    vendor = FakeVendor(existing={"=cmd()": "Secret-Word-1", "user00001": "Secret-Word-2"})
    source = {"user00001": "Secret-Word-3", "new": ""}
    report = world.folder / "drift.xlsx"
    found = await world.reconcile(vendor, source, report=report)
    assert (counts(found), found.report) == ((1, 1, 1, 0), str(report))
    assert report.stat().st_mode & 0o777 == 0o600
    rows = list(openpyxl.load_workbook(report)["Drift"].iter_rows(min_row=2))
    assert [row[1].value for row in rows] == ["new", "=cmd()", "user00001"]
    assert {cell.data_type for row in rows for cell in row if cell.value} == {"s"}
    assert "Secret-Word" not in str([cell.value for row in rows for cell in row]) + repr(found)
    calls = len(vendor.requests)
    with pytest.raises(ResultsError, match="exists already"):
        await world.reconcile(vendor, source, report=report)
    assert len(vendor.requests) == calls
    again = await world.reconcile(vendor, source, report=Results(str(report), overwrite=True))
    assert counts(again) == counts(found)


def test_a_report_as_csv_guards_what_looks_like_a_formula(tmp_path):
    with drift_report(tmp_path / "d.csv") as keep:
        keep(Drift(DriftKind.IN_NO_SOURCE, "=cmd()", None, "not ours"))
        keep(Drift(DriftKind.MISSING, "пользователь", 7, "run creates it"))
    with (tmp_path / "d.csv").open(encoding="utf-8-sig", newline="") as file:
        _, first, second = csv.reader(file)
    assert first == ["in no source", "'=cmd()", "", "not ours"]
    assert second == ["missing at TeleCMI", "пользователь", "7", "run creates it"]


def test_a_report_beyond_a_sheet_goes_on_in_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("bulk_provision.results.drift.SHEET_LIMIT", 3)
    with drift_report(tmp_path / "d.xlsx") as keep:
        for number in range(5):
            keep(Drift(DriftKind.GONE, f"user{number}", None, ""))
    book = openpyxl.load_workbook(tmp_path / "d.xlsx")
    assert [sheet.max_row for sheet in book] == [3, 3, 2]
    assert book.sheetnames == ["Drift", "Drift 2", "Drift 3"]
