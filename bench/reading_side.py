"""Reads a file once, and says how long that took: `reading_side.py ours|openpyxl|SYSTEM FILE`.

A process for each, so that neither pays for what the other left behind.
"""

import json
import re
import resource
import sys
import time
from functools import partial
from pathlib import Path


def ours(path, system="table"):
    """Read and check all rows, as the command does; return how many there are."""
    from bulk_provision.checks import Rules, check
    from bulk_provision.cli.run import collect_garbage_less_often
    from bulk_provision.intake import open_users
    from bulk_provision.model import User

    collect_garbage_less_often()
    rules = Rules()
    began = time.perf_counter()
    with open_users(path, system=system) as table:
        rows = sum(1 for row in table.rows() if isinstance(check(row, rules, table.where), User))
    return rows, time.perf_counter() - began


def openpyxl(path):
    """Iterate all rows with openpyxl's read-only mode, which checks nothing."""
    from openpyxl import load_workbook

    began = time.perf_counter()
    book = load_workbook(path, read_only=True)
    rows = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1
    return rows, time.perf_counter() - began


def main():
    """Read, and print a JSON object."""
    how, path = sys.argv[1:]
    rows, seconds = {"ours": ours, "openpyxl": openpyxl}.get(how, partial(ours, system=how))(path)
    # Of this program alone: what getrusage says begins with the process that it was started from.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) << 10
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    print(json.dumps({"rows": rows, "seconds": seconds, "peak": peak, "child": child}))


if __name__ == "__main__":
    main()
