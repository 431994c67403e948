"""The promises, attacked: random sources × random luck × several runs, on virtual time.

After every run each row has one outcome, every credential that is handed over works, no created
endpoint is missing, and none was made twice.
"""

import shutil
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bulk_provision import Account, OnExists, Outcome, Pace, Policy, Results, Secret, provision
from bulk_provision.ledger import Ledger
from bulk_provision.model import Caution
from fake_vendor import APPID, SECRET, FakeVendor, Luck
from virtual_time import run

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")
EXISTING = {"eve": "evespassword", "frank": "frankspassword"}
PACE = Pace(rate=50, concurrency=4, attempts=3, settle=5, patience=60)

usernames = st.sampled_from(["ada", "bob", "cyd", "dan", "eve", "frank", "Ada", "g!h", ""])
passwords = st.sampled_from(["", "", "Chosen-Pass-1", "Chosen-Pass-2"])
sources = st.lists(st.tuples(usernames, passwords), min_size=1, max_size=8)
common_luck = st.sampled_from([luck for luck in Luck if luck is not Luck.REFUSED])
lucks = st.lists(st.one_of(st.just(Luck.FINE), common_luck, st.sampled_from(Luck)), max_size=25)


class World:
    """A vendor, a ledger, and a folder for sources, through several runs."""

    def __init__(self, template: Path, folder: Path, existing: dict[str, str]) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        shutil.copy(template, self.ledger)
        shutil.copy(f"{template}.key", f"{self.ledger}.key")
        self.vendor = FakeVendor(existing=existing)
        self.runs = 0

    def run(self, source, luck=(), policy=None, canary=0):
        self.runs += 1
        path = self.folder / f"{self.runs}.csv"
        lines = ["username,password", *(",".join(row) for row in source)]
        path.write_text("\n".join(lines) + "\n")
        self.vendor.bring(luck)
        return run(
            provision(
                path,
                ACCOUNT,
                pace=PACE,
                policy=policy or Policy(),
                caution=Caution(canary=canary),
                results=Results(csv=True),
                ledger=str(self.ledger),
                sender=self.vendor,
            )
        )

    def rows(self, run_id):
        with Ledger(str(self.ledger)) as ledger:
            return list(ledger.result_rows(run_id))


def assert_the_truth(world, summary, source):
    rows = world.rows(summary.run_id)
    read = [row for row in source if any(row)]
    assert summary.rows == len(rows) == len(read)
    assert sum(summary.outcomes.values()) == summary.rows
    assert Counter(row.outcome for row in rows) == Counter(summary.outcomes)
    held = world.vendor.vendor.endpoints
    for row in rows:
        if row.handed_over:
            assert held.get(row.username) == row.password, row
    handed_over_before = set()
    for earlier in range(1, summary.run_id):  # written again, they show what works now
        for row in world.rows(earlier):
            if row.handed_over:
                assert held.get(row.username) == row.password, (earlier, row)
                handed_over_before.add(row.username)
    told = {row.username for row in rows if row.handed_over or row.outcome is Outcome.IN_DOUBT}
    # A change of our own that was refused: what works is what the run that created it shows.
    told |= {
        row.username
        for row in rows
        if row.outcome is Outcome.FAILED and "its password was not set" in row.message
    } & handed_over_before
    asked_for = {username for username, _ in source}
    for username, times in world.vendor.vendor.created.items():
        assert times == 1, username
        if username in asked_for:
            assert username in told, f"{username} was created, and the results do not say so"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(source=sources, luck=lucks, more_luck=lucks)
def test_the_results_are_true_whatever_happens(empty_ledger, source, luck, more_luck):
    with tempfile.TemporaryDirectory() as folder:
        world = World(empty_ledger, Path(folder), EXISTING)
        if not any(any(row) for row in source):
            return
        for bad_luck in (luck, more_luck, ()):
            summary = world.run(source, bad_luck)
            assert_the_truth(world, summary, source)
        assert summary.outcomes[Outcome.IN_DOUBT] == 0
        assert summary.outcomes[Outcome.UNPROCESSED] == 0
        calls = len(world.vendor.requests)
        again = world.run(source)
        assert_the_truth(world, again, source)
        assert len(world.vendor.requests) == calls, "a finished run repeated makes no call"


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(source=sources, luck=lucks, canary=st.integers(1, 3))
def test_the_results_are_true_whatever_happens_to_canaries(empty_ledger, source, luck, canary):
    with tempfile.TemporaryDirectory() as folder:
        world = World(empty_ledger, Path(folder), EXISTING)
        if not any(any(row) for row in source):
            return
        for bad_luck in (luck, ()):
            summary = world.run(source, bad_luck, canary=canary)
            assert_the_truth(world, summary, source)
        assert summary.outcomes[Outcome.UNPROCESSED] == 0, "good luck does not stop a run"


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@example(
    first=[("cyd", "")],
    second=[("cyd", "Chosen-Pass-1")],
    luck=[],
    more_luck=[Luck.MISSING],  # the change is refused
    on_exists=OnExists.RESET,
    recheck=False,
)
@given(
    first=sources,
    second=sources,
    luck=lucks,
    more_luck=lucks,
    on_exists=st.sampled_from(OnExists),
    recheck=st.booleans(),
)
def test_changing_sources_and_policies_never_lose_a_credential(
    empty_ledger, first, second, luck, more_luck, on_exists, recheck
):
    with tempfile.TemporaryDirectory() as folder:
        world = World(empty_ledger, Path(folder), EXISTING)
        policy = Policy(on_exists, recheck)
        for source, bad_luck in ((first, luck), (second, more_luck), (first, ()), (second, ())):
            if any(any(row) for row in source):
                summary = world.run(source, bad_luck, policy)
                assert_the_truth(world, summary, source)
