"""How this very program is started, without a PATH to find it."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """A program and what it needs of the file system.

    Args:
        words: the program's absolute path, and the arguments before its own.
        folders: where it and its interpreter lie.
    """

    words: tuple[str, ...]
    folders: tuple[Path, ...] = ()


def closed_folder(command: Command) -> Path | None:
    """Return a folder on the way to a command that is closed to other users, if there is one."""
    for folder in reversed(Path(command.words[0]).parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def this_command() -> Command:
    """Return the command beside this interpreter; the interpreter itself where there is none."""
    interpreter = Path(sys.executable)  # not where links lead: they are how a venv is known
    script = interpreter.with_name("bulk-provision")
    words: tuple[str, ...] = (str(script),)
    if not os.access(script, os.X_OK):
        words = (str(interpreter), "-m", "bulk_provision")
    return Command(words, (interpreter.parent, Path(sys.prefix), Path(sys.base_prefix)))
