"""Resets, changes and rechecks under bad luck: no password is handed over that does not work."""

import pytest

from bulk_provision import OnExists, Outcome, Policy
from fake_vendor import Luck
from test_promises import World

RESET, RECHECK = Policy(OnExists.RESET), Policy(recheck=True)
FIRST, SECOND = "Aaaaaaaa-1", "Bbbbbbbb-2"
UNREADABLE = [Luck.UNSENT] * 9


@pytest.fixture
def world(empty_ledger, tmp_path):
    return World(empty_ledger, tmp_path, {"theirs": "their-password"})


def rows_of_all_runs(world):
    return [row for run_id in range(1, world.runs + 1) for row in world.rows(run_id)]


def assert_what_is_handed_over_works(world):
    held = world.vendor.vendor.endpoints
    for row in rows_of_all_runs(world):
        if row.handed_over:
            assert held[row.username] == row.password, row


def test_a_change_whose_answer_is_lost_is_settled_by_the_next_run(world):
    world.run([("ada", FIRST)])
    doubtful = world.run([("ada", SECOND)], [Luck.LOST_AFTER, *UNREADABLE], RESET)
    assert doubtful.outcomes[Outcome.IN_DOUBT] == 1
    assert_what_is_handed_over_works(world)
    settled = world.run([("ada", SECOND)])
    assert settled.outcomes[Outcome.UNCHANGED] == 1
    assert world.rows(settled.run_id)[0].password == SECOND
    assert_what_is_handed_over_works(world)


def test_a_change_that_had_no_effect_leaves_the_old_password(world):
    world.run([("ada", FIRST)])
    world.run([("ada", SECOND)], [Luck.LOST_BEFORE, *UNREADABLE], RESET)
    settled = world.run([("ada", SECOND)])
    assert world.rows(settled.run_id)[0].password == FIRST
    assert_what_is_handed_over_works(world)


@pytest.mark.parametrize("luck", [[Luck.LOST_BEFORE] * 3, [Luck.MISSING]])
def test_a_reset_that_fails_notices_that_somebody_else_changed_the_password(world, luck):
    world.run([("ada", FIRST)])
    world.vendor.vendor.update_sip("ada", "changed-by-others")
    world.run([("ada", SECOND)], luck, RESET)
    world.run([("ada", SECOND)])
    assert_what_is_handed_over_works(world)


@pytest.mark.parametrize("luck", [[Luck.LOST_BEFORE] * 3, []])
def test_a_reset_that_fails_notices_that_somebody_else_removed_the_endpoint(world, luck):
    world.run([("ada", FIRST)])
    world.vendor.vendor.remove_sip("ada")
    failed = world.run([("ada", SECOND)], luck, RESET)
    assert failed.outcomes[Outcome.FAILED] == 1
    again = world.run([("ada", SECOND)])
    assert again.outcomes[Outcome.CREATED] == 1
    assert_what_is_handed_over_works(world)


def test_a_reset_of_somebody_elses_endpoint_in_doubt_is_never_called_created(world):
    world.run([("theirs", FIRST)], [Luck.FINE, Luck.LOST_AFTER, *UNREADABLE], RESET)
    settled = world.run([("theirs", FIRST)])
    assert settled.outcomes[Outcome.EXISTS] == 1
    assert settled.outcomes[Outcome.CREATED] == 0
    assert_what_is_handed_over_works(world)


def test_a_recheck_that_finds_another_password_is_told_in_earlier_results_too(world):
    world.run([("ada", FIRST)])
    world.vendor.vendor.update_sip("ada", "changed-by-others")
    world.run([("ada", FIRST)], (), RECHECK)
    assert_what_is_handed_over_works(world)
    assert "another password" in rows_of_all_runs(world)[0].tip


def test_what_is_created_after_a_recheck_is_called_created_whatever_it_was_before(world):
    world.run([("theirs", FIRST)], (), RESET)
    world.vendor.vendor.remove_sip("theirs")
    again = world.run([("theirs", FIRST)], [Luck.FINE, Luck.LOST_AFTER], RECHECK)
    assert again.outcomes[Outcome.CREATED] == 1
    assert_what_is_handed_over_works(world)
