"""What a cell shows, and how sure we can be of it.

A cell is a `str`: the text that a person sees in it. Where that text cannot be known for certain
(a date that was typed as `1-2`, a formula that was never calculated), the cell is a
`DoubtfulText`: a best guess, good enough for a column that only travels along, together with the
reason why it must not become a username or a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CHANGING = re.compile(
    r"\b(?:RAND|(?:GET)?RANDBETWEEN|RANDARRAY|NOW|TODAY)\s*\(", re.IGNORECASE
)  # GETRANDBETWEEN is what OpenDocument files of old call it
# How a formula names another file: `[1]List!A2` (ECMA-376 part 1, 18.14.2: the number of an
# external reference), and `'file:///S:/x.ods'#$List.A2` (OpenDocument 1.3 part 4, 5.8).
_ELSEWHERE = re.compile(
    r"(?<![\w\])])\[[1-9]\d{0,5}\][^\[\]()+*,;]{0,100}!|'[^']{1,2000}'#\$?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a cell (or a whole line) is not simply what it seems.

    Args:
        kind: a stable slug; it becomes `Problem.kind`.
        why: what is wrong, as a sentence.
        cure: what to do about it, as a sentence.
        warning: True when the text is certain enough to be used all the same.
    """

    kind: str
    why: str
    cure: str
    warning: bool = False


class DoubtfulText(str):
    """The best guess of what a cell shows, and the `doubt` about it."""

    __slots__ = ("doubt",)
    doubt: Doubt

    def __new__(cls, text: str, doubt: Doubt) -> Self:
        """Make the text; `str` itself leaves no other place to do it."""
        made = super().__new__(cls, text)
        made.doubt = doubt
        return made


def storable(text: str) -> str:
    """Return the text, doubtful if it holds what no database and no request can carry.

    NUL is refused by PostgreSQL, and a lone surrogate has no UTF-8 form; both become U+FFFD.
    """
    if text.isascii() and "\x00" not in text:  # nearly always
        return text
    cleaned = _UNSTORABLE.sub("\ufffd", text)
    return text if cleaned == text else DoubtfulText(cleaned, UNSTORABLE)


_AS_TEXT = "Format the column as Text, type the cell again as it should be, and save the file."

LONG_NUMBER = Doubt(
    "number-too-long",
    "it is stored as a number of more than 15 digits, and spreadsheet programs keep only the "
    "first 15: the rest is already lost",
    f"Take the digits from where they came from. {_AS_TEXT}",
)
SCIENTIFIC = Doubt(
    "number-scientific",
    "it is shown in scientific notation, so its digits cannot be seen",
    _AS_TEXT,
)
DECIMAL = Doubt(
    "number-decimal",
    "it is a number with decimals: what is shown depends on the computer's language (1.5 or 1,5)",
    _AS_TEXT,
)
THOUSANDS = Doubt(
    "number-thousands",
    "it is a number shown with thousands separators, which depend on the computer's language",
    _AS_TEXT,
)
PERCENTAGE = Doubt("number-percent", "it is a percentage, not a text", _AS_TEXT)
DATE = Doubt(
    "cell-date",
    "it is a date or a time; spreadsheet programs make one from entries such as 1-2 or 10:30",
    _AS_TEXT,
)
BOOLEAN = Doubt(
    "cell-boolean",
    "it is a truth value: what is shown depends on the computer's language (TRUE, WAHR, VRAI)",
    _AS_TEXT,
)
ERROR_VALUE = Doubt(
    "cell-error",
    "a formula in it failed",
    "Mend the formula, or type the value itself, and save the file.",
)
UNKNOWN_FORMAT = Doubt(
    "number-format-unknown",
    "it is a number with a format of which the result cannot be told for certain",
    _AS_TEXT,
)
FORMAT_UNSEEN = Doubt(
    "number-format-unseen",
    "it is a number, and in this kind of file it cannot be seen how it is shown: 42, or 0042",
    "Open the file in Excel or LibreOffice, save it as an Excel workbook (.xlsx), and give that.",
)
UNREADABLE_NUMBER = Doubt("number-unreadable", "it claims to be a number and is not", _AS_TEXT)
FORMULA_WITHOUT_VALUE = Doubt(
    "formula-without-value",
    "it is a formula whose result is not in the file (no spreadsheet program calculated it)",
    "Open the file in Excel or LibreOffice and save it there; or type the value itself.",
)
FORMULA_CHANGES = Doubt(
    "formula-changes",
    "its formula gives another value whenever the file is opened; the value last saved was taken",
    "Copy the column and paste it over itself as values, so that sheet and endpoint agree.",
    warning=True,
)
FORMULA_ELSEWHERE = Doubt(
    "formula-elsewhere",
    "its formula takes the value from another workbook, which is not read: what stands there now "
    "is not known",
    "Copy the column and paste it over itself as values, look them through, and save the file.",
)
FORMULA_WRAPPER = Doubt(
    "formula-wrapper",
    'it was written as ="…", a trick to keep leading zeros; the text between the quotes was taken',
    "If that is what was meant, there is nothing to do; else write the cell without "
    'the ="…" around it.',
    warning=True,
)
MERGED = Doubt(
    "cell-merged",
    "it is merged with the cell above it, so it has no value of its own",
    "Take the cells apart (unmerge them), and fill in each one.",
)
MERGED_ACROSS = Doubt(
    "cell-merged-across",
    "it is merged with the cell to its left, so it has no value of its own",
    "Take the cells apart (unmerge them), and fill in each one.",
)
SPACES_UNSURE = Doubt(
    "spaces-unsure",
    "it holds several spaces or line ends in a row, written so that spreadsheet programs differ in "
    "how many they show",
    "Type the cell again in a spreadsheet program, and save the file.",
)
MORE_THAN_TEXT = Doubt(
    "cell-more-than-text",
    "it holds more than text (a table, or a field to fill in), so its text cannot be told",
    "Export the list again as a plain table, or as .xlsx or CSV; or type the cell itself.",
)
UNSTORABLE = Doubt(
    "character-impossible",
    "it holds a character that no text can hold (NUL, or half of a surrogate pair)",
    "Type the cell again.",
)
ENCODING_UNSURE = Doubt(
    "encoding-unsure",
    "the file is not UTF-8, so its letters beyond A to Z are a guess",
    "Save the file as 'CSV UTF-8' and give that one.",
)
ROW_HIDDEN = Doubt(
    "row-hidden",
    "the row is hidden or filtered away in the sheet; it was read all the same",
    "Delete the rows that should not be created, or copy the visible ones to a new sheet.",
    warning=True,
)
ROW_QUOTES = Doubt(
    "row-quotes",
    "a quotation mark stands where none can, so the cells of this line cannot be told apart",
    'Put the cell in quotes and write each quote inside it twice: "Asha ""Ash"" Rao".',
)
ROW_UNQUOTED = Doubt(
    "row-quotes",
    "the cells of this line do not all stand in quotation marks, or are not as many as the "
    "header's, so they cannot be told apart",
    "Export the list again, and give the file as it comes, without opening it in between.",
)
QUOTES_UNSURE = Doubt(
    "quotes-unsure",
    "it holds quotation marks, and the file does not tell whether they belong to it or were added "
    "when it was saved again",
    "Export the list again, and give the file as it comes; if the marks belong to it, type the "
    "user into a spreadsheet of its own.",
)
ESCAPES_UNSURE = Doubt(
    "escapes-unsure",
    "it holds a backslash, which database clients write twice in some forms of output, and the "
    "file does not tell whether they did",
    "Export the table as an SQL dump (mysqldump), and give that.",
)
LINE_CUT = Doubt(
    "line-cut",
    "the file ends in the middle of this line",
    "Export or copy the file again: it is not whole.",
)
CREDENTIAL_UNENDED = Doubt(
    "line-unended",
    "the file ends without a line end right behind the login or password, which may be cut",
    "Export or copy the file again; if it is whole, put a line end behind its last line.",
)
LINE_UNENDED = Doubt(
    "line-unended",
    "the file ends without a line end, so its last cell may be cut",
    "If it is whole, there is nothing to do; else export or copy the file again.",
    warning=True,
)
ROW_TOO_LONG = Doubt(
    "row-too-long",
    "the line has more cells than the header, so a cell may stand in the wrong column",
    "Put cells that hold the separator in quotes, or take the extra separator away.",
)
ROW_SHORT = Doubt(
    "row-short",
    "the line has fewer cells than the header; the missing ones were taken as blank",
    "If they are blank, there is nothing to do; else write a separator for each cell.",
    warning=True,
)
ROW_OUTSIDE = Doubt(
    "row-outside",
    "there is something in a column without a header; it was left out",
    "Give the column a header if it should travel to the results.",
    warning=True,
)
ROW_IS_HEADER = Doubt(
    "row-is-header",
    "the line is the header once more",
    "Delete the line.",
)


def doubt_about(formula: str) -> Doubt | None:
    """Return why the result of a formula is not simply what it seems; mostly None."""
    if _ELSEWHERE.search(formula):
        return FORMULA_ELSEWHERE
    return FORMULA_CHANGES if _CHANGING.search(formula) else None
