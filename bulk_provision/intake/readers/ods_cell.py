"""What an OpenDocument cell shows, from its value and from the text that was saved with it.

OpenDocument keeps both (ODF 1.3 part 3, 9.1.4): the value in attributes, and the text as it was
shown, formatted, in paragraphs. So 42 shown as 0042 has the text 0042. A text that follows the
computer's language (decimals, thousands, dates) is shown otherwise elsewhere: it is doubtful.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from bulk_provision.intake.cells import (
    BOOLEAN,
    DATE,
    DECIMAL,
    ERROR_VALUE,
    FORMULA_WITHOUT_VALUE,
    LONG_NUMBER,
    PERCENTAGE,
    SCIENTIFIC,
    SPACES_UNSURE,
    THOUSANDS,
    UNKNOWN_FORMAT,
    UNREADABLE_NUMBER,
    Doubt,
    DoubtfulText,
    doubt_about,
    storable,
)
from bulk_provision.intake.readers.number_format import EXACT_DIGITS, number_of, shown_number

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0 "
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0 "
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0 "
_CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0 "

_EXPONENT = re.compile(r"[0-9][Ee][+-]?[0-9]")
_SEPARATED = re.compile(r"[0-9][.,'’٫٬\s][0-9]")
_ERROR = re.compile(r"#[A-ZÀ-Þ]+(?:/[A-Z0-9]+)?[!?]|#N/[A-Z]+|#NV|Err:[0-9]{3}")
_DATES = {"date": "date-value", "time": "time-value"}


def shown_cell(attributes: Mapping[str, str], text: str | None, *, spaces_unsure: bool) -> str:
    """Tell what a cell shows.

    Args:
        attributes: the cell's, their names with their namespaces.
        text: its paragraphs; None if it has none.
        spaces_unsure: whether programs differ in how many spaces of the text they show.
    """
    formula = attributes.get(TABLE + "formula")
    kind = attributes.get(OFFICE + "value-type", "")
    if formula is not None and _without_value(attributes, text):
        plain = formula.partition(":=")[2] or formula.removeprefix("=")
        return DoubtfulText(storable(f"={plain[:200]}"), FORMULA_WITHOUT_VALUE)
    if attributes.get(_CALC + "value-type") == "error":
        return DoubtfulText(storable(text or "#ERROR"), ERROR_VALUE)
    if formula is not None and text and _ERROR.fullmatch(text):
        return DoubtfulText(text, ERROR_VALUE)
    if kind in ("", "string", "void"):
        stored = attributes.get(OFFICE + "string-value", "")
        shown = storable(stored if text is None else text)
    else:
        shown = _shown_value(kind, attributes, text or "")
    if not shown or isinstance(shown, DoubtfulText):
        return shown
    if spaces_unsure:
        return DoubtfulText(shown, SPACES_UNSURE)
    if formula is not None and (doubt := doubt_about(formula)):
        return DoubtfulText(shown, doubt)
    return shown


def _without_value(attributes: Mapping[str, str], text: str | None) -> bool:
    kind = attributes.get(OFFICE + "value-type", "")
    if kind in ("", "string", "void"):
        return text is None and OFFICE + "string-value" not in attributes
    return not text and OFFICE + _attribute(kind) not in attributes


def _attribute(kind: str) -> str:
    return _DATES.get(kind) or ("boolean-value" if kind == "boolean" else "value")


def _shown_value(kind: str, attributes: Mapping[str, str], text: str) -> str:
    stored = attributes.get(OFFICE + _attribute(kind), "")
    if kind == "boolean":
        return DoubtfulText(storable(text or stored.upper()), BOOLEAN)
    if kind in _DATES:
        return DoubtfulText(storable(text or stored), DATE)
    value = number_of(stored)
    if value is None:
        return DoubtfulText(storable(text or stored), UNREADABLE_NUMBER)
    if doubt := _doubt(kind, value, text):
        seen = any(character.isdigit() for character in text)
        return DoubtfulText(storable(text if seen else shown_number(value)), doubt)
    return text


def _doubt(kind: str, value: Decimal, text: str) -> Doubt | None:
    """Tell why the text of a number is not the same on every computer; None if it is.

    The weightier reason comes first: a percentage with decimals is a percentage.
    """
    whole_number = value == value.to_integral_value()
    if whole_number and value.adjusted() >= EXACT_DIGITS:
        return LONG_NUMBER
    if _EXPONENT.search(text):
        return SCIENTIFIC
    if kind == "percentage" or "%" in text:
        return PERCENTAGE
    if not whole_number:
        return DECIMAL
    digits = "".join(character for character in text if character.isdigit())
    agreed = digits.isascii() and digits.lstrip("0") == f"{abs(value):.0f}".lstrip("0")
    if _SEPARATED.search(text):
        return THOUSANDS if agreed and abs(value) >= 1000 else DECIMAL
    if not agreed or not digits or "#" in text or text != text.strip() or kind != "float":
        return UNKNOWN_FORMAT
    return None
