"""The sheet Summary: what somebody reads who did not start the run."""

from __future__ import annotations

from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from bulk_provision.model import Outcome, Warned
from bulk_provision.results import summary, write_workbook
from bulk_provision.results.layout import Tally, pile_of
from bulk_provision.results.looks import OUTCOME_COLOURS
from results_samples import RUN, a_row, a_run, one_of_each


def tally_of(rows):
    tally = Tally()
    for row in rows:
        tally.add(row, pile_of(row))
    return tally


def told(function, rows, /, **changes):
    return function(a_run(rows, **changes), tally_of(rows))


@pytest.fixture
def page(tmp_path):
    """The sheet's lines, as lists of the values in them."""

    def read(rows, **changes):
        write_workbook(tmp_path / "r.xlsx", a_run(rows, **changes), lambda: rows, overwrite=True)
        sheet = load_workbook(tmp_path / "r.xlsx")["Summary"]
        lines = [
            [value for value in row if value is not None]
            for row in sheet.iter_rows(values_only=True)
        ]
        return [line for line in lines if line]

    return read


class TestPage:
    def test_it_tells_who_ran_what_when_and_how(self, page):
        lines = page(one_of_each())
        for line in (
            ["Run", "7, finished"],
            ["Account", "2223334 at https://piopiy.telecmi.com/v1/endpoint"],
            ["Source", "onboarding/users.xlsx"],
            ["Sheet", "Users"],
            [
                "SHA-256 of the source",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            ],
            ["Started", "2026-01-02 03:04:05 UTC"],
            ["Ended", "2026-01-02 03:05:15 UTC"],
            ["Duration", "1 min 10 s"],
            ["Started by", "anita@ops-1"],
            ["Rate allowed", "10 calls a second"],
            ["Rate reached", "0.4 calls a second, from start to end"],
            ["Calls made", "27"],
        ):
            assert line in lines

    def test_it_counts_the_rows_by_outcome_in_plain_words(self, page):
        lines = page(one_of_each())
        begin = lines.index(["Outcome", "Rows", "Meaning", "Sheet"]) + 1
        table = lines[begin : begin + 9]
        assert [line[:2] for line in table] == [
            ["created", 1],
            ["unchanged", 1],
            ["exists", 1],
            ["exists, reset", 1],
            ["failed", 1],
            ["in doubt", 1],
            ["unprocessed", 1],
            ["invalid", 1],
            ["all", 8],
        ]
        assert table[2][2:] == ["Already existed at TeleCMI, skipped.", "Skipped"]
        assert table[3][2:] == [
            "Already existed at TeleCMI; a run of ours set its password.",
            "Credentials",
        ]

    def test_outcomes_that_no_row_has_are_shown_as_none(self, page):
        assert ["failed", 0, "Refused for good; the tip says what to do.", "Failed"] in page([])

    def test_a_warning_is_told_once_with_its_count_and_first_place(self, page):
        warned = Warned("The password is all digits.", 12, "Users!C7")
        assert ["Users!C7", 12, "The password is all digits."] in page([], warnings=(warned,))

    def test_without_warnings_there_is_no_such_heading(self, page):
        assert ["Warnings"] not in page([])

    def test_why_it_stopped_stands_near_the_top(self, page):
        rows = [a_row(2), a_row(3, Outcome.UNPROCESSED)]
        lines = page(rows, state="stopped", reason="TeleCMI refused the account (420).")
        assert lines[2] == ["The run was stopped early: TeleCMI refused the account (420)."]

    def test_it_holds_no_password(self, page):
        assert "marked-password" not in str(page(one_of_each()))

    def test_standard_input_and_no_limit_are_called_so(self, page):
        lines = page([], source="-", sheet="", rate=None)
        assert ["Source", "standard input"] in lines
        assert ["Rate allowed", "no limit"] in lines
        assert "Sheet" not in [line[0] for line in lines]

    def test_a_long_text_gets_the_height_it_needs(self, tmp_path):
        run = a_run([], warnings=(Warned("word " * 60, 1, "A1"), Warned("short", 1, "A2")))
        write_workbook(tmp_path / "r.xlsx", run, list)
        sheet = load_workbook(tmp_path / "r.xlsx")["Summary"]
        heights = {
            cell.value: sheet.row_dimensions[cell.row].height for cell in sheet["D"] if cell.value
        }
        assert heights["word " * 60] == pytest.approx(4 * 15 + 4)
        assert heights["short"] == pytest.approx(15 + 4)


class TestChart:
    @pytest.fixture
    def chart(self, tmp_path):
        """The sheet and its chart, or None when there is none."""

        def read(rows):
            path = tmp_path / "r.xlsx"
            write_workbook(path, a_run(rows), lambda: rows, overwrite=True)
            sheet = load_workbook(path)["Summary"]
            return sheet, next(iter(sheet._charts), None)

        return read

    def test_it_has_a_bar_for_each_outcome_with_rows_in_the_outcomes_colour(self, chart, tmp_path):
        rows = [a_row(2)] * 1200 + [a_row(3, Outcome.IN_DOUBT)] * 2 + [a_row(4, Outcome.INVALID)]
        _, drawn = chart(rows)
        (bars,) = drawn.series
        names = [point.v for point in bars.cat.strLit.pt]
        numbers = [point.v for point in bars.val.numLit.pt]
        colours = [point.spPr.solidFill.srgbClr for point in bars.dPt]
        assert list(zip(names, map(float, numbers), colours, strict=True)) == [
            ("created", 1200, OUTCOME_COLOURS[Outcome.CREATED]),
            ("in doubt", 2, OUTCOME_COLOURS[Outcome.IN_DOUBT]),
            ("invalid", 1, OUTCOME_COLOURS[Outcome.INVALID]),
        ]
        assert bars.dLbls.showVal
        assert drawn.legend is None
        with ZipFile(tmp_path / "r.xlsx") as archive:
            assert b'<chart><autoTitleDeleted val="1"' in archive.read("xl/charts/chart1.xml")
        assert drawn.y_axis.majorGridlines is None

    def test_it_tells_reset_endpoints_apart_as_the_table_does(self, chart):
        _, drawn = chart(one_of_each())
        names = [point.v for point in drawn.series[0].cat.strLit.pt]
        assert names[2:4] == ["exists", "exists, reset"]
        assert len(names) == 8

    @pytest.mark.parametrize("outcomes", [1, 2, 7])
    def test_it_covers_a_row_of_its_own_that_is_high_enough_and_no_text(self, chart, outcomes):
        sheet, drawn = chart([a_row(2, outcome) for outcome in list(Outcome)[:outcomes]])
        begin, end = drawn.anchor._from, drawn.anchor.to
        assert (begin.col, end.col, end.row) == (1, 5, begin.row + 1)
        covered = sheet[end.row]  # counted from 1, where the anchor counts from 0
        assert [cell.value for cell in covered] == [None] * len(covered)
        assert sheet.row_dimensions[end.row].height >= 20 * outcomes
        assert sheet.cell(end.row - 1, 2).value == "all"

    def test_without_rows_there_is_none(self, chart):
        assert chart([])[1] is None


class TestRate:
    @pytest.mark.parametrize(
        ("calls", "seconds", "reached"),
        [(100, 10, "10.0"), (7, 0.2, "7.0"), (1, 60, "0.017"), (1_000_000, 2000, "500.0")],
    )
    def test_what_was_reached_is_told_beside_what_was_allowed(self, calls, seconds, reached):
        run = a_run(calls=calls, ended_at=RUN.started_at + seconds)
        labels, values = zip(*summary.facts(run), strict=True)
        place = labels.index("Rate reached")
        assert labels[place - 1] == "Rate allowed"
        assert values[place] == f"{reached} calls a second, from start to end"

    @pytest.mark.parametrize("changes", [{"calls": 0}, {"ended_at": None}])
    def test_without_calls_or_an_end_there_is_none(self, changes):
        assert "Rate reached" not in dict(summary.facts(a_run(**changes)))


class TestHeadline:
    def test_it_says_in_a_sentence_what_became_of_the_rows(self):
        assert told(summary.headline, one_of_each()) == (
            "8 rows from users.xlsx: 3 with working credentials, 1 skipped, 3 to look at, "
            "1 not processed."
        )

    def test_it_leaves_out_what_did_not_happen(self):
        line = told(summary.headline, [a_row(2)])
        assert line == "1 row from users.xlsx: 1 with working credentials."


class TestAlerts:
    def test_a_run_that_went_well_has_none(self):
        assert told(summary.alerts, one_of_each()) == []

    def test_a_run_that_goes_on_says_so(self):
        rows = [a_row(2)]
        (alert,) = told(summary.alerts, rows, state="running", ended_at=None, outcomes={}, rows=9)
        assert alert.startswith("The run had not ended when this file was written")

    def test_a_killed_run_says_so(self):
        (alert,) = told(summary.alerts, [a_row(2)], state="interrupted", ended_at=None)
        assert alert == "The run was interrupted."
        facts = dict(summary.facts(a_run(state="interrupted", ended_at=None)))
        assert facts["Ended"] == "not known: the process was killed"
        assert "Duration" not in facts

    @pytest.mark.parametrize(
        "changes", [{"rows": 2}, {"outcomes": {Outcome.CREATED: 2}}, {"outcomes": {}}]
    )
    def test_figures_that_do_not_add_up_are_said_loudly(self, changes):
        (alert,) = told(summary.alerts, [a_row(2)], **changes)
        assert "This is a fault of the program" in alert


class TestNextSteps:
    def test_a_run_without_rows_leaves_nothing_to_do(self):
        assert told(summary.next_steps, []) == ["Nothing is left to do."]

    def test_credentials_are_to_be_handed_over_with_care(self):
        (step,) = told(summary.next_steps, [a_row(2), a_row(3)])
        assert step.startswith("Hand over the 2 rows in the sheet Credentials.")

    def test_failed_rows_are_to_be_corrected_and_run_from_this_workbook(self):
        rows = [a_row(2, Outcome.FAILED), a_row(3, Outcome.INVALID)]
        (step,) = told(summary.next_steps, rows)
        assert step.startswith("Correct the 2 rows marked failed or invalid in the sheet Failed")

    def test_running_again_settles_doubt_then_goes_on(self):
        rows = [a_row(2, Outcome.UNPROCESSED), a_row(3, Outcome.IN_DOUBT)]
        (step,) = told(summary.next_steps, rows, state="stopped")
        assert step.startswith(
            "Run the same command again: it settles the 1 row in doubt first, then goes on with "
            "the 1 row not processed."
        )

    def test_while_it_runs_nobody_is_told_to_run_it_again(self):
        rows = [a_row(2, Outcome.UNPROCESSED)]
        assert told(summary.next_steps, rows, state="running", ended_at=None) == [
            "Wait until the run has ended, and have this file written again."
        ]

    def test_skipped_rows_are_to_be_looked_through(self):
        (step,) = told(summary.next_steps, [a_row(2, Outcome.EXISTS)])
        assert step.startswith("Look through the 1 row in the sheet Skipped")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (3599, "59 min 59 s"),
        (90061, "25 h 01 min"),
    ],
)
def test_a_duration_reads_well(seconds, words):
    facts = dict(summary.facts(a_run(started_at=1000.0, ended_at=1000.0 + seconds)))
    assert facts["Duration"] == words
