"""The looks of the sheet `Summary`; the words are those of `summary`."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from openpyxl.worksheet.page import PageMargins

from bulk_provision.results import chart, summary
from bulk_provision.results.looks import SummaryLooks

if TYPE_CHECKING:
    from bulk_provision.model import RunRecord
    from bulk_provision.results.layout import Tally
    from bulk_provision.results.sheet import Cell, SheetStream
    from bulk_provision.results.summary import OutcomeLine

# A margin; labels; counts; explanations; places. In characters of the default font.
_WIDTHS = {"A": 2.5, "B": 24.0, "C": 12.0, "D": 64.0, "E": 18.0}
_LINE_HEIGHT = 15.0  # points, for the default font of 11 points
_PADDING = 4.0
_GAP = 12.0
_A4 = 9  # ECMA-376 part 1, 18.3.1.63


def lay_out(sheet: Any) -> None:  # noqa: ANN401 - openpyxl's stubs lack these properties
    """Set what must be known before the first row."""
    sheet.sheet_view.showGridLines = False
    for letter, width in _WIDTHS.items():
        sheet.column_dimensions[letter].width = width
    sheet.page_setup.orientation = "portrait"
    sheet.page_setup.paperSize = _A4
    sheet.page_setup.fitToHeight = 0
    sheet.print_options.horizontalCentered = True
    sheet.page_margins = PageMargins(left=0.6, right=0.6, top=0.6, bottom=0.6)
    sheet.sheet_properties.pageSetUpPr.fitToPage = True


def fill(stream: SheetStream, looks: SummaryLooks, run: RunRecord, tally: Tally) -> None:
    """Write the rows, from the title down."""
    page = _Page(stream, looks)
    title = "SIP endpoints at TeleCMI" + (", removed" if run.undoes is not None else "")
    page.line([(looks.title, title)], height=32)
    if banner := summary.banner(run):
        page.wide(looks.alert, banner)
    page.wide(looks.headline, summary.headline(run, tally))
    for alert in summary.alerts(run, tally):
        page.wide(looks.alert, alert)
    _outcomes(page, run, tally)
    page.section("What to do next")
    for number, step in enumerate(summary.next_steps(run, tally), 1):
        page.wide(looks.text, f"{number}.  {step}")
    if run.warnings:
        _warnings(page, run)
    page.section("About this run")
    for label, value in summary.facts(run):
        page.labelled(label, value)


def _outcomes(page: _Page, run: RunRecord, tally: Tally) -> None:
    looks = page.looks
    page.section("What became of the rows")
    headers = (looks.column, looks.column_right, looks.column, looks.column)
    page.line([*zip(headers, ("Outcome", "Rows", "Meaning", "Sheet"), strict=True)])
    lines = summary.outcome_lines(run, tally)
    for outcome, label, rows, meaning, sheet in lines:
        name, count, words = (
            (looks.outcomes[outcome], looks.count, looks.text)
            if rows
            else (looks.muted, looks.zero, looks.muted)
        )
        page.line([(name, label), (count, rows), (words, meaning), (words, sheet)])
    total = looks.total_label
    page.line(
        [
            (total, "all"),
            (looks.total_count, sum(line.rows for line in lines)),
            (total, ""),
            (total, ""),
        ]
    )
    page.chart([line for line in lines if line.rows])


def _warnings(page: _Page, run: RunRecord) -> None:
    looks = page.looks
    page.section("Warnings")
    headers = (looks.column, looks.column_right, looks.column, looks.column)
    page.line([*zip(headers, ("First seen at", "Times", "Warning", ""), strict=True)])
    for warning in run.warnings:
        height = _height(warning.text, _WIDTHS["D"] + _WIDTHS["E"])
        cells: list[Cell] = [(looks.label, warning.first), (looks.count, warning.count)]
        cells += [(looks.text, warning.text), (looks.text, "")]
        page.line(cells, height=height, join="D")


class _Page:
    """Writes lines from column B on, and remembers what is merged."""

    def __init__(self, stream: SheetStream, looks: SummaryLooks) -> None:
        self.looks = looks
        self._stream = stream

    def line(
        self, cells: list[Cell], *, height: float = _LINE_HEIGHT + _PADDING, join: str = ""
    ) -> None:
        """Write a line; from the column `join` on, its cells become one."""
        self._stream.add([(self.looks.blank, ""), *cells], height=height)
        if join:
            row = self._stream.rows_written
            self._stream.sheet.merged_cells.add(f"{join}{row}:E{row}")

    def section(self, title: str) -> None:
        """Leave a gap and write a heading."""
        self._stream.add([(self.looks.blank, "")], height=_GAP)
        self.line([(self.looks.section, title)], height=24)

    def chart(self, lines: list[OutcomeLine]) -> None:
        """Leave a row as high as the chart needs, and lay the chart over it."""
        if not lines:
            return
        self._stream.add([(self.looks.blank, "")], height=chart.height_of(lines))
        drawn = chart.chart_of(lines, row=self._stream.rows_written, columns=(2, 5))
        self._stream.sheet.add_chart(drawn)

    def wide(self, style: int, text: str) -> None:
        """Write a text over all columns, as high as it needs."""
        width = sum(_WIDTHS.values()) - _WIDTHS["A"]
        cells: list[Cell] = [(style, text), *[(style, "")] * 3]
        self.line(cells, height=_height(text, width), join="B")

    def labelled(self, label: str, value: str) -> None:
        """Write a label, and a value beside it over the rest of the columns."""
        looks = self.looks
        height = _height(value, _WIDTHS["C"] + _WIDTHS["D"] + _WIDTHS["E"])
        cells: list[Cell] = [(looks.fact_label, label), (looks.fact, value)]
        self.line([*cells, *[(looks.fact, "")] * 2], height=height, join="C")


def _height(text: str, width: float) -> float:
    """Estimate the height of a wrapped text: programs do not fit rows with merged cells."""
    lines = sum(max(1, ceil(len(line) * 0.95 / width)) for line in text.splitlines() or [""])
    return min(lines, 12) * _LINE_HEIGHT + _PADDING
