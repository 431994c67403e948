"""Figure 4: a finished run, repeated: nothing is called, and it is quick.

The time is the whole process's, from its start to its end, interpreter and imports included, and
without the seconds in which the results were written.
"""

import subprocess
import sys
import time
from statistics import median

from figures import Figure, at_least, told
from stage import command, write_source

WHAT_A_RUN_IMPORTS = "import bulk_provision.cli.run, bulk_provision.cli.reporting"


def measure(vendor, folder, *, rows, repeats):
    """Yield the figures: calls made, and rows a second (the median of some repeats)."""
    place = folder / "repetition"
    place.mkdir()
    source = write_source(place / "users.csv", rows)
    command(place, source, vendor.base_url, "--rate", "0")
    assert len(vendor.arrivals()) == rows
    repeated = [command(place, source, vendor.base_url, "--rate", "0") for _ in range(repeats)]
    assert all(ended.summary["outcomes"]["unchanged"] == rows for ended in repeated)
    calls = len(vendor.arrivals())
    yield Figure("4  a finished run repeated: calls", "0", str(calls), calls, calls == 0)
    seconds = median(ended.seconds - ended.writing for ended in repeated)
    writing = median(ended.writing for ended in repeated)
    speed = rows / seconds
    name = f"4  {rows:,} rows repeated"
    took = f"{speed:,.0f} ({seconds:.2f} s)"
    yield at_least(f"{name}: rows/s of the process without writing", 30_000, speed, took)
    yield told(f"{name}: writing the workbook, left out above", writing, f"{writing:.2f} s")
    start = importing()
    yield told(f"{name}: starting and importing, counted above", start, f"{start:.2f} s")


def importing():
    """Return the seconds that an interpreter takes that only imports what a run needs."""

    def once():
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", WHAT_A_RUN_IMPORTS], check=True)
        return time.perf_counter() - began

    return median(once() for _ in range(3))
