"""All the troubles that trouble/ shows, in the order in which README.md tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from books import Trouble
from trouble_cells import CHARACTERS, FORMULAS, MERGED, NUMBERS, PASSWORDS
from trouble_files import NAMES, PROTECTED
from trouble_layouts import COLUMNS, ROWS, SHEETS
from trouble_malice import DANGEROUS
from trouble_texts import TEXTS

GROUPS: Mapping[str, Sequence[Trouble]] = {
    "Numbers": NUMBERS,
    "Formulas": FORMULAS,
    "Merged cells": MERGED,
    "Characters": CHARACTERS,
    "Passwords": PASSWORDS,
    "Rows": ROWS,
    "Columns": COLUMNS,
    "Sheets": SHEETS,
    "Text files": TEXTS,
    "Names and kinds of files": NAMES,
    "Protected workbooks": PROTECTED,
    "Damage and malice": DANGEROUS,
}
