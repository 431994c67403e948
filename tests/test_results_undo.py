"""The results of an undo: which sheets, which words, and no password."""

import pytest
from openpyxl import load_workbook

from bulk_provision.model import OUTCOMES_OF, Outcome
from bulk_provision.results import check_writable, summary, write_csv, write_workbook
from bulk_provision.results.layout import SHEETS, Tally, pile_of
from results_samples import a_row, a_run, names_in

UNDO = {"kind": "undo", "undoes": 4}
ONE_OF_EACH = [a_row(number, one, password="") for number, one in enumerate(OUTCOMES_OF["undo"], 2)]


def told(function, rows, **changes):
    tally = Tally()
    for row in rows:
        tally.add(row, pile_of(row))
    return function(a_run(rows, **UNDO, **changes), tally)


@pytest.mark.parametrize("kind", OUTCOMES_OF)
def test_every_outcome_of_a_kind_of_run_has_a_pile_and_a_sheet_in_its_results(kind):
    for outcome in OUTCOMES_OF[kind]:
        assert pile_of(a_row(2, outcome)) in SHEETS[kind]


def test_each_row_is_in_the_sheet_where_its_outcome_belongs(tmp_path):
    write_workbook(tmp_path / "u.xlsx", a_run(ONE_OF_EACH, **UNDO), lambda: ONE_OF_EACH)
    book = load_workbook(tmp_path / "u.xlsx")
    outcomes = {
        name: [row[4] for row in book[name].iter_rows(min_row=2, values_only=True)]
        for name in book.sheetnames[1:]
    }
    assert outcomes == {
        "Removed": ["removed", "gone"],
        "Kept": ["kept"],
        "Failed": ["failed", "in_doubt", "unprocessed"],
    }
    page = [cell for row in book["Summary"].iter_rows(values_only=True) for cell in row if cell]
    assert "SIP endpoints at TeleCMI, removed" in page
    assert "created" not in page
    assert "invalid" not in page


def test_csv_files_are_named_after_what_they_hold(tmp_path):
    write_csv(tmp_path / "u.csv", a_run(ONE_OF_EACH, **UNDO), lambda: ONE_OF_EACH)
    assert names_in(tmp_path) == [
        "u-failed.csv", "u-kept.csv", "u-removed.csv", "u-unprocessed.csv"
    ]  # fmt: skip


def test_the_place_is_tried_out_under_those_names(tmp_path):
    (tmp_path / "u-created.csv").touch()
    check_writable(tmp_path / "u", csv=True, overwrite=False, kind="undo")


def test_the_headline_says_what_was_undone():
    assert told(summary.headline, ONE_OF_EACH) == (
        "Undo of run 4, which created 6 rows of users.xlsx: 2 not at TeleCMI any more, 1 kept, "
        "2 to look at, 1 not processed."
    )


def test_next_steps_name_the_command_that_goes_on():
    again, kept, people = told(summary.next_steps, ONE_OF_EACH)
    assert "bulk-provision undo 4" in again
    assert "sheet Kept" in kept
    assert "Tell the people" in people
    assert told(summary.next_steps, [a_row(2, Outcome.GONE)]) == ["Nothing is left to do."]


def test_the_record_and_the_rows_agree():
    assert told(summary.alerts, ONE_OF_EACH) == []
