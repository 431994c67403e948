"""Whole runs through a network that breaks on purpose: real sockets, the real client, no waiting.

    @on_virtual_time
    async def test_something(tmp_path, empty_ledger):
        async with World(tmp_path, empty_ledger, ["ada", "bob"]) as world:
            world.break_connections(1, Reset(at=0))
            told = await world.run()
            assert told.outcomes == {"created": 2}
            await world.run_to_the_end()

Client, proxy and sandbox share one loop, so nothing real is left to wait for when the virtual clock
jumps: a stall of a minute takes a second, with the time limits that users have.
"""

from __future__ import annotations

import asyncio
import csv
import shutil
import sqlite3
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from bulk_provision.job import Results, provision
from bulk_provision.model import Account, Pace, Reconcile, Secret
from bulk_provision.plan import Policy
from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from sending import through
from tcp_proxy import Behaviour, TcpProxy
from truth import Sheets, assert_true

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from pathlib import Path

    from bulk_provision.model import Summary
    from tcp_proxy import Link, Plan

SECRET = "Marked-Account-Secret"
NO_HANG = 3600.0  # seconds in which any run of these must end; hardly any of them are real
# The clock jumps no further than this at once, a real millisecond each time: a busy machine may
# hold up a packet for a moment, and no time limit may strike for that.
TICK = 0.1  # seconds


class Told(NamedTuple):
    """What a run told its user, and how long it took."""

    summary: Summary
    sheets: Sheets
    seconds: float

    @property
    def exit_code(self) -> int:
        return int(self.summary.exit_code)

    @property
    def outcomes(self) -> dict[str, int]:
        return dict(self.sheets.outcomes)

    @property
    def rows(self) -> list[dict[str, str]]:
        return [row for sheet in self.sheets for row in sheet]

    @property
    def row(self) -> dict[str, str]:
        (row,) = self.rows
        return row


class World:
    """A source, a ledger, and the sandbox behind a proxy, through several runs.

    Args:
        folder: for the source, the ledger and the results.
        empty_ledger: is copied.
        usernames: the source's.
        plan: of the proxy.
        options: of the sandbox.

    Attributes:
        sandbox: the vendor.
        proxy: between it and the client; everything passes unless its plan is changed.
    """

    def __init__(
        self,
        folder: Path,
        empty_ledger: Path,
        usernames: Sequence[str],
        *,
        plan: Plan = (),
        **options,
    ) -> None:
        self._folder = folder
        self._usernames = usernames
        self._runs = 0
        self._healing: list[asyncio.Task[None]] = []
        self._plan = plan
        self.sandbox = Sandbox(SandboxOptions(secret=SECRET, **options))
        shutil.copy(empty_ledger, folder / "ledger.db")
        shutil.copy(f"{empty_ledger}.key", folder / "ledger.db.key")
        lines = "".join(f"{username},\n" for username in usernames)
        (folder / "users.csv").write_text(f"username,password\n{lines}")

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.sandbox)
            proxy = TcpProxy("127.0.0.1", self.sandbox.port, self._plan)
            self.proxy = await stack.enter_async_context(proxy)
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *exception) -> None:
        await self._open.__aexit__(*exception)

    @property
    def calls(self) -> int:
        """Calls that arrived at the vendor."""
        return len(self.sandbox.vendor.arrivals)

    @property
    def attempts(self) -> int:
        """Calls that were tried, whether they left or not."""
        with closing(sqlite3.connect(self._folder / "ledger.db")) as ledger:
            return ledger.execute("SELECT count(*) FROM attempts").fetchone()[0]

    def strike(self, fault: Behaviour | str, calls: int) -> None:
        """Let a fault happen to the next calls: of the proxy to connections, or the sandbox's."""
        if isinstance(fault, Behaviour):
            self.proxy.plan = [*[None] * len(self.proxy.links), *[fault] * calls]
        else:
            self.sandbox.faults = FaultPlan.parse(f"{fault}@1-{calls}")

    def at_call(self, number: int, act: Callable[[], None]) -> None:
        """Do something as soon as so many calls have arrived at the vendor."""
        vendor = self.sandbox.vendor
        if not isinstance(vendor.arrivals, _Watched):
            vendor.arrivals = _Watched(vendor.arrivals)
        vendor.arrivals.acts[number] = act

    def break_down(self, fault: Behaviour | str, seconds: float | None = None) -> None:
        """Let a fault happen to everything from now on, or for a while; connections break."""
        if isinstance(fault, Behaviour):
            self.proxy.plan = fault
            self.proxy.reset_all()
        else:
            self.sandbox.faults = FaultPlan.parse(fault)
        if seconds is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, lambda: self._healing.append(loop.create_task(self.heal())))

    async def heal(self) -> None:
        """Let everything pass, from the next call on."""
        self.proxy.plan = ()
        self.sandbox.faults = FaultPlan()
        await self.proxy.listen()

    async def run(self, *, base_url: str | None = None, **pace) -> Told:
        """Run the source once more; see that it ends and accounts for every row."""
        self._runs += 1
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with asyncio.timeout(NO_HANG), _ticking():
            summary = await provision(
                str(self._folder / "users.csv"),
                Account(
                    self.sandbox.options.appid, Secret(SECRET), base_url or through(self.proxy)
                ),
                pace=Pace(**{"rate": None, **pace}),
                # What is counted here is what rows cost; the list has tests of its own.
                policy=Policy(reconcile=Reconcile.NEVER),
                results=Results(str(self._folder / f"{self._runs}.csv"), csv=True),
                ledger=str(self._folder / "ledger.db"),
            )
        told = Told(summary, self._read(), loop.time() - began)
        assert len(told.rows) == len(self._usernames)
        assert told.outcomes == {outcome: n for outcome, n in summary.outcomes.items() if n}
        assert SECRET not in repr(told)
        return told

    async def run_truly(self, **pace) -> Told:
        """Run; see also that the results say what the vendor holds."""
        told = await self.run(**pace)
        vendor = self.sandbox.vendor
        assert_true(told.sheets, vendor.endpoints, vendor.created, rows=len(self._usernames))
        return told

    async def run_to_the_end(self, **pace) -> None:
        """The fault is gone, and the same command is run again: everything is created, once."""
        await self.heal()
        told = await self.run_truly(**pace)
        assert told.exit_code == 0
        assert {row["username"] for row in told.sheets.credentials} == set(self._usernames)
        assert set(told.outcomes) <= {"created", "unchanged"}

    def _read(self) -> Sheets:
        created, skipped, failed, unprocessed = (
            list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
            for pile in ("created", "skipped", "failed", "unprocessed")
            for path in [self._folder / f"{self._runs}-{pile}.csv"]
        )
        return Sheets(created, skipped, failed + unprocessed)


@asynccontextmanager
async def _ticking() -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK)

    ticking = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        ticking.cancel()


class _Watched(list):
    """A list that does something when it is so long."""

    def __init__(self, items: Iterable) -> None:
        super().__init__(items)
        self.acts: dict[int, Callable[[], None]] = {}

    def append(self, item: object) -> None:
        super().append(item)
        if act := self.acts.pop(len(self), None):
            act()


@dataclass(frozen=True, kw_only=True)
class Drip(Behaviour):
    """An answer that never ends: a byte of a header now and then."""

    seconds: float

    async def serve(self, link: Link, host: str, port: int) -> None:
        link.client.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
        while not link.client.is_closing():
            await link.send("answer", b"y")
            await asyncio.sleep(self.seconds)
