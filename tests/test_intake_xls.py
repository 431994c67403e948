"""Old Excel workbooks: what each cell shows, with its number format.

data/staff.xls was written by LibreOffice 7. data/awkward.xls and data/awkward.ods were written by
LibreOffice 7, from data/awkward.fods beside them: `soffice --convert-to "xls:MS Excel 97"`, and
`--convert-to ods`. The others are put together here from records (MS-XLS 2.4), without the file
system round them that Excel writes.
"""

import random
import struct
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers.ods import OdsBook
from bulk_provision.intake.readers.xls import XlsBook
from open_books import opened, shown_rows

DATA = Path(__file__).with_name("data")
STAFF = DATA / "staff.xls"
AWKWARD = DATA / "awkward.xls"
BIFF8, BIFF5 = 0x0600, 0x0500
GLOBALS, WORKSHEET = 0x05, 0x10
CHART, MACROS = 2, 1


def open_xls(path):
    return opened(XlsBook, path)


def record(kind, layout="", *values, tail=b""):
    content = struct.pack("<" + layout, *values) + tail
    return struct.pack("<HH", kind, len(content)) + content


def begin(kind, version):
    return record(0x0809, "HHHHII", version, kind, 0, 0, 0, 0)


END = record(0x000A)


def wide(text, length):
    return struct.pack(f"<{length}B", len(text), 1) + text.encode("utf-16-le")


def cell_format(index, code):
    return record(0x041E, "H", index, tail=wide(code, "H"))


def number(row, column, value, style=0):
    return record(0x0203, "HHHd", row, column, style, value)


def text(row, column, value, style=0):
    return record(0x0204, "HHH", row, column, style, tail=wide(value, "H"))


def boolean_or_error(row, column, value, *, error):
    return record(0x0205, "HHHBB", row, column, 0, value, error)


def formula(row, column, result, flags=0, tokens=b"\x1e\x2a\x00", style=0):
    stored = struct.pack("<d", result)
    head = (row, column, style, stored, flags, 0, len(tokens))
    return record(0x0006, "HHH8sHIH", *head, tail=tokens)


def workbook(*records, formats=(), date_1904=False, sheets=None, version=BIFF8, before=b""):
    """The bytes of a workbook with one sheet, or with several: (name, visibility, type, records).

    Style 0 is General; the formats given are styles 1 and so on. One that is a number is built in.
    """
    styles = codes = b""
    for place, code in enumerate((0, *formats)):
        index = code if isinstance(code, int) else 164 + place
        codes += b"" if isinstance(code, int) else cell_format(index, code)
        styles += record(0x00E0, "HHHBBBBIiH", 0, index, 0, 0, 0, 0, 0, 0, 0, 0)
    top = begin(GLOBALS, version) + before + record(0x0022, "H", date_1904) + codes + styles
    listed = sheets or [("Users", 0, 0, records)]
    names = [
        wide(name, "B") if version == BIFF8 else bytes([len(name)]) + name.encode()
        for name, *_ in listed
    ]
    size = len(top) + sum(4 + 6 + len(name) for name in names) + len(END)
    contents = bounds = b""
    for (_, visibility, kind, inside), name in zip(listed, names, strict=True):
        bounds += record(0x0085, "IBB", size + len(contents), visibility, kind, tail=name)
        contents += begin(WORKSHEET, version) + b"".join(inside) + END
    return top + bounds + END + contents


@pytest.fixture
def read(tmp_path):
    """The rows of a workbook of one sheet: number → cells."""

    def rows(*records, **options):
        path = tmp_path / "users.xls"
        path.write_bytes(workbook(*records, **options))
        with open_xls(path) as book:
            return shown_rows(book.sheets[0])

    return rows


def test_a_file_of_libreoffice_is_read():
    with open_xls(STAFF) as book:
        assert [(sheet.name, sheet.hidden) for sheet in book.sheets] == [
            ("Staff", False),
            ("Hidden", True),
        ]
        rows = shown_rows(book.sheets[0])
    assert rows[4] == ["", "SIP user", "Password", "Name", "Since"]
    assert rows[5] == ["", "asha.rao", "Long-enough-9", "Asha Rao", ("2024-05-06", "cell-date")]
    assert rows[8][1] == ("TRUE", "cell-boolean")
    assert rows[11][1:3] == [" vikram ", "=x"]
    assert rows[12][1] == ("1.23456789012346E+19", "number-too-long")


def test_awkward_cells_are_told_as_they_are_seen():
    with open_xls(AWKWARD) as book:
        assert shown_rows(book.sheets[0]) == {
            1: ["A title", ("", "cell-merged-across"), ("", "cell-merged-across")],
            2: ["0042"],
            3: [("1,234", "number-thousands")],
            4: [("50%", "number-percent")],
            5: [("2024-05-06", "cell-date")],
            6: ["ext-42"],
            7: [("FALSE", "cell-boolean")],
            8: [("#N/A", "cell-error")],
            9: [("#DIV/0!", "cell-error")],
            10: ["asha.rao"],
            12: ["0042"],
            13: [("7", "formula-changes")],
            14: [("1.23E+20", "number-too-long")],
            15: ["123456789012345"],
            16: ["nobody sees me"],
            17: ["Zoë", "one"],
            18: [("Zoë", "cell-merged"), "two"],
            19: ["two\nlines"],
            20: [" a   b "],
        }


def test_the_same_document_as_ods_shows_the_same():
    with open_xls(AWKWARD) as xls, opened(OdsBook, DATA / "awkward.ods") as ods:
        for one, other in zip(xls.sheets, ods.sheets, strict=True):
            assert (one.name, one.hidden) == (other.name, other.hidden)
            expected = shown_rows(one)
            for number, cells in shown_rows(other).items():
                if number != 14:  # 1.23E+20, and 1.23E+020
                    assert cells == expected[number]


def test_hidden_rows_and_columns_are_told():
    with open_xls(AWKWARD) as book:
        sheet = book.sheets[0]
        hidden = {number: doubts for number, _, doubts in sheet.records() if doubts}
        (note,) = book.notes(sheet, [1], [0, 2])
        assert book.notes(sheet, [0], [2]) == []
    assert [doubt.kind for doubt in hidden.pop(16)] == ["row-hidden"]
    assert not hidden
    assert (note.kind, note.where, note.seen, note.warning) == (
        *("column-hidden", "Awkward", "B"),
        True,
    )


def test_sheets_can_be_read_in_any_order_and_again():
    with open_xls(STAFF) as book:
        first, second = book.sheets
        once = shown_rows(first)
        begun = second.records()
        next(begun)
        assert shown_rows(first) == once
        assert shown_rows(second) == {1: ["Notes"]}


@pytest.mark.parametrize(
    ("code", "value", "seen"),
    [
        ("General", 42.0, "42"),
        ("General", -0.0, "0"),
        ("General", 999999999999999.0, "999999999999999"),
        ("General", 1e15, ("1E+15", "number-too-long")),
        ("General", 1.23e20, ("1.23E+20", "number-too-long")),
        ("General", 1e-7, ("1E-07", "number-decimal")),
        ("General", 0.1 + 0.2, ("0.3", "number-decimal")),
        ("0000", 42.0, "0042"),
        ("0000", 1e20, ("1E+20", "number-too-long")),
        ('"ext-"0', 7.0, "ext-7"),
        ("00-00", 1234.0, "12-34"),
        ("#,##0", 1234.0, ("1,234", "number-thousands")),
        ("0.00", 1.0, ("1.00", "number-decimal")),
        ("0%", 0.5, ("50%", "number-percent")),
        ("0E+00", 1200.0, ("1200", "number-scientific")),
        ("d/m/yyyy", 45418.0, ("2024-05-06", "cell-date")),
        (14, 45418.0, ("2024-05-06", "cell-date")),  # built in: the computer's own short date
        (31, 45418.0, ("2024-05-06", "cell-date")),  # built in, and of no code: East Asian date
        ("General", float("inf"), ("inf", "number-unreadable")),
        ("General", float("nan"), ("nan", "number-unreadable")),
    ],
)
def test_a_number_is_shown_by_its_format(read, code, value, seen):
    assert read(number(0, 0, value, style=1), formats=[code]) == {1: [seen]}


def test_days_are_counted_from_1904_where_the_workbook_says_so(read):
    rows = read(number(0, 0, 43956.0, style=1), formats=["yyyy-mm-dd"], date_1904=True)
    assert rows == {1: [("2024-05-06", "cell-date")]}


def test_a_text_is_shown_by_its_format(read):
    assert read(text(0, 0, "0042"), text(0, 1, "42", style=1), formats=['"ext-"@']) == {
        1: ["0042", "ext-42"]
    }


def test_a_character_that_cannot_be_is_told(read):
    assert read(text(0, 0, "a\0b")) == {1: [("a\ufffdb", "character-impossible")]}


def test_truth_values_and_errors_are_told(read):
    assert read(
        boolean_or_error(0, 0, 1, error=False),
        boolean_or_error(1, 0, 0x2A, error=True),
        boolean_or_error(2, 0, 0x99, error=True),
    ) == {
        1: [("TRUE", "cell-boolean")],
        2: [("#N/A", "cell-error")],
        3: [("#ERROR", "cell-error")],
    }


def test_a_formula_shows_its_result(read):
    assert read(formula(0, 0, 42.0, style=1), formats=["0000"]) == {1: ["0042"]}
    assert read(formula(0, 0, 0.0)) == {1: ["0"]}


def test_a_formula_that_changes_is_told(read):
    random_number = b"\x19\x01\x00\x00" + b"\x41\x3f\x00"  # PtgAttrSemi, PtgFunc RAND
    assert read(formula(0, 0, 7.0, tokens=random_number)) == {1: [("7", "formula-changes")]}
    assert read(formula(0, 0, 0.5, tokens=random_number)) == {1: [("0.5", "number-decimal")]}


@pytest.mark.parametrize("flags", [1, 2, 3])
def test_a_formula_that_nobody_calculated_is_told(read, flags):
    assert read(formula(0, 0, 0.0, flags)) == {1: [("0", "formula-without-value")]}
    assert read(formula(0, 0, 42.0, flags)) == {1: ["42"]}


def test_a_rows_number_is_the_one_that_excel_shows(read):
    assert read(text(9, 2, "x"), text(65535, 0, "y")) == {10: ["", "", "x"], 65536: ["y"]}


def test_merged_cells_are_a_doubt(read):
    merged = record(0x00E5, "HHHHH", 1, 0, 1, 0, 1)  # rows 0 to 1, columns 0 to 1
    assert read(text(0, 0, "asha"), text(1, 2, "x"), merged) == {
        1: ["asha", ("", "cell-merged-across")],
        2: [("asha", "cell-merged"), ("", "cell-merged"), "x"],
    }


def test_charts_and_macro_sheets_are_left_out_and_hidden_sheets_known(tmp_path):
    path = tmp_path / "users.xls"
    path.write_bytes(
        workbook(
            sheets=[
                ("Chart", 0, CHART, []),
                ("Users", 0, 0, [text(0, 0, "1")]),
                ("Macros", 0, MACROS, []),
                ("Hidden", 1, 0, [text(0, 0, "2")]),
                ("Very", 2, 0, []),
            ]
        )
    )
    with open_xls(path) as book:
        assert [(sheet.name, sheet.hidden) for sheet in book.sheets] == [
            ("Users", False),
            ("Hidden", True),
            ("Very", True),
        ]
        assert [shown_rows(sheet) for sheet in book.sheets] == [{1: ["1"]}, {1: ["2"]}, {}]


def old_text(row, column, value):
    return record(0x0204, "HHHH", row, column, 0, len(value), tail=value)


def test_an_older_workbook_is_read_by_its_code_page(read):
    western = record(0x0042, "H", 1252)
    assert read(old_text(0, 0, b"Zo\xeb"), version=BIFF5, before=western) == {1: ["Zoë"]}


def test_letters_of_an_older_workbook_without_a_code_page_are_a_guess(read):
    assert read(old_text(0, 0, b"Zo\xeb"), old_text(0, 1, b"asha"), version=BIFF5) == {
        1: [("Zoë", "encoding-unsure"), "asha"]
    }


def test_a_protected_workbook_is_told(read):
    with pytest.raises(SourceError, match="protected with a password") as told:
        read(text(0, 0, "x"), before=record(0x002F, "HH", 0, 0))
    assert "take the password off" in told.value.cure


@pytest.mark.parametrize("size", [1, 600, 2000, 4000, 6000])
def test_a_file_cut_short_is_told(tmp_path, size):
    path = tmp_path / "staff.xls"
    path.write_bytes(STAFF.read_bytes()[:size])
    with pytest.raises(SourceError, match="damaged") as told:
        with open_xls(path) as book:
            shown_rows(book.sheets[0])
    assert ".xlsx" in told.value.cure


def test_whatever_is_wrong_with_a_file_it_is_read_or_told(tmp_path):
    path = tmp_path / "broken.xls"
    whole = AWKWARD.read_bytes()
    chance = random.Random(2026)
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 20)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(broken)
        with suppress(SourceError), open_xls(path) as book:
            for sheet in book.sheets:
                shown_rows(sheet)


def test_a_sheet_that_lies_about_its_size_costs_nothing(tmp_path):
    # The DIMENSIONS record (MS-XLS 2.4.90): rows 1 to 12 become 1 to 4,294,967,295.
    honest = bytes.fromhex("0002 0e00 01000000 0c000000 0100")
    lying = bytes.fromhex("0002 0e00 01000000 ffffffff 0100")
    content = STAFF.read_bytes()
    assert content.count(honest) == 1
    path = tmp_path / "staff.xls"
    path.write_bytes(content.replace(honest, lying))
    with open_xls(STAFF) as true, open_xls(path) as lie:
        assert shown_rows(lie.sheets[0]) == shown_rows(true.sheets[0])


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_any_whole_number_of_15_digits_is_its_digits(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.xls"
    path.write_bytes(workbook(number(0, 0, float(value))))
    with open_xls(path) as book:
        assert shown_rows(book.sheets[0]) == {1: [str(value)]}
