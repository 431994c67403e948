"""Undo, attacked: random runs, undos, meddling and luck, on virtual time.

Whatever happens, no undo takes away what somebody else made or changed; and in the end, when all
answers come, an undo of every run leaves exactly the others' endpoints.
"""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_provision import Outcome
from bulk_provision.ledger import Ledger
from test_promises import EXISTING, lucks, sources
from undo_world import UndoWorld, assert_ledger_and_vendor_agree, assert_undone_truthfully

names = st.sampled_from(["ada", "bob", "cyd", "dan", "eve", "frank"])
runs = st.tuples(st.just("run"), sources, lucks)
undos = st.tuples(st.just("undo"), st.integers(0, 9), lucks)
meddling = st.tuples(st.sampled_from(["add", "change", "remove"]), names, st.just(()))
histories = st.lists(st.one_of(runs, undos, meddling), min_size=1, max_size=5)


class Story:
    """A world, and which endpoints are somebody else's in it."""

    def __init__(self, world):
        self.world = world
        self.theirs = dict(EXISTING)
        self.provisioned = []

    def tell(self, what, about, luck):
        match what:
            case "run":
                if any(any(row) for row in about):
                    self.provisioned.append(self.world.run(about, luck).run_id)
            case "undo":
                if self.provisioned:
                    self.undo(self.provisioned[about % len(self.provisioned)], luck)
            case _:
                self.meddle(what, about)

    def undo(self, run_id, luck=(), **options):
        summary = self.world.undo(run_id, luck, **options)
        assert_undone_truthfully(self.world, summary, self.theirs)
        assert self.theirs.items() <= self.world.held.items(), "an undo took what is not ours"
        return summary

    def meddle(self, what, username):
        vendor = self.world.vendor.vendor
        if what == "remove":
            vendor.remove_sip(username)
            self.theirs.pop(username, None)
        else:
            password = f"theirs-{len(self.theirs)}"
            call = vendor.add_sip if what == "add" else vendor.update_sip
            if call(username, password).code == 200:
                self.theirs[username] = password


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=runs, history=histories)
def test_an_undo_takes_nothing_but_ours_and_in_the_end_all_of_it(empty_ledger, first, history):
    with tempfile.TemporaryDirectory() as folder:
        story = Story(UndoWorld(empty_ledger, Path(folder), EXISTING))
        for step in (first, *history):
            story.tell(*step)
        for run_id in story.provisioned:  # settles what is in doubt
            story.undo(run_id, include_confirmed=True)
        for run_id in story.provisioned:
            last = story.undo(run_id, include_confirmed=True)
            assert last.outcomes[Outcome.IN_DOUBT] == last.outcomes[Outcome.UNPROCESSED] == 0
            assert last.outcomes[Outcome.FAILED] == 0
        assert story.world.held == story.theirs
        with Ledger(str(story.world.ledger)) as ledger:
            assert_ledger_and_vendor_agree(story.world, ledger, story.theirs)
        calls = len(story.world.vendor.requests)
        for run_id in story.provisioned:
            story.undo(run_id, include_confirmed=True)
        assert len(story.world.vendor.requests) == calls, "a finished undo repeated makes no call"
