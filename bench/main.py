"""Measures the figures that the project promises, and prints each beside its aim, misses too.

    make bench                         everything, some ten minutes
    python bench/main.py --quick       a short form, to see that the bench itself works

The vendor is a fast local server of the bench's own (vendor.py), in a process of its own. Ratios
are taken from the same run; absolute speeds depend on the machine, which is calibrated first.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.request import urlopen

from bulk_provision import Account, LedgerPlace, Pace, Results, Secret, Watcher, provision

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
ACCOUNT_ENV = {"BULK_PROVISION_APPID": "1001", "BULK_PROVISION_SECRET": "s"}


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    aim: str
    measured: str
    reached: bool


class Scale(NamedTuple):
    """How much is measured."""

    seconds: float  # of each rate
    rounds: int  # of the throughput's comparison
    calls: int  # in a round
    few: int  # rows of the memory's comparison
    many: int
    repeated: int  # rows of the run that is repeated


FULL = Scale(12.0, 5, 6000, 10_000, 200_000, 100_000)
QUICK = Scale(2.2, 1, 300, 200, 1000, 1000)


class Vendor:
    """The fast server, as the bench sees it."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}/v1/endpoint"

    def arrivals(self) -> list[float]:
        """What arrived since the last question, in seconds of the monotonic clock."""
        with urlopen(self.base_url) as answer:
            moments = array("d", answer.read())
        return sorted(moments)


@contextmanager
def vendor_process() -> Iterator[Vendor]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "vendor.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Vendor(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=10)


def write_users(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write("username,password,name,email,department,phone,site,note\n")
        for n in range(count):
            file.write(f"user{n:07},,Person {n},p{n}@example.com,Sales,+4930{n:07},Berlin,new\n")


class Stopwatch(Watcher):
    """When the calls began and ended."""

    def planned(self, run_id, staged, plan) -> None:  # noqa: ARG002  (the seam's names)
        self.calls_began = time.perf_counter()

    def writing(self) -> None:
        self.calls_ended = time.perf_counter()


def on_uvloop(coroutine):
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


async def run_rows(vendor: Vendor, folder: Path, rows: int, pace: Pace) -> float:
    """Provision so many rows with a new, durable ledger; return the seconds of the calls."""
    write_users(folder / "u.csv", rows)
    watch = Stopwatch()
    summary = await provision(
        folder / "u.csv",
        Account(1001, Secret("s"), vendor.base_url),
        pace=pace,
        results=Results(str(folder / "r.csv"), csv=True),
        ledger=LedgerPlace(str(folder / "ledger.db")),
        watcher=watch,
    )
    assert summary.outcomes["created"] == rows, summary
    return watch.calls_ended - watch.calls_began


async def post_only(vendor: Vendor, calls: int, concurrency: int) -> float:
    """The bare loop: post the same bodies, read the answers, nothing else."""
    import aiohttp

    numbers = iter(range(calls))
    url = f"{vendor.base_url}/add_sip"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def worker() -> None:
            for n in numbers:
                body = {"appid": 1001, "secret": "s", "username": f"u{n}", "password": "p" * 20}
                async with session.post(url, json=body) as answer:
                    await answer.read()

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(concurrency)))
        return time.perf_counter() - began


def worst_window(moments: list[float], seconds: float) -> int:
    worst = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= seconds:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


def measure_rate(vendor: Vendor, scale: Scale) -> Iterator[Figure]:
    for rate in (5, 50, 500):
        vendor.arrivals()
        rows = round(rate * scale.seconds)
        with tempfile.TemporaryDirectory() as folder:
            pace = Pace(rate=rate, concurrency=50)
            on_uvloop(run_rows(vendor, Path(folder), rows, pace))
        moments = vendor.arrivals()
        worst = worst_window(moments, 1.0)
        used = (len(moments) - 1) / (moments[-1] - moments[0]) / rate
        gap = max(later - earlier for earlier, later in itertools.pairwise(moments))
        yield Figure(
            f"calls in the worst 1 s, at {rate}/s for {moments[-1] - moments[0]:.0f} s",
            f"<= {rate}",
            f"{worst} (worst 0.1 s: {worst_window(moments, 0.1)}; longest gap {gap * 1000:.0f} ms)",
            worst <= rate,
        )
        yield Figure(f"share of {rate}/s used", ">= 0.97 (aim 0.99)", f"{used:.3f}", used >= 0.97)


def measure_throughput(vendor: Vendor, scale: Scale) -> Iterator[Figure]:
    for concurrency in (10, 50):
        ratios, speeds = [], []
        for _ in range(scale.rounds):
            bare = on_uvloop(post_only(vendor, scale.calls, concurrency))
            with tempfile.TemporaryDirectory() as folder:
                pace = Pace(rate=None, concurrency=concurrency)
                ours = on_uvloop(run_rows(vendor, Path(folder), scale.calls, pace))
            vendor.arrivals()
            ratios.append(bare / ours)
            speeds.append(scale.calls / ours)
        ratio = statistics.median(ratios)
        spread = f"{min(ratios):.2f}–{max(ratios):.2f} over {len(ratios)} rounds"
        yield Figure(
            f"rows/s without a limit ÷ a bare aiohttp loop, concurrency {concurrency}",
            ">= 0.6 (aim 0.8)",
            f"{ratio:.2f} ({spread}; {statistics.median(speeds):.0f} rows/s)",
            ratio >= 0.6,
        )


class Ran(NamedTuple):
    """The real command, measured from outside."""

    seconds: float
    until_writing: float
    peak_mib: float
    told: dict


def run_command(vendor: Vendor, folder: Path, *arguments: str) -> Ran:
    """Run the command; peak memory is the child's own, as the kernel counted it."""
    clean = {name: value for name, value in os.environ.items() if "BULK_PROVISION" not in name}
    env = clean | ACCOUNT_ENV | {"BULK_PROVISION_BASE_URL": vendor.base_url}
    began = time.time()
    command = [sys.executable, "-m", "bulk_provision", "run", "u.csv", "--json", *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=(folder / "out").open("w"),
        stderr=(folder / "err").open("w"),
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.time() - began
    assert process.returncode == 0, (folder / "err").read_text()
    writing = next(
        line
        for line in map(json.loads, (folder / "err").read_text().splitlines())
        if line["event"] == "writing_results"
    )
    moment = time.mktime(time.strptime(writing["timestamp"][:19], "%Y-%m-%dT%H:%M:%S"))
    moment += float("0" + writing["timestamp"][19:-1]) - time.timezone
    told = json.loads((folder / "out").read_text())
    return Ran(seconds, moment - began, usage.ru_maxrss / 1024, told)


def measure_memory(vendor: Vendor, scale: Scale) -> Iterator[Figure]:
    peaks = []
    for rows in (scale.few, scale.many):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_users(folder / "u.csv", rows)
            arguments = ("--rate", "0", "--concurrency", "20", "--ledger", "ledger.db")
            peaks.append(run_command(vendor, folder, *arguments).peak_mib)
        vendor.arrivals()
    ratio = peaks[1] / peaks[0]
    yield Figure(
        f"peak memory of {scale.many:,} rows ÷ that of {scale.few:,}",
        "<= 1.5",
        f"{ratio:.2f} ({peaks[1]:.0f} and {peaks[0]:.0f} MiB)",
        ratio <= 1.5,
    )


def measure_repetition(vendor: Vendor, scale: Scale) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_users(folder / "u.csv", scale.repeated)
        arguments = ("--ledger", "ledger.db", "--concurrency", "20", "--rate", "0")
        run_command(vendor, folder, *arguments, "-o", "1.xlsx")
        vendor.arrivals()
        again = run_command(vendor, folder, *arguments, "-o", "2.xlsx")
        calls = len(vendor.arrivals())
        (folder / "u.csv").write_text("username\nuser0000000\n")
        start_up = run_command(vendor, folder, *arguments, "-o", "3.xlsx").until_writing
    speed = scale.repeated / again.until_writing
    without = scale.repeated / max(0.001, again.until_writing - start_up)
    yield Figure("calls of a finished run repeated", "0", str(calls), calls == 0)
    yield Figure(
        f"rows/s of {scale.repeated:,} rows repeated, whole process but for the workbook",
        ">= 30,000",
        f"{speed:,.0f} ({start_up:.1f} s of {again.until_writing:.1f} s are start-up; "
        f"{without:,.0f} rows/s apart from it)",
        speed >= 30_000,
    )


def calibration() -> str:
    began = time.perf_counter()
    total = 0
    for n in range(10_000_000):
        total += n
    return f"{time.perf_counter() - began:.2f} s for 10 million additions in a Python loop"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a short form")
    parser.add_argument("--only", choices=["rate", "throughput", "memory", "repetition"])
    wanted = parser.parse_args()
    scale = QUICK if wanted.quick else FULL
    measures = {
        "rate": measure_rate,
        "throughput": measure_throughput,
        "memory": measure_memory,
        "repetition": measure_repetition,
    }
    print(f"This machine: {os.cpu_count()} cores, {calibration()} (0.5 s on a desktop of 2024)")
    figures = []
    with vendor_process() as vendor:
        for name, measure in measures.items():
            if wanted.only in (None, name):
                for figure in measure(vendor, scale):
                    figures.append(figure)
                    verdict = "reached" if figure.reached else "MISSED"
                    print(
                        f"{verdict:8} {figure.name}: {figure.measured}   aim {figure.aim}",
                        flush=True,
                    )
    build = HERE.parent / "build"
    build.mkdir(exist_ok=True)
    (build / "bench.json").write_text(
        json.dumps([figure._asdict() for figure in figures], indent=1)
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
