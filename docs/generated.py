"""Files of the project that are made from others: kept current by the programs beside this one."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def keep_current(files: dict[Path, str], program: str) -> int:
    """Write files (with `--write`), or see that they are as they are to be; return the exit code.

    Args:
        files: what each is to hold.
        program: that writes them, for whoever finds an old one.
    """
    old = [
        path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text
    ]
    for path in old:
        if "--write" in sys.argv:
            path.write_text(files[path], "utf-8")
        else:
            print(f"{path.relative_to(ROOT)} is old ({program} --write)", file=sys.stderr)
    return 1 if old and "--write" not in sys.argv else 0
