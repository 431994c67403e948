"""The boxes that show comments: VML, which Excel still draws them with.

Vector Markup Language is described in ECMA-376 part 4, 19; `x:ClientData` in 19.4. Excel 2007
wrote VML that is no XML (`<br>`), so it is not parsed here: only its root's two tags are looked
for, and what is new goes before the last one.

A shape's id is `_x0000_s` and a number of 1,024 × block + 1 to 1,023; the drawing names its blocks
in `o:idmap`, and no two sheets share one.
"""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.intake.records import SHEET_COLUMNS, SHEET_ROWS
from bulk_provision.results.original.tags import tag_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulk_provision.results.original.package import Package

TYPE = "application/vnd.openxmlformats-officedocument.vmlDrawing"
_SPACES = {
    "v": "urn:schemas-microsoft-com:vml",
    "o": "urn:schemas-microsoft-com:office:office",
    "x": "urn:schemas-microsoft-com:office:excel",
}
_DECLARED = " ".join(f'xmlns:{prefix}="{space}"' for prefix, space in _SPACES.items())
BLANK = (
    f'<xml {_DECLARED}><o:shapelayout v:ext="edit"><o:idmap v:ext="edit" data=""/>'
    "</o:shapelayout></xml>"
).encode()
"""A drawing without any shape."""

_SHAPE_TYPE = (
    '<v:shapetype id="_x0000_t202" coordsize="21600,21600" o:spt="202" '
    'path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
    '<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>'
)
_BLOCK = 1024
_MOST_DIGITS = 6
_ROOT = re.compile(rb"<(?:[A-Za-z]+:)?xml[\s>]")
_BLOCKS = re.compile(rb"""<o:idmap\b[^<>]{0,500}?\sdata\s{0,9}=\s{0,9}["']([0-9,\s]*)["']""")
_NUMBERS = re.compile(rb"""_x0000_s([0-9]{1,9})\b""")
_LINE = 34  # characters of the usual type in a line of a box of three usual columns
_MOST_LINES = 14
_WIDE = 3


class Box(NamedTuple):
    """Where a comment's box is drawn: row and column from 0; its text decides the size."""

    row: int
    column: int
    text: str


def free_blocks(package: Package, boxes: int) -> list[int]:
    """Return blocks of ids that no drawing of the workbook has, enough for so many boxes."""
    last = 0
    for name in package.parts:
        if name.lower().endswith(".vml"):
            content = package.content(name)
            for found in _BLOCKS.finditer(content):
                last = max(last, *map(_number, found[1].replace(b",", b" ").split() or [b"0"]))
            for found in _NUMBERS.finditer(content):
                last = max(last, int(found[1]) // _BLOCK)
    return list(range(last + 1, last + 1 + ceil(boxes / (_BLOCK - 1))))


def _number(digits: bytes) -> int:
    if len(digits) > _MOST_DIGITS:
        raise DamagedError("it has a drawing with a number that none has")
    return int(digits)


def with_boxes(drawing: bytes, boxes: Sequence[Box], blocks: Sequence[int]) -> bytes:
    """Add boxes to a drawing.

    Raises:
        DamagedError: it is no drawing.
    """
    root, end = _ROOT.search(drawing), drawing.rfind(b"</")
    if root is None or end < root.end():
        raise DamagedError("it has a drawing that is none")
    try:
        declared = _missing_declarations(tag_at(drawing, root.start()))
    except ValueError:
        raise DamagedError("it has a drawing that is none") from None
    xml = "" if b'"_x0000_t202"' in drawing else _SHAPE_TYPE.replace(" id=", f"{declared} id=")
    ids = (_BLOCK * block + number for block in blocks for number in range(1, _BLOCK))
    xml += "".join(_shape(box, number, declared) for box, number in zip(boxes, ids, strict=False))
    new = drawing[:end] + xml.encode() + drawing[end:]
    if found := _BLOCKS.search(new):
        old = found[1].strip().rstrip(b",")
        more = ",".join(map(str, blocks)).encode()
        listed = old + b"," + more if old else more
        new = new[: found.start(1)] + listed + new[found.end(1) :]
    return new


def _missing_declarations(root: bytes) -> str:
    return "".join(
        f' xmlns:{prefix}="{space}"'
        for prefix, space in _SPACES.items()
        if f"xmlns:{prefix}=".encode() not in root
    )


def _shape(box: Box, number: int, declared: str) -> str:
    """Draw a hidden box beside its cell, as large as its text needs, within reason."""
    lines = sum(ceil(max(1, len(line)) / _LINE) for line in box.text.split("\n")) + 1
    left = min(box.column + 1, SHEET_COLUMNS - 1 - _WIDE)
    height = min(max(lines, 3), _MOST_LINES)
    top = min(max(box.row - 1, 0), SHEET_ROWS - 1 - height)
    anchor = f"{left}, 15, {top}, 2, {left + _WIDE}, 15, {top + height}, 4"
    return (
        f'<v:shape{declared} id="_x0000_s{number}" type="#_x0000_t202" style="position:absolute;'
        f"margin-left:60pt;margin-top:2pt;width:{48 * _WIDE}pt;height:{15 * height}pt;"
        f'z-index:{number % _BLOCK};visibility:hidden" fillcolor="#ffffe1" o:insetmode="auto">'
        '<v:fill color2="#ffffe1"/><v:shadow on="t" color="black" obscured="t"/>'
        '<v:path o:connecttype="none"/>'
        '<v:textbox style="mso-direction-alt:auto"><div style="text-align:left"></div></v:textbox>'
        '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/>'
        f"<x:Anchor>{anchor}</x:Anchor><x:AutoFill>False</x:AutoFill>"
        f"<x:Row>{box.row}</x:Row><x:Column>{box.column}</x:Column></x:ClientData></v:shape>"
    )
