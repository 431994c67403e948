"""Rounds of a job as `watch` is told of them, with their runs in a real ledger."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

from bulk_provision.ledger import Book, Ledger
from bulk_provision.model import ExitCode, Outcome, RoundSummary, Summary, Trouble, Warned
from ledger_samples import APPID, BASE_URL, row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NIGHT = 86_400.0
START = 1_800_000_000.0


class Place:
    """Where a ledger is; `gone`: it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.gone: Exception | None = None

    def open(self) -> Ledger:
        if self.gone is not None:
            raise self.gone
        return Ledger(str(self.path))


def place(empty_ledger: Path, folder: Path) -> Place:
    path = folder / "watched.db"
    shutil.copy(empty_ledger, path)
    shutil.copy(f"{empty_ledger}.key", f"{path}.key")
    return Place(path)


class Row(NamedTuple):
    username: str
    outcome: Outcome
    code: str = ""
    message: str = ""


def failed(username: str, code: str = "502", message: str = "TeleCMI refused it.") -> Row:
    return Row(username, Outcome.FAILED, code, message)


def well(username: str, outcome: Outcome = Outcome.UNCHANGED) -> Row:
    return Row(username, outcome)


def run_of(
    place: Place,
    rows: Sequence[Row],
    exit_code: int,
    *,
    job: str = "nightly",
    appid: int = APPID,
    calls: int = 0,
    **summary: Any,
) -> Summary:
    """Write a run into the ledger, rows and all, and return its summary."""
    with place.open() as ledger:
        book: Book = ledger.book(appid, BASE_URL)
        run_id = book.begin_run(
            source="people.csv", sheet="", sha256="", columns=(), rate=10.0, job=job
        )
        book.stage(
            run_id,
            [
                row(
                    book,
                    seq,
                    one.username,
                    outcome=one.outcome,
                    code=one.code,
                    message=one.message,
                )
                for seq, one in enumerate(rows, start=1)
            ],
        )
        book.end_run(run_id, state="done", reason="", exit_code=exit_code, rows_read=0, warnings=())
    outcomes = dict.fromkeys(Outcome, 0)
    for one in rows:
        outcomes[one.outcome] += 1
    given: dict[str, Any] = {
        "seconds": 4.0,
        "results": (f"results-{run_id}.xlsx",),
        "warnings": (),
        **summary,
    }
    return Summary(
        run_id=run_id,
        account=appid,
        source="people.csv",
        rows=len(rows),
        outcomes=outcomes,
        calls=calls,
        exit_code=ExitCode(exit_code),
        **given,
    )


def round_of(
    *runs: Summary, exit_code: int, night: int = 0, troubles: Sequence[Trouble] = ()
) -> RoundSummary:
    return RoundSummary("nightly", START + night * NIGHT, 5.0, runs, tuple(troubles), exit_code)


def trouble(exit_code: int = 2, **told: str) -> Trouble:
    given = {
        "account": "1001",
        "source": "people.csv",
        "what": "people.csv: there is no such file.",
        "cure": "Put it there.",
        **told,
    }
    return Trouble(exit_code=exit_code, **given)


def warned() -> Warned:
    return Warned("usernames seem to have lost leading zeros", 3, "Users!B17")
