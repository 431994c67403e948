"""Which files a source means: one, those that match a pattern, or those in an inbox.

An inbox is a folder. Every spreadsheet in it is run, the oldest first, and goes to `done` or
`failed` below it when its run is over; one whose run has to continue stays where it is.
"""

from __future__ import annotations

import glob
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bulk_provision.errors import SourceError
from bulk_provision.model import ExitCode
from bulk_provision.results import is_results_name
from bulk_provision.settings import is_one_export

SUFFIXES = frozenset(
    {".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".html", ".htm"}
)
STILL_WRITTEN = 5.0  # seconds: a file that was changed so lately may be in the middle of a copy
_SKEW = 60.0  # seconds that a file server's clock may be ahead of ours
_FOLDER_OF = {
    ExitCode.DONE: "done",
    ExitCode.SOME_ROWS: "done",
    ExitCode.USAGE: "failed",
    ExitCode.LIMIT_PASSED: "failed",
}


class Inputs(NamedTuple):
    """What a source means now.

    Args:
        paths: the files, in the order in which they are run.
        inbox: the folder that they lie in, if it is an inbox.
        left: files of an inbox that were changed a moment ago: for the next round.
    """

    paths: list[str]
    inbox: Path | None = None
    left: list[str] = []  # noqa: RUF012  (never changed)


def inputs_of(source: str, *, takes_all: bool, system: str | None = None) -> Inputs:
    """Find the files that a source means.

    Args:
        source: a path, "-", a pattern such as "people-*.csv", or a folder.
        takes_all: of a pattern's matches, take all of them, not the newest alone.
        system: whose export it is: a folder may be one export.

    Raises:
        SourceError: nothing matches a pattern, or the folder cannot be read.
    """
    if source == "-" or is_one_export(source, system) or os.path.isfile(source):  # noqa: PTH113  (no NUL is refused so)
        return Inputs([source])
    if os.path.isdir(source):  # noqa: PTH112
        return _of_inbox(Path(source))
    if glob.has_magic(source):
        return Inputs(_matching(source, takes_all=takes_all))
    return Inputs([source])  # it is not there: whoever opens it says so


def put_away(inbox: Path, path: Path, exit_code: int) -> Path | None:
    """Move a file of an inbox to where it belongs after its run; None when it stays.

    Raises:
        SourceError: it cannot be moved.
    """
    folder = _FOLDER_OF.get(ExitCode(exit_code))
    if folder is None or not path.exists():  # another process may have been quicker
        return None
    stamp = f"{datetime.fromtimestamp(time.time(), tz=UTC):%Y%m%dT%H%M%SZ}"
    try:
        (inbox / folder).mkdir(mode=0o700, exist_ok=True)
        target = inbox / folder / f"{stamp}-{path.name}"
        number = 1
        while target.exists():
            number += 1
            target = target.with_name(f"{stamp}-{number}-{path.name}")
        path.rename(target)
    except OSError as problem:
        raise SourceError(
            f"{path} cannot be moved to {inbox / folder}: {problem.strerror}.",
            "Give this user the right to write in the inbox; until then the file is run again.",
        ) from problem
    return target


def _of_inbox(inbox: Path) -> Inputs:
    try:
        entries = [
            (told.st_mtime, entry)
            for entry in inbox.iterdir()
            if _is_input(entry) and (told := entry.stat())
        ]
    except OSError as problem:
        raise SourceError(
            f"The inbox {inbox} cannot be read: {problem.strerror}.",
            "Check its owner and its mode.",
        ) from problem
    entries.sort(key=lambda one: (one[0], one[1].name))
    now = time.time()
    fresh = {entry for changed, entry in entries if -_SKEW <= now - changed < STILL_WRITTEN}
    return Inputs(
        [str(entry) for _, entry in entries if entry not in fresh],
        inbox,
        [str(entry) for _, entry in entries if entry in fresh],
    )


def _matching(pattern: str, *, takes_all: bool) -> list[str]:
    found = [Path(name) for name in glob.glob(pattern, recursive=True)]  # noqa: PTH207  (absolute)
    files = sorted(
        (path.stat().st_mtime, path.name, str(path)) for path in found if _is_input(path, any_=True)
    )
    if not files:
        raise SourceError(
            f"Nothing matches {pattern}.", "Did the export come? Check the pattern and the folder."
        )
    return [path for _, _, path in (files if takes_all else files[-1:])]


def _is_input(path: Path, *, any_: bool = False) -> bool:
    """Tell whether a file is for us: no hidden one, no lock of an office program, none of ours."""
    if path.name.startswith((".", "~$")) or is_results_name(path.name) or not path.is_file():
        return False
    return any_ or path.suffix.lower() in SUFFIXES
