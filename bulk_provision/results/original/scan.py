"""A worksheet part, read once for the places in it: `row`s and `c`ells by their bytes.

ECMA-376 part 1, 18.3.1.99 (CT_Worksheet) has the order in which a worksheet's elements must
stand; Excel refuses a file in which they do not. Parsing is most of the time that a marked copy
takes, so nothing is asked of the parser that is not needed: rows without interest are passed
over by their end tags alone.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING, NamedTuple

from bulk_provision.intake.readers.xml_parts import (
    CHUNK,
    TAG_LIMIT,
    DamagedError,
    safe_parser,
    whole,
)
from bulk_provision.intake.records import SHEET_ROWS, column_index, column_letter
from bulk_provision.results.original.splice import Edit
from bulk_provision.results.original.tags import closes_itself, tag_at, with_attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ORDER = (
    *("sheetPr", "dimension", "sheetViews", "sheetFormatPr", "cols", "sheetData", "sheetCalcPr"),
    *("sheetProtection", "protectedRanges", "scenarios", "autoFilter", "sortState"),
    *("dataConsolidate", "customSheetViews", "mergeCells", "phoneticPr", "conditionalFormatting"),
    *("dataValidations", "hyperlinks", "printOptions", "pageMargins", "pageSetup"),
    *("headerFooter", "rowBreaks", "colBreaks", "customProperties", "cellWatches"),
    *("ignoredErrors", "smartTags", "drawing", "legacyDrawing", "legacyDrawingHF", "drawingHF"),
    *("picture", "oleObjects", "controls", "webPublishItems", "tableParts", "extLst"),
)
_RANKS = {name: rank for rank, name in enumerate(_ORDER)}
_ASKED = ("cols", "ignoredErrors", "legacyDrawing")
_AREA = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})(?::\$?([A-Za-z]{1,3})\$?([0-9]{1,7}))?")
_DIGITS = "0123456789"


class Area(NamedTuple):
    """A rectangle of cells: rows from 1, columns from 0, the last ones included."""

    top: int
    left: int
    bottom: int
    right: int

    @classmethod
    def of(cls, reference: str) -> Area | None:
        """Read `A1:C10` or `A1`."""
        if not (found := _AREA.fullmatch(reference)):
            return None
        left, right = column_index(found[1]), column_index(found[3] or found[1])
        if left is None or right is None:
            return None
        return cls(int(found[2]), left, int(found[4] or found[2]), right)


class Element(NamedTuple):
    """An element outside of the rows, by its places in bytes."""

    start: int
    tag: bytes
    attributes: dict[str, str]
    end_tag: int
    end: int


class SheetScan:
    """Reads one worksheet part, once.

    Attributes:
        prefix: of the worksheet's own namespace, with its colon; mostly empty.
        namespace: the worksheet's own.
        found: the elements right below the root, by name; of several of one name, the last.
        columns: the `col` elements.
        places: where an element of a name that is not in `found` would have to be inserted.
    """

    def __init__(self) -> None:
        self._parser = safe_parser()
        self._parser.StartElementHandler = self._root
        self._parser.EndElementHandler = self._end
        self._window = bytearray()
        self._base = 0  # where in the part the window begins
        self._depth = 0
        self._started: list[tuple[int, bytes, dict[str, str]]] = []
        self._unknown: int | None = None
        self._row = 0
        self._row_name = self._cell_name = self._data_name = ""
        self._known: dict[str, int] = {}  # letters to column, as they turn up
        self.prefix = ""
        self.namespace = ""
        self.found: dict[str, Element] = {}
        self.columns: list[Element] = []
        self.places: dict[str, int] = {}

    def feed(self, part: IO[bytes]) -> Iterator[None]:
        """Read, chunk by chunk.

        Raises:
            DamagedError: it is no worksheet.
            expat.ExpatError: it is no XML.
        """
        parser = self._parser
        while chunk := part.read(CHUNK):
            self._window += chunk
            parser.Parse(chunk)
            yield
            # Where the tag begins of which the rest is still to come.
            if (done := parser.CurrentByteIndex) > self._base:
                del self._window[: done - self._base]
                self._base = done
            if len(self._window) > TAG_LIMIT:
                raise DamagedError(f"a tag or a comment has more than {TAG_LIMIT >> 20} MiB")
        parser.Parse(b"", True)
        if "sheetData" not in self.found:
            raise DamagedError("it has a worksheet without rows")
        yield

    def here(self) -> int:
        """Tell where the start or end tag at hand begins, in bytes."""
        return self._parser.CurrentByteIndex

    def tag(self) -> bytes:
        """Return the start tag at hand."""
        return tag_at(self._window, self.here() - self._base)

    def merged(self, area: Area) -> None:
        """Be told of merged cells."""

    def enter_rows(self) -> None:
        """Be told that rows may follow: install the handlers that read them."""

    def leave_rows(self) -> None:
        """Be told that no row follows, at the end tag of `sheetData`."""

    def no_rows(self, data: Element) -> None:
        """Be told that `sheetData` closes itself."""

    def number_of(self, attributes: dict[str, str]) -> int:
        """Return the number of the row at hand."""
        number = whole(attributes["r"]) if "r" in attributes else self._row + 1
        if not self._row < number <= SHEET_ROWS:
            raise DamagedError(f"row {number} follows row {self._row}")
        self._row = number
        return number

    def column_of(self, attributes: dict[str, str], previous: int) -> int:
        """Return the column of the cell at hand."""
        letters = attributes.get("r", "").rstrip(_DIGITS)
        if not letters:
            return previous + 1
        column = self._known.get(letters)
        if column is None:
            column = column_index(letters)
            if column is None:
                raise DamagedError(f"row {self._row} has a cell in column {letters[:10]!r}")
            self._known[letters] = column
        return column

    def rows_end(self) -> None:
        """Go back to what is outside of the rows; to be called at the end tag of `sheetData`."""
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._end(self._data_name)

    def _root(self, name: str, attributes: dict[str, str]) -> None:
        self.prefix = prefix = name.removesuffix("worksheet")
        if prefix == name:
            raise DamagedError("it has a worksheet that is none")
        declared = f"xmlns:{prefix[:-1]}" if prefix else "xmlns"
        self.namespace = attributes.get(declared, "")
        self._row_name, self._cell_name = prefix + "row", prefix + "c"
        self._data_name = prefix + "sheetData"
        self._depth = 1
        self._parser.StartElementHandler = self._start

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.removeprefix(self.prefix)
        if self._depth == 1:
            self._pass(local)
        elif self._unknown is not None and local in _RANKS:
            self._settle(local, self._unknown)  # `AlternateContent` stands for what is in it
        self._depth += 1
        if self._depth == 2 or (self._depth == 3 and local == "col"):
            self._started.append((self.here(), self.tag(), attributes))
        if name == self._data_name and not closes_itself(self._started[-1][1]):
            self.enter_rows()
        elif local == "mergeCell" and (area := Area.of(attributes.get("ref", ""))):
            self.merged(area)

    def _end(self, name: str) -> None:
        self._depth -= 1
        local = name.removeprefix(self.prefix)
        if self._depth == 0:
            self._settle(None, self.here())
        elif self._depth == 1:
            self.found[local] = element = self._ended()
            if local == "sheetData" and closes_itself(element.tag):
                self.no_rows(element)
        elif self._depth == 2 and local == "col":
            self.columns.append(self._ended())

    def _ended(self) -> Element:
        start, tag, attributes = self._started.pop()
        if closes_itself(tag):
            end = start + len(tag)
            return Element(start, tag, attributes, end, end)
        here = self.here()
        end = self._window.index(b">", here - self._base) + self._base + 1
        return Element(start, tag, attributes, here, end)

    def _pass(self, local: str) -> None:
        """Note, at each child of the root, what would have had to stand before it."""
        if local in _RANKS:
            self._settle(local, self.here() if self._unknown is None else self._unknown)
        elif self._unknown is None:
            self._unknown = self.here()

    def _settle(self, local: str | None, here: int) -> None:
        self._unknown = None
        rank = len(_ORDER) if local is None else _RANKS[local]
        for name in _ASKED:
            if rank > _RANKS[name]:
                self.places.setdefault(name, here)


def dimension_edits(scan: SheetScan, areas: Iterable[Area]) -> list[Edit]:
    """Let a worksheet's `dimension` cover more cells; without one, none is needed."""
    element = scan.found.get("dimension")
    if element is None or not (old := Area.of(element.attributes.get("ref", ""))):
        return []
    tops, lefts, bottoms, rights = zip(old, *areas, strict=True)
    new = Area(min(tops), min(lefts), max(bottoms), max(rights))
    if new == old:
        return []
    tag = with_attribute(element.tag, "ref", reference(new))
    return [Edit(element.start, element.start + len(element.tag), tag)]


def reference(area: Area) -> str:
    """Write an area as `A1:C10`."""
    return f"{column_letter(area.left)}{area.top}:{column_letter(area.right)}{area.bottom}"
