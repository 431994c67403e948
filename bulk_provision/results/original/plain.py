"""A workbook that holds nothing but texts: what a CSV file would be as an .xlsx."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from bulk_provision.errors import ResultsError
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS, column_letter
from bulk_provision.results.original.cells import FORMULA_LIKE, row_of, text_cell
from bulk_provision.results.original.package import (
    MAIN,
    OFFICE,
    RELATIONS_SPACE,
    TYPES,
    TYPES_SPACE,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_AS_TEXT, _QUOTED = 1, 2  # styles
_STYLES = (
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" '
    'quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
)
_CHUNK = 1 << 18


def write(
    target: BinaryIO, sheets: Iterable[tuple[str, Iterable[tuple[int, Sequence[str]]]]]
) -> None:
    """Write the workbook; see `original.plain_workbook`."""
    listed = list(sheets)
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        for name, content in _frame([title for title, _ in listed]).items():
            archive.writestr(ZipInfo(name), _DECLARATION + content, ZIP_DEFLATED)
        for number, (title, rows) in enumerate(listed, 1):
            entry = ZipInfo(f"xl/worksheets/sheet{number}.xml")
            entry.compress_type = ZIP_DEFLATED
            with archive.open(entry, "w") as part:
                _write_rows(part, title, rows)


def _write_rows(part: IO[bytes], title: str, rows: Iterable[tuple[int, Sequence[str]]]) -> None:
    pieces = [f'{_DECLARATION}<worksheet xmlns="{MAIN}"><sheetData>'.encode()]
    letters: list[str] = []
    size = 0
    for number, texts in rows:
        if number > SHEET_ROWS or len(texts) > SHEET_COLUMNS:
            raise ResultsError(
                f"{title}: row {number:,} with {len(texts):,} cells does not fit into a worksheet, "
                f"which has {SHEET_ROWS:,} rows and {SHEET_COLUMNS:,} columns.",
                "Split the file, and give the parts one after the other.",
            )
        while len(letters) < len(texts):
            letters.append(column_letter(len(letters)))
        cells = [
            text_cell("", f"{letter}{number}", _style(text), text)
            for letter, text in zip(letters, texts, strict=False)
            if text
        ]
        piece = row_of("", number, "".join(cells))
        pieces.append(piece)
        if (size := size + len(piece)) >= _CHUNK:
            part.write(b"".join(pieces))
            pieces.clear()
            size = 0
    part.write(b"".join(pieces) + b"</sheetData></worksheet>")


def _style(text: str) -> int:
    return _QUOTED if text[0] in FORMULA_LIKE else _AS_TEXT


def _frame(titles: Sequence[str]) -> dict[str, str]:
    """Write the parts round the worksheets."""
    numbers = range(1, len(titles) + 1)
    types = relations = listed = ""
    for number, title in zip(numbers, titles, strict=True):
        types += _type(f"/xl/worksheets/sheet{number}.xml", "worksheet")
        relations += _relation(number, "worksheet", f"worksheets/sheet{number}.xml")
        listed += f'<sheet name={quoteattr(title)} sheetId="{number}" r:id="rId{number}"/>'
    relations += _relation(len(titles) + 1, "styles", "styles.xml")
    return {
        TYPES: (
            f'<Types xmlns="{TYPES_SPACE}"><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/>'
            f"{_type('/xl/workbook.xml', 'sheet.main')}{_type('/xl/styles.xml', 'styles')}"
            f"{types}</Types>"
        ),
        "_rels/.rels": _relations(_relation(1, "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{listed}</sheets></workbook>'
        ),
        "xl/_rels/workbook.xml.rels": _relations(relations),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}">{_STYLES}</styleSheet>',
    }


def _type(part: str, kind: str) -> str:
    return f'<Override PartName="{part}" ContentType="{_KIND}.{kind}+xml"/>'


def _relation(number: int, kind: str, target: str) -> str:
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'


def _relations(relations: str) -> str:
    return f'<Relationships xmlns="{RELATIONS_SPACE}">{relations}</Relationships>'
