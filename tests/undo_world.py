"""A vendor and a ledger through runs and undos, on virtual time; and what must hold after each."""

from __future__ import annotations

from collections import Counter

from bulk_provision import Outcome, Results, undo
from bulk_provision.ledger import State
from bulk_provision.model import OUTCOMES_OF
from ledger_samples import endpoint
from test_promises import ACCOUNT, PACE, World
from virtual_time import run


class UndoWorld(World):
    def undo(self, run_id, luck=(), account=ACCOUNT, **options):
        self.runs += 1
        self.vendor.bring(luck)
        return run(
            undo(
                run_id,
                account,
                pace=PACE,
                results=Results(str(self.folder / f"undo-{self.runs}"), csv=True),
                ledger=str(self.ledger),
                sender=self.vendor,
                **options,
            )
        )

    @property
    def held(self):
        """What the vendor holds now: username → password."""
        return dict(self.vendor.vendor.endpoints)

    def told(self, run_id):
        """What a run says about each username."""
        return {row.username: row.outcome for row in self.rows(run_id)}

    def calls_of(self, call):
        return [request.username for request in self.vendor.requests if request.call == call]


def assert_undone_truthfully(world, summary, theirs=()):
    """Each row has one outcome, no password is told, and what is told is so.

    Of what is gone, somebody else may have the username by now.
    """
    rows = world.rows(summary.run_id)
    assert summary.rows == len(rows) == sum(summary.outcomes.values())
    assert tuple(summary.outcomes) == OUTCOMES_OF["undo"]
    assert Counter(row.outcome for row in rows) == +Counter(summary.outcomes)
    for row in rows:
        assert row.password == ""
        assert not row.handed_over
        if row.outcome in (Outcome.REMOVED, Outcome.GONE):
            assert row.username not in world.held or row.username in theirs, row
        if row.outcome is Outcome.FAILED:
            assert row.username in world.held, row


def assert_ledger_and_vendor_agree(world, ledger, theirs):
    """What the ledger calls ours works, and what it calls removed is gone."""
    for username in ("ada", "bob", "cyd", "dan"):
        known = endpoint(ledger, username)
        if known is None:
            continue
        if known["state"] == State.CREATED:
            assert username in world.held
        if known["state"] == State.REMOVED:
            assert username not in world.held or username in theirs
