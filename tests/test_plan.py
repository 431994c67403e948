"""What a row needs: the source's wish, what the ledger knows, and the policy decide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.ledger import Known, OpenRow, State, Vault
from bulk_provision.model import OnExists, Outcome
from bulk_provision.passwords import Recipe
from bulk_provision.plan import (
    Action,
    Plan,
    Policy,
    Remembered,
    decide,
    plan_of,
    step_for,
    stray_step,
)

VAULT = Vault(bytes(32), "1001 https://vendor.example")
KEPT, OF_SHEET = "Kept-Password-1", "Sheet-Password-1"
SKIP, COMPARE, RESET = (Policy(on_exists=choice) for choice in OnExists)
RECHECK = Policy(recheck=True)


def known(state, kept=KEPT, **more):
    given = {
        "doubted": False,
        "connect_url": None,
        "compared": None,
        "purpose": "create",
        "proof": None,
        "run_id": 3,
    } | more
    sealed = VAULT.seal("ada", kept) if kept else None
    return Known(state, sealed, **given)


def decided(of_sheet, found, policy=SKIP):
    """The action, or the outcome of a row that needs none."""
    decision = decide("ada", of_sheet, found, policy, VAULT)
    return decision.outcome if isinstance(decision, Remembered) else decision


def step(of_sheet="", found=None, policy=SKIP):
    sealed = VAULT.seal("ada", of_sheet) if of_sheet else None
    return step_for(OpenRow(1, 2, "ada", sealed, found), policy, VAULT)


def compared(result, password):
    return known(State.EXISTS, compared=f"{result} {VAULT.mark('ada', password)}")


@pytest.mark.parametrize(
    ("of_sheet", "found", "policy", "expected"),
    [
        ("", None, SKIP, Action.CREATE),
        ("", known(State.PLANNED), SKIP, Action.CREATE),
        ("", known(State.FAILED), SKIP, Action.CREATE),
        ("", known(State.INTENDED), SKIP, Action.SETTLE),
        ("", known(State.IN_DOUBT), RESET, Action.SETTLE),
        ("", known(State.CREATED), SKIP, Outcome.UNCHANGED),
        (KEPT, known(State.CREATED), SKIP, Outcome.UNCHANGED),
        (OF_SHEET, known(State.CREATED), SKIP, Outcome.UNCHANGED),
        (OF_SHEET, known(State.CREATED), COMPARE, Outcome.UNCHANGED),
        (OF_SHEET, known(State.CREATED), RESET, Action.RESET),
        (KEPT, known(State.CREATED), RESET, Outcome.UNCHANGED),
        ("", known(State.CREATED), RESET, Outcome.UNCHANGED),
        ("", known(State.CREATED), RECHECK, Action.VERIFY),
        ("", known(State.RESET), SKIP, Outcome.EXISTS),
        (OF_SHEET, known(State.RESET), RESET, Action.RESET),
        ("", known(State.RESET), RECHECK, Action.VERIFY),
        ("", known(State.EXISTS), SKIP, Outcome.EXISTS),
        ("", known(State.EXISTS), RECHECK, Action.CREATE),
        ("", known(State.EXISTS), RESET, Action.RESET),
        (OF_SHEET, known(State.EXISTS), COMPARE, Action.COMPARE),
        (OF_SHEET, compared("other", OF_SHEET), COMPARE, Outcome.EXISTS),
        (OF_SHEET, compared("other", "last year's"), COMPARE, Action.COMPARE),
    ],
)
def test_what_a_row_needs(of_sheet, found, policy, expected):
    assert decided(of_sheet, found, policy) == expected


def test_a_password_that_the_source_changed_is_pointed_out():
    told = decide("ada", OF_SHEET, known(State.CREATED), SKIP, VAULT)
    assert "The source now has another password" in told.message
    assert "--on-exists reset" in told.tip
    assert OF_SHEET not in repr(told)
    assert KEPT not in repr(told)


@given(st.sampled_from(State), st.sampled_from(OnExists), st.booleans(), st.booleans())
def test_a_doubt_is_settled_before_anything_else(state, on_exists, recheck, has_password):
    policy = Policy(on_exists, recheck)
    decision = decided(OF_SHEET if has_password else "", known(state), policy)
    is_unsettled = state in (State.INTENDED, State.IN_DOUBT)
    assert (decision is Action.SETTLE) == is_unsettled


# -- the password --


def test_the_sources_password_goes_first():
    assert step(OF_SHEET, known(State.PLANNED)).password == OF_SHEET


@pytest.mark.parametrize("state", [State.PLANNED, State.FAILED, State.IN_DOUBT])
def test_a_password_that_was_once_generated_is_kept(state):
    assert step("", known(state)).password == KEPT


@pytest.mark.parametrize(
    ("state", "doubted", "kept", "stays"),
    [
        (State.PLANNED, False, "1234", False),
        (State.FAILED, False, "1234", False),
        (State.EXISTS, False, "1234", False),
        (State.REMOVED, False, "1234", False),
        (State.FAILED, True, "1234", True),  # the vendor may have it
        (State.IN_DOUBT, True, "1234", True),
        (State.INTENDED, False, "1234", True),
        (State.CREATED, False, "1234", True),
        (State.PLANNED, False, KEPT, True),
        (State.PLANNED, False, "9" * 20, True),  # the recipe makes such ones, if it is told to
    ],
)
def test_weak_passwords_of_an_earlier_run_are_replaced_where_nobody_can_have_them(
    state, doubted, kept, stays
):
    policy = Policy(recipe=Recipe(length=20, alphabet="0123456789"))
    row = OpenRow(1, 2, "ada", None, known(state, kept, doubted=doubted))
    assert (step_for(row, policy, VAULT, replaces_weak=True).password == kept) is stays
    assert step_for(row, policy, VAULT).password == kept


def test_a_blank_password_is_generated_by_the_recipe():
    policy = Policy(recipe=Recipe(length=31))
    first, second = step("", None, policy), step("", None, policy)
    assert len(first.password) == 31
    assert first.password != second.password


@pytest.mark.parametrize(
    ("found", "is_kept"),
    [
        (known(State.IN_DOUBT, doubted=True), True),
        (known(State.FAILED, doubted=True), True),
        (known(State.CREATED), True),
        (known(State.FAILED), False),
        (known(State.EXISTS), False),
    ],
)
def test_a_password_that_the_vendor_may_hold_is_kept_beside_the_sources(found, is_kept):
    earlier = step(OF_SHEET, found, RESET).earlier
    assert (earlier == found.sealed) if is_kept else (earlier is None)


def test_the_same_password_is_not_kept_twice():
    assert step(KEPT, known(State.IN_DOUBT, doubted=True)).earlier is None


def test_a_step_knows_what_the_request_in_doubt_was_for():
    found = known(State.IN_DOUBT, doubted=True, purpose="reset", proof="acknowledged")
    settling = step("", found)
    assert (settling.action, settling.purpose) == (Action.SETTLE, "reset")
    assert (settling.doubted, settling.acknowledged, settling.is_ours) == (True, True, False)


def test_a_doubt_that_no_row_asks_for_is_settled_with_its_own_password():
    settling = stray_step("ada", known(State.INTENDED, purpose="change"), VAULT)
    assert settling[:5] == (None, "ada", KEPT, "", Action.SETTLE)
    assert (settling.doubted, settling.purpose) == (True, "change")


def test_no_repr_shows_a_password():
    assert repr(step(OF_SHEET)) == "Step(1, 'ada', create)"


# -- the plan --


def test_a_plan_adds_up():
    plan = plan_of({Outcome.UNCHANGED: 3, Outcome.INVALID: 1}, {"create": 10, "settle": 2}, 4.0)
    assert plan == Plan(
        rows=16,
        remembered={Outcome.UNCHANGED: 3, Outcome.INVALID: 1},
        actions={Action.CREATE: 10, Action.SETTLE: 2},
        calls=12,
        seconds=3.0,
    )


def test_without_a_limit_nobody_knows_how_long_it_takes():
    assert plan_of({}, {"create": 10}, None).seconds is None
