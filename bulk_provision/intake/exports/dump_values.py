r"""The values of rows in an SQL dump, as the texts that they stand for.

What a string says is a matter of the database: `\n` is a line end for MySQL, and two
characters for PostgreSQL and SQLite.

Sources: MySQL Reference Manual, "String Literals" and "Hexadecimal Literals"; PostgreSQL
documentation, "Lexical Structure" and "COPY" (text format); SQLite, "SQL Language Expressions".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from bulk_provision.intake.cells import Doubt, DoubtfulText

NO_LITERAL = Doubt(
    "value-computed",
    "its text cannot be told: it is computed, or given as bytes that are no text",
    "Load the dump into a database, dump the table again from there, and give that file.",
)

_MYSQL_ESCAPES = {
    "0": "\0",
    "b": "\b",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "Z": "\x1a",
    "%": "\\%",
    "_": "\\_",
}
_POSTGRES_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_COPY_ESCAPES = {**_POSTGRES_ESCAPES, "v": "\v"}
_SPECIAL = re.compile(r"\\(.)|''|\"\"", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NUMERIC = frozenset("01234567xuU")  # a byte of an encoding, or a code point, by its number

# What may stand at one place is told by its first character, so that a hostile text does not make
# them try again and again. Where a mark is doubled inside, the closing one has no other behind it:
# a string that is cut must not end at half of a pair. (Possessive quantifiers would say the same,
# and match wrongly in Python before 3.11.5.)
_ESCAPING = r"'[^'\\]*(?:(?:\\.|'')[^'\\]*)*'(?!')"
_DOUBLE_ESCAPING = r'"[^"\\]*(?:(?:\\.|"")[^"\\]*)*"(?!")'
_STANDARD = r"'[^']*(?:''[^']*)*'(?!')"
_NAMED = r'"[^"]*"'
_BACKQUOTED = r"`[^`]*`"


def _value(strings: str, behind: str = "") -> re.Pattern[str]:
    """Match a value, and the comma or parenthesis that ends it; each kind is a group."""
    return re.compile(
        rf"\s*(?:(?P<string>{strings}){behind}|(?P<null>NULL)"
        rf"|(?P<number>[-+]?[0-9.]+(?:e[-+]?[0-9]+)?)|(?P<word>true|false)"
        rf"|(?:0x|x')(?P<hex>[0-9a-f]*)'?)\s*(?P<end>[,)])",
        re.IGNORECASE | re.DOTALL,
    )


def _passed(*pieces: str, begins: str) -> re.Pattern[str]:
    """Match what is one piece on the way to a statement's end; the end; or what only begins."""
    return re.compile(
        "|".join((*pieces, r"/\*.*?\*/", r"--[^\n]*\n", "(?P<end>;)", f"(?P<begins>{begins})")),
        re.DOTALL,
    )


@dataclass(frozen=True, slots=True)
class Database:
    """What differs between the databases that dumps come from.

    Args:
        dialect: sqlglot's name for it.
        value: matches a value and what ends it.
        passed: matches what is passed as one piece on the way to a statement's end.
        text: returns what a string says, given with its quotation marks.
    """

    dialect: str
    value: re.Pattern[str]
    passed: re.Pattern[str]
    text: Callable[[str], str]


def _mysql_text(string: str) -> str:
    quote, body = string[0], string[1:-1]

    def said(match: re.Match[str]) -> str:
        if (escaped := match[1]) is not None:
            return _MYSQL_ESCAPES.get(escaped, escaped)
        return quote if match[0][0] == quote else match[0]

    if "\\" not in body and quote not in body:
        return body
    return _SPECIAL.sub(said, body)


def _standard_text(string: str) -> str:
    return string[1:-1].replace("''", "'")


def _postgres_text(string: str) -> str:
    if string[0] == "'":
        return _standard_text(string)
    body = string[2:-1]  # E'…'
    if _has_numeric_escape(body):
        return DoubtfulText(body, NO_LITERAL)

    def said(match: re.Match[str]) -> str:
        if (escaped := match[1]) is not None:
            return _POSTGRES_ESCAPES.get(escaped, escaped)
        return "'" if match[0] == "''" else match[0]

    return _SPECIAL.sub(said, body)


def _has_numeric_escape(body: str) -> bool:
    return any(match[1] in _NUMERIC for match in _ESCAPED.finditer(body))


def copied_text(cell: str) -> str:
    r"""Return what a cell of PostgreSQL's COPY says; `\N` is no value, and blank."""
    if "\\" not in cell:
        return cell
    if cell == "\\N":
        return ""
    if _has_numeric_escape(cell):
        return DoubtfulText(cell, NO_LITERAL)
    return _ESCAPED.sub(lambda match: _COPY_ESCAPES.get(match[1], match[1]), cell)


def value_of(database: Database, match: re.Match[str]) -> str:
    """Return the text of a matched value; no value (NULL) is blank."""
    if (string := match["string"]) is not None:
        return database.text(string)
    if (digits := match["hex"]) is not None:
        try:  # so `mysqldump --hex-blob` writes what is kept as bytes
            return bytes.fromhex(digits).decode()
        except ValueError:
            return DoubtfulText(digits, NO_LITERAL)
    return match["number"] or match["word"] or ""


MYSQL = Database(
    "mysql",
    _value(rf"{_ESCAPING}|{_DOUBLE_ESCAPING}"),
    _passed(_ESCAPING, _DOUBLE_ESCAPING, _BACKQUOTED, r"#[^\n]*\n", begins=r"['\"`#]|--|/\*"),
    _mysql_text,
)
POSTGRES = Database(
    "postgres",
    _value(rf"e{_ESCAPING}|{_STANDARD}", r"(?:::[\w. ]+)?"),
    _passed(_STANDARD, _NAMED, r"\$(?P<tag>\w*)\$.*?\$(?P=tag)\$", begins=r"['\"]|--|/\*|\$\w*\$"),
    _postgres_text,
)
SQLITE = Database(
    "sqlite",
    _value(_STANDARD),
    _passed(_STANDARD, _NAMED, _BACKQUOTED, begins=r"['\"`]|--|/\*"),
    _standard_text,
)


def database_of(text: str) -> Database:
    """Tell the database by the beginning of its dump; it is MySQL's, where nothing else is said."""
    if re.search(r"PostgreSQL|standard_conforming_strings|FROM stdin;", text):
        return POSTGRES
    return SQLITE if re.search(r"PRAGMA foreign_keys|sqlite_sequence", text) else MYSQL
