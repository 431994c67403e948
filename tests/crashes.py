"""The crash matrix: kill the real command, run it again until it ends, compare three truths.

    python tests/crashes.py --kills 200 --seconds 1500

Each world has a sandbox in a process of its own (which survives), a ledger, and a source. The
command is killed with SIGKILL, at a named fail point or at a random moment, again and again; then
it is run to its end. Results, ledger and sandbox must agree: no credential lost, no row
unaccounted, no endpoint created twice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import sqlite3
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import aiohttp

from bulk_provision.failpoints import POINTS
from commands import Ended, ended, environment
from truth import assert_true, read_results

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

ROWS = 60
RATE = 120
EXISTING = "user0007"
FAULTS = ("add_sip:drop-after-commit@every:9", "add_sip:html-502@every:13", "slow:0.2@p:0.05")
POINTS_WITH_DOUBT = ("read-back-sent",)


class Kill(NamedTuple):
    """When to kill: at the nth passing of a point, or after some seconds."""

    point: str | None = None
    count: int = 1
    after: float = 0.0

    def __str__(self) -> str:
        return f"{self.point}:{self.count}" if self.point else f"after {self.after:.2f} s"


class Vendor(NamedTuple):
    """A sandbox in a process of its own, and what it holds, asked over HTTP."""

    origin: str

    async def ask(self, what: str) -> dict[str, object]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.origin}/_sandbox/{what}") as answer,
        ):
            return await answer.json()


@asynccontextmanager
async def vendor_process(folder: Path) -> AsyncIterator[Vendor]:
    faults = [word for fault in FAULTS for word in ("--fault", fault)]
    arguments = ("--existing", f"{EXISTING}:theirs-1234", "--latency", "0.1", *faults)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "bulk_provision", "sandbox", *arguments),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield Vendor(line.split()[2].split("/v1/")[0])
    finally:
        process.terminate()
        await process.wait()


class World:
    """A source, a ledger and a vendor, over all the kills."""

    def __init__(self, folder: Path, vendor: Vendor) -> None:
        self.folder = folder
        self.vendor = vendor
        self.runs = 0
        lines = [f"user{n:04},,Person {n}" for n in range(ROWS)]
        (folder / "users.csv").write_text("username,password,name\n" + "\n".join(lines) + "\n")

    async def run(self, kill: Kill | None) -> Ended:
        """Run the command; kill it (it may have ended before)."""
        self.runs += 1
        env = environment(None, self.folder) | {
            "BULK_PROVISION_BASE_URL": f"{self.vendor.origin}/v1/endpoint",
            "BULK_PROVISION_APPID": "1000001",
            "BULK_PROVISION_SECRET": "sandbox-secret",
        }
        if kill and kill.point:
            env["BULK_PROVISION_FAIL_AT"] = f"{kill.point}:{kill.count}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bulk_provision", "run", "users.csv", "--json"),
            *("-o", f"{self.runs}.xlsx", "--rate", str(RATE), "--settle", "0.3"),
            cwd=self.folder,
            env=env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        if kill and not kill.point:
            await asyncio.sleep(kill.after)
            if process.returncode is None:
                process.send_signal(signal.SIGKILL)
        return await ended(process)

    async def compare(self, last: Ended) -> None:
        """Hold results, ledger and vendor against each other."""
        assert last.code == 0, last.err
        endpoints = await self.vendor.ask("endpoints")
        created = await self.vendor.ask("created")
        sheets = read_results(self.folder / f"{self.runs}.xlsx")
        assert_true(sheets, endpoints, created, rows=ROWS)
        assert len(sheets.credentials) == ROWS - 1
        self.compare_ledger(set(created))
        for aside in self.folder.glob("*.part"):
            raise AssertionError(f"{aside} was left behind")

    def compare_ledger(self, created: set[str]) -> None:
        with sqlite3.connect(self.folder / "data" / "bulk-provision" / "ledger.db") as ledger:
            states = dict(ledger.execute("SELECT username, state FROM endpoints"))
            open_rows = ledger.execute("SELECT count(*) FROM rows WHERE outcome IS NULL").fetchone()
            open_runs = ledger.execute(
                "SELECT count(*) FROM runs WHERE ended_at IS NULL"
            ).fetchone()
        ledger.close()
        assert {name for name, state in states.items() if state == "created"} == created
        assert states[EXISTING] == "exists"
        assert open_rows == open_runs == (0,)


async def survive(kills: Sequence[Kill]) -> int:
    """Let a world be killed in these ways, one run after another; return how many struck."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with vendor_process(folder) as vendor:
            world = World(folder, vendor)
            struck = 0
            for kill in kills:
                result = await world.run(kill)
                struck += result.code == -signal.SIGKILL
                assert result.code in (0, -signal.SIGKILL), f"{kill}: {result.err}"
            try:
                await world.compare(await world.run(None))
            except AssertionError as wrong:
                raise AssertionError(f"after {', '.join(map(str, kills))}: {wrong}") from wrong
            return struck


def every_point() -> Iterator[list[Kill]]:
    """Each point at its first passing; those that a run passes often, later too."""
    for point in POINTS:
        yield [Kill(point)]
    for point in POINTS[2:10]:
        yield [Kill(point, 7), Kill(point, 3)]


def at_random(chance: random.Random) -> Iterator[list[Kill]]:
    """Random moments of a run, several in the same world, without end."""
    while True:
        yield [Kill(after=chance.uniform(0.3, 4.0)) for _ in range(4)]


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1500, help="at most")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6)
    wanted = parser.parse_args()
    chance = random.Random(wanted.seed)
    plans = [*every_point()]
    began, struck, worlds = time.monotonic(), 0, 0
    random_plans = at_random(chance)
    while struck < wanted.kills and time.monotonic() - began < wanted.seconds:
        pair = [plans.pop(0) if plans else next(random_plans) for _ in range(2)]
        struck += sum(await asyncio.gather(*(survive(kills) for kills in pair)))
        worlds += len(pair)
        print(json.dumps({"worlds": worlds, "kills": struck, "left": wanted.kills - struck}))
    print(f"seed {wanted.seed}: {struck} kills in {worlds} worlds: nothing lost, nothing twice")
    return 0 if struck >= wanted.kills else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
