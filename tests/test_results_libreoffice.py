"""What LibreOffice shows of the workbooks that we write: every cell, and the Summary on paper."""

from __future__ import annotations

from zipfile import ZipFile

import pytest
import xlsxwriter
from openpyxl import load_workbook

from bulk_provision.intake import open_table
from bulk_provision.intake.columns import ANNOTATED_COLUMNS
from bulk_provision.intake.template import write_template
from bulk_provision.model import Outcome, Problem, Secret, Warned
from bulk_provision.results import write_annotation, write_problems, write_workbook
from bulk_provision.results.layout import COLUMNS
from libreoffice import converted, pages, sheets, without_empty_end
from results_samples import a_row, a_run, one_of_each

AWKWARD = [
    *("=1+1", '=HYPERLINK("http://x","y")', "+49 30", "-1", "@x", "=", "#N/A", "#REF!"),
    *("0042", "1e5", "1.50", "TRUE", "2026-01-02", "10:30", "1/2", "50%", "12345678901234567890"),
    *("'quoted", "''", '"', 'a "b", c;d', " spaces round it ", "two\nlines", "a\tb", "\\n"),
    *("_x000D_", "_x0041_", "__x0041_", "😀 👩‍👩‍👧", "王小明", "עברית"),
    *("Zoë e\u0301", "<b>&amp;</b>"),
    *("http://example.com", "file:///etc/passwd", "x" * 300, "&A &P", "$A$1", "A1", "1,5"),
]


def awkward_rows():
    for number, text in enumerate(AWKWARD, 2):
        outcome = [Outcome.CREATED, Outcome.EXISTS, Outcome.INVALID][number % 3]
        yield a_row(
            number, outcome, username=text, password=text, message=text, tip=text,
            others=(text, text),
        )  # fmt: skip


def cells_of(row):
    texts = (*row[1:4], row.outcome.value, *row[5:8], *row.others)
    return without_empty_end([str(row.number), *texts])


def test_every_cell_is_shown_as_it_was_written_whatever_its_text(tmp_path):
    rows = [*one_of_each(), *awkward_rows()]
    run = a_run(rows, columns=("=1+1", "0042"), source="=1+1\n'x.xlsx", reason="@SUM(A1)")
    write_workbook(tmp_path / "r.xlsx", run, lambda: rows)
    told = sheets(tmp_path / "r.xlsx", tmp_path)
    assert set(told) == {"Summary", "Credentials", "Skipped", "Failed"}
    header = [*COLUMNS, "=1+1", "0042"]
    shown = []
    for title, (first, *lines) in told.items():
        if title != "Summary":
            assert first == header
            shown += lines
    assert sorted(shown) == sorted(map(cells_of, rows))


def test_rows_that_go_on_in_further_sheets_are_all_there(tmp_path):
    rows = [a_row(number) for number in range(2, 13)]
    write_workbook(tmp_path / "r.xlsx", a_run(rows), lambda: rows, sheet_limit=5)
    told = sheets(tmp_path / "r.xlsx", tmp_path)
    parts = [told["Credentials"], told["Credentials 2"], told["Credentials 3"]]
    assert [len(part) for part in parts] == [5, 5, 4]
    assert [line for part in parts for line in part[1:]] == [cells_of(row) for row in rows]


def test_a_protected_workbook_opens_with_its_password_and_not_without(tmp_path):
    rows = [*one_of_each(), *awkward_rows()]
    key = "Grüße aus Köln 2026"
    write_workbook(tmp_path / "r.xlsx", a_run(rows), lambda: rows, protect=Secret(key))
    (tmp_path / "saved").mkdir()
    (saved,) = converted(tmp_path / "r.xlsx", "xlsx", tmp_path / "saved", key)
    book = load_workbook(saved)
    shown = [
        without_empty_end([str(value or "") for value in row])
        for title in ("Credentials", "Skipped", "Failed")
        for row in book[title].iter_rows(min_row=2, values_only=True)
    ]
    assert sorted(shown) == sorted(map(cells_of, rows))
    (tmp_path / "not").mkdir()
    assert converted(tmp_path / "r.xlsx", "xlsx", tmp_path / "not") == []


def test_the_template_shows_its_columns_and_explains_them(tmp_path):
    write_template(tmp_path / "t.xlsx")
    told = sheets(tmp_path / "t.xlsx", tmp_path)
    book = load_workbook(tmp_path / "t.xlsx")
    assert list(told) == sorted(book.sheetnames)
    for sheet in book:
        written = [
            without_empty_end([str(value or "") for value in row])
            for row in sheet.iter_rows(values_only=True)
        ]
        assert told[sheet.title] == without_empty_end(written)


MANY = {
    Outcome.CREATED: 1010, Outcome.UNCHANGED: 32, Outcome.EXISTS: 15, Outcome.FAILED: 3,
    Outcome.IN_DOUBT: 2, Outcome.UNPROCESSED: 6, Outcome.INVALID: 7,
}  # fmt: skip


def test_on_paper_the_summary_is_one_page_with_all_that_a_manager_needs(tmp_path):
    rows = [a_row(2, outcome) for outcome, count in MANY.items() for _ in range(count)]
    rows += [a_row(2, Outcome.EXISTS, handed_over=True)] * 2
    run = a_run(
        rows,
        calls=695,
        state="stopped",
        reason="TeleCMI brought no good answer for 120 s",
        warnings=(Warned("The password has fewer than 8 characters.", 31, "Users!B17"),),
    )
    write_workbook(tmp_path / "r.xlsx", run, lambda: rows)
    (pdf,) = converted(tmp_path / "r.xlsx", "pdf", tmp_path)
    paper = pages(pdf)
    assert ["What became of the rows" in page for page in paper].index(True) == 0
    assert sum("SIP endpoints" in page or "About this run" in page for page in paper) == 1
    lines = [" ".join(line.split()) for line in paper[0].splitlines()]
    counts = "1,044 with working credentials, 15 skipped, 12 to look at, 6 not processed"
    for text in (
        "SIP endpoints at TeleCMI",
        f"1,077 rows from users.xlsx: {counts}.",
        "The run was stopped early: TeleCMI brought no good answer for 120 s",
        "created 1,010 New at TeleCMI; username and password work. Credentials",
        "all 1,077",
        "created 1,010",  # the chart
        "exists, reset 2",
        "in doubt 2",
        "Users!B17 31 The password has fewer than 8 characters.",
        "Source onboarding/users.xlsx",
        "SHA-256 of the source 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Started 2026-01-02 03:04:05 UTC",
        "Started by anita@ops-1",
        "Duration 1 min 10 s",
        "Rate allowed 10 calls a second",
        "Rate reached 9.9 calls a second, from start to end",
        "Calls made 695",
    ):
        assert text in lines
    steps = paper[0][paper[0].index("What to do next") : paper[0].index("Warnings")]
    assert [f"{number}. " in steps for number in range(1, 6)] == [True] * 4 + [False]
    assert "###" not in paper[0]


def test_on_paper_every_sheet_of_a_small_run_is_one_page(tmp_path):
    write_workbook(tmp_path / "r.xlsx", a_run(one_of_each()), one_of_each)
    (pdf,) = converted(tmp_path / "r.xlsx", "pdf", tmp_path)
    paper = pages(pdf)
    assert len(paper) == 4
    footers = ["Credentials, page 2 of 4", "Skipped, page 3 of 4", "Failed, page 4 of 4"]
    assert [footer in page for footer, page in zip(footers, paper[1:], strict=True)] == [True] * 3


@pytest.fixture
def staff(tmp_path):
    """A workbook as people make them, with a formula, formats, and a chart of its own."""
    path = tmp_path / "staff.xlsx"
    with xlsxwriter.Workbook(path) as book:
        users = book.add_worksheet("Staff")
        users.write_row(1, 1, ["Extension", "Password", "Name", "Floor"])
        four = book.add_format({"num_format": "0000"})
        people = ((101, "Asha"), ("ravi@x", "Ravi"), (103, "Meera"))
        for place, (extension, name) in enumerate(people):
            users.write(2 + place, 1, extension, four)
            users.write(2 + place, 3, name)
            users.write_formula(2 + place, 4, f'=B{3 + place}&"!"', None, f"{extension}!")
        chart = book.add_chart({"type": "pie"})
        chart.add_series({"values": "=Staff!$B$3:$B$5"})
        book.add_worksheet("Chart").insert_chart("B2", chart)
    return path


OLD = [
    ["", "Extension", "Password", "Name", "Floor"],
    ["", "0101", "", "Asha", "101!"],
    ["", "ravi@x", "", "Ravi", "ravi@x!"],
    ["", "0103", "", "Meera", "103!"],
]


def test_a_marked_source_is_shown_as_it_was_with_its_comments(tmp_path, staff):
    problem = Problem("k", "Staff!B4", "ravi@x", "it holds @", "Take it away.", field="username")
    with open_table(str(staff)) as table:
        write_problems(tmp_path / "p.xlsx", table, [(4, problem)], overwrite=False)
    told = sheets(tmp_path / "p.xlsx", tmp_path)
    assert told["Staff"][1:] == OLD
    (saved,) = converted(tmp_path / "p.xlsx", "ods", tmp_path)
    with ZipFile(saved) as archive:
        content = archive.read("content.xml").decode()
    assert "It holds @ (ravi@x)." in content
    assert "Take it away." in content


def test_an_annotated_source_is_shown_as_it_was_with_what_became_of_its_rows(tmp_path, staff):
    rows = [
        a_row(3, Outcome.CREATED, username="0101", password="=1+1", connect_url="sbc.example"),
        a_row(4, Outcome.INVALID, username="ravi@x", password="", message="It holds @.", tip=""),
        a_row(5, Outcome.EXISTS, username="0103", password="", message="Exists.", tip=""),
    ]
    with open_table(str(staff)) as table:
        write_annotation(tmp_path / "a.xlsx", table, rows, run_id=7, overwrite=False)
    told = sheets(tmp_path / "a.xlsx", tmp_path)
    header, *shown = told["Staff"][1:]
    assert header == [*OLD[0], *ANNOTATED_COLUMNS]
    assert [line[:5] for line in shown] == OLD[1:]
    assert [line[5:8] for line in shown] == [
        ["created", "0101", "=1+1"],
        ["invalid", "ravi@x", ""],
        ["exists", "0103", ""],
    ]
