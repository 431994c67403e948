"""A ledger, sources and a fake vendor with a list, for tests on virtual time."""

from __future__ import annotations

import shutil

from bulk_provision import (
    Account,
    Pace,
    Policy,
    Results,
    Secret,
    Watcher,
    provision,
    reconcile,
)
from bulk_provision.ledger import Ledger
from fake_vendor import APPID, SECRET

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")
PACE = Pace(rate=200, concurrency=10, attempts=3, settle=1, patience=20)


def people(*numbers):
    return {f"user{n:05}": f"password-{n}" for n in range(*numbers)}


class Heard(Watcher):
    """Keeps what it is told about the list."""

    filled = None
    plan = None

    def planned(self, run_id, staged, plan):
        self.plan = plan

    def listed(self, filled):
        self.filled = filled


class World:
    def __init__(self, folder, template):
        self.folder, self.runs = folder, 0
        self.ledger = folder / "ledger.db"
        shutil.copy(template, self.ledger)
        shutil.copy(f"{template}.key", f"{self.ledger}.key")

    def write(self, source, name=None):
        self.runs += 1
        path = self.folder / (name or f"{self.runs}.csv")
        lines = ["username,password", *(f"{name},{password}" for name, password in source.items())]
        path.write_text("\n".join(lines) + "\n")
        return path

    async def run(self, vendor, source, policy=None, **more):
        """Run a source (usernames with passwords); return its summary and what was heard."""
        path = self.write(source)
        heard, before = Heard(), len(vendor.requests)
        summary = await provision(
            path,
            ACCOUNT,
            pace=PACE,
            policy=policy or Policy(),
            results=Results(csv=True),
            ledger=str(self.ledger),
            watcher=heard,
            sender=vendor,
            **more,
        )
        assert sum(summary.outcomes.values()) == summary.rows == len(source)
        assert summary.calls == len(vendor.requests) - before
        return summary, heard

    def open(self):
        return Ledger(str(self.ledger))

    async def reconcile(self, vendor, source=None, **more):
        """Compare; return what was found."""
        before = len(vendor.requests)
        found, _ = await reconcile(
            None if source is None else self.write(source),
            ACCOUNT,
            pace=PACE,
            ledger=str(self.ledger),
            sender=vendor,
            **more,
        )
        asked = vendor.requests[before:]
        assert {request.call for request in asked} <= {"list_sip"}, "nothing is changed"
        assert found.calls == len(asked)
        return found


def made(vendor, call):
    return sum(request.call == call for request in vendor.requests)


def blank(usernames):
    return dict.fromkeys(usernames, "")
