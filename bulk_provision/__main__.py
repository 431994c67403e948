"""The command: the only place where an exception becomes a message and an exit code."""

from __future__ import annotations

import sys

from bulk_provision.cli import cli
from bulk_provision.errors import ProvisionError


def main() -> None:
    """Run the command line."""
    try:
        cli(prog_name="bulk-provision")
    except ProvisionError as problem:
        sys.stderr.write(f"Error: {problem.what}\n")
        if problem.cure:
            sys.stderr.write(f"{problem.cure}\n")
        sys.exit(problem.exit_code)


if __name__ == "__main__":
    main()
