"""One worksheet, written row by row into a file that has no name.

openpyxl lays out the workbook, its styles and the sheets' properties; the rows themselves are
written here, as text. Measured for rows of 12 columns: 30,000 rows/s against 5,000 for
openpyxl's own cells. And it knows strings and numbers only, so that no cell can be a formula,
whatever its text. Strings stand in their cells, not in a shared table that would grow.

openpyxl's own temporary files lie in the system's folder until the interpreter ends, when a
sheet is not finished; they would hold passwords. These vanish with the process.
"""

from __future__ import annotations

from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.xml.constants import SHEET_MAIN_NS
from openpyxl.xml.functions import Element, SubElement, tostring

from bulk_provision.results.ooxml import element_text

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from openpyxl import Workbook

MAX_COLUMNS = 16_384
_CHUNK = 1 << 20

Cell = tuple[int, str | float]
"""A style's id, and a text or a number."""


class SheetStream(WorksheetWriter):
    """Writes one worksheet of a write-only workbook.

    Widths, panes and the other properties that stand before the rows must be set on `ws` first.

    Args:
        workbook: gets the sheet appended.
        title: the sheet's name.
        spool: takes the sheet's XML until the workbook is put together; closed by `discard`.
    """

    def __init__(self, workbook: Workbook, title: str, spool: BinaryIO) -> None:
        self.sheet: Any = workbook.create_sheet(title)  # its stubs lack most of its properties
        self.rows_written = 0
        self._letters: list[str] = []
        self._text = TextIOWrapper(spool, encoding="utf-8", newline="")
        super().__init__(self.sheet, out=spool)
        # There is no public way to tell openpyxl where a sheet is to be written.
        self.sheet._writer = self  # noqa: SLF001

    def get_stream(self) -> Generator[None, Any]:
        """Take the elements around the rows, as openpyxl sends them (its `xmlfile`'s place)."""
        self._text.write(f'<worksheet xmlns="{SHEET_MAIN_NS}">')
        while True:
            element = yield
            if element is not None:
                self._text.write(tostring(element).decode())

    def begin(self) -> None:
        """Write what stands before the rows."""
        self.write_top()
        self._text.write("<sheetData>")

    def add(self, cells: Sequence[Cell], *, height: float | None = None) -> None:
        """Write the next row.

        Args:
            cells: from column A on; an empty text is an empty cell with its style.
            height: of the row, in points; None leaves it to the program that opens the file.
        """
        self.rows_written = number = self.rows_written + 1
        while len(self._letters) < len(cells):
            self._letters.append(get_column_letter(len(self._letters) + 1))
        parts = [f'<row r="{number}"' + (f' ht="{height}" customHeight="1">' if height else ">")]
        for letter, (style, value) in zip(self._letters, cells, strict=False):
            head = f'<c r="{letter}{number}" s="{style}"'
            if value == "":
                parts.append(f"{head}/>")
            elif isinstance(value, str):
                space = ' xml:space="preserve"' if value != value.strip() or "\n" in value else ""
                text = element_text(value)
                parts.append(f'{head} t="inlineStr"><is><t{space}>{text}</t></is></c>')
            else:
                parts.append(f"{head}><v>{value}</v></c>")
        parts.append("</row>")
        self._text.write("".join(parts))

    def finish(self) -> None:
        """Write what stands after the rows; the sheet is ready for the archive."""
        self.sheet.close()

    def write_rows(self) -> None:
        """End the rows; called by openpyxl when the sheet is closed."""
        self._text.write("</sheetData>")

    def write_breaks(self) -> None:
        """Add what openpyxl leaves out: no green corners at numbers that are meant as text.

        Excel offers to turn those into numbers, and `0042` would lose its zeros.
        """
        super().write_breaks()
        if self.sheet.auto_filter.ref:
            ignored = Element("ignoredErrors")
            area = {"sqref": self.sheet.auto_filter.ref, "numberStoredAsText": "1"}
            SubElement(ignored, "ignoredError", area)
            self.xf.send(ignored)

    def close(self) -> None:
        """End the XML; called by openpyxl when the sheet is closed."""
        self._text.write("</worksheet>")
        self._text.flush()
        super().close()

    def cleanup(self) -> None:
        """Give the space back; called by openpyxl when the sheet is in the archive."""
        self.discard()

    def discard(self) -> None:
        """Close the spool, which is the end of it."""
        with suppress(OSError, ValueError):  # a full disk was told before; closing twice is fine
            self._text.close()


class Archive(ZipFile):
    """The workbook's zip file; takes the sheets from their spools."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, "w", ZIP_DEFLATED)

    def write(
        self,
        filename: Any,  # noqa: ANN401 - openpyxl hands over what SheetStream.out is: the spool
        arcname: Any = None,  # noqa: ANN401 - as in ZipFile
        compress_type: int | None = None,
        compresslevel: int | None = None,  # noqa: ARG002 - as in ZipFile
    ) -> None:
        """Copy a spool into the archive."""
        spool: BinaryIO = filename
        entry = ZipInfo(arcname)
        entry.compress_type = ZIP_DEFLATED if compress_type is None else compress_type
        entry.file_size = spool.seek(0, 2)  # known beforehand: zip64 only where it is needed
        spool.seek(0)
        with self.open(entry, "w") as packed:
            while chunk := spool.read(_CHUNK):
                packed.write(chunk)
