r"""Strings as Office Open XML wants them, so that a cell shows exactly what it was given.

XML 1.0 has no way to write most control characters, and a reader turns CR into LF. Office Open
XML therefore writes a character as `_xHHHH_`, its UTF-16 code unit in hex (ECMA-376 part 1,
22.9.2.19, ST_Xstring), and a text that only looks like that has its underscore written so:

    "\x01"      →  _x0001_
    "_x0041_"   →  _x005F_x0041_
"""

from __future__ import annotations

import re

CELL_LIMIT = 32_767
"""Characters (UTF-16 code units) that a cell holds ("Excel specifications and limits")."""

# LF and TAB may stand as they are. Lone surrogates have no UTF-8.
_UNWRITABLE = r"[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]"
# The closing underscore of what only looks like an escape may come from the escape after it.
_ESCAPED = re.compile(rf"{_UNWRITABLE}|_(?=x[0-9A-Fa-f]{{4}}(?:_|{_UNWRITABLE}))")


def escape(text: str) -> str:
    """Write what XML cannot hold, and what looks like an escape, as `_xHHHH_`."""
    return _ESCAPED.sub(lambda found: f"_x{ord(found.group()):04X}_", text)


def cut(text: str) -> str:
    """Shorten a text that no cell holds, visibly."""
    if len(text) <= CELL_LIMIT // 2 or _code_units(text) <= CELL_LIMIT:
        return text
    mark = f" … [cut: {len(text):,} characters]"
    kept = text[: CELL_LIMIT - len(mark)]
    while _code_units(kept) + len(mark) > CELL_LIMIT:
        kept = kept[: -((_code_units(kept) + len(mark) - CELL_LIMIT + 1) // 2)]
    return kept + mark


def _code_units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def element_text(text: str) -> str:
    """Write a cell's text as the content of an XML element."""
    return escape(cut(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
