"""Files for other programs: whole or not at all, in the place of the one before."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def put(path: Path, content: bytes, mode: int) -> None:
    """Write a file aside, and give it its name when it is whole and has its mode.

    Args:
        path: where it shall lie; what lies there is replaced.
        content: the whole of it.
        mode: as chmod takes it, whatever the umask.

    Raises:
        OSError: it cannot be written; what lay there still does.
    """
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.part")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
