"""Compares what a results workbook says with what the vendor holds: the promise of promises."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import openpyxl

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Sheets(NamedTuple):
    """A results workbook: each sheet's rows as dictionaries."""

    credentials: list[dict[str, str]]
    skipped: list[dict[str, str]]
    failed: list[dict[str, str]]

    @property
    def outcomes(self) -> Counter[str]:
        return Counter(row["outcome"] for sheet in self for row in sheet)

    @property
    def row_numbers(self) -> list[int]:
        return sorted(int(row["row"]) for sheet in self for row in sheet)


def read_results(path: Path) -> Sheets:
    book = openpyxl.load_workbook(path, read_only=True)
    try:
        return Sheets(*(_rows(book, name) for name in ("Credentials", "Skipped", "Failed")))
    finally:
        book.close()


def _rows(book: openpyxl.Workbook, name: str) -> list[dict[str, str]]:
    header, *rows = book[name].iter_rows(values_only=True)
    return [
        {key: "" if cell is None else str(cell) for key, cell in zip(header, row, strict=True)}
        for row in rows
    ]


def assert_true(
    sheets: Sheets, endpoints: Mapping[str, str], created: Mapping[str, int], rows: int
) -> None:
    """Every row once; every credential works; no created endpoint is missing or made twice."""
    assert len(sheets.row_numbers) == rows
    handed_over = {row["username"]: row["password"] for row in sheets.credentials}
    for username, password in handed_over.items():
        assert endpoints.get(username) == password, f"the credential of {username} does not work"
    in_doubt = {row["username"] for row in sheets.failed if row["outcome"] == "in_doubt"}
    for username, times in created.items():
        assert times == 1, f"{username} was created {times} times"
        assert username in handed_over or username in in_doubt, f"{username} is lost"
    for row in sheets.skipped:
        assert row["username"] in endpoints
