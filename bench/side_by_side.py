"""Runs, and bare loops that only post, in turns.

    python bench/side_by_side.py BASE_URL FOLDER CONCURRENCY ROWS ROUNDS

Prints JSON: rows/s of each bare loop (one more than there are runs), and rows/s of each run, taken
over its calling phase: from the moment when everything is planned until the last outcome is
durable and the run is closed.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiohttp
import uvloop
from stage import write_source

from bulk_provision.cli.run import collect_garbage_less_often
from bulk_provision.job import Watcher, provision
from bulk_provision.model import Account, Outcome, Pace, Reconcile, Secret
from bulk_provision.passwords import generate
from bulk_provision.plan import Policy

APPID, SECRET = 1000001, "a-secret-of-the-bench"


class Stopwatch(Watcher):
    """Takes the time of the calling phase."""

    seconds = 0.0

    def planned(self, *_):
        self._began = time.perf_counter()

    def writing(self):
        self.seconds = time.perf_counter() - self._began


async def post_only(base_url, concurrency, rows):
    """Post as many bodies, and read the answers; return posts/s."""
    users = [{"username": f"user{n:06d}", "password": generate()} for n in range(rows)]
    bodies = iter([json.dumps({"appid": APPID, "secret": SECRET, **user}) for user in users])
    headers = {"Content-Type": "application/json"}

    async def post_some(session):
        for body in bodies:
            async with session.post(f"{base_url}/add_sip", data=body.encode()) as answer:
                await answer.read()

    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        began = time.perf_counter()
        await asyncio.gather(*[post_some(session) for _ in range(concurrency)])
        return rows / (time.perf_counter() - began)


async def run(base_url, concurrency, rows, folder):
    """Provision a source with a ledger of its own; return rows/s of the calling phase."""
    folder.mkdir()
    stopwatch = Stopwatch()
    summary = await provision(
        write_source(folder / "users.csv", rows),
        Account(APPID, Secret(SECRET), base_url),
        pace=Pace(rate=None, concurrency=concurrency),
        ledger=str(folder / "ledger.db"),
        policy=Policy(reconcile=Reconcile.NEVER),  # else one call more, for the list's first page
        watcher=stopwatch,
    )
    assert summary.outcomes[Outcome.CREATED] == rows, summary
    return rows / stopwatch.seconds


async def take_turns(base_url, folder, concurrency, rows, rounds):
    """Bare loop, run, bare loop, run, …, bare loop."""
    bare, runs = [await post_only(base_url, concurrency, rows)], []
    for turn in range(rounds):
        runs.append(await run(base_url, concurrency, rows, folder / str(turn)))
        bare.append(await post_only(base_url, concurrency, rows))
    return bare, runs


if __name__ == "__main__":
    url, place, *numbers = sys.argv[1:]
    collect_garbage_less_often()  # as the command does; the bare loop has the same of it
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(take_turns(url, Path(place), *map(int, numbers)))))
