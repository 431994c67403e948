"""Figure 6: a nightly job over a large source in which little is new.

The time is the whole process's: start, reading, comparing with the last run, 50 calls at the
configured rate, results, metrics, report, and what is cleaned up. It is compared with the time that
`pandas.read_csv` takes for the same file, measured in between.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median

from figures import at_most, told
from stage import command, write_source

NEW = 50
RATE = 10
READ = """
import sys, time
import pandas
began = time.perf_counter()
pandas.read_csv(sys.argv[1])
print(time.perf_counter() - began)
"""
JOB = """
source = "users.csv"
appid = 1000001
secret_file = "secret"
base_url = "{base_url}"
ledger = "ledger.db"
rate = {rate}
stop_if_new = "5%"
stop_if_invalid = "5%"
stop_if_vanished = "5%"
canary = 0
results_folder = "results"
results_rows = "changed"
log_folder = "log"
metrics = "nightly.prom"
report = "report.json"
keep_results_days = 30
keep_logs_days = 30
keep_rows_days = 30
forget_after_days = 365
"""


def measure(vendor, folder, *, rows, nights):
    """Yield the figures: seconds of a night beside those allowed, and the peak of memory."""
    place = folder / "nightly"
    place.mkdir()
    source = write_source(place / "users.csv", rows)
    known = command(place, source, vendor.base_url, "--rate", "0")
    (place / "secret").write_text("a-secret-of-the-bench")
    (place / "nightly.toml").write_text(JOB.format(base_url=vendor.base_url, rate=RATE))
    night(place)  # the first of the job: nothing is new, and there is nothing to compare with
    taken, allowed, peaks = [], [], []
    for number in range(nights):
        add_people(source, number)
        reading = median(read(source) for _ in range(3))
        vendor.arrivals()
        seconds, peak, summary = night(place)
        assert summary["outcomes"]["created"] == NEW == len(vendor.arrivals())
        taken.append(seconds)
        allowed.append(3 * reading + NEW / RATE + 3)
        peaks.append(peak)
    share = median(took / may for took, may in zip(taken, allowed, strict=True))
    shown = f"{share:.2f} ({median(taken):.2f} s of {median(allowed):.2f} s)"
    name = f"6  a night over {rows:,} rows, {NEW} of them new: share of"
    yield at_most(f"{name} 3 x read_csv + calls + 3 s", 1.0, share, shown)
    ratio = max(peaks) / known.peak
    yield told("6  memory: a night's peak / the first run's", ratio, f"{ratio:.2f}")


def add_people(source, number):
    """Let the source grow, as a department of people does overnight."""
    with source.open("a", encoding="utf-8") as file:
        for n in range(NEW):
            file.write(f"new{number}x{n:03d},,New {n},new.{n}@example.com,Sales,Pune\n")


def read(source):
    """Return the seconds that pandas takes to read the file, its import apart."""
    read = subprocess.run([sys.executable, "-c", READ, source], capture_output=True, check=True)
    return float(read.stdout)


def night(place):
    """Run the job as a process of its own; return its seconds, its peak memory, what it told."""
    clean = {name: value for name, value in os.environ.items() if "BULK_PROVISION" not in name}
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bulk_provision", "run", "--job", "nightly.toml", "--json"],
        cwd=place,
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"the job ended with {process.returncode}:\n{err.decode()}")
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), json.loads(out)
