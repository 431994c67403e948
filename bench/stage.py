"""What the measurements stand on: the vendor's process, sources, and the real command.

Nothing heavy is imported here: what a child's peak memory is reported as begins with the memory of
the process that it was started from.
"""

import json
import os
import subprocess
import sys
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

BENCH = Path(__file__).parent


class Vendor(NamedTuple):
    """The vendor's process."""

    base_url: str

    def arrivals(self):
        """Return when each call arrived since this was last asked (monotonic seconds)."""
        with urlopen(self.base_url) as answer:
            return array("d", answer.read())


@contextmanager
def vendor():
    """Start the vendor; end it with the block."""
    process = subprocess.Popen(
        [sys.executable, BENCH / "vendor.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Vendor(f"http://127.0.0.1:{int(process.stdout.readline())}/v1/endpoint")
    finally:
        process.communicate()


def write_source(path, rows):
    """Write a CSV file as a migration would bring it: no passwords, some columns of its own."""
    with path.open("w", encoding="utf-8") as file:
        file.write("username,password,name,email,department,site\n")
        for n in range(rows):
            file.write(f"user{n:06d},,Person {n},person.{n}@example.com,Sales,Pune\n")
    return path


class Ended(NamedTuple):
    """How the command ended: wall seconds, peak resident memory in bytes, and what it told."""

    seconds: float
    peak: int
    summary: dict
    writing: float  # of `seconds`, those in which the results were written


def command(folder, source, base_url, *flags):
    """Run the whole command as a process of its own, and measure that process."""
    clean = {name: value for name, value in os.environ.items() if "BULK_PROVISION" not in name}
    told = folder / "writing.json"
    began = time.perf_counter()
    process = subprocess.Popen(
        [
            *(sys.executable, BENCH / "command.py", told, "run", source, "--json", "--yes"),
            *("--base-url", base_url, "--appid", "1000001"),
            *("--ledger", folder / "ledger.db", "-o", folder / "results.xlsx", *flags),
        ],
        env=clean
        | {
            "BULK_PROVISION_SECRET": "a-secret-of-the-bench",
            # The vendor of the bench has no list; a new ledger would look at its first page.
            "BULK_PROVISION_RECONCILE": "never",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the command ended with {process.returncode}:\n{err.decode()}")
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Ended(seconds, peak, json.loads(out), json.loads(told.read_text())["writing"])
