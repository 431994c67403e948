"""A plan as a workbook that people approve: the sheets `Plan`, `Rows` and `Problems`.

Rows are read once from the ledger and spooled, so that memory does not grow with their number. No
password is in it. `read_plan` reads what a run needs of it again, also when a spreadsheet program
has saved it since.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from bulk_provision.errors import ResultsError
from bulk_provision.intake.pages import PLAN_TITLE
from bulk_provision.model import Outcome
from bulk_provision.plan import Action
from bulk_provision.results import plan_words as words
from bulk_provision.results.layout import SHEET_LIMIT
from bulk_provision.results.looks import DataLooks, SummaryLooks
from bulk_provision.results.place import placed
from bulk_provision.results.protected import fill
from bulk_provision.results.sheet import MAX_COLUMNS, Archive, Cell, SheetStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from bulk_provision.ledger import PlannedRow
    from bulk_provision.results.plan_words import Planned
    from bulk_provision.results.protected import Spool

_FORMULA_LIKE = frozenset("=+-@")
_LABELS, _VALUES = 34.0, 92.0  # widths, in characters of the default font
_ROW_WIDTHS = (8, 28, 46, 44, 44)
_PROBLEM_WIDTHS = (12, 28, 46, 60, 60)
_THEIR_WIDTH = 18
_LINE = 15.0  # points
_LOOKS_LIKE = {
    Action.CREATE: Outcome.CREATED,
    Action.SETTLE: Outcome.IN_DOUBT,
    Action.VERIFY: Outcome.UNCHANGED,
    Action.COMPARE: Outcome.EXISTS,
    Action.RESET: Outcome.KEPT,
}


def write(
    path: Path,
    planned: Planned,
    rows: Callable[[], Iterable[PlannedRow]],
    *,
    overwrite: bool,
    sheet_limit: int = SHEET_LIMIT,
) -> None:
    """Write the workbook and put it in place; see `results.write_plan`."""
    if len(words.ROWS) + len(planned.columns) > MAX_COLUMNS:
        raise ResultsError(
            f"The plan {path} cannot be a workbook: the source has {len(planned.columns):,} "
            f"columns of its own, and a sheet holds {MAX_COLUMNS:,} in all.",
            "Take columns away that nobody needs.",
        )

    def build(file: BinaryIO, spool: Spool) -> None:
        _build(file, spool, planned, rows(), sheet_limit)

    with placed([path], overwrite=overwrite, cure="Choose another place with -o.") as (file,):
        fill(file, build, folder=path.parent, protect=None)


def _build(
    file: BinaryIO,
    spool: Spool,
    planned: Planned,
    rows: Iterable[PlannedRow],
    sheet_limit: int,
) -> None:
    workbook = Workbook(write_only=True)
    workbook.properties.title = PLAN_TITLE
    workbook.properties.creator = "bulk-provision"
    with ExitStack() as spools:

        def open_sheet(title: str) -> SheetStream:
            stream = SheetStream(workbook, title, spool())
            spools.callback(stream.discard)
            return stream

        front = open_sheet("Plan")
        _front(front, planned)
        looks = DataLooks.of(front.sheet)
        table = _Table(
            "Rows",
            open_sheet,
            looks,
            _ROW_WIDTHS,
            limit=sheet_limit,
            their_columns=planned.columns,
        )
        table.head(words.ROWS)
        problems = _Table("Problems", open_sheet, looks, _PROBLEM_WIDTHS, limit=sheet_limit)
        _tallies(problems, planned)
        for row in rows:
            cells = _cells(row, looks)
            table.add(cells)
            if row.outcome is Outcome.INVALID or row.note:
                problems.add(cells[:5])
        table.finish()
        problems.finish()
        titles = ["Plan", table.titles[0], problems.titles[0]]
        for place, title in enumerate([*titles, *table.titles[1:], *problems.titles[1:]]):
            workbook.move_sheet(title, place - workbook.sheetnames.index(title))
        with Archive(file) as archive:
            ExcelWriter(workbook, archive).save()


def _front(stream: SheetStream, planned: Planned) -> None:
    """Fill the sheet that is read first, and by `read_plan`: labels in B, values in C."""
    sheet = stream.sheet
    sheet.sheet_view.showGridLines = False
    for letter, width in zip("ABC", (2.5, _LABELS, _VALUES), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    looks = SummaryLooks.of(sheet)
    stream.begin()
    blank: Cell = (looks.blank, "")
    stream.add([blank, (looks.title, PLAN_TITLE)], height=32)
    stream.add([blank, (looks.headline, ""), (looks.headline, words.headline(planned))], height=36)
    for title, facts in words.sections(planned):
        stream.add([blank])
        stream.add([blank, (looks.section, title)], height=24)
        for label, value in facts:
            lines = max(1, -(-len(str(value)) // int(_VALUES)))
            style = looks.fact_count if isinstance(value, int) else looks.fact
            cells = [blank, (looks.fact_label, label), (style, value)]
            stream.add(cells, height=min(lines, 12) * _LINE + 4)
    stream.finish()


def _tallies(problems: _Table, planned: Planned) -> None:
    """Tell each problem once; the rows that have one follow."""
    problems.head(words.PROBLEMS)
    for tally in planned.staged.tallies:
        problems.add_texts(words.tally_cells(tally))
    problems.add([])
    problems.head(words.ROWS)


def _cells(row: PlannedRow, looks: DataLooks) -> list[Cell]:
    like = row.outcome or _LOOKS_LIKE.get(Action(row.action or Action.CREATE), Outcome.CREATED)
    why = " ".join(filter(None, (row.message, row.note)))
    return [
        (looks.number, row.number),
        _text(looks, row.username),
        (looks.outcomes[like], words.what_happens(row)),
        *[_text(looks, text) for text in (why, row.tip, *row.others)],
    ]


def _text(looks: DataLooks, text: str) -> Cell:
    return (looks.formula_like if text[:1] in _FORMULA_LIKE else looks.text, text)


class _Table:
    """Rows in a sheet and its continuations."""

    def __init__(
        self,
        title: str,
        open_sheet: Callable[[str], SheetStream],
        looks: DataLooks,
        widths: Sequence[float],
        *,
        limit: int,
        their_columns: Sequence[str] = (),
    ) -> None:
        self.titles: list[str] = []
        self._title = title
        self._open_sheet = open_sheet
        self._looks = looks
        self._widths = (*widths, *[_THEIR_WIDTH] * len(their_columns))
        self._theirs = tuple(their_columns)
        self._limit = limit
        self._header: list[Cell] = []
        self._stream = self._begin()

    def head(self, names: Sequence[str]) -> None:
        """Write a header, and repeat it on top of every continuation."""
        self._header = [(self._looks.our_header, name) for name in names]
        self._header += [(self._looks.their_header, name) for name in self._theirs]
        self._stream.add(self._header, height=20)

    def add(self, cells: list[Cell]) -> None:
        """Write the next row."""
        if self._stream.rows_written == self._limit:
            self.finish()
            self._stream = self._begin()
            self._stream.add(self._header, height=20)
        self._stream.add(cells)

    def add_texts(self, texts: Sequence[str | int]) -> None:
        """Write a row of texts and numbers."""
        looks = self._looks
        self.add([_text(looks, t) if isinstance(t, str) else (looks.number, t) for t in texts])

    def finish(self) -> None:
        """End the sheet that is being written."""
        self._stream.finish()

    def _begin(self) -> SheetStream:
        title = f"{self._title} {len(self.titles) + 1}" if self.titles else self._title
        self.titles.append(title)
        stream = self._open_sheet(title)
        sheet: Any = stream.sheet
        sheet.freeze_panes = "A2"
        for column, width in enumerate(self._widths, 1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        stream.begin()
        return stream
