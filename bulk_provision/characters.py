"""Characters in words: so that a message can speak of what cannot be seen."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

UNSEEN = frozenset(("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"))
"""The Unicode categories of which nothing is to be seen: controls, formats, spaces of all kinds."""

_CONTROLS = {"\t": "TAB", "\n": "LINE FEED", "\r": "CARRIAGE RETURN", "\x00": "NUL"}
_LISTED = 4
_LENGTH = 40


def named(character: str) -> str:
    """Name a character so that it can be found: `"@"`, or `U+00A0 NO-BREAK SPACE`."""
    if "!" <= character <= "~":
        return f'"{character}"'
    name = unicodedata.name(character, "") or _CONTROLS.get(character, "a control character")
    shown = "" if unicodedata.category(character) in UNSEEN else f' ("{character}")'
    return f"U+{ord(character):04X} {name}{shown}"


def listed(characters: Iterable[str]) -> str:
    """Name some characters, the first few of them."""
    names = [named(character) for character in characters]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def visible(text: str) -> str:
    """Shorten a text for a message, with what cannot be seen in it made visible."""
    shown = printable(text[: _LENGTH + 1])
    return shown if len(shown) <= _LENGTH else f"{shown[:_LENGTH]}…"


def printable(text: str) -> str:
    """Return a text with what cannot be seen in it made visible: a terminal obeys some of that."""
    return "".join(one if one.isprintable() else f"<U+{ord(one):04X}>" for one in text)


def sentence(text: str) -> str:
    """Return text as a sentence, so that another may follow."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
