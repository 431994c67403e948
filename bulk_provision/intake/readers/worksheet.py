"""The cells of an .xlsx worksheet, streamed: what each one shows.

openpyxl reads a cell's meaning where we need its look: it drops `x005F_` from texts, gives either
a formula or its cached value but not both, and keeps a stub of every row in memory. So the
worksheet's XML (ECMA-376 part 1, 18.3) is read here: in flat memory, in a quarter of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from bulk_provision.intake.cells import (
    BOOLEAN,
    DATE,
    ERROR_VALUE,
    FORMULA_WITHOUT_VALUE,
    ROW_HIDDEN,
    Doubt,
    DoubtfulText,
    doubt_about,
    storable,
)
from bulk_provision.intake.readers.number_format import EXACT_DIGITS, NumberFormat, number_format
from bulk_provision.intake.readers.shared_strings import SharedStrings, unescaped
from bulk_provision.intake.readers.workbook import HiddenColumns
from bulk_provision.intake.readers.xml_parts import (
    DamagedError,
    TextCollector,
    parsed,
    safe_parser,
    whole,
)
from bulk_provision.intake.records import SHEET_ROWS, Record, column_index

_TRUE = ("1", "true")
_LONG = 10_000  # characters; a cell refers to such a text in 25 bytes
_REPEATED_LIMIT = 64 << 20
_GENERAL = number_format("General")
_UNKNOWN = number_format('"?"')  # of a style that is not there: texts are certain, numbers not


@dataclass(frozen=True, slots=True)
class Look:
    """What the cells of a workbook have in common.

    Args:
        strings: the shared texts.
        formats: the number format of each style; None where cells are shown as they are.
        date_1904: whether days are counted from 1904.
        stale: whether the program that wrote the file left its formulas for others to calculate
            (`fullCalcOnLoad`): the results in the file are then placeholders.
    """

    strings: SharedStrings
    formats: Sequence[NumberFormat | None]
    date_1904: bool = False
    stale: bool = False


class WorksheetParser:
    """Reads one worksheet part, once.

    Args:
        look: what its workbook's cells have in common.
        hidden_columns: learns which columns are kept out of sight.
    """

    def __init__(self, look: Look, hidden_columns: HiddenColumns) -> None:
        self._look = look
        self._parser = safe_parser()
        self._text = TextCollector(self._parser)
        self._rows: list[Record] = []
        self._row = 0
        self._digits = "0"
        self._repeated = 0  # characters of long texts in the rows at hand
        self._doubts: tuple[Doubt, ...] = ()
        self._cells: list[str] = []
        self._columns: dict[str, int] = {}  # letters to index, as they turn up
        self._column = -1
        self._type = "n"
        self._style = 0
        self._has_value = self._has_text = False
        self._phonetic = False
        self._formula: str | None = None
        self._group: str | None = None  # of cells that share one formula
        self._doubtful_groups: dict[str | None, Doubt] = {}
        self._hidden_columns = hidden_columns

    def rows(self, part: IO[bytes]) -> Iterator[Record]:
        """Yield the rows that have cells with something in them.

        Raises:
            DamagedError: it is no worksheet.
            expat.ExpatError: it is no XML.
        """
        self._parser.StartElementHandler = self._root
        for _ in parsed(self._parser, part):
            yield from self._rows
            self._rows.clear()
            self._repeated = 0

    def _root(self, name: str, _: dict[str, str]) -> None:
        """Learn the namespace prefix that the file uses (mostly none), and go on with it."""
        prefix = name.removesuffix("worksheet")
        if prefix == name:
            raise DamagedError("it is no worksheet")
        starts: dict[str, Callable[[dict[str, str]], None]] = {
            prefix + "c": self._start_cell,
            prefix + "v": self._start_value,
            prefix + "t": self._start_text,
            prefix + "row": self._start_row,
            prefix + "f": self._start_formula,
            prefix + "r": self._start_run,
            prefix + "rPh": self._start_phonetic,
            prefix + "col": self._start_column,
        }
        ends: dict[str, Callable[[], None]] = {
            prefix + "v": self._text.pause,
            prefix + "c": self._end_cell,
            prefix + "t": self._text.pause,
            prefix + "row": self._end_row,
            prefix + "f": self._end_formula,
            prefix + "rPh": self._end_phonetic,
            prefix + "sheetData": self._end_data,
        }

        def start(name: str, attributes: dict[str, str]) -> None:
            if handle := starts.get(name):
                handle(attributes)

        def end(name: str) -> None:
            if handle := ends.get(name):
                handle()

        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end

    def _start_column(self, attributes: dict[str, str]) -> None:
        if attributes.get("hidden") in _TRUE:
            first, last = whole(attributes.get("min")), whole(attributes.get("max"))
            self._hidden_columns.add(first - 1, last)

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = whole(attributes["r"]) if "r" in attributes else self._row + 1
        if not self._row < number <= SHEET_ROWS:
            raise DamagedError(f"row {number} follows row {self._row}")
        self._row = number
        self._digits = str(number)
        self._doubts = (ROW_HIDDEN,) if attributes.get("hidden") in _TRUE else ()
        self._cells = []
        self._column = -1

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = attributes.get("r")
        if reference:
            letters = reference.removesuffix(self._digits)  # of another row: digits stay
            column = self._columns.get(letters)
            if column is None:
                column = column_index(letters)
                if column is None:
                    raise DamagedError(f"row {self._row} has a cell called {reference[:20]!r}")
                self._columns[letters] = column
            self._column = column
        else:
            self._column += 1
        self._type = attributes.get("t", "n")
        self._style = whole(attributes["s"]) if "s" in attributes else 0
        self._has_value = self._has_text = False
        self._formula = None

    def _start_value(self, _: dict[str, str]) -> None:
        self._only_one()
        self._has_value = True
        self._text.start()

    def _start_text(self, _: dict[str, str]) -> None:
        if not self._phonetic:
            self._only_one()
            self._text.start()

    def _start_run(self, _: dict[str, str]) -> None:
        self._has_text = False

    def _only_one(self) -> None:
        """Refuse a second text in a cell, or in a run of it: programs differ in which counts."""
        if self._has_text:
            raise DamagedError(f"row {self._row} has a cell with more than one text")
        self._has_text = True

    def _start_phonetic(self, _: dict[str, str]) -> None:
        self._phonetic = True  # how to pronounce a text is no part of it

    def _end_phonetic(self) -> None:
        self._phonetic = False

    def _start_formula(self, attributes: dict[str, str]) -> None:
        self._group = attributes.get("si") if attributes.get("t") == "shared" else None
        self._text.start()

    def _end_formula(self) -> None:
        self._text.pause()
        self._formula = self._text.take()
        if self._group is not None and (doubt := doubt_about(self._formula)):
            self._doubtful_groups[self._group] = doubt

    def _end_cell(self) -> None:
        stored = self._text.take()
        if self._formula is not None:
            shown = self._result(stored, self._formula)
        elif stored:
            shown = self._shown(stored)
        else:
            return
        if shown:
            cells = self._cells
            if self._column >= len(cells):
                cells.extend([""] * (self._column - len(cells)))
                cells.append(shown)
            else:
                cells[self._column] = shown

    def _end_row(self) -> None:
        if self._cells:
            self._rows.append((self._row, self._cells, self._doubts))

    def _end_data(self) -> None:
        """What follows the cells is of no interest."""
        self._parser.StartElementHandler = None
        self._parser.EndElementHandler = None

    def _shown(self, stored: str) -> str:
        """Tell what a cell shows, from what the file stores for it."""
        kind = self._type
        if kind == "s":
            return self._shown_text(self._shared(stored))
        if kind == "n":
            return self._shown_number(stored)
        if kind in ("str", "inlineStr"):
            return self._shown_text(unescaped(stored))
        if kind == "b":
            return DoubtfulText("TRUE" if stored in _TRUE else "FALSE", BOOLEAN)
        if kind == "e":
            return DoubtfulText(stored, ERROR_VALUE)
        if kind == "d":
            return DoubtfulText(stored, DATE)
        raise DamagedError(f"row {self._row} has a cell of the unknown type {kind[:20]!r}")

    def _shared(self, stored: str) -> str:
        try:
            text = self._look.strings[int(stored)]
        except (IndexError, ValueError):
            raise DamagedError(f"row {self._row} has a cell whose text is missing") from None
        if len(text) > _LONG:
            self._repeated += len(text)
            if self._repeated > _REPEATED_LIMIT:
                raise DamagedError(f"row {self._row} repeats long texts too often")
        return text

    def _format(self) -> NumberFormat | None:
        formats = self._look.formats
        if 0 <= self._style < len(formats):
            return formats[self._style]
        return _UNKNOWN if self._style else None

    def _shown_text(self, text: str) -> str:
        if self._style and (form := self._format()):
            text = form.text(text)
        return storable(text)

    def _shown_number(self, stored: str) -> str:
        form = self._format()
        if form is not None:
            return form.number(stored, date_1904=self._look.date_1904)
        if stored.isdigit() and stored.isascii() and len(stored) <= EXACT_DIGITS:
            return stored.lstrip("0") or "0"
        return _GENERAL.number(stored)

    def _result(self, stored: str, formula: str) -> str:
        """Tell what a formula's cell shows: its result, as it was calculated last."""
        missing = not self._has_value or (not stored and self._type != "str")
        if missing or self._look.stale:
            return DoubtfulText(storable(f"={formula[:200]}"), FORMULA_WITHOUT_VALUE)
        shown = self._shown(stored) if stored else ""
        doubt = self._doubtful_groups.get(self._group) or doubt_about(formula)
        if doubt and shown and not isinstance(shown, DoubtfulText):
            return DoubtfulText(shown, doubt)
        return shown
