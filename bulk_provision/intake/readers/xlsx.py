"""Excel workbooks (.xlsx, .xlsm): the package round the worksheets.

Names are compared without their XML namespace, so that workbooks saved as "Strict Open XML"
(which openpyxl takes for empty) are read as well. Macros are never looked at.
"""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from bulk_provision.intake.readers.merged import Merges, merged_areas
from bulk_provision.intake.readers.number_format import NumberFormat, number_format
from bulk_provision.intake.readers.shared_strings import SharedStrings, read_strings
from bulk_provision.intake.readers.workbook import BROKEN_ZIP, HiddenColumns, damage_told
from bulk_provision.intake.readers.worksheet import Look, WorksheetParser
from bulk_provision.intake.readers.xml_parts import DamagedError, whole
from bulk_provision.intake.records import Record, Sheet
from bulk_provision.intake.source import Source
from bulk_provision.model import Problem

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_PART_LIMIT = 16 << 20  # bytes of the parts that are read whole: workbook, styles, relations
_BROKEN: tuple[type[Exception], ...] = (DamagedError, ParseError, expat.ExpatError, *BROKEN_ZIP)
_TAG_LIMIT = 1_000_000  # of them: a tree takes thirty times the memory of its shortest tags
_TRUE = ("1", "true")


class XlsxBook:
    """An open workbook.

    Args:
        source: an .xlsx or .xlsm file.

    Raises:
        SourceError: the file is damaged, or no workbook.
    """

    def __init__(self, source: Source) -> None:
        self._name = source.shown
        with self._damage_told():
            self._archive = zipfile.ZipFile(source.file)
            self._parts = {name.lower(): name for name in self._archive.namelist()}
            self._workbook = self._related("", "officeDocument")
            self.sheets: Sequence[Sheet] = tuple(self._sheets())
            self._look: Look | None = None

    def notes(
        self, sheet: Sheet, credentials: Sequence[int], others: Sequence[int]
    ) -> list[Problem]:
        """Tell of hidden columns that were read."""
        assert isinstance(sheet, XlsxSheet)
        return sheet.hidden_columns.notes(sheet.name, [*credentials, *others])

    def close(self) -> None:
        """Let go of the archive and the texts; the source's file stays open."""
        if self._look is not None:
            self._look.strings.close()
        self._archive.close()

    def look(self) -> Look:
        """Return what all cells need to be shown; read when it is first needed."""
        if self._look is None:
            with self._damage_told():
                self._look = self._read_look()
        return self._look

    def records(self, part: str, parser: WorksheetParser) -> Iterator[Record]:
        """Yield a worksheet's rows."""
        with self._damage_told():
            with self._archive.open(part) as stream:
                merges = Merges(merged_areas(stream))
            with self._archive.open(part) as stream:
                for record in parser.rows(stream):
                    merges.apply(record[0], record[1])
                    yield record

    def _damage_told(self) -> AbstractContextManager[None]:
        return damage_told(self._name, "Excel workbook", _BROKEN)

    def _sheets(self) -> Iterator[XlsxSheet]:
        relations = self._relations(self._workbook)
        for element in self._root(self._workbook).iter():
            if _local(element.tag) != "sheet":
                continue
            attributes = {_local(name): value for name, value in element.attrib.items()}
            kind, part = relations.get(attributes.get("id", ""), ("", ""))
            if kind == "worksheet":
                hidden = attributes.get("state", "visible") != "visible"
                yield XlsxSheet(self, attributes["name"], self._part(part), hidden=hidden)

    def _read_look(self) -> Look:
        properties: Mapping[str, str] = {}
        calculation: Mapping[str, str] = {}
        for element in self._root(self._workbook):
            if _local(element.tag) == "workbookPr":
                properties = element.attrib
            elif _local(element.tag) == "calcPr":
                calculation = element.attrib
        relations = dict(self._relations(self._workbook).values())
        formats: list[NumberFormat | None] = []
        if "styles" in relations:
            formats = _formats(self._root(self._part(relations["styles"])))
        return Look(
            self._strings(relations.get("sharedStrings")),
            formats,
            date_1904=properties.get("date1904") in _TRUE,
            stale=calculation.get("fullCalcOnLoad") in _TRUE,
        )

    def _strings(self, path: str | None) -> SharedStrings:
        if path is None:
            return SharedStrings()
        with self._archive.open(self._part(path)) as part:
            return read_strings(part)

    def _related(self, owner: str, kind: str) -> str:
        for found, part in self._relations(owner).values():
            if found == kind:
                return self._part(part)
        raise DamagedError(f"it has no {kind} part")

    def _relations(self, owner: str) -> dict[str, tuple[str, str]]:
        """Return the parts that a part refers to: id → (kind, path)."""
        folder, name = posixpath.split(owner)
        path = posixpath.join(folder, "_rels", f"{name}.rels")
        return {
            element.get("Id", ""): (
                element.get("Type", "").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/" + folder, element.get("Target", ""))),
            )
            for element in self._root(self._part(path))
            if element.get("TargetMode") != "External"
        }

    def _part(self, path: str) -> str:
        """Return a part's name in the archive, whatever its case and slashes."""
        return self._parts[path.replace("\\", "/").lstrip("/").lower()]

    def _root(self, part: str) -> Element:
        from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - only workbooks need it

        with self._archive.open(part) as stream:
            content = stream.read(_PART_LIMIT + 1)
        if len(content) > _PART_LIMIT:
            raise DamagedError(f"its part {part} has more than {_PART_LIMIT >> 20} MiB")
        if content.count(b"<") > _TAG_LIMIT:
            raise DamagedError(f"its part {part} has more than {_TAG_LIMIT:,} tags")
        root: Element = fromstring(content, forbid_dtd=True)
        return root


class XlsxSheet:
    """A worksheet of an .xlsx workbook."""

    ragged = False

    def __init__(self, book: XlsxBook, name: str, part: str, *, hidden: bool) -> None:
        self.name = name
        self.hidden = hidden
        self._book = book
        self._part = part
        self.hidden_columns = HiddenColumns()

    def records(self) -> Iterator[Record]:
        """Read from the top."""
        self.hidden_columns = HiddenColumns()
        parser = WorksheetParser(self._book.look(), self.hidden_columns)
        return self._book.records(self._part, parser)


def _formats(styles: Element) -> list[NumberFormat | None]:
    """Return each cell style's number format; None where cells are shown as they are."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS  # noqa: PLC0415 - only workbooks need it

    codes: dict[int, str] = dict(BUILTIN_FORMATS)
    formats: list[NumberFormat | None] = []
    for group in styles:
        for element in group:
            if _local(element.tag) == "numFmt":
                codes[whole(element.get("numFmtId"))] = element.get("formatCode", "")
            elif _local(element.tag) == "xf" and _local(group.tag) == "cellXfs":
                code = codes.get(whole(element.get("numFmtId", "0")), _EAST_ASIAN_DATE)
                form = number_format(code)
                formats.append(None if form.plain else form)
    return formats


_EAST_ASIAN_DATE = "yyyy"  # the numbers without a code of their own (27 to 36, 50 to 58) are dates


def _local(name: str) -> str:
    return name.rpartition("}")[2]
