"""Workbooks to be marked and annotated, and readers of what came out that trust no library."""

from __future__ import annotations

import re
from io import BytesIO
from xml.etree.ElementTree import fromstring
from zipfile import ZipFile

from bulk_provision.intake import open_table
from bulk_provision.results.original import Added, AddedRow, write_annotated, write_marked
from workbooks import MAIN, TYPES, write_xlsx

KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = "xl/worksheets/sheet1.xml"
STYLES = "xl/styles.xml"
TYPES_PART = (
    f'<Types xmlns="{TYPES}"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>'
    f'<Override PartName="/{SHEET}" ContentType="{KIND}.worksheet+xml"/>'
    f'<Override PartName="/{STYLES}" ContentType="{KIND}.styles+xml"/></Types>'
)
FULL_STYLES = (
    f'<?xml version="1.0"?>\r\n<styleSheet xmlns="{MAIN}">'
    '<fonts count="2"><font><sz val="9"/><color theme="1"/><name val="Arial"/></font>'
    '<font><i/><sz val="9"/><name val="Arial"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    "<xf numFmtId='14' fontId='1' fillId='0' borderId='0' xfId='0'>"
    '<alignment horizontal="right"/></xf>'
    '<xf numFmtId="9" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


def handmade(worksheet, *, parts=None, **options):
    """A workbook round the XML of a worksheet `Users`."""
    file = BytesIO()
    changed = {"[Content_Types].xml": TYPES_PART, STYLES: FULL_STYLES, **(parts or {})}
    write_xlsx(file, worksheet, parts=changed, **options)
    return file


def marked(source, *marks, sheet="Users"):
    target = BytesIO()
    write_marked(source, target, sheet, marks)
    return target


def annotated(source, rows=(), *, headers=("outcome", "message"), header_row=1, sheet="Users"):
    target = BytesIO()
    given = [row if isinstance(row, AddedRow) else AddedRow(*row) for row in rows]
    write_annotated(source, target, sheet, Added(header_row, headers, given))
    return target


def parts(file):
    """The content of each part, in the order of the archive."""
    with ZipFile(file) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def sheet_xml(file, part=SHEET):
    return parts(file)[part].decode()


def changed_parts(source, result):
    """The parts that are not what they were, and those that are new."""
    old, new = parts(source), parts(result)
    assert list(new)[: len(old)] == list(old)  # the order stays, and nothing is lost
    return {name for name in new if new[name] != old.get(name)}


def cells(file, part=SHEET):
    """Reference → style and text (or value) of each cell, as the XML has them."""
    found = {}
    row = 0
    for element in fromstring(parts(file)[part]).iter():
        local = element.tag.rpartition("}")[2]
        if local == "row":
            row, column = int(element.get("r", row + 1)), 0
        elif local == "c":
            place = element.get("r")
            column = column_number(place) if place else column + 1
            text = "".join(element.itertext())
            found[f"{letters(column)}{row}"] = (element.get("s"), element.get("t"), text)
    return found


def column_number(reference):
    number = 0
    for letter in re.match("[A-Z]+", reference)[0]:
        number = number * 26 + ord(letter) - 64
    return number


def letters(number):
    text = ""
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def read_rows(file, tmp_path, **options):
    """What the program itself reads in a workbook."""
    path = tmp_path / "read.xlsx"
    path.write_bytes(file.getvalue())
    with open_table(str(path), **options) as table:
        return list(table.rows())


def children(file, part=SHEET):
    """The names of the elements right below a worksheet's root."""
    return [element.tag.rpartition("}")[2] for element in fromstring(parts(file)[part])]
