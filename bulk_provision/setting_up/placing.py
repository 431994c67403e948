"""Putting a text file in place: whole, and never over one that is not ours."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

from bulk_provision.errors import UsageError

MARK = "# Written by bulk-provision job install"
"""How files of ours begin: what does not is never replaced."""


def heading(job: str) -> str:
    """Return the first line of a file for a job of this name."""
    return f"{MARK}: job {in_one_line(job)}"


def in_one_line(name: str) -> str:
    """Return a name without what could begin another line, or play tricks on a terminal."""
    return "".join(char if char.isprintable() else "?" for char in name)


class Placed(NamedTuple):
    """A file that was put in place.

    Args:
        path: where it is.
        change: "new", "replaced" or "as it was".
    """

    path: Path
    change: str


def place(texts: dict[Path, str]) -> list[Placed]:
    """Put files in place; either all of them may be, or nothing is written.

    Raises:
        UsageError: another's file is there, or the folder cannot be written to.
    """
    changes = {path: _change(path, text) for path, text in texts.items()}
    for path, text in texts.items():
        if changes[path] != "as it was":
            _write(path, text)
    return [Placed(path, change) for path, change in changes.items()]


def _change(path: Path, text: str) -> str:
    if not os.path.lexists(path):
        return "new"
    try:
        there = path.read_text("utf-8") if path.is_file() and not path.is_symlink() else ""
    except (OSError, UnicodeDecodeError):
        there = ""
    if not there.startswith(MARK):
        raise UsageError(
            f"{path} is there already, and was not written by `job install`: nothing was written.",
            "Move it away, or choose another name with --name.",
        )
    return "as it was" if there == text else "replaced"


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A name that neither systemd nor cron looks at, until it is whole.
        handle, name = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), 0o644)  # holds nothing secret, and cron wants to read it
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise UsageError(
            f"{path} cannot be written: {problem.strerror}.",
            "Become root, or leave --write away and put what is printed in place yourself.",
        ) from problem
