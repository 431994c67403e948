"""The report: its documented shape, whole, and for nobody else's eyes."""

import json
import stat

import pytest

from bulk_provision.errors import LedgerError
from bulk_provision.model import OUTCOMES_OF, Outcome
from bulk_provision.settings import load_settings
from bulk_provision.watch import Watch
from rounds import failed, place, round_of, run_of, trouble, warned, well


@pytest.fixture
def ledger_place(empty_ledger, tmp_path):
    return place(empty_ledger, tmp_path)


def reported(path, ledger_place, round_):
    told = []
    settings = load_settings({"report": path})
    Watch.of(settings, "nightly", ledger_place, lambda *event, **_: told.append(event)).ended(
        round_
    )
    return json.loads(path.read_text()) if path.is_file() else None, told


def test_its_shape(tmp_path, ledger_place):
    run = run_of(
        ledger_place,
        [well("ada", Outcome.CREATED), failed("eve")],
        1,
        calls=3,
        reason="the deadline passed",
        warnings=(warned(),),
    )
    round_ = round_of(run, exit_code=1, troubles=[trouble(5)])
    report, told = reported(tmp_path / "r.json", ledger_place, round_)
    assert told == []
    none = dict.fromkeys(map(str, OUTCOMES_OF["provision"]), 0)
    assert report == {
        "version": 1,
        "job": "nightly",
        "started_at": "2027-01-15T08:00:00.000Z",
        "ended_at": "2027-01-15T08:00:05.000Z",
        "seconds": 5.0,
        "exit_code": 1,
        "outcomes": {**none, "created": 1, "failed": 1},
        "runs": [
            {
                "run_id": 1,
                "kind": "provision",
                "account": 1001,
                "source": "people.csv",
                "rows": 2,
                "outcomes": {**none, "created": 1, "failed": 1},
                "left_for_later": 0,
                "calls": 3,
                "seconds": 4.0,
                "exit_code": 1,
                "reason": "the deadline passed",
                "warnings": [
                    {
                        "text": "usernames seem to have lost leading zeros",
                        "count": 3,
                        "first": "Users!B17",
                    }
                ],
                "results": ["results-1.xlsx"],
            }
        ],
        "troubles": [
            {
                "account": "1001",
                "source": "people.csv",
                "what": "people.csv: there is no such file.",
                "cure": "Put it there.",
                "exit_code": 5,
            }
        ],
    }


def test_only_its_owner_may_read_it(tmp_path, ledger_place):
    (tmp_path / "r.json").write_text("old")
    (tmp_path / "r.json").chmod(0o666)
    reported(tmp_path / "r.json", ledger_place, round_of(exit_code=0))
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_it_is_written_without_a_ledger_too(tmp_path, ledger_place):
    run = run_of(ledger_place, [well("ada")], 0)
    ledger_place.gone = LedgerError("The ledger cannot be opened.")
    report, told = reported(tmp_path / "r.json", ledger_place, round_of(run, exit_code=0))
    assert report["runs"][0]["kind"] is None
    assert report["runs"][0]["rows"] == 1
    assert told == [("ledger_failed",)]


def test_a_folder_that_is_not_there_is_told(tmp_path, ledger_place):
    report, told = reported(tmp_path / "no" / "r.json", ledger_place, round_of(exit_code=0))
    assert report is None
    assert told == [("report_failed",)]
