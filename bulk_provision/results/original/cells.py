"""Cells and rows as XML, in a worksheet's own namespace prefix."""

from __future__ import annotations

import re

from bulk_provision.results.ooxml import element_text

# ASCII without `&<>_` and control characters, no white space at either end, and short enough for
# a cell. Nearly all texts are so, and asking that at once takes a third of asking it in turn.
_AS_IT_IS = re.compile(r"[!-%'-;=?-^`-~](?:[ -%'-;=?-^`-~]{0,8000}[!-%'-;=?-^`-~])?")

FORMULA_LIKE = frozenset("=+-@")
"""What a text must not begin with, unless its style says that it is text (`quotePrefix`)."""


def text_cell(prefix: str, reference: str, style: int, text: str) -> str:
    """Write a cell that holds its own text: never a formula, never a number.

    Args:
        prefix: of the worksheet's namespace, with its colon, or "".
        reference: such as `B2`.
        style: its number among the workbook's styles.
        text: whatever it is.
    """
    p = prefix
    return (
        f'<{p}c r="{reference}" s="{style}" t="inlineStr">'
        f"<{p}is>{text_element(p, text)}</{p}is></{p}c>"
    )


def text_element(prefix: str, text: str) -> str:
    """Write a `t` element, whose white space programs are told to keep."""
    if _AS_IT_IS.fullmatch(text):
        return f"<{prefix}t>{text}</{prefix}t>"
    space = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
    return f"<{prefix}t{space}>{element_text(text)}</{prefix}t>"


def blank_cell(prefix: str, reference: str, style: int) -> str:
    """Write a cell that holds nothing, and has a look."""
    return f'<{prefix}c r="{reference}" s="{style}"/>'


def row_of(prefix: str, number: int, cells: str) -> bytes:
    """Write a row that was not there."""
    return f'<{prefix}row r="{number}">{cells}</{prefix}row>'.encode()
