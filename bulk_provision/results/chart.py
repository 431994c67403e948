"""A small bar chart of the outcomes, for the sheet `Summary`.

Its numbers and names stand in the chart itself, not in references to cells: a reference over the
lines that have rows, leaving out the others, is not understood by every program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openpyxl.chart import BarChart
from openpyxl.chart.data_source import (
    AxDataSource,
    NumData,
    NumDataSource,
    NumVal,
    StrData,
    StrVal,
)
from openpyxl.chart.label import DataLabelList
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.marker import DataPoint
from openpyxl.chart.series import Series
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import (
    CharacterProperties,
    Font,
    Paragraph,
    ParagraphProperties,
    RichTextProperties,
)
from openpyxl.xml.functions import Element

from bulk_provision.results.looks import INK, LINE, OUTCOME_COLOURS, SLATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulk_provision.results.summary import OutcomeLine

_BAR = 20.0  # points, the gap between two bars included
_MARGINS = 16.0
_ROOM_FOR_NAMES = 0.19  # of the chart's width; the names stand below those of the table
_ROOM_FOR_NUMBERS = 0.10


def height_of(lines: Sequence[OutcomeLine]) -> float:
    """Return how high a chart of these lines is, in points."""
    return _MARGINS + _BAR * len(lines)


def chart_of(lines: Sequence[OutcomeLine], *, row: int, columns: tuple[int, int]) -> BarChart:
    """Draw a bar for each line, in its outcome's colour, with its number beside it.

    Args:
        lines: those that have rows.
        row: which row of the sheet it covers, from 1.
        columns: the first and the last column that it covers, from 1.
    """
    chart = BarChart()
    _say_that_it_has_no_title(chart)
    chart.type = "bar"  # lying ones, so that each has its name before it
    chart.gapWidth = 45
    chart.legend = None
    chart.roundedCorners = False
    chart.series.append(_series(lines))
    chart.x_axis.scaling.orientation = "maxMin"  # the first line on top, as in the table
    chart.x_axis.delete = False
    chart.x_axis.majorTickMark = "none"
    chart.x_axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=LINE))
    chart.x_axis.txPr = _text(SLATE)
    chart.y_axis.delete = True
    chart.y_axis.majorGridlines = None
    chart.y_axis.scaling.min = 0
    chart.graphical_properties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    across = 1.0 - _ROOM_FOR_NAMES - _ROOM_FOR_NUMBERS
    chart.layout = Layout(
        ManualLayout(
            layoutTarget="inner",
            xMode="edge",
            yMode="edge",
            x=_ROOM_FOR_NAMES,
            y=0.04,
            w=across,
            h=0.92,
        )
    )
    first, last = columns
    # Tied to cells at both corners: it covers the row whatever a program makes of widths.
    place: Any = TwoCellAnchor(  # the stubs take an anchor for a cell's name
        editAs="oneCell",
        _from=AnchorMarker(col=first - 1, row=row - 1),
        to=AnchorMarker(col=last, row=row),
    )
    chart.anchor = place
    return chart


def _say_that_it_has_no_title(chart: Any) -> None:  # noqa: ANN401 - unknown to the stubs
    """Keep Excel from making up a title; openpyxl has no public way."""
    write = chart._write  # noqa: SLF001

    def write_untitled() -> Any:  # noqa: ANN401 - an XML element
        tree = write()
        tree.find("chart").insert(0, Element("autoTitleDeleted", val="1"))
        return tree

    chart._write = write_untitled  # noqa: SLF001


def _series(lines: Sequence[OutcomeLine]) -> Series:
    numbers = [NumVal(idx=place, v=str(line.rows)) for place, line in enumerate(lines)]
    names = [StrVal(idx=place, v=line.label) for place, line in enumerate(lines)]
    series = Series(
        val=NumDataSource(numLit=NumData(formatCode="#,##0", ptCount=len(lines), pt=numbers)),
        cat=AxDataSource(strLit=StrData(ptCount=len(lines), pt=names)),
        invertIfNegative=False,
    )
    for place, line in enumerate(lines):
        colour = OUTCOME_COLOURS[line.outcome]
        look = GraphicalProperties(solidFill=colour, ln=LineProperties(noFill=True))
        series.dPt.append(DataPoint(idx=place, invertIfNegative=False, spPr=look))
    series.dLbls = DataLabelList(
        numFmt="#,##0",
        dLblPos="outEnd",
        txPr=_text(INK, bold=True),
        showVal=True,
        showCatName=False,
        showSerName=False,
        showLegendKey=False,
        showPercent=False,
        showLeaderLines=False,
    )
    return series


def _text(colour: str, *, bold: bool = False) -> RichText:
    look = CharacterProperties(sz=1000, b=bold, solidFill=colour, latin=Font(typeface="Calibri"))
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=look), r=[], endParaRPr=look)
    body = RichTextProperties()
    # openpyxl takes the word "none" for nothing; without it, LibreOffice breaks long numbers.
    vars(body)["wrap"] = "none"
    return RichText(bodyPr=body, p=[paragraph])
