"""When somebody is told: every way from what was told last to how things stand now."""

import pytest

from bulk_provision.ledger import Noted
from bulk_provision.model import Outcome, RoundSummary, Summary
from bulk_provision.settings import NotifyWhen
from bulk_provision.watch.findings import Findings
from bulk_provision.watch.occasions import STOPPED, UNKNOWN, WELL, Occasion, Verdict, judge

ONE, OTHER = "digest of some rows", "digest of other rows"
CHANGE, CREATED, ALWAYS, NEVER = NotifyWhen
SILENCE = None


def a_round(exit_code, **counts):
    outcomes = dict.fromkeys(Outcome, 0) | {Outcome(name): n for name, n in counts.items()}
    run = Summary(1, 1001, "u.csv", sum(counts.values()), outcomes, 0, 1.0, (), exit_code)
    return RoundSummary("nightly", 0.0, 1.0, (run,), (), exit_code)


def found(told, rows="", busy=0):
    before = None if told is None else Noted(told=told, busy=busy)
    return Findings(before, 0.0, 0.0, {}, {}, rows, [], [])


FINE = a_round(0, unchanged=9)
FAILING = a_round(1, unchanged=9, failed=1)
BUSY = a_round(5)
LATE = a_round(7, unprocessed=9)
LATE_AND_FAILING = a_round(7, unprocessed=9, failed=1)
NEW = a_round(0, created=2)
NEW_AND_FAILING = a_round(1, created=2, failed=1)


@pytest.mark.parametrize(
    ("told", "round_", "rows", "occasion", "remembered"),
    [
        # nothing was told yet, or that all is well
        (None, FINE, "", SILENCE, WELL),
        (None, FAILING, ONE, Occasion.ROWS, ONE),
        (None, a_round(4), "", Occasion.STOPPED, STOPPED),
        ("", FINE, "", SILENCE, WELL),
        ("", FAILING, ONE, Occasion.ROWS, ONE),
        (WELL, FINE, "", SILENCE, WELL),
        (WELL, FAILING, ONE, Occasion.ROWS, ONE),
        (WELL, a_round(2), "", Occasion.STOPPED, STOPPED),
        # rows were told
        (ONE, FAILING, ONE, SILENCE, ONE),
        (ONE, FAILING, OTHER, Occasion.ROWS, OTHER),
        (ONE, FINE, "", Occasion.WELL, WELL),
        (ONE, a_round(3), "", Occasion.STOPPED, STOPPED),
        # a stop was told: every night again, until it runs to its end
        *((STOPPED, a_round(n), "", Occasion.STOPPED, STOPPED) for n in (2, 3, 4, 6, 70, 130, 143)),
        (STOPPED, a_round(4, failed=1), ONE, Occasion.STOPPED, STOPPED),
        (STOPPED, FAILING, ONE, Occasion.ROWS, ONE),
        (STOPPED, FINE, "", Occasion.WELL, WELL),
        # it ended late: nobody need act, but rows are told as ever
        (None, LATE, "", SILENCE, None),
        (WELL, LATE, "", SILENCE, None),
        (STOPPED, LATE, "", SILENCE, None),
        (ONE, LATE, "", SILENCE, None),
        (WELL, LATE_AND_FAILING, ONE, Occasion.ROWS, ONE),
        (ONE, LATE_AND_FAILING, ONE, SILENCE, ONE),
        # an account was busy, for the first time
        (WELL, BUSY, "", SILENCE, None),
        (STOPPED, BUSY, "", SILENCE, None),
        (None, BUSY, "", SILENCE, None),
        (WELL, a_round(5, failed=1), ONE, Occasion.ROWS, ONE),
    ],
)
def test_on_change(told, round_, rows, occasion, remembered):
    assert judge(round_, found(told, rows), CHANGE) == Verdict(occasion, remembered)


@pytest.mark.parametrize("busy", [1, 2, 30])
def test_an_account_that_is_busy_again_is_told_every_time(busy):
    assert judge(BUSY, found(WELL, busy=busy), CHANGE) == Verdict(Occasion.STOPPED, STOPPED)


@pytest.mark.parametrize(
    ("round_", "occasion"),
    [
        (FINE, SILENCE),
        (LATE, SILENCE),
        (FAILING, Occasion.ROWS),  # it may have been told already: better twice than never
        (BUSY, Occasion.STOPPED),
        *((a_round(n), Occasion.STOPPED) for n in (2, 3, 4, 6, 70, 130, 143)),
    ],
)
def test_without_a_ledger_what_wants_doing_is_told_all_the_same(round_, occasion):
    assert judge(round_, None, CHANGE).occasion is occasion


def test_without_a_ledger_rows_are_remembered_as_unknown():
    assert judge(FAILING, None, CHANGE).told == UNKNOWN


@pytest.mark.parametrize(
    ("when", "told", "round_", "rows", "occasion"),
    [
        (CREATED, WELL, FINE, "", SILENCE),
        (CREATED, WELL, NEW, "", Occasion.CREATED),
        (CREATED, ONE, NEW_AND_FAILING, ONE, Occasion.CREATED),
        (CREATED, ONE, NEW, "", Occasion.WELL),
        (CREATED, ONE, FAILING, ONE, SILENCE),
        (CREATED, WELL, a_round(7, created=2), "", Occasion.CREATED),
        (CHANGE, WELL, NEW, "", SILENCE),
        (ALWAYS, WELL, FINE, "", Occasion.ROUTINE),
        (ALWAYS, WELL, NEW, "", Occasion.CREATED),
        (ALWAYS, ONE, FAILING, ONE, Occasion.ROUTINE),
        (ALWAYS, WELL, LATE, "", Occasion.ROUTINE),
        (ALWAYS, WELL, a_round(4), "", Occasion.STOPPED),
        (NEVER, WELL, FAILING, ONE, SILENCE),
        (NEVER, STOPPED, a_round(4), "", SILENCE),
    ],
)
def test_the_other_ways(when, told, round_, rows, occasion):
    assert judge(round_, found(told, rows), when).occasion is occasion
