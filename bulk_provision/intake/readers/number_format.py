"""Number formats: what a spreadsheet program shows for a number, as far as that is certain.

The formats' grammar is that of ECMA-376 part 1, 18.8.31 ("numFmts"). Certain is only what looks
the same on every computer: whole numbers, leading zeros, signs, literal text. Decimals,
thousands, dates and truth values follow the computer's language: they are shown as best we can,
as `DoubtfulText`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Literal, TypeAlias

from bulk_provision.intake.cells import (
    DATE,
    DECIMAL,
    LONG_NUMBER,
    PERCENTAGE,
    SCIENTIFIC,
    THOUSANDS,
    UNKNOWN_FORMAT,
    UNREADABLE_NUMBER,
    Doubt,
    DoubtfulText,
)

EXACT_DIGITS = 15
"""The digits that a spreadsheet's number (an IEEE double) keeps for certain."""

CODE_LIMIT = 2000
"""Characters of a format; Excel takes 255."""

DOUBLE_EXPONENT = 308
"""The highest power of ten that such a number can have."""

_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<section>;)|(?P<general>General)|(?P<date>AM/PM|A/P)|(?P<exponent>E[+-])"
    r"|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<cell>@)"
    r"|(?P<datepart>[dmyhsegb]+)|(?P<literal>[-$+():!^&'~{}<>= ])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]{1,9})?\s*")
_COLOUR = re.compile(r"black|blue|cyan|green|magenta|red|white|yellow|color ?\d+", re.IGNORECASE)
_CURRENCY = re.compile(r"\$([^-]*)(?:-[0-9A-F]{1,4})?", re.IGNORECASE)
_ELAPSED = re.compile(r"h+|m+|s+", re.IGNORECASE)

# A doubt that stands further left outweighs one further right: a date with decimals is a date.
_WEIGHT = (DATE, SCIENTIFIC, PERCENTAGE, DECIMAL, THOUSANDS, UNKNOWN_FORMAT)
_DOUBTS = {
    "date": DATE,
    "datepart": DATE,
    "exponent": SCIENTIFIC,
    "percent": PERCENTAGE,
    "point": DECIMAL,
    "other": UNKNOWN_FORMAT,
}
_Kind: TypeAlias = Literal["text", "digit", "number", "cell"]


@dataclass(frozen=True, slots=True)
class _Section:
    """One part of a format: for positive numbers, negative ones, zero, or text.

    Args:
        pieces: what is shown, from left to right: literal text, a place for a digit (its text is
            the placeholder), the number as it is ("General") or the cell as it is ("@").
        doubt: why numbers cannot be shown for certain; None if they can.
        decimals: digits after the point.
        thousands: whether digits are grouped.
    """

    pieces: tuple[tuple[_Kind, str], ...]
    doubt: Doubt | None
    decimals: int
    thousands: bool

    @property
    def as_it_is(self) -> bool:
        return self.doubt is None and [kind for kind, _ in self.pieces] in (["number"], ["cell"])

    def count(self, kind: _Kind) -> int:
        return sum(1 for one, _ in self.pieces if one == kind)


class NumberFormat:
    """A number format, ready to be applied to cells.

    Args:
        code: such as `0000` or `#,##0.00;[Red]-#,##0.00`.
    """

    def __init__(self, code: str) -> None:
        sections = [_section(tokens) for tokens in _sections(code)]
        for_text = len(sections) > 3 or sections[-1].count("cell") > 0
        self._text = sections[-1] if for_text else None
        self._numbers = sections[: min(3, len(sections) - for_text)] or sections

    @property
    def plain(self) -> bool:
        """Whether numbers and texts are shown as they are ("General", "@")."""
        sections = [*self._numbers, *([self._text] if self._text else [])]
        return all(section.as_it_is for section in sections)

    def text(self, value: str) -> str:
        """Show a text cell: mostly as it is, but `"ext-"@` puts something before it."""
        if self._text is None or not self._text.count("cell"):
            return value
        return "".join(value if kind == "cell" else text for kind, text in self._text.pieces)

    def number(self, stored: str, *, date_1904: bool = False) -> str:
        """Show a number cell.

        Args:
            stored: the number as the file has it: "42", "4.2E1".
            date_1904: whether the workbook counts days from 1904 instead of 1900.

        Returns:
            What is seen; a `DoubtfulText` if that is not certain.
        """
        value = number_of(stored)
        if value is None:
            return DoubtfulText(stored, UNREADABLE_NUMBER)
        value += 0  # a minus zero is seen as 0
        section, minus = self._section(value)
        if section.doubt is not None:
            shown = _guess(value, section, date_1904=date_1904)
            return DoubtfulText(shown, section.doubt)
        if section.as_it_is:
            return shown_number(value)
        if value != value.to_integral_value() or value.adjusted() >= EXACT_DIGITS:
            return shown_number(value)
        if section.thousands and abs(value) >= 1000:
            return DoubtfulText(f"{value:,.0f}", THOUSANDS)
        return minus + _filled(f"{abs(value):.0f}", section)

    def _section(self, value: Decimal) -> tuple[_Section, str]:
        """Return the part for a number, and the minus sign if that part has none of its own."""
        if value == 0 and len(self._numbers) > 2:
            return self._numbers[2], ""
        if value < 0 and len(self._numbers) > 1:
            return self._numbers[1], ""
        return self._numbers[0], "-" if value < 0 else ""


@lru_cache(maxsize=1024)
def number_format(code: str) -> NumberFormat:
    """Return the format for a code such as `0000`: a workbook has few, its cells are many.

    Raises:
        ValueError: it is longer than any that a program writes.
    """
    if len(code) > CODE_LIMIT:
        raise ValueError(f"a number format has more than {CODE_LIMIT:,} characters")
    return NumberFormat(code or "General")


def number_of(stored: str) -> Decimal | None:
    """Return a number as a workbook stores it (`xsd:double`); None if it is none, or too large.

    Python alone would take `1_000`, and digits of any script.
    """
    if not _NUMBER.fullmatch(stored):
        return None
    value = Decimal(stored)
    return value if value.adjusted() <= DOUBLE_EXPONENT else None


def shown_number(value: Decimal) -> str:
    """Show a number that has no format; certain are whole ones of up to 15 digits."""
    if value != value.to_integral_value():
        return DoubtfulText(f"{float(value):.15G}", DECIMAL)
    if value.adjusted() >= EXACT_DIGITS:
        return DoubtfulText(f"{float(value):.15G}", LONG_NUMBER)
    return f"{value:.0f}"


def _sections(code: str) -> Iterator[list[re.Match[str]]]:
    tokens: list[re.Match[str]] = []
    for token in _TOKEN.finditer(code):
        if token.lastgroup == "section":
            yield tokens
            tokens = []
        else:
            tokens.append(token)
    yield tokens


def _section(tokens: list[re.Match[str]]) -> _Section:
    groups = [token.lastgroup or "" for token in tokens]
    last_digit = max((place for place, group in enumerate(groups) if group == "digit"), default=-1)
    point = groups.index("point") if "point" in groups else len(groups)
    pieces: list[tuple[_Kind, str]] = []
    doubts: set[Doubt | None] = {_DOUBTS.get(group) for group in groups}
    for place, (group, token) in enumerate(zip(groups, tokens, strict=True)):
        text = token[group]
        if group == "digit":
            pieces.append(("digit", text))
        elif group in ("general", "cell"):
            pieces.append(("number" if group == "general" else "cell", text))
        elif group in ("quoted", "escaped", "literal"):
            pieces.append(("text", text))
        elif group == "bracket":
            symbol, doubt = _bracket(text)
            pieces.append(("text", symbol))
            doubts.add(doubt)
        elif (group == "comma" and place > last_digit) or (group == "fill" and text != " "):
            doubts.add(UNKNOWN_FORMAT)  # divided by a thousand; filled up with a character
    pieces = [piece for piece in pieces if piece[1]]
    kinds = [kind for kind, _ in pieces]
    thousands = "comma" in groups
    if set(kinds) <= {"text"} or ("cell" in kinds and len(kinds) > 1):
        doubts.add(UNKNOWN_FORMAT)  # the number is hidden; or the format is one for texts
    if thousands and groups.count("digit") > 4:
        doubts.add(THOUSANDS)  # 000,000 groups small numbers too
    doubt = next((doubt for doubt in _WEIGHT if doubt in doubts), None)
    return _Section(tuple(pieces), doubt, groups[point:].count("digit"), thousands)


def _bracket(text: str) -> tuple[str, Doubt | None]:
    """Tell what `[…]` shows: a colour nothing, `[$€-407]` a currency; `[h]` makes a time."""
    if _COLOUR.fullmatch(text):
        return "", None
    if currency := _CURRENCY.fullmatch(text):
        return currency[1], None
    return "", DATE if _ELAPSED.fullmatch(text) else UNKNOWN_FORMAT


def _filled(digits: str, section: _Section) -> str:
    """Put digits into their places from the right; the leftmost place takes all that remain."""
    digits = digits.lstrip("0")
    places = section.count("digit")
    shown: list[str] = []
    for kind, text in reversed(section.pieces):
        if kind != "digit":
            shown.append((digits or "0") if kind == "number" else text)
            continue
        places -= 1
        taken = digits[-1:] if places else digits
        digits = digits[: len(digits) - len(taken)]
        shown.append(taken or ("0" if text == "0" else ""))
    return "".join(reversed(shown))


def _guess(value: Decimal, section: _Section, *, date_1904: bool) -> str:
    """Show what depends on the computer's language in a neutral form."""
    if section.doubt is DATE:
        return _date(float(value), date_1904=date_1904)
    if section.doubt is PERCENTAGE:
        return f"{value * 100:.{section.decimals}f}%"
    if section.doubt is DECIMAL:
        return f"{value:.{section.decimals}f}"
    return shown_number(value)


def _date(serial: float, *, date_1904: bool) -> str:
    """Show a day count as an ISO date, a part of a day as a time."""
    from openpyxl.utils.datetime import (  # noqa: PLC0415 - heavy, and only dates need it
        MAC_EPOCH,
        WINDOWS_EPOCH,
        from_excel,
    )

    try:
        moment = from_excel(serial, MAC_EPOCH if date_1904 else WINDOWS_EPOCH)
    except (OverflowError, ValueError):
        return f"{serial:.15G}"
    if isinstance(moment, datetime) and moment.time() == time():
        return moment.date().isoformat()
    return moment.isoformat(" ") if isinstance(moment, datetime) else str(moment)
