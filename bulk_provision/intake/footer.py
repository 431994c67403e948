"""What stands below a table, and is no part of it: totals, and notes such as "as of 1 May".

A person sees that at once. Here it takes two things: nothing that could be a user may follow, and
the line must look like no user itself. What is left out is told; when in doubt, it is a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bulk_provision.intake.records import Record

# Longer runs are no footer: they are users of a kind that is not understood.
_LONGEST = 40
_TOTAL = re.compile(
    r"(?:grand |sub-?\s?)?(?:total|totals|sum|summe|gesamt|gesamtsumme|insgesamt|anzahl|somme|"
    r"suma|totale|totaal|count)\b[^@]*",
    re.IGNORECASE,
)
_TOTAL_STARTS = frozenset(("tot", "gra", "sub", "sum", "ges", "ins", "anz", "som", "cou"))
_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class FooterRule:
    """Tells rows from what stands below them.

    Args:
        fields: field to column, as in `Layout.fields`.
        named: how many columns the table has.
        spaces: whether usernames may have spaces, so that "front desk" is no note.
    """

    fields: Mapping[str, int]
    named: int
    spaces: bool = False

    def split(self, records: Iterable[Record], footer: list[Record]) -> Iterator[Record]:
        """Yield the records of the table; what stands below it is put into `footer` at the end.

        Args:
            records: what is below the header, blank records among them.
            footer: takes what is left out.
        """
        at_username = self.fields["username"]
        held: list[Record] = []
        last = -1
        gap = False
        for record in records:
            number, cells, _ = record
            if number != last + 1 and last >= 0:
                gap = True
            last = number
            username = cells[at_username] if at_username < len(cells) else ""
            if username and not gap and username[:3].lower() not in _TOTAL_STARTS and not held:
                yield record  # nearly always
                continue
            if not any(map(str.strip, cells)):
                gap = True
                yield record
            elif self._is_footer(cells, username.strip(), apart=gap or bool(held)):
                held.append(record)
                if len(held) > _LONGEST:
                    yield from _released(held)
            else:
                gap = False
                yield from _released(held)
                yield record
        footer.extend(held)

    def _is_footer(self, cells: list[str], username: str, *, apart: bool) -> bool:
        """Say whether a record looks like a total, or like a note apart from the table."""
        if self._cell(cells, "password") or self._cell(cells, "email"):
            return False
        filled = sum(1 for cell in cells if cell.strip())
        if username and _TOTAL.fullmatch(username):
            others = [
                cell for column, cell in enumerate(cells) if column != self.fields["username"]
            ]
            return not any(_LETTER.search(cell) for cell in others)
        is_login = bool(username) and (self.spaces or not any(map(str.isspace, username)))
        return apart and not is_login and filled <= max(1, self.named // 2)

    def _cell(self, cells: list[str], field: str) -> str:
        column = self.fields.get(field, len(cells))
        return cells[column].strip() if column < len(cells) else ""


def _released(held: list[Record]) -> list[Record]:
    """Take what was held back: it is followed by users, so it is no footer."""
    released = held[:]
    held.clear()
    return released
