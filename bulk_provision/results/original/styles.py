"""A workbook's own styles, with ours behind them: no style that is there changes its number.

ECMA-376 part 1, 18.8: a cell's `s` counts in `cellXfs`, whose `xf` count in `fonts` and `fills`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.model import Outcome
from bulk_provision.results.looks import DEEP_BLUE, OUTCOME_COLOURS
from bulk_provision.results.original.outline import Node, outline
from bulk_provision.results.original.splice import Edit, spliced
from bulk_provision.results.original.tags import tag_at, with_attribute

if TYPE_CHECKING:
    from bulk_provision.results.original.package import Package, Place

_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml"
_ORDER = (
    *("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"),
    *("tableStyles", "colors", "extLst"),
)
_RED = "FFC7CE"  # Excel's own style "Bad", and dark text is easy to read on both
_AMBER = "FFEB9C"  # Excel's own style "Neutral"
_AS_TEXT = 49  # the number format "@" (18.8.30)
_STYLES = 65_490  # cell formats that a workbook holds ("Excel specifications and limits")
_BLANK = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<styleSheet xmlns="{namespace}">'
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)


@dataclass(frozen=True, slots=True)
class AddedLooks:
    """Styles of the cells that are added."""

    header: int
    text: int
    formula_like: int  # shows text that begins like a formula, and keeps it text when edited
    outcomes: dict[Outcome, int]


class Styles:
    """A workbook's styles, and those that are added.

    Args:
        content: the part `styles.xml`, in UTF-8.
    """

    def __init__(self, content: bytes) -> None:
        root = outline(content)
        if not root.children:
            content = _BLANK.format(namespace=root.namespace).encode()
            root = outline(content)
        self._content = content
        self._root = root
        self._fonts = _Group(content, root, "fonts", "font")
        self._fills = _Group(content, root, "fills", "fill")
        self._formats = _Group(content, root, "cellXfs", "xf")
        self._named = root.find("cellStyleXfs") is not None
        self._marked: dict[tuple[int, bool], int] = {}

    def marked(self, style: int, *, warning: bool) -> int:
        """Return the style that looks like another one, on red or amber."""
        if not 0 <= style < len(self._formats.old):
            style = 0
        if (style, warning) not in self._marked:
            fill = self._fill(_AMBER if warning else _RED)
            old = self._formats.source(style)
            tag = tag_at(old, 0)
            new = with_attribute(with_attribute(tag, "fillId", fill), "applyFill", 1)
            self._marked[style, warning] = self._format(new + old[len(tag) :])
        return self._marked[style, warning]

    def added(self) -> AddedLooks:
        """Return the styles of added cells: in the workbook's own type, as text."""
        blue = self._fill(DEEP_BLUE)
        return AddedLooks(
            header=self._text(font=self._font("FFFFFF", bold=True), fill=blue),
            text=self._text(),
            formula_like=self._text(more=' quotePrefix="1"'),
            outcomes={
                outcome: self._text(font=self._font(colour))
                for outcome, colour in OUTCOME_COLOURS.items()
            },
        )

    def content(self) -> bytes:
        """Return the part with what was added."""
        groups = (self._fonts, self._fills, self._formats)
        return spliced(self._content, [edit for group in groups for edit in group.edits()])

    def _font(self, colour: str, *, bold: bool = False) -> int:
        """Add the workbook's own type in a colour."""
        p = self._root.prefix
        before = after = b""
        own = outline(self._fonts.source(0)).children
        for child in own:
            source = child.source(self._fonts.source(0))
            if child.local == "sz":
                before = source
            elif child.local in ("name", "family", "charset", "scheme"):
                after += source
        head = f"<{p}font>" + (f"<{p}b/>" if bold else "")
        ink = f'<{p}color rgb="FF{colour}"/>'
        return self._fonts.add(
            head.encode() + before + ink.encode() + after + f"</{p}font>".encode()
        )

    def _fill(self, colour: str) -> int:
        p = self._root.prefix
        return self._fills.add(
            f'<{p}fill><{p}patternFill patternType="solid"><{p}fgColor rgb="FF{colour}"/>'
            f'<{p}bgColor indexed="64"/></{p}patternFill></{p}fill>'.encode()
        )

    def _text(self, *, font: int = 0, fill: int = 0, more: str = "") -> int:
        named = ' xfId="0"' if self._named else ""
        applied = ' applyFont="1"' if font else ""
        applied += ' applyFill="1"' if fill else ""
        return self._format(
            f'<{self._root.prefix}xf numFmtId="{_AS_TEXT}" fontId="{font}" fillId="{fill}" '
            f'borderId="0"{named} applyNumberFormat="1"{applied}{more}/>'.encode()
        )

    def _format(self, xml: bytes) -> int:
        number = self._formats.add(xml)
        if number >= _STYLES:
            raise DamagedError(f"it has all the {_STYLES:,} cell styles that a workbook holds")
        return number


class _Group:
    """One list of the style sheet, and what is added to its end."""

    def __init__(self, content: bytes, root: Node, name: str, item: str) -> None:
        self._content = content
        self._root = root
        self._name = name
        self._node = root.only(name)
        self.old = list(self._node.all(item)) if self._node else []
        self._blank = _blank(root, name, item)
        self._added: list[bytes] = [] if self.old else list(self._blank)
        self._needed = False

    def source(self, number: int) -> bytes:
        """Return one of the old ones; the default if there is none."""
        if number < len(self.old):
            return self.old[number].source(self._content)
        return self._blank[0]

    def add(self, xml: bytes) -> int:
        """Return the number of a new one; the same one is not added again."""
        self._needed = True
        if xml not in self._added:
            self._added.append(xml)
        return len(self.old) + self._added.index(xml)

    def edits(self) -> list[Edit]:
        """Write what was added."""
        if not self._needed:
            return []
        count, added = len(self.old) + len(self._added), b"".join(self._added)
        if self._node is not None:
            return self._node.grown(added, count)
        p = self._root.prefix
        group = (
            f'<{p}{self._name} count="{count}">'.encode() + added + f"</{p}{self._name}>".encode()
        )
        later = _ORDER[_ORDER.index(self._name) + 1 :]
        at = next((node.start for node in self._root.children if node.local in later), None)
        if at is None:
            return self._root.grown(group)
        return [Edit(at, at, group)]


def styles_of(package: Package, place: Place) -> tuple[str, Styles]:
    """Read the styles of a workbook; one that has none is given some.

    Returns:
        The part's name, and its styles.
    """
    part = package.related(place.workbook, "styles")
    if part is not None:
        return part, Styles(package.content(part))
    usual = "xl/styles.xml"  # which openpyxl knows by this name alone
    part = package.unused("xl/styles{}.xml") if package.find(usual) else usual
    package.declare(part, _TYPE)
    package.relate(place.workbook, place.base, "styles", part)
    return part, Styles(_BLANK.format(namespace=place.namespace).encode())


def _blank(root: Node, name: str, item: str) -> list[bytes]:
    """Return what a list must begin with, in the style sheet's own prefix."""
    blank = _BLANK.format(namespace="").encode()
    group = outline(blank).find(name)
    assert group is not None
    found = [node.source(blank) for node in group.all(item)]
    return [re.sub(rb"<(/?)", rb"<\1" + root.prefix.encode(), xml) for xml in found]
