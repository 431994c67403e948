"""The results workbook, read back by openpyxl and as the raw XML it is."""

from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from bulk_provision.errors import ResultsError
from bulk_provision.model import OUTCOMES_OF, Outcome
from bulk_provision.results import write_workbook
from bulk_provision.results.layout import COLUMNS
from bulk_provision.results.workbook import build
from results_samples import MAIN, PASSWORD, a_row, a_run, one_of_each, raw_rows, raw_sheets

FORMULAS = ["=1+1", '=HYPERLINK("http://x","y")', "+1", "-1", "@SUM(A1)", "=", "#N/A", "#REF!"]
ANY_TEXT = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=20),
    st.sampled_from([*FORMULAS, "0042", "1e5", "TRUE", "2026-01-02", "_x0041_", " x ", "\r\n"]),
)


@pytest.fixture
def written(tmp_path):
    def write(rows, run=None, **options):
        path = tmp_path / "results.xlsx"
        assert write_workbook(path, run or a_run(rows), lambda: rows, **options) == (path,)
        return path

    return write


def numbers(book, title):
    """The source's row numbers in a sheet."""
    return [row[0] for row in book[title].iter_rows(min_row=2, values_only=True)]


def values(book, title):
    return [[value or "" for value in row] for row in book[title].iter_rows(values_only=True)]


class TestSheets:
    def test_each_row_is_in_the_one_sheet_where_its_outcome_belongs(self, written):
        book = load_workbook(written(one_of_each()))
        assert book.sheetnames == ["Summary", "Credentials", "Skipped", "Failed"]
        outcomes = OUTCOMES_OF["provision"]
        told = {title: [row[4] for row in values(book, title)[1:]] for title in book.sheetnames[1:]}
        assert told == {
            "Credentials": ["created", "unchanged", "exists"],
            "Skipped": ["exists"],
            "Failed": ["failed", "in_doubt", "unprocessed", "invalid"],
        }
        rows = [number for title in book.sheetnames[1:] for number in numbers(book, title)]
        assert sorted(rows) == list(range(2, len(outcomes) + 3))

    def test_a_created_row_whose_password_was_erased_is_still_no_failure(self, written):
        rows = [a_row(2, password="", handed_over=False)]
        assert numbers(load_workbook(written(rows)), "Credentials") == [2]

    def test_our_columns_come_first_then_the_sources_own_in_their_order(self, written):
        rows = [a_row(2), a_row(3, Outcome.FAILED)]
        book = load_workbook(written(rows))
        for title, row in [("Credentials", rows[0]), ("Failed", rows[1])]:
            assert values(book, title) == [
                [*COLUMNS, "name", "email"],
                [*row[:4], row.outcome.value, *row[5:8], *row.others],
            ]

    def test_a_source_column_named_like_one_of_ours_just_follows(self, written):
        rows = [a_row(2, others=("theirs", "p"))]
        book = load_workbook(written(rows, a_run(rows, columns=("message", "password"))))
        assert values(book, "Credentials")[0][6:] == ["message", "tip", "message", "password"]
        assert values(book, "Credentials")[1][8:] == ["theirs", "p"]

    def test_sheets_without_rows_are_their_header_alone(self, written):
        book = load_workbook(written([]))
        for title in ("Credentials", "Skipped", "Failed"):
            assert values(book, title) == [[*COLUMNS, "name", "email"]]

    def test_the_rows_keep_the_sources_order(self, written):
        rows = [a_row(number) for number in range(2, 700)]
        assert numbers(load_workbook(written(rows)), "Credentials") == list(range(2, 700))

    def test_rows_beyond_a_sheet_go_on_in_the_next_one_under_the_same_header(self, written):
        rows = [a_row(number, handed_over=number != 5) for number in range(2, 13)]
        rows += [a_row(number, Outcome.INVALID) for number in range(13, 18)]
        book = load_workbook(written(rows, sheet_limit=5))
        assert book.sheetnames == [
            *("Summary", "Credentials", "Credentials 2", "Credentials 3", "Skipped"),
            *("Failed", "Failed 2"),
        ]
        assert numbers(book, "Credentials") == [2, 3, 4, 5]
        assert numbers(book, "Credentials 2") == [6, 7, 8, 9]
        assert numbers(book, "Credentials 3") == [10, 11, 12]
        assert numbers(book, "Failed 2") == [17]
        assert values(book, "Credentials 3")[0] == values(book, "Credentials")[0]
        assert book["Credentials 2"].auto_filter.ref == "A1:J5"

    def test_a_sheet_that_is_just_full_has_no_empty_next_one(self, written):
        rows = [a_row(number) for number in range(2, 10)]
        book = load_workbook(written(rows, sheet_limit=5))
        assert book.sheetnames[1:4] == ["Credentials", "Credentials 2", "Skipped"]

    def test_more_columns_than_a_sheet_holds_are_refused_with_a_way_out(self, tmp_path):
        run = a_run(columns=("x",) * 16_377)
        with pytest.raises(ResultsError, match="16,377") as error:
            write_workbook(tmp_path / "r.xlsx", run, list)
        assert "--csv" in error.value.cure
        assert list(tmp_path.iterdir()) == []


class TestLooks:
    def test_the_header_is_bold_frozen_and_filters(self, written):
        book = load_workbook(written(one_of_each()))
        for title in ("Credentials", "Skipped", "Failed"):
            sheet = book[title]
            assert all(cell.font.bold for cell in sheet[1])
            assert sheet.freeze_panes == "C2"
            assert sheet.auto_filter.ref == f"A1:J{sheet.max_row}"
            assert sheet.print_title_rows == "$1:$1"

    def test_columns_are_as_wide_as_their_texts_within_reason(self, written):
        rows = [a_row(2, message="m" * 40, tip="t" * 500, others=("王小明王小明王小明", ""))]
        widths = load_workbook(written(rows))["Credentials"].column_dimensions
        assert widths["G"].width == 42
        assert widths["H"].width == 70
        assert widths["I"].width == 20  # Chinese characters are twice as wide
        assert widths["J"].width == len("email") + 4

    def test_excel_does_not_offer_to_turn_usernames_into_numbers(self, written):
        sheet = raw_sheets(written([a_row(2, username="0042")]))["Credentials"]
        (ignored,) = sheet.iter(f"{MAIN}ignoredError")
        assert ignored.attrib == {"sqref": "A1:J2", "numberStoredAsText": "1"}


class TestCells:
    @pytest.mark.parametrize("text", [*FORMULAS, "0042", "1e5", "TRUE", "2026-01-02", "'quoted"])
    def test_text_stays_text(self, written, text):
        rows = [a_row(2, username=text, password=text, message=text, others=(text, text))]
        book = load_workbook(written(rows, a_run(rows, columns=(text, text))))
        header, row = book["Credentials"].iter_rows()
        for cell in (row[1], row[2], row[6], row[8], row[9], header[8], header[9]):
            assert (cell.value, cell.data_type, cell.number_format) == (text, "s", "@")

    def test_text_like_a_formula_stays_text_when_somebody_edits_it(self, written):
        texts = ["=1+1", "+49 30", "-1", "@x", "plain", "'", ""]
        rows = [a_row(number, username=text) for number, text in enumerate(texts, 2)]
        sheet = load_workbook(written(rows))["Credentials"]
        quoted = [cell.quotePrefix for cell in sheet["B"][1:]]
        assert quoted == [True, True, True, True, False, False, False]

    def test_a_blank_cell_to_be_filled_in_takes_what_is_typed_as_text(self, written):
        rows = [a_row(2, Outcome.INVALID, username="", password="")]
        _, row = load_workbook(written(rows))["Failed"].iter_rows()
        for cell in row[1:3]:
            assert (cell.value, cell.number_format) == (None, "@")

    def test_the_failed_sheet_holds_the_password_that_a_corrected_row_is_run_with(self, written):
        rows = [a_row(2, Outcome.INVALID)]
        assert values(load_workbook(written(rows)), "Failed")[1][2] == PASSWORD

    def test_what_no_cell_holds_is_cut_visibly(self, written):
        rows = [a_row(2, others=("x" * 40_000, ""))]
        shown = values(load_workbook(written(rows)), "Credentials")[1][8]
        assert len(shown) == 32_767
        assert shown.endswith("[cut: 40,000 characters]")

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(ANY_TEXT, ANY_TEXT, ANY_TEXT), max_size=4), ANY_TEXT)
    def test_whatever_the_text_it_is_shown_exactly_and_never_a_formula(self, texts, header):
        file = BytesIO()
        rows = [
            a_row(number, username=name, password=password, message=other, others=(other, name))
            for number, (name, password, other) in enumerate(texts, 2)
        ]
        run = a_run(rows, columns=(header, header), source=f"{header}\n", reason=header)
        build(file, run, rows, spool=BytesIO, sheet_limit=4)
        sheets = raw_sheets(file)
        for sheet in sheets.values():
            assert not list(sheet.iter(f"{MAIN}f"))
            assert {cell.kind for row in raw_rows(sheet) for cell in row} <= {"inlineStr", None}
        shown = [
            [cell.text or "" for cell in row[1:]]
            for title in sheets
            if title.startswith("Credentials")
            for row in raw_rows(sheets[title])[1:]
        ]
        assert [(row[0], row[1], row[5], row[7], row[8]) for row in shown] == [
            (name, password, other, other, name) for name, password, other in texts
        ]
        assert [cell.text or "" for cell in raw_rows(sheets["Failed"])[0][8:]] == [header] * 2

    @pytest.mark.parametrize("text", [" x", "x ", "\tx", "x\ny", "\u00a0x"])
    def test_programs_are_told_to_keep_white_space(self, written, text):
        sheet = raw_sheets(written([a_row(2, username=text, password="p")]))["Credentials"]
        (kept,) = (shown for shown in sheet.iter(f"{MAIN}t") if shown.text == text)
        assert kept.get("{http://www.w3.org/XML/1998/namespace}space") == "preserve"

    def test_strings_stand_in_their_cells_so_that_no_table_of_them_grows(self, written):
        book = load_workbook(written(one_of_each()))
        assert book["Credentials"]["B2"].value == "ext2"
        sheets = raw_sheets(written(one_of_each(), overwrite=True))
        kinds = {cell.kind for row in raw_rows(sheets["Credentials"]) for cell in row}
        assert "s" not in kinds  # a reference into the shared strings
