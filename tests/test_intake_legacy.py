"""The other kinds of workbook: read as far as they tell, and honest about what they do not.

data/staff.xls was written by LibreOffice 7; the .ods and .xlsb files are put together here.
"""

import struct
from pathlib import Path
from zipfile import ZipFile

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake import legacy, open_table
from workbooks import read, relation, rels

STAFF = Path(__file__).with_name("data") / "staff.xls"


def kinds(found):
    return [problem.kind for problem in found.problems]


def test_an_xls_file_is_read():
    found = {one.number: one for one in read(STAFF)}
    assert (found[5].username, found[5].password) == ("asha.rao", "Long-enough-9")
    assert found[5].others == ("Asha Rao", "2024-05-06")
    assert (found[11].username, found[11].password) == (" vikram ", "=x")
    assert found[5].problems == found[11].problems == ()


def test_a_number_of_an_xls_file_is_its_digits_and_its_lost_format_is_told_once():
    with open_table(str(STAFF)) as table:
        found = {one.number: one for one in table.rows()}
        notes = {note.kind: note for note in table.notes}
        assert table.where(7, "username") == "Staff!B7"
    assert (found[7].username, found[7].problems) == ("42", ())
    assert notes["number-format-unseen"].warning
    assert ".xlsx" in notes["number-format-unseen"].cure


@pytest.mark.parametrize(
    ("number", "kind"),
    [(8, "cell-boolean"), (9, "cell-date"), (10, "number-decimal"), (12, "number-too-long")],
)
def test_what_cannot_be_known_in_an_xls_file_is_a_problem(number, kind):
    (found,) = [one for one in read(STAFF) if one.number == number]
    assert kinds(found) == [kind]
    assert found.problems[0].where == f"Staff!B{number}"


def write_ods(path, *rows):
    office = "urn:oasis:names:tc:opendocument:xmlns"
    cells = "".join(f"<table:table-row>{''.join(cells)}</table:table-row>" for cells in rows)
    content = (
        f'<office:document-content xmlns:office="{office}:office:1.0" '
        f'xmlns:table="{office}:table:1.0" xmlns:text="{office}:text:1.0"><office:body>'
        f'<office:spreadsheet><table:table table:name="Users">{cells}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{office}:manifest:1.0"/>'
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)


def ods_text(value):
    return (
        f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
    )


def ods_number(value, shown):
    return (
        f'<table:table-cell office:value-type="float" office:value="{value}">'
        f"<text:p>{shown}</text:p></table:table-cell>"
    )


def test_an_ods_file_is_read(tmp_path):
    path = tmp_path / "users.ods"
    header = [ods_text("username"), ods_text("password"), ods_text("desk")]
    user = [ods_text("asha"), ods_text("Long-enough-9"), ods_number("4.5", "4,5")]
    write_ods(path, header, user)
    (found,) = read(path)
    assert (found.username, found.password, found.others) == ("asha", "Long-enough-9", ("4.5",))
    with open_table(str(path)) as table:
        assert table.notes == ()


def test_a_number_in_an_ods_file_is_told(tmp_path):
    path = tmp_path / "users.ods"
    write_ods(path, [ods_text("username")], [ods_number("42", "0042")])
    with open_table(str(path)) as table:
        assert [note.kind for note in table.notes] == ["number-format-unseen"]
        assert [found.username for found in table.rows()] == ["42"]


def record(kind, payload=b""):
    """A record of a binary workbook (MS-XLSB 2.1.4): its type, its length, its content."""
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return head + bytes([len(payload)]) + payload


def wide(value):
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def write_xlsb(path, *rows):
    sheet = record(129)  # BrtBeginSheet
    sheet += record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, 1))  # BrtWsDim
    sheet += record(145)  # BrtBeginSheetData
    for place, cells in enumerate(rows):
        sheet += record(0, struct.pack("<IIHHBI", place, 0, 300, 0, 0, 0))  # BrtRowHdr
        for column, value in enumerate(cells):
            at = struct.pack("<II", column, 0)
            if isinstance(value, str):
                sheet += record(6, at + wide(value))  # BrtCellSt
            else:
                sheet += record(5, at + struct.pack("<d", value))  # BrtCellReal
    sheet += record(146) + record(130)
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


def test_an_xlsb_file_is_read(tmp_path):
    path = tmp_path / "users.xlsb"
    write_xlsb(path, ["username", "password"], ["asha", "Long-enough-9"], [1001.0, "x y"])
    assert [(one.username, one.password) for one in read(path)] == [
        ("asha", "Long-enough-9"),
        ("1001", "x y"),
    ]


@pytest.mark.parametrize("size", [600, 2000, 4000, 6000])
def test_an_xls_file_cut_short_is_told(tmp_path, size):
    path = tmp_path / "staff.xls"
    path.write_bytes(STAFF.read_bytes()[:size])
    with pytest.raises(SourceError, match="damaged") as told:
        read(path)
    assert told.value.cure


def test_a_damaged_ods_file_is_told(tmp_path):
    path = tmp_path / "users.ods"
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", "<office:document-content>")
    with pytest.raises(SourceError, match="damaged"):
        read(path)


def test_a_small_file_that_asks_for_all_memory_is_told_and_ends_nothing(tmp_path):
    # The sheet's DIMENSIONS record (MS-XLS 2.4.90): rows 1 to 12 become 1 to 4,294,967,295.
    honest = bytes.fromhex("0002 0e00 01000000 0c000000 0100")
    lying = bytes.fromhex("0002 0e00 01000000 ffffffff 0100")
    content = STAFF.read_bytes()
    assert content.count(honest) == 1
    path = tmp_path / "staff.xls"
    path.write_bytes(content.replace(honest, lying))
    with pytest.raises(SourceError, match="damaged"):
        read(path)


def test_a_workbook_that_takes_too_long_is_told(monkeypatch):
    monkeypatch.setattr(legacy, "_SECONDS", 0.001)
    with pytest.raises(SourceError, match="took longer") as told:
        read(STAFF)
    assert told.value.cure


def test_the_process_that_reads_is_not_told_our_secrets(tmp_path, monkeypatch):
    environment = tmp_path / "environment"
    spy = tmp_path / "spy.py"
    spy.write_text(f"import os; open({str(environment)!r}, 'w').write(str(dict(os.environ)))")
    monkeypatch.setattr(legacy, "_CHILD", spy)
    monkeypatch.setenv("BULK_PROVISION_SECRET", "marked-secret")
    with pytest.raises(SourceError, match="ended early"):
        read(STAFF)
    assert "PATH" in environment.read_text()
    assert "marked-secret" not in environment.read_text()


def test_a_protected_xls_file_is_told(tmp_path):
    # Its CODEPAGE record becomes FILEPASS (MS-XLS 2.4.117), which says that the rest is encrypted.
    content = STAFF.read_bytes()
    codepage, filepass = bytes.fromhex("4200 0200"), bytes.fromhex("2f00 0200")
    assert codepage in content
    path = tmp_path / "staff.xls"
    path.write_bytes(content.replace(codepage, filepass, 1))
    with pytest.raises(SourceError, match="password"):
        read(path)
