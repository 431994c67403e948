"""The command: the only place where an exception becomes a message and an exit code."""

from __future__ import annotations

import sys

from bulk_provision.cli import cli
from bulk_provision.errors import ProvisionError


def main() -> None:
    """Run the command line."""
    # openpyxl imports numpy if it is there, only to know its number types: 0.1 s, and threads that
    # compute nothing. No cell of ours is one; the process that reads .xlsb files is another.
    # (Not where the package is imported by a program, which may well use both.)
    sys.modules.setdefault("numpy", None)  # type: ignore[arg-type]  # "there is none", says Python
    try:
        cli(prog_name="bulk-provision")
    except ProvisionError as problem:
        sys.stderr.write(f"Error: {problem.what}\n")
        if problem.cure:
            sys.stderr.write(f"{problem.cure}\n")
        sys.exit(problem.exit_code)


if __name__ == "__main__":
    main()
