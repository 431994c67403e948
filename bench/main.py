"""`make bench`: measures the figures that the project promises, and prints each beside its aim.

    python bench/main.py              all of it: some minutes
    python bench/main.py --quick      the same with small counts: shows that the bench works

A miss is printed as one. Everything goes to build/bench.json too.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

import memory
import nightly
import rate
import reading
import repetition
import systems
import throughput
from figures import as_json, table
from stage import vendor

FULL = {
    rate: {"rates": (5, 50, 500), "seconds": 12},
    throughput: {"concurrencies": (10, 50), "rows": 15_000, "rounds": 7},
    memory: {"few": 10_000, "many": 200_000},
    repetition: {"rows": 100_000, "repeats": 3},
    reading: {"few": 10_000, "rows": 100_000, "rounds": 5},
    nightly: {"rows": 100_000, "nights": 3},
    systems: {"few": 10_000, "rows": 300_000, "rounds": 3},
}
QUICK = {
    rate: {"rates": (50,), "seconds": 2},
    throughput: {"concurrencies": (10,), "rows": 300, "rounds": 1},
    memory: {"few": 100, "many": 500},
    repetition: {"rows": 500, "repeats": 1},
    reading: {"few": 100, "rows": 500, "rounds": 1},
    nightly: {"rows": 500, "nights": 1},
    systems: {"few": 100, "rows": 500, "rounds": 1},
}
ADDITIONS = 10_000_000


def main():
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small counts: does it work?")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"), help="JSON file")
    options = parser.parse_args()
    machine = this_machine()
    print(f"{machine['system']}, Python {machine['python']}, {machine['cores']} cores", flush=True)
    print(f"{ADDITIONS:,} additions in Python: {machine['additions']:.2f} s", flush=True)
    figures = []
    for room, scale in (QUICK if options.quick else FULL).items():
        with vendor() as one, tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for figure in room.measure(one, Path(folder), **scale):
                figures.append(figure)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print("\n".join(table(figures)))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(as_json(figures, machine), encoding="utf-8")


def this_machine():
    """Say what was measured on, and how fast it is: rows a second mean little without it."""
    began = time.perf_counter()
    add_up(ADDITIONS)
    return {
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "additions": time.perf_counter() - began,
    }


def add_up(count):
    """Add up numbers, one by one: about 0.4 s for ten million on a desktop core of 2024."""
    total = 0
    for number in range(count):
        total += number
    return total


if __name__ == "__main__":
    main()
