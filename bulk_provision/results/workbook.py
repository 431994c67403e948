"""The results workbook: Summary, Credentials, Skipped, Failed; of an undo, what `SHEETS` says.

The rows are read once, and each goes to the sheet it belongs to; the sheets are spooled side by
side and packed at the end.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, BinaryIO

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import ExcelWriter

from bulk_provision.errors import ResultsError
from bulk_provision.results import summary_sheet
from bulk_provision.results.layout import (
    COLUMNS,
    SHEETS,
    Tally,
    has_old_username,
    pile_of,
    with_old_beside,
)
from bulk_provision.results.looks import AMBER, GREEN, RED, SLATE, DataLooks, SummaryLooks
from bulk_provision.results.place import export_again, placed
from bulk_provision.results.protected import fill
from bulk_provision.results.sheet import MAX_COLUMNS, Archive, Cell, SheetStream
from bulk_provision.results.widths import SAMPLE, column_widths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from bulk_provision.model import ResultRow, RunRecord, Secret
    from bulk_provision.results.protected import Spool

_TAB_COLOURS = {
    "Credentials": GREEN,
    "Skipped": SLATE,
    "Failed": RED,
    "Removed": GREEN,
    "Kept": AMBER,
}
_FORMULA_LIKE = frozenset("=+-@")


def write(
    path: Path,
    run: RunRecord,
    rows: Callable[[], Iterable[ResultRow]],
    *,
    overwrite: bool,
    sheet_limit: int,
    protect: Secret | None,
) -> tuple[Path, ...]:
    """Write the workbook and put it in place; see `results.write_workbook`."""
    if len(COLUMNS) + len(run.columns) > MAX_COLUMNS:
        raise ResultsError(
            f"The results {path} cannot be a workbook: the source has {len(run.columns):,} "
            f"columns of its own, and a sheet holds {MAX_COLUMNS:,} in all.",
            f"Write them as CSV: bulk-provision export {run.run_id} --csv -o FILE",
        )

    def write_rows(plain: BinaryIO, spool: Spool) -> None:
        build(plain, run, rows(), spool=spool, sheet_limit=sheet_limit)

    with placed([path], overwrite=overwrite, cure=export_again(run.run_id)) as (file,):
        fill(file, write_rows, folder=path.parent, protect=protect)
    return (path,)


def build(
    file: BinaryIO,
    run: RunRecord,
    rows: Iterable[ResultRow],
    *,
    spool: Spool,
    sheet_limit: int,
) -> None:
    """Write the workbook's bytes.

    Args:
        file: takes them; writable and seekable.
        run: what the Summary tells.
        rows: the rows, in the source's order.
        spool: makes a private temporary file for one sheet; it is closed here.
        sheet_limit: rows that one sheet holds, its header included.
    """
    workbook = Workbook(write_only=True)
    workbook.properties.title = f"bulk-provision: results of run {run.run_id}"
    workbook.properties.creator = "bulk-provision"
    with ExitStack() as spools:

        def open_sheet(title: str) -> SheetStream:
            stream = SheetStream(workbook, title, spool())
            spools.callback(stream.discard)
            return stream

        front = open_sheet("Summary")
        looks, tally = DataLooks.of(front.sheet), Tally()
        sheets = SHEETS[run.kind]
        tables = {
            title: _Table(title, open_sheet, looks, run.columns, sheet_limit)
            for title in dict.fromkeys(sheets.values())
        }
        for row in rows:
            tally.add(row, pile := pile_of(row))
            tables[sheets[pile]].add(row)
        for table in tables.values():
            table.finish()
        summary_sheet.lay_out(front.sheet)
        front.begin()
        summary_sheet.fill(front, SummaryLooks.of(front.sheet), run, tally)
        front.finish()
        _put_in_order(
            workbook, ["Summary", *(title for table in tables.values() for title in table.titles)]
        )
        with Archive(file) as archive:
            ExcelWriter(workbook, archive).save()


def _put_in_order(workbook: Workbook, titles: Sequence[str]) -> None:
    for place, title in enumerate(titles):
        workbook.move_sheet(title, place - workbook.sheetnames.index(title))


class _Table:
    """Rows of one kind, in a sheet and its continuations."""

    def __init__(
        self,
        title: str,
        open_sheet: Callable[[str], SheetStream],
        looks: DataLooks,
        their_columns: Sequence[str],
        sheet_limit: int,
    ) -> None:
        self.titles: list[str] = []
        self._title = title
        self._open_sheet = open_sheet
        self._looks = looks
        self._sheet_limit = sheet_limit
        self._is_renamed = has_old_username(their_columns)
        header = [*COLUMNS, *their_columns]
        self._header = with_old_beside(header) if self._is_renamed else header
        self._sample: list[list[Cell]] | None = []  # None when the first sheet is open
        self._widths: list[float] = []
        self._stream: SheetStream | None = None

    def add(self, row: ResultRow) -> None:
        """Take the next row."""
        cells = _cells(row, self._looks)
        if self._is_renamed:
            cells = with_old_beside(cells)
        if self._sample is None:
            self._write(cells)
            return
        self._sample.append(cells)
        if len(self._sample) == SAMPLE:
            self._write_sample(self._sample)

    def finish(self) -> None:
        """Write what is left; without any row, the sheet is its header alone."""
        if self._sample is not None:
            self._write_sample(self._sample)
        self._finish_sheet()

    def _write_sample(self, sample: list[list[Cell]]) -> None:
        self._sample = None
        texts = [[str(value) for _, value in cells] for cells in sample]
        self._widths = column_widths(self._header, texts)
        self._begin_sheet(coloured=bool(sample))
        for cells in sample:
            self._write(cells)

    def _write(self, cells: list[Cell]) -> None:
        assert self._stream is not None
        if self._stream.rows_written == self._sheet_limit:
            self._finish_sheet()
            self._begin_sheet(coloured=True)
        self._stream.add(cells)

    def _begin_sheet(self, *, coloured: bool) -> None:
        title = f"{self._title} {len(self.titles) + 1}" if self.titles else self._title
        self.titles.append(title)
        self._stream = self._open_sheet(title)
        sheet = self._stream.sheet
        # The header, and whose row it is.
        sheet.freeze_panes = "D2" if self._is_renamed else "C2"
        for column, width in enumerate(self._widths, 1):
            sheet.column_dimensions[get_column_letter(column)].width = width
        if coloured:
            sheet.sheet_properties.tabColor = _TAB_COLOURS[self._title]
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.fitToHeight = 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_title_rows = "1:1"
        sheet.HeaderFooter.oddFooter.center.text = "&A, page &P of &N"
        self._stream.begin()
        looks = self._looks
        ours = len(COLUMNS) + self._is_renamed
        styles = [looks.our_header] * ours + [looks.their_header] * (len(self._header) - ours)
        self._stream.add([*zip(styles, self._header, strict=True)], height=20)

    def _finish_sheet(self) -> None:
        assert self._stream is not None
        corner = f"{get_column_letter(len(self._header))}{self._stream.rows_written}"
        self._stream.sheet.auto_filter.ref = f"A1:{corner}"
        self._stream.finish()


def _cells(row: ResultRow, looks: DataLooks) -> list[Cell]:
    texts = (row.username, row.password, row.connect_url)
    more = (row.code, row.message, row.tip, *row.others)
    plain, quoted = looks.text, looks.formula_like
    return [
        (looks.number, row.number),
        *[(quoted if text[:1] in _FORMULA_LIKE else plain, text) for text in texts],
        (looks.outcomes[row.outcome], row.outcome.value),
        *[(quoted if text[:1] in _FORMULA_LIKE else plain, text) for text in more],
    ]
