"""The rows of the tables in a web page, streamed, as a browser lays them out.

What is shown follows the HTML standard: end tags may be missing (13.1.2.4), cells that span rows
push those below them to the right (4.9.12.1), white space collapses (CSS Text 3, 4.1.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser

from bulk_provision.intake.cells import (
    ENCODING_UNSURE,
    MORE_THAN_TEXT,
    ROW_HIDDEN,
    SPACES_UNSURE,
    Doubt,
    DoubtfulText,
    storable,
)
from bulk_provision.intake.readers.merged import Area, Merges
from bulk_provision.intake.readers.workbook import HiddenColumns
from bulk_provision.intake.readers.xml_parts import TEXT_LIMIT, DamagedError
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS, Record

_MOST_COLUMNS, _MOST_ROWS = 1000, 65_534  # that a cell spans, as browsers have it (4.9.11)
PENDING_LIMIT = 4 << 20  # characters of a tag, comment or script; pictures may stand in one
_CELLS = frozenset(("td", "th"))
_GROUPS = frozenset(("thead", "tbody", "tfoot", "caption", "colgroup"))
_STRUCTURE = _CELLS | _GROUPS | {"tr"}
# `comment` is LibreOffice's: the note at a cell, out of sight until it is pointed at.
_NEVER_SEEN = frozenset(("head", "script", "style", "template", "title", "noscript", "comment"))
_VOID = frozenset(("br", "col", "hr", "img", "input", "link", "meta", "wbr"))
_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "center", "dd", "div", "dl", "dt", "form", "h1"),
        *("h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "section", "tr", "ul"),
    )
)
_FIELDS = frozenset(("input", "select", "textarea"))
_TEXT_ONLY = frozenset(  # what is in them is text, and shown as it is
    (
        *("a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "em", "font"),
        *("i", "kbd", "label", "mark", "nobr", "o:p", "s", "samp", "small", "span", "strike"),
        *("strong", "sub", "sup", "time", "tt", "u", "var"),
    )
)
_HIDING_RULE = re.compile(
    r"([^{}]{1,2000})\{[^{}]*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE
)
_COMBINATOR = re.compile(r"[\s>+~]+")
_CLASS_OR_ID = re.compile(r"[.#]([\w-]+)")
_SPACE = re.compile("[ \t\n\f\r]+")
_SPACES = re.compile("[ ]{2}|[\t\n\f\r]")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_SPACE_RUN = "mso-spacerun"  # Excel's spaces as they were typed; a browser collapses them
_NUMBER = re.compile(r"\s*\+?([0-9]{1,9})")


class TableParser(HTMLParser):
    """Reads one table of a page, once.

    Args:
        index: which of the page's tables that have rows, counted from 0; None to count them only.
        hidden: is told of the columns that are kept out of sight.
        unsure: whether the encoding is a guess, and with it all letters beyond ASCII.

    Attributes:
        tables: for each table that has rows, as far as was read, whether it is hidden.
    """

    def __init__(self, index: int | None, hidden: HiddenColumns, *, unsure: bool = False) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[bool] = []
        self._index = index
        self._hidden = hidden
        self._unsure = unsure
        self._unseen = ""  # the element that we are in, and of which nothing is seen
        self._unseen_depth = self._unseen_tables = 0
        self._hiding: set[str] = set()  # elements, classes and ids that the page's own rules hide
        self._rows: list[Record] = []
        self._done = False
        self._start_table(hidden=False)
        self._depth = 0  # of tables in tables

    def rows(self, page: Iterable[str]) -> Iterator[Record]:
        """Yield the table's rows that have cells with something in them.

        Raises:
            DamagedError: the page makes no sense.
        """
        for text in page:
            if self.rawdata and text and ">" not in text:
                self.rawdata += text  # each feeding looks through a tag from its beginning
            else:
                self.feed(text)
            if len(self.rawdata) > PENDING_LIMIT:
                raise DamagedError(f"a tag or comment has more than {PENDING_LIMIT:,} characters")
            yield from self._rows
            self._rows.clear()
            if self._done:
                return
        self.close()
        self._end_table()
        yield from self._rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go by an element's start; what it is that ends without an end tag, ends here."""
        if self._unseen and self._stays_unseen(tag, 1):
            return
        if tag in _NEVER_SEEN:
            self._unsee(tag)
            return
        attributes = {name: value or "" for name, value in reversed(attrs)}  # the first one counts
        if tag == "table":
            self._open_table(attributes)
        elif self._depth == 1 and tag in _STRUCTURE:
            self._end_cell()
            if tag in _CELLS:
                self._start_cell(attributes)
            else:
                self._end_row()
                if tag == "tr":
                    self._start_row(attributes)
        elif self._depth == 1 and tag == "col":
            self._start_column(attributes)
        elif self._in_cell:
            self._start_inside_cell(tag, attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Go by `<br/>`, which HTML takes for a start."""
        if tag not in _NEVER_SEEN:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Go by an element's end."""
        if self._unseen and self._stays_unseen(tag, -1):
            return
        if tag == "table" and self._depth > 1:
            self._depth -= 1
        elif tag == "table":
            self._end_table()
        elif self._depth == 1 and tag in _STRUCTURE:
            self._end_cell()
            if tag not in _CELLS:
                self._end_row()
        elif self._in_cell and tag in _BLOCKS:
            self._break_block()

    def handle_data(self, data: str) -> None:
        """Take what is seen in a cell of the table, and what the page hides by rules."""
        if "style" in (self._unseen, self.lasttag):
            for selector in _HIDING_RULE.findall(data):
                self._hiding.update(_hidden_names(selector))
        elif self._in_cell and self._wanted and not self._unseen:
            self._size += 1 + len(data)  # a line break takes memory, too
            if self._size > TEXT_LIMIT:
                raise DamagedError(f"a cell has more than {TEXT_LIMIT:,} characters")
            self._lines[-1].append(data)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        """Skip `<![if …]>`, which Excel writes, as a browser does: as a comment."""
        return self.parse_bogus_comment(i, report)

    def _unsee(self, tag: str) -> None:
        self._unseen = tag
        self._unseen_depth = 1
        self._unseen_tables = 0

    def _stays_unseen(self, tag: str, step: int) -> bool:
        """Say whether a start (1) or end (-1) belongs to what is not seen, and is done with."""
        if tag == self._unseen:
            self._unseen_depth += step
            if self._unseen_depth == 0:
                self._unseen = ""
            return True
        if self._unseen == "head":  # its end tag may be missing
            ended = step > 0 and tag in ("body", "table")
        elif tag == "table":
            self._unseen_tables += step
            ended = self._unseen_tables < 0
        else:
            ended = tag in _STRUCTURE and not self._unseen_tables and not self._depth > 1
        if ended:
            self._unseen = ""
        return not ended

    def _open_table(self, attributes: dict[str, str]) -> None:
        if self._in_cell:
            self._depth += 1
            self._more_than_text = True
        else:
            self._end_table()
            self._start_table(hidden=_is_hidden(attributes))

    def _start_table(self, *, hidden: bool) -> None:
        self._depth = 1
        self._wanted = False
        self._table_hidden = hidden
        self._number = self._columns = 0
        self._in_row = self._in_cell = False
        self._merges = Merges()
        self._taken: dict[int, int] = {}  # column → the last row that a cell from above reaches

    def _end_table(self) -> None:
        self._depth = min(self._depth, 1)
        self._end_cell()
        self._end_row()
        self._depth = 0
        self._done = self._done or self._wanted
        self._wanted = False

    def _start_column(self, attributes: dict[str, str]) -> None:
        end = self._columns + _count(attributes.get("span"), SHEET_COLUMNS)
        if self._number == 0 and _is_hidden(attributes) and len(self.tables) == self._index:
            self._hidden.add(self._columns, end)
        self._columns = end

    def _start_row(self, attributes: dict[str, str]) -> None:
        if self._number == 0:
            self._wanted = len(self.tables) == self._index
            self.tables.append(self._table_hidden)
        self._number += 1
        if self._number > SHEET_ROWS:
            raise DamagedError(f"a table has more than {SHEET_ROWS:,} rows")
        self._in_row = True
        self._column = 0
        self._cells: list[str] = []
        self._areas: list[Area] = []
        self._doubts: tuple[Doubt, ...] = (ROW_HIDDEN,) if _is_hidden(attributes) else ()

    def _end_row(self) -> None:
        if not self._in_row:
            return
        self._in_row = False
        if not self._wanted:
            return
        for area in self._areas:
            if self._cells or area.bottom > area.top:
                self._merges.add(area)
        if self._cells:
            self._merges.apply(self._number, self._cells)
            self._rows.append((self._number, self._cells, self._doubts))

    def _start_cell(self, attributes: dict[str, str]) -> None:
        if not self._in_row:
            self._start_row({})
        while self._taken.get(self._column, 0) >= self._number:
            self._column += 1
        self._in_cell = True
        self._attributes = attributes
        self._lines: list[list[str]] = [[]]
        self._size = 0
        self._more_than_text = self._spaces_unsure = self._preformatted = False

    def _start_inside_cell(self, tag: str, attributes: dict[str, str]) -> None:
        if tag not in _VOID and _is_hidden(attributes):
            self._unsee(tag)
        elif tag == "br":
            self.handle_data("")
            self._lines.append([])
        elif tag in _BLOCKS:
            self._break_block()
        elif tag in _CELLS:
            self._lines[-1].append(" ")
        elif tag in _FIELDS and attributes.get("type", "").lower() != "hidden":
            self._more_than_text = True
        elif tag not in _TEXT_ONLY and tag not in _VOID and tag not in _FIELDS:
            self._more_than_text = True  # who knows how it is shown
        if self._hiding and self._may_be_hidden(tag, attributes):
            self._more_than_text = True
        if tag == "pre":
            self._preformatted = True
        elif _SPACE_RUN in attributes.get("style", ""):
            self._spaces_unsure = True

    def _may_be_hidden(self, tag: str, attributes: dict[str, str]) -> bool:
        """Say whether a rule of the page hides such elements; in which places, is not looked at."""
        names = {tag, *attributes.get("class", "").split(), attributes.get("id", "")}
        return not self._hiding.isdisjoint(map(str.lower, names))

    def _break_block(self) -> None:
        if any(piece.strip() for piece in self._lines[-1]):
            self._lines.append([])

    def _end_cell(self) -> None:
        if not self._in_cell:
            return
        self._in_cell = False
        column = self._column
        columns = _count(self._attributes.get("colspan"), _MOST_COLUMNS)
        rows = _count(self._attributes.get("rowspan"), _MOST_ROWS, nought=SHEET_ROWS)
        self._column = end = min(column + columns, SHEET_COLUMNS)
        shown = self._shown() if self._wanted else ""
        if shown:
            if column >= SHEET_COLUMNS:
                raise DamagedError(f"row {self._number} has more than {SHEET_COLUMNS:,} cells")
            self._cells.extend([""] * (column - len(self._cells)))
            self._cells.append(shown)
        if _is_hidden(self._attributes) and self._wanted:
            self._hidden.add(column, end)
        if (columns > 1 or rows > 1) and column < end:
            bottom = min(self._number + rows - 1, SHEET_ROWS)
            self._areas.append(Area(self._number, bottom, column, end - 1))
            if rows > 1:
                self._taken.update(dict.fromkeys(range(column, end), bottom))

    def _shown(self) -> str:
        """Tell what the cell shows: blank, too, where there is but the no-break space of old."""
        raw = ["".join(pieces) for pieces in self._lines]
        lines = [_SPACE.sub(" ", line).strip(" ") for line in raw]
        if len(lines) > 1 and not lines[-1]:
            lines.pop()  # a line break at the end ends the line before it
        text = "\n".join(lines)
        if not text.strip():
            return DoubtfulText("", MORE_THAN_TEXT) if self._more_than_text else ""
        if self._more_than_text:
            return DoubtfulText(storable(text), MORE_THAN_TEXT)
        if "\ufffd" in text or (self._unsure and not text.isascii()):
            return DoubtfulText(storable(text), ENCODING_UNSURE)
        if self._spaces_unsure or (self._preformatted and any(map(_SPACES.search, raw))):
            return DoubtfulText(storable(text), SPACES_UNSURE)
        return storable(text)


def _hidden_names(selectors: str) -> Iterator[str]:
    """Yield the class, id or element that each selector of a rule is about, in lower case."""
    for selector in selectors.lower().split(","):
        about = _COMBINATOR.split(selector.strip())[-1]
        yield from _CLASS_OR_ID.findall(about) or [about]


def _is_hidden(attributes: dict[str, str]) -> bool:
    return "hidden" in attributes or _HIDDEN.search(attributes.get("style", "")) is not None


def _count(text: str | None, limit: int, *, nought: int = 1) -> int:
    """Return a span as browsers read it: its digits, whatever follows; 1 if there are none."""
    match = _NUMBER.match(text or "1")
    return min(int(match[1]) or nought, limit) if match else 1
