"""The results as CSV: for scripts, and safe in spreadsheet programs."""

from __future__ import annotations

import csv
import stat

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulk_provision.errors import ResultsError
from bulk_provision.model import Outcome
from bulk_provision.results import write_csv
from bulk_provision.results.csv_files import guard, unguard
from bulk_provision.results.layout import COLUMNS
from results_samples import a_row, a_run, names_in, one_of_each

NAMES = ["r-created.csv", "r-skipped.csv", "r-failed.csv", "r-unprocessed.csv"]


@pytest.fixture
def written(tmp_path):
    def write(rows, run=None, name="r.xlsx", **options):
        return write_csv(tmp_path / name, run or a_run(rows), lambda: rows, **options)

    return write


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [[unguard(cell) for cell in line] for line in csv.reader(file)]


def test_each_row_is_in_the_one_file_where_its_outcome_belongs(written):
    created, skipped, failed, unprocessed = written(one_of_each())
    assert [line[4] for line in table(created)[1:]] == ["created", "unchanged", "exists"]
    assert [line[4] for line in table(skipped)[1:]] == ["exists"]
    assert [line[4] for line in table(failed)[1:]] == ["failed", "in_doubt", "invalid"]
    assert [line[4] for line in table(unprocessed)[1:]] == ["unprocessed"]


@pytest.mark.parametrize("name", ["r.xlsx", "r.XLSX", "r", "r.csv"])
def test_the_files_are_named_after_the_workbook_or_the_stem(written, name):
    assert [path.name for path in written([], name=name)] == NAMES


def test_a_stem_with_points_in_it_is_kept_whole(written):
    path, *_ = written([], name="users-results-20260102T030405.678Z")
    assert path.name == "users-results-20260102T030405.678Z-created.csv"


def test_all_four_are_written_with_their_header_at_least(written):
    for path in written([]):
        assert table(path) == [[*COLUMNS, "name", "email"]]


def test_the_columns_are_those_of_the_workbook(written):
    row = a_row(2)
    header, line = table(written([row])[0])
    assert header == [*COLUMNS, "name", "email"]
    assert line == ["2", *row[1:4], "created", *row[5:8], *row.others]


def test_excel_knows_it_for_utf_8_with_lines_that_end_in_crlf(written):
    content = written([a_row(2)])[0].read_bytes()
    assert content.startswith("\ufeffrow,username,".encode())
    assert content.count(b"\r\n") == content.count(b"\n") == 2
    assert "Zoë Müller".encode() in content


def test_only_their_owner_can_read_them(written):
    assert {stat.S_IMODE(path.stat().st_mode) for path in written(one_of_each())} == {0o600}


def test_an_existing_file_is_not_replaced_and_none_of_the_others_is_written(written, tmp_path):
    (tmp_path / "r-unprocessed.csv").write_text("old")
    with pytest.raises(ResultsError, match=r"r-unprocessed\.csv exists already"):
        written(one_of_each())
    assert names_in(tmp_path) == ["r-unprocessed.csv"]
    written(one_of_each(), overwrite=True)
    assert names_in(tmp_path) == sorted(NAMES)


def test_a_lone_surrogate_is_shown_as_what_it_is(written):
    rows = [a_row(2, Outcome.INVALID, username="a\ud800")]
    assert table(written(rows)[2])[1][1] == r"a\ud800"


class TestGuard:
    @pytest.mark.parametrize(
        ("cell", "written"),
        [
            ("=1+1", "'=1+1"),
            ("=", "'="),
            ("+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"),
            ("-2+3*A1", "'-2+3*A1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("\n=1", "'\n=1"),
            ("＝1+1", "'＝1+1"),
            ("+١", "'+١"),
            ("'quoted", "''quoted"),
            ("'=1", "''=1"),
            ("'", "''"),
        ],
    )
    def test_what_might_be_a_formula_gets_an_apostrophe(self, cell, written):
        assert guard(cell) == written

    @pytest.mark.parametrize(
        "cell", ["", "plain", "0042", "-5", "+49 (30) 123-45.6", "-", "+", "a=b", " =1", "it's"]
    )
    def test_what_is_harmless_stays_as_it_is(self, cell):
        assert guard(cell) == cell

    @given(st.one_of(st.text(), st.text(st.sampled_from("'=+-@\t\r\n 1x＝"))))
    @example("'")
    @example("''=")
    def test_it_is_undone_exactly(self, cell):
        assert unguard(guard(cell)) == cell

    @given(st.text(st.sampled_from("'=+-@\t\r\n 1x(.)")))
    def test_no_guarded_cell_begins_like_a_formula(self, cell):
        guarded = guard(cell)
        harmless = guarded[:1] in ("+", "-") and not set(guarded[1:]) - set("0123456789 ().-")
        assert guarded[:1] not in tuple("=+-@\t\r\n") or harmless

    def test_every_cell_of_a_file_is_guarded_those_of_the_header_too(self, written):
        evil = "=1+1"
        row = a_row(2, **dict.fromkeys(("username", "password", "connect_url"), evil))
        row = row._replace(code=evil, message=evil, tip=evil, others=(evil, evil))
        content = written([row], a_run([row], columns=(evil, evil)))[0].read_text("utf-8-sig")
        assert content.count("'=1+1") == content.count("=1+1") == 10

    @given(cells=st.lists(st.text(st.characters(codec="utf-8")), min_size=2, max_size=2))
    def test_any_cell_comes_back_unchanged(self, cells, tmp_path_factory):
        rows = [a_row(2, username=cells[0], password=cells[1], others=tuple(cells))]
        path = tmp_path_factory.mktemp("csv") / "r.xlsx"
        created, *_ = write_csv(path, a_run(rows, columns=tuple(cells)), lambda: rows)
        header, line = table(created)
        assert (header[8:], line[1:3], line[8:]) == (cells, cells, cells)
