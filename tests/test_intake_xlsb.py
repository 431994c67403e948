"""Binary Excel workbooks: what cannot be seen in them is never guessed."""

import struct
from typing import NamedTuple
from zipfile import ZipFile

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from workbooks import read, relation, rels


class Error(NamedTuple):
    """A cell that failed: BrtCellError (3), or BrtFmlaError (11)."""

    kind: int
    code: int


def told(found):
    return [(problem.kind, problem.where) for problem in found.problems]


def record(kind, payload=b""):
    """A record of a binary workbook (MS-XLSB 2.1.4): its type, its length, its content."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(payload)]) + payload


def wide(value):
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def write_xlsb(path, *rows, merged=()):
    width = max(map(len, rows))
    sheet = record(129)  # BrtBeginSheet
    sheet += record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1))  # BrtWsDim
    sheet += record(145)  # BrtBeginSheetData
    for place, cells in enumerate(rows):
        sheet += record(0, struct.pack("<IIHHBI", place, 0, 300, 0, 0, 0))  # BrtRowHdr
        for column, value in enumerate(cells):
            at = struct.pack("<II", column, 0)
            if isinstance(value, Error):
                sheet += record(value.kind, at + bytes([value.code]) + bytes(8))
            elif isinstance(value, str):
                sheet += record(6, at + wide(value))  # BrtCellSt
            else:
                sheet += record(5, at + struct.pack("<d", value))  # BrtCellReal
    sheet += record(146)  # BrtEndSheetData
    for area in merged:
        sheet += record(176, struct.pack("<4I", *area))  # BrtMergeCell
    sheet += record(130)
    book = record(131) + record(143)  # BrtBeginBook, BrtBeginBundleShs
    book += record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("Users"))  # BrtBundleSh
    book += record(144) + record(157, bytes(26)) + record(132)  # … BrtCalcProp, BrtEndBook
    with ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", rels(relation("rId1", "officeDocument", "xl/workbook.bin")))
        archive.writestr("xl/workbook.bin", book)
        sheets = rels(relation("rId1", "worksheet", "worksheets/sheet1.bin"))
        archive.writestr("xl/_rels/workbook.bin.rels", sheets)
        archive.writestr("xl/worksheets/sheet1.bin", sheet)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.xlsb"


def test_texts_are_read_and_numbers_are_no_credentials(path):
    write_xlsb(
        path,
        ["username", "password", "desk"],
        ["asha", "Long-enough-9", 12.0],
        [1001.0, "Long-enough-9", "x"],
        ["vikram", 42.0, "x"],
    )
    first, second, third = read(path)
    assert (first.username, first.password, first.others) == ("asha", "Long-enough-9", ("12",))
    assert told(first) == []
    assert (second.username, told(second)) == ("1001", [("number-format-unseen", "Users!A3")])
    assert told(third) == [("number-format-unseen", "Users!B4")]
    with open_table(str(path)) as table:
        assert [note.kind for note in table.notes] == ["xlsb-half-seen"]


@pytest.mark.parametrize("kind", [3, 11])
@pytest.mark.parametrize(("code", "text"), [(0x2A, "#N/A"), (0x17, "#REF!"), (0x07, "#DIV/0!")])
def test_a_failed_formula_is_not_blank(path, kind, code, text):
    """Taken as blank, a password would be generated."""
    write_xlsb(
        path, ["username", "password"], ["asha", Error(kind, code)], [Error(kind, code), "x"]
    )
    first, second = read(path)
    assert (first.password, told(first)) == (text, [("cell-error", "Users!B2")])
    assert (second.username, told(second)) == (text, [("cell-error", "Users!A3")])


def test_a_password_merged_over_two_users_is_neither_blank_nor_certain(path):
    rows = [["asha", "Shared-pass-9"], ["vikram", ""]]
    write_xlsb(path, ["username", "password"], *rows, merged=[(1, 2, 1, 1)])
    assert [told(found) for found in read(path)] == [[], [("cell-merged", "Users!B3")]]


@pytest.mark.parametrize("size", [50, 300, 600, 900])
def test_a_file_cut_short_is_told(path, size):
    write_xlsb(path, ["username", "password"], ["asha", "Long-enough-9"])
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SourceError, match="damaged") as error:
        read(path)
    assert error.value.cure


def test_a_worksheet_that_ends_in_the_middle_of_a_record_is_told(path):
    write_xlsb(path, ["username", "password"], ["asha", "Long-enough-9"])
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content[:-20] if name.endswith("sheet1.bin") else content)
    with pytest.raises(SourceError, match="damaged"):
        read(path)
