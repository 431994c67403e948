"""A vendor that refuses the account, goes down or was never there: the run stops in time.

The numbers are those of docs/pace.md, counted where they matter: at the vendor. Sockets and client
are real, the clock is not.
"""

import random

import pytest

from broken_network import World
from bulk_provision.job import Results, provision
from bulk_provision.model import Account, Pace, Secret
from bulk_provision.pace import ASTRAY_STOPS_AFTER, BREAKER_OPENS_AFTER
from bulk_provision.sandbox import FaultPlan
from fake_vendor import APPID, FakeVendor, Luck
from fake_vendor import SECRET as VENDORS_SECRET
from tcp_proxy import BlackHole, Refuse
from virtual_time import on_virtual_time

CONCURRENCY = 10
UNDER_WAY = CONCURRENCY - 1  # calls that may still be out when the last straw comes
PROBES, PROBES_IN_10_S = 11, 5  # at most, in a patience of 120 s and of 10 s
LAST_PROBE = 37.5 + 30  # seconds: a back-off, and a time-out
USERS = [f"user{n:03}" for n in range(120)]


def all_are_accounted_for(outcomes, *names):
    return sum(outcomes.get(name, 0) for name in names) == len(USERS)


# -- 420 --


@pytest.mark.parametrize(
    ("fault", "created_before"),
    [("420", 0), ("420@from:2", 1), ("420@from:60", 59), ("420@from:120", 119)],
)
@on_virtual_time
async def test_a_refused_account_stops_the_run_at_once(
    tmp_path, empty_ledger, fault, created_before
):
    async with World(tmp_path, empty_ledger, USERS, faults=FaultPlan.parse(fault)) as world:
        told = await world.run_truly()
        assert told.exit_code == 3
        assert told.summary.reason == "TeleCMI does not accept the app id or the secret"
        assert world.calls <= created_before + 1 + UNDER_WAY
        assert told.outcomes.get("created", 0) == created_before
        assert told.outcomes["unprocessed"] == len(USERS) - created_before
        for row in told.sheets.failed:
            assert row["tip"] == "Run the same command again to continue."
        await world.run_to_the_end()


@pytest.mark.parametrize("number", [1, 60, 120])
@on_virtual_time
async def test_a_single_420_among_good_answers_stops_it_too(tmp_path, empty_ledger, number):
    faults = FaultPlan.parse(f"420@{number}")
    async with World(tmp_path, empty_ledger, USERS, faults=faults) as world:
        told = await world.run_truly()
        assert told.exit_code == 3
        assert number <= world.calls <= number + UNDER_WAY
        assert told.outcomes.get("created", 0) == world.calls - 1
        assert all_are_accounted_for(told.outcomes, "created", "unprocessed")
        await world.run_to_the_end()


@on_virtual_time
async def test_a_wrong_secret_run_twice_leaves_nothing_in_doubt(tmp_path, empty_ledger):
    faults = FaultPlan.parse("420")
    async with World(tmp_path, empty_ledger, USERS, faults=faults) as world:
        for _ in range(2):
            told = await world.run_truly()
            assert told.outcomes == {"unprocessed": len(USERS)}
        await world.run_to_the_end()
        calls = world.calls
        again = await world.run_truly()
        assert (world.calls, again.outcomes) == (calls, {"unchanged": len(USERS)})


# -- a vendor that goes down for good --

DEAD = {
    "drops every request": "drop-before-commit",
    "does what it is asked and drops the answer": "drop-after-commit",
    "answers with a gateway's 502": "html-502",
    "does what it is asked behind a gateway's 503": "html-503-after-commit",
    "answers bytes that are no JSON": "garbage",
    "answers about somebody else": "other-username",
}


@pytest.mark.parametrize("fault", DEAD.values(), ids=DEAD)
@on_virtual_time
async def test_a_vendor_that_never_answers_well_gets_a_bounded_number_of_calls(
    tmp_path, empty_ledger, fault
):
    async with World(tmp_path, empty_ledger, USERS, faults=FaultPlan.parse(fault)) as world:
        told = await world.run_truly()
        assert told.exit_code == 4
        assert told.summary.reason.startswith("TeleCMI did not answer once in 10 calls: ")
        assert BREAKER_OPENS_AFTER <= world.calls <= BREAKER_OPENS_AFTER + UNDER_WAY
        assert all_are_accounted_for(told.outcomes, "in_doubt", "unprocessed")
        await world.run_to_the_end()


@pytest.mark.parametrize("fault", ["drop-before-commit", "html-503-after-commit"])
@pytest.mark.parametrize("concurrency", [1, 40])
@on_virtual_time
async def test_a_vendor_that_goes_down_for_good_gets_a_bounded_number_of_calls(
    tmp_path, empty_ledger, fault, concurrency
):
    good = 60
    faults = FaultPlan.parse(f"{fault}@from:{good + 1}")
    async with World(tmp_path, empty_ledger, USERS, faults=faults) as world:
        told = await world.run_truly(concurrency=concurrency, patience=10)
        assert told.exit_code == 4
        assert world.calls - good >= BREAKER_OPENS_AFTER
        assert world.calls - good <= BREAKER_OPENS_AFTER + (concurrency - 1) + PROBES_IN_10_S
        assert told.outcomes["created"] >= good
        assert all_are_accounted_for(told.outcomes, "created", "in_doubt", "unprocessed")
        await world.run_to_the_end()


@on_virtual_time
async def test_with_the_patience_that_users_have_too(tmp_path, empty_ledger):
    faults = FaultPlan.parse("html-502@from:61")
    async with World(tmp_path, empty_ledger, USERS, faults=faults) as world:
        told = await world.run_truly()
        assert world.calls - 60 <= BREAKER_OPENS_AFTER + UNDER_WAY + PROBES
        assert 120 <= told.seconds <= 120 + LAST_PROBE
        assert told.summary.reason == (
            "TeleCMI stopped answering: HTTP 502 with an answer that is not TeleCMI's (for 120 s)"
        )


@pytest.mark.parametrize("good", [0, 60])
@on_virtual_time
async def test_a_vendor_behind_a_black_hole_costs_its_time_outs_and_no_more(
    tmp_path, empty_ledger, good
):
    async with World(tmp_path, empty_ledger, USERS, plan=() if good else BlackHole()) as world:
        world.at_call(good, lambda: world.break_down(BlackHole()))
        told = await world.run_truly(timeout=3, patience=10)
        assert told.exit_code == 4
        assert world.attempts - good <= BREAKER_OPENS_AFTER + UNDER_WAY + PROBES_IN_10_S
        assert told.seconds <= (3 + 10 + 7.5 + 3 if good else 3 * 3)
        await world.run_to_the_end()


@pytest.mark.parametrize("good", [0, 60])
@on_virtual_time
async def test_a_vendor_that_refuses_connections_is_asked_a_bounded_number_of_times(
    tmp_path, empty_ledger, good
):
    async with World(tmp_path, empty_ledger, USERS, plan=() if good else Refuse()) as world:
        world.at_call(good, lambda: world.break_down(Refuse()))
        told = await world.run_truly(patience=10)
        assert told.exit_code == 4
        assert "no connection: Connection refused" in told.summary.reason
        assert world.attempts - world.calls <= BREAKER_OPENS_AFTER + UNDER_WAY + PROBES_IN_10_S
        assert told.outcomes.get("created", 0) + told.outcomes.get("in_doubt", 0) >= good
        if not good:
            assert told.outcomes == {"unprocessed": len(USERS)}, "nothing left: nothing in doubt"
        await world.run_to_the_end()


# -- and one that comes back --


@pytest.mark.parametrize(
    ("fault", "seconds"), [("drop-after-commit", 30), ("html-502", 2), ("garbage", 2)]
)
@on_virtual_time
async def test_a_vendor_that_comes_back_is_found_again_and_the_run_goes_on(
    tmp_path, empty_ledger, fault, seconds
):
    async with World(tmp_path, empty_ledger, USERS) as world:
        world.at_call(60, lambda: world.break_down(fault, seconds))
        told = await world.run_truly(rate=50)
        assert (told.exit_code, told.outcomes) == (0, {"created": len(USERS)})
        assert seconds < told.seconds < 4 + seconds + 2 * LAST_PROBE


@pytest.mark.parametrize("outage", [BlackHole(), Refuse()], ids=["black hole", "refused"])
@on_virtual_time
async def test_a_network_that_comes_back_too(tmp_path, empty_ledger, outage):
    async with World(tmp_path, empty_ledger, USERS) as world:
        world.at_call(60, lambda: world.break_down(outage, seconds=20))
        told = await world.run_truly(rate=50)
        assert (told.exit_code, told.outcomes) == (0, {"created": len(USERS)})


@on_virtual_time
async def test_a_vendor_that_is_down_now_and_then_does_not_end_a_long_run(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, USERS) as world:
        for number in (40, 80):
            world.at_call(number, lambda: world.break_down("html-503-after-commit", 10))
        told = await world.run_truly(rate=50, patience=20)
        assert (told.exit_code, told.outcomes) == (0, {"created": len(USERS)})


# -- the wrong address --


@on_virtual_time
async def test_an_address_without_the_vendors_calls_stops_the_run(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, USERS) as world:
        told = await world.run_truly(base_url=f"{world.sandbox.origin}/v2")
        assert told.exit_code == 4
        assert told.summary.reason == (
            "what answers at the base URL is not TeleCMI's endpoint service: "
            "HTTP 404: there is no such call at this address"
        )
        assert world.calls <= ASTRAY_STOPS_AFTER + UNDER_WAY
        assert told.outcomes["unprocessed"] >= len(USERS) - world.calls
        assert world.sandbox.vendor.endpoints == {}
        await world.run_to_the_end()


@pytest.mark.parametrize("fault", ["redirect", "redirect-after-commit:303", "html-404", "html-405"])
@pytest.mark.parametrize("good", [0, 60])
@on_virtual_time
async def test_answers_that_no_endpoint_gives_stop_the_run(tmp_path, empty_ledger, fault, good):
    faults = FaultPlan.parse(f"{fault}@from:{good + 1}")
    async with World(tmp_path, empty_ledger, USERS, faults=faults) as world:
        told = await world.run_truly()
        assert told.exit_code == 4
        assert ASTRAY_STOPS_AFTER <= world.calls - good <= ASTRAY_STOPS_AFTER + UNDER_WAY
        assert told.outcomes.get("created", 0) == good
        assert all_are_accounted_for(told.outcomes, "created", "in_doubt", "unprocessed")
        await world.run_to_the_end()


# -- one per cent --


def a_few_bad_calls(chance, calls):
    """One call in a hundred meets something that happens to calls."""
    bad = [luck for luck in Luck if luck not in (Luck.FINE, Luck.REFUSED, Luck.MISSING, Luck.BUSY)]
    return [chance.choice(bad) if chance.random() < 0.01 else Luck.FINE for _ in range(calls)]


@on_virtual_time
async def test_a_vendor_at_one_per_cent_errors_ends_with_everything_created(tmp_path):
    rows = 10_000
    names = [f"user{number:05}" for number in range(rows)]
    (tmp_path / "users.csv").write_text("username\n" + "\n".join(names) + "\n")
    vendor = FakeVendor(a_few_bad_calls(random.Random(1), 2 * rows))
    summary = await provision(
        str(tmp_path / "users.csv"),
        Account(APPID, Secret(VENDORS_SECRET)),
        pace=Pace(rate=None, concurrency=50),
        results=Results(str(tmp_path / "r.csv"), csv=True),
        ledger=str(tmp_path / "ledger.db"),
        sender=vendor,
    )
    assert summary.exit_code == 0
    assert summary.outcomes["created"] == rows
    assert set(vendor.vendor.created.values()) == {1}
    assert len(vendor.requests) < 1.05 * rows
