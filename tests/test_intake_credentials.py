"""Bad input never changes a credential silently: what is written is read back, or refused."""

import csv
import io
import re
from contextlib import suppress

import openpyxl
import pandas as pd
import xlsxwriter
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from bulk_provision.checks import Rules, check
from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from bulk_provision.model import User

NASTY = [
    *[
        "=1+1",
        "+49",
        "-1",
        "@a",
        "'quoted",
        "''",
        '"',
        '""',
        "a,b;c|d",
        "\ta",
        " a ",
        "a\nb",
        "\r\n",
    ],
    *["0042", "1e5", "1E+20", "TRUE", "NULL", "NaN", "None", "#N/A", "1-2", "1/2", "00123", "∞"],
    *["_x000D_", "_x005F_x000D_", "x005F_", "__x41_", "\u00a0a", "a\u200b", "\u202ea", "e\u0301"],
    *[
        "😀",
        "\U000f0000",
        "\u2028",
        "\x0b",
        "\x7f",
        "１００",
        "ﬁ",
        '="0042"',
        "<&>",
        "]]>",
        "&#10;",
    ],
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=20),
    st.text(alphabet="aB3=+-@'\" ,;\t\n_x05F", max_size=12),
    st.from_regex(r"[!-~]{1,20}", fullmatch=True),
)
# A first pair that is beyond doubt, so that the table is found whatever follows.
tables = st.lists(st.tuples(texts, texts), max_size=8).map(lambda pairs: [("asha", "x"), *pairs])
numbers = st.integers(-(10**17), 10**17)
HEADER = ("username", "password")


def assert_same_or_refused(file, pairs):
    """Compare what was read with what was written: by place, for blank rows are left out."""
    with open_table("-", stdin=io.BytesIO(file)) as table:
        rows = {row.number: row for row in table.rows()}
        left_out = {problem.where for problem in table.left_out}
        for number, (username, password) in enumerate(pairs, start=2):
            row = rows.pop(number, None)
            if row is None:
                assert not password.strip()
                assert not username.strip() or table.where(number, "") in left_out
            elif isinstance(user := check(row, Rules(), table.where), User):
                told = {problem.kind for problem in user.warnings}
                if "formula-wrapper" not in told:
                    assert user.password == password
                    assert user.username == username or "username-trimmed" in told
                    assert user.username in username
        assert not rows


@given(tables)
def test_written_by_xlsxwriter(pairs):
    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    for row, pair in enumerate(pairs, start=1):
        for column, value in enumerate(pair):
            sheet.write_string(row, column, value)
    workbook.close()
    assert_same_or_refused(file.getvalue(), pairs)


@given(tables)
def test_written_by_openpyxl(pairs):
    # openpyxl writes texts as they are. Excel takes "_x0041_" in them for an "A", and any XML
    # parser a carriage return for a line feed: such texts are lost before they are read.
    pairs = [
        tuple(
            re.sub("_x[0-9a-fA-F]{4}_|\r", "", ILLEGAL_CHARACTERS_RE.sub("", one)) for one in pair
        )
        for pair in pairs
    ]
    workbook = openpyxl.Workbook()
    for row, pair in enumerate([HEADER, *pairs], start=1):
        for column, value in enumerate(pair, start=1):
            cell = workbook.active.cell(row, column, value)
            cell.data_type = "s"
    file = io.BytesIO()
    workbook.save(file)
    assert_same_or_refused(file.getvalue(), pairs)


@given(tables, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
@example([("asha", "x"), ("a", "\x00b")], ",", "utf-8")
def test_written_by_the_csv_module(pairs, separator, encoding):
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows([HEADER, *pairs])
    assert_same_or_refused(text.getvalue().encode(encoding), pairs)


@given(tables, st.sampled_from(["openpyxl", "xlsxwriter", "csv"]))
def test_written_by_pandas(pairs, engine):
    # openpyxl, which tells here what is in the file, drops "x005F_" from it.
    pairs = [tuple(re.sub("_?x[0-9a-fA-F]{4}_|\r", "", one) for one in pair) for pair in pairs]
    pairs = [tuple(ILLEGAL_CHARACTERS_RE.sub("", one) for one in pair) for pair in pairs]
    frame = pd.DataFrame(pairs, columns=HEADER)
    file = io.BytesIO()
    if engine == "csv":
        frame.to_csv(file, index=False)
        assert_same_or_refused(file.getvalue(), pairs)
        return
    with pd.ExcelWriter(file, engine=engine) as writer:
        frame.to_excel(writer, index=False)
    written = openpyxl.load_workbook(io.BytesIO(file.getvalue())).active
    # Either engine makes formulas and links of some texts: what is in the file counts.
    wide = {"min_row": 2, "max_row": len(pairs) + 1, "max_col": 2, "values_only": True}
    stored = list(written.iter_rows(**wide))
    pairs = [
        pair if tuple(one or "" for one in cells) == pair else ("", "")
        for pair, cells in zip(pairs, stored, strict=True)
    ]
    assert_same_or_refused(file.getvalue(), pairs)


@given(st.lists(st.tuples(numbers, st.sampled_from(["General", "0", "0000", "00-00", "@"]))))
def test_numbers_are_read_as_their_format_shows_them_or_refused(cells):
    def shown(number, code):
        if code == "00-00":
            return f"{'-' * (number < 0)}{abs(number) // 100:02d}-{abs(number) % 100:02d}"
        return f"{'-' * (number < 0)}{abs(number):04d}" if code == "0000" else str(number)

    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = workbook.add_worksheet()
    sheet.write_row(0, 0, HEADER)
    sheet.write_string(1, 0, "asha")
    for row, (number, code) in enumerate(cells, start=2):
        sheet.write_number(row, 0, number, workbook.add_format({"num_format": code}))
    workbook.close()
    with open_table("-", stdin=io.BytesIO(file.getvalue())) as table:
        for row, (number, code) in zip(list(table.rows())[1:], cells, strict=True):
            if abs(number) < 10**15:
                assert (row.username, row.problems) == (shown(number, code), ())
            else:
                assert [problem.kind for problem in row.problems] == ["number-too-long"]


@given(st.binary(max_size=400))
def test_no_bytes_crash_it(content):
    for start in (b"", b"username,password\n", b"PK\x03\x04", b"\xff\xfeu\x00"):
        with suppress(SourceError), open_table("-", stdin=io.BytesIO(start + content)) as table:
            for row in table.rows():
                checked = check(row, Rules(), table.where)
                assert isinstance(checked, User) or checked.problems
