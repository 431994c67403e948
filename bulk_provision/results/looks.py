"""The workbook's styles: made once, then spoken of by their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side

from bulk_provision.model import Outcome

INK = "1F2937"
MUTED = "6B7280"
DEEP_BLUE = "1F3A5F"
SLATE = "5B6B7F"
LINE = "D8DEE6"
MIST = "F3F6FA"
GREEN = "1E7B4A"
AMBER = "A15C07"
RED = "B42318"
ROSE = "FDECEA"

OUTCOME_COLOURS = {
    Outcome.CREATED: GREEN,
    Outcome.UNCHANGED: GREEN,
    Outcome.EXISTS: MUTED,
    Outcome.FAILED: RED,
    Outcome.IN_DOUBT: AMBER,
    Outcome.UNPROCESSED: MUTED,
    Outcome.INVALID: RED,
    Outcome.REMOVED: GREEN,
    Outcome.GONE: GREEN,
    Outcome.KEPT: AMBER,
}

_AS_TEXT = "@"
_WHOLE = "#,##0"
_WRAPPED = Alignment(wrap_text=True, vertical="center")
_UNDER = Border(bottom=Side("thin", color=LINE))


def style_id(sheet: Any, **looks: Any) -> int:  # noqa: ANN401 - openpyxl's stubs know neither
    """Register a style in the sheet's workbook.

    Args:
        sheet: any sheet of the workbook.
        looks: attributes of an openpyxl cell, such as font or number_format.
    """
    cell = WriteOnlyCell(sheet)
    for name, value in looks.items():
        setattr(cell, name, value)
    return cell.style_id


def _font(*, bold: bool = False, size: int = 11, color: str = INK) -> Font:
    # Without a name and a family, programs take a serif font of their own choice.
    return Font(name="Calibri", family=2, bold=bold, size=size, color=color)


def _fill(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=colour)


@dataclass(frozen=True, slots=True)
class DataLooks:
    """Styles of the sheets that hold rows."""

    our_header: int
    their_header: int
    number: int
    text: int
    formula_like: int  # shows text that begins like a formula, and keeps it text when edited
    outcomes: dict[Outcome, int]

    @classmethod
    def of(cls, sheet: Any) -> DataLooks:  # noqa: ANN401 - see style_id
        """Register them in the sheet's workbook."""
        white = _font(bold=True, color="FFFFFF")
        middle = Alignment(vertical="center")

        def header(colour: str) -> int:
            return style_id(
                sheet, font=white, fill=_fill(colour), alignment=middle, number_format=_AS_TEXT
            )

        return cls(
            our_header=header(DEEP_BLUE),
            their_header=header(SLATE),
            number=style_id(
                sheet,
                font=_font(color=MUTED),
                number_format="0",
                alignment=Alignment(horizontal="left"),
            ),
            text=style_id(sheet, number_format=_AS_TEXT),
            formula_like=style_id(sheet, number_format=_AS_TEXT, quotePrefix=True),
            outcomes={
                outcome: style_id(sheet, font=_font(color=colour), number_format=_AS_TEXT)
                for outcome, colour in OUTCOME_COLOURS.items()
            },
        )


@dataclass(frozen=True, slots=True)
class SummaryLooks:
    """Styles of the sheet `Summary`."""

    blank: int
    title: int
    headline: int
    alert: int
    section: int
    column: int
    column_right: int
    label: int
    text: int
    muted: int
    count: int
    zero: int
    total_label: int
    total_count: int
    fact_label: int
    fact: int
    fact_count: int
    outcomes: dict[Outcome, int]

    @classmethod
    def of(cls, sheet: Any) -> SummaryLooks:  # noqa: ANN401 - see style_id
        """Register them in the sheet's workbook."""
        right = Alignment(horizontal="right", vertical="center", indent=2)
        low = Alignment(vertical="center")
        bold = _font(bold=True)
        band = {"fill": _fill(MIST), "border": _UNDER}
        over = Border(top=Side("thin", color=SLATE))

        def style(**looks: Any) -> int:  # noqa: ANN401 - see style_id
            return style_id(sheet, **{"alignment": _WRAPPED, "number_format": _AS_TEXT, **looks})

        return cls(
            blank=style_id(sheet),
            title=style(font=_font(bold=True, size=20, color=DEEP_BLUE), alignment=low),
            headline=style(font=_font(size=12)),
            alert=style(font=_font(bold=True, color=RED), fill=_fill(ROSE)),
            section=style(font=_font(bold=True, size=13, color=DEEP_BLUE), alignment=low),
            column=style(font=_font(bold=True, color=SLATE), **band),
            column_right=style(font=_font(bold=True, color=SLATE), **band, alignment=right),
            label=style(font=bold, border=_UNDER),
            text=style(font=_font(), border=_UNDER),
            muted=style(font=_font(color=MUTED), border=_UNDER),
            count=style(font=bold, border=_UNDER, alignment=right, number_format=_WHOLE),
            zero=style(
                font=_font(color=MUTED), border=_UNDER, alignment=right, number_format=_WHOLE
            ),
            total_label=style(font=bold, border=over),
            total_count=style(font=bold, border=over, alignment=right, number_format=_WHOLE),
            fact_label=style(font=_font(color=MUTED), border=_UNDER),
            fact=style(font=_font(), border=_UNDER),
            fact_count=style(
                font=_font(bold=True),
                border=_UNDER,
                alignment=Alignment(horizontal="left", vertical="center"),
                number_format=_WHOLE,
            ),
            outcomes={
                outcome: style(font=_font(bold=True, color=colour), border=_UNDER)
                for outcome, colour in OUTCOME_COLOURS.items()
            },
        )
