"""Runs and rows for the tests of results; and a reader of workbooks that trusts no library."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from typing import NamedTuple
from xml.etree.ElementTree import Element, fromstring
from zipfile import ZipFile

from msoffcrypto.format.ooxml import OOXMLFile

from bulk_provision.model import OUTCOMES_OF, Outcome, ResultRow, RunRecord, Secret
from bulk_provision.results import write_workbook

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PASSWORD = "hT7-marked-password"

RUN = RunRecord(
    run_id=7,
    appid=2223334,
    base_url="https://piopiy.telecmi.com/v1/endpoint",
    source="onboarding/users.xlsx",
    sheet="Users",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    columns=("name", "email"),
    state="done",
    started_at=1_767_323_045.678,
    ended_at=1_767_323_115.9,
    started_by="anita@ops-1",
    rate=10.0,
    calls=27,
    rows=0,
    outcomes={},
    exit_code=0,
)


def a_run(rows=(), /, **changes):
    """The record that the ledger would keep of a run over these rows."""
    of_kind = OUTCOMES_OF[changes.get("kind", "provision")]
    outcomes = {outcome: sum(row.outcome is outcome for row in rows) for outcome in of_kind}
    return replace(RUN, **{"rows": len(rows), "outcomes": outcomes, **changes})


def a_row(number, outcome=Outcome.CREATED, **changes):
    works = outcome in {Outcome.CREATED, Outcome.UNCHANGED}
    row = ResultRow(
        number=number,
        username=f"ext{number}",
        password=PASSWORD,
        connect_url=f"ext{number}@sbcind.telecmi.com" if works else "",
        outcome=outcome,
        code="200" if works else "400",
        message="what happened",
        tip="" if works else "what to do",
        others=("Zoë Müller", f"zoe{number}@example.com"),
        handed_over=works,
    )
    return row._replace(**changes)


def one_of_each():
    """A row for each outcome, and one that existed and was given a new password."""
    rows = [a_row(number, one) for number, one in enumerate(OUTCOMES_OF["provision"], 2)]
    return [*rows, a_row(9, Outcome.EXISTS, handed_over=True)]


def names_in(folder):
    """What lies in a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())


def opened(path_or_file, password):
    """Decrypt a workbook; a wrong password, and changed bytes, are refused."""
    plain = BytesIO()
    with ExitStack() as stack:
        file = path_or_file
        if not hasattr(file, "read"):
            file = stack.enter_context(file.open("rb"))
        protected = OOXMLFile(file)
        protected.load_key(password, verify_password=True)
        protected.decrypt(plain, verify_integrity=True)
    return plain


def write_protected(path, run, rows, **options):
    return write_workbook(path, run, rows, protect=Secret(PASSWORD), **options)


class RawCell(NamedTuple):
    kind: str | None
    text: str | None  # of an inline string, as a spreadsheet program shows it
    number: str | None


def raw_sheets(file):
    """Read each sheet's XML as it stands in the file: title → its root element."""
    with ZipFile(file) as archive:
        workbook = fromstring(archive.read("xl/workbook.xml"))
        titles = [sheet.get("name") for sheet in workbook.iter(f"{MAIN}sheet")]
        parts = [archive.read(f"xl/worksheets/sheet{n}.xml") for n, _ in enumerate(titles, 1)]
    return dict(zip(titles, map(fromstring, parts), strict=True))


def raw_rows(sheet: Element) -> list[list[RawCell]]:
    return [
        [_raw_cell(cell) for cell in row.findall(f"{MAIN}c")] for row in sheet.iter(f"{MAIN}row")
    ]


def _raw_cell(cell: Element) -> RawCell:
    shown, value = cell.find(f"{MAIN}is/{MAIN}t"), cell.find(f"{MAIN}v")
    return RawCell(
        cell.get("t"),
        None if shown is None else decode_st_xstring(shown.text or ""),
        None if value is None else value.text,
    )


def decode_st_xstring(text):
    """Undo `_xHHHH_` from left to right, as ECMA-376 part 1, 22.9.2.19 has it."""
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), text)
