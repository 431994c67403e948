"""A run that begins with the vendor's list: when that pays, what it learns, what it leaves."""

import pytest
import sqlalchemy as sa

from bulk_provision import OnExists, Outcome, Policy, Reconcile
from bulk_provision.errors import LeaseLostError, LedgerWriteError
from bulk_provision.ledger import Listings, State
from bulk_provision.ledger.schema import endpoints, listed, listings
from bulk_provision.model import Caution
from bulk_provision.ways import Way, sample_of, way_after_sample, way_before
from fake_vendor import FakeVendor, Luck
from ledger_samples import endpoint
from lists import PACE, World, blank, made, people
from virtual_time import on_virtual_time


@pytest.fixture
def world(tmp_path, empty_ledger):
    return World(tmp_path, empty_ledger)


# -- the choice --


@pytest.mark.parametrize(
    ("wanted", "more", "way"),
    [
        (Reconcile.AUTO, {}, Way.SAMPLE),
        (Reconcile.AUTO, {"new": 99}, Way.ROWS),
        (Reconcile.AUTO, {"is_empty": False}, Way.ROWS),
        (Reconcile.AUTO, {"recheck": True}, Way.ROWS),
        (Reconcile.ALWAYS, {"new": 1, "is_empty": False}, Way.LIST),
        (Reconcile.ALWAYS, {"new": 0}, Way.ROWS),
        (Reconcile.NEVER, {}, Way.ROWS),
    ],
)
def test_the_way_before_any_call(wanted, more, way):
    given = {"new": 100, "is_empty": True, "recheck": False, "total": None} | more
    choice = way_before(wanted, **given)
    assert choice.way is way
    assert choice.why


@pytest.mark.parametrize(
    ("asked_for", "on_exists", "way"),
    [
        (0, OnExists.SKIP, Way.ROWS),
        (6, OnExists.SKIP, Way.LIST),
        (5, OnExists.SKIP, Way.ROWS),
        (3, OnExists.COMPARE, Way.LIST),  # each saves a get_sip too
        (60, OnExists.RESET, Way.LIST),
    ],
)
def test_the_list_pays_when_more_than_one_of_ten_names_is_asked_for(asked_for, on_exists, way):
    choice = way_after_sample(
        total=1_000, pages=100, named=60, asked_for=asked_for, on_exists=on_exists
    )
    assert choice.way is way
    assert f"of 60 listed names {asked_for} are asked for" in choice.why


@pytest.mark.parametrize("pages", [7, 8, 100, 12_345])
def test_a_sample_is_spread_over_the_list_and_never_the_first_page(pages):
    sample = sample_of(pages)
    assert sample[-1] == pages
    assert len(set(sample)) == 5
    assert min(sample) > 1


# -- with a ledger that knows nothing --


@on_virtual_time
async def test_an_account_with_history_costs_a_tenth(world):
    vendor = FakeVendor(existing=people(2_000))
    summary, heard = await world.run(vendor, blank(people(2_050)))
    assert heard.plan.way.way is Way.SAMPLE
    assert heard.filled.choice.way is Way.LIST
    assert (heard.filled.known, heard.filled.settled) == (2_000, 2_000)
    assert (made(vendor, "list_sip"), made(vendor, "add_sip")) == (200, 50)
    assert (summary.outcomes[Outcome.EXISTS], summary.outcomes[Outcome.CREATED]) == (2_000, 50)
    with world.open() as ledger:
        assert ledger.unchanged(1) == {}, "what the list told is news, for results of what changed"
    before = len(vendor.requests)
    _, heard = await world.run(vendor, blank(people(2_050)))
    assert len(vendor.requests) == before, "unchanged rows cost no call"
    assert heard.filled is None


@on_virtual_time
async def test_an_empty_account_costs_one_call_more(world):
    vendor = FakeVendor()
    _, heard = await world.run(vendor, blank(people(150)))
    assert heard.filled.choice.way is Way.ROWS
    assert (made(vendor, "list_sip"), made(vendor, "add_sip")) == (1, 150)


@on_virtual_time
async def test_a_list_of_strangers_is_looked_at_and_left(world):
    """3,000 strangers, 200 new people: 300 pages would save nothing."""
    strangers = {f"other{n:05}": "x" for n in range(1_500)}
    vendor = FakeVendor(existing=strangers | people(5))
    summary, heard = await world.run(vendor, blank(people(200)))
    assert heard.filled.choice.way is Way.ROWS
    assert "would save" in heard.filled.choice.why
    assert made(vendor, "list_sip") == 6
    assert summary.outcomes[Outcome.CREATED] == 195
    assert made(vendor, "add_sip") == 195, "the five on the last page were seen"
    with world.open() as ledger:
        assert endpoint(ledger, "other00000")["state"] == State.EXISTS, "what was seen is kept"


@on_virtual_time
async def test_a_list_that_is_longer_than_all_it_could_save_costs_one_look(world):
    vendor = FakeVendor(existing=people(2_000))
    _, heard = await world.run(vendor, blank(people(110)))
    assert "more than it could save" in heard.filled.choice.why
    assert made(vendor, "list_sip") == 1


@on_virtual_time
async def test_few_new_rows_or_a_known_account_are_not_thought_about(world):
    vendor = FakeVendor(existing=people(250))
    await world.run(vendor, blank(people(99)))
    assert made(vendor, "list_sip") == 0
    await world.run(vendor, blank(people(250)))
    assert made(vendor, "list_sip") == 0


@on_virtual_time
async def test_always_and_never(world):
    vendor = FakeVendor(existing=people(20))
    await world.run(vendor, blank(people(21)), Policy(reconcile=Reconcile.ALWAYS))
    assert (made(vendor, "list_sip"), made(vendor, "add_sip")) == (2, 1)
    calls = len(vendor.requests)
    await world.run(vendor, blank(people(21)), Policy(reconcile=Reconcile.ALWAYS))
    assert len(vendor.requests) == calls, "no row is new: nothing to look up"
    vendor = FakeVendor(existing=people(130))
    await world.run(vendor, blank(people(22, 130)), Policy(reconcile=Reconcile.NEVER))
    assert made(vendor, "list_sip") == 0


# -- what is done with what it tells --


@on_virtual_time
async def test_compare_needs_no_call_for_what_the_list_tells(world):
    vendor = FakeVendor(existing=people(200))
    source = people(200) | {"user00007": "Another-Password-1", "user00008": ""}
    policy = Policy(on_exists=OnExists.COMPARE)
    await world.run(vendor, source, policy)
    assert {request.call for request in vendor.requests} == {"list_sip"}
    with world.open() as ledger:
        told = {row.username: row for row in ledger.result_rows(1)}
        assert "its password is the source's" in told["user00001"].message
        assert "is not the source's" in told["user00007"].message
        assert "no password to compare" in told["user00008"].message
        assert told["user00001"].password == "password-1"
        assert told["user00007"].password == ""
    calls = len(vendor.requests)
    await world.run(vendor, source, policy)
    assert len(vendor.requests) == calls


@on_virtual_time
async def test_reset_sets_the_passwords_of_what_the_list_names_without_asking_first(world):
    vendor = FakeVendor(existing=people(120))
    source = {name: f"Fresh-Password-{name}" for name in people(121)}
    await world.run(vendor, source, Policy(on_exists=OnExists.RESET))
    assert (made(vendor, "add_sip"), made(vendor, "update_sip")) == (1, 120)
    assert dict(vendor.vendor.endpoints) == source


@on_virtual_time
async def test_a_doubt_of_ours_is_settled_by_read_back_although_its_name_is_listed(world):
    vendor = FakeVendor([Luck.LOST_AFTER] * 3 + [Luck.LOST_BEFORE] * 6)
    summary, _ = await world.run(vendor, {"user00003": "Ours-Password-3"})
    assert summary.outcomes[Outcome.IN_DOUBT] == 1
    vendor.bring(())
    for name, password in people(200).items():
        if name != "user00003":
            vendor.vendor.add_sip(name, password)
    policy = Policy(reconcile=Reconcile.ALWAYS)
    summary, heard = await world.run(
        vendor, blank(people(200)) | {"user00003": "Ours-Password-3"}, policy
    )
    assert heard.filled.known == 199
    assert summary.outcomes[Outcome.CREATED] == 1, "confirmed by read-back, and not 'exists'"
    with world.open() as ledger:
        assert endpoint(ledger, "user00003")["proof"] == "read-back"


@on_virtual_time
async def test_what_the_ledger_knows_is_never_overwritten(world):
    vendor = FakeVendor()
    await world.run(vendor, {"user00000": "Ours-Password-0"})
    with world.open() as ledger:
        ours = endpoint(ledger, "user00000")
    policy = Policy(reconcile=Reconcile.ALWAYS)
    await world.run(vendor, blank(people(3)), policy)
    with world.open() as ledger:
        assert endpoint(ledger, "user00000") == ours


# -- trouble --


@pytest.mark.parametrize(
    ("luck", "told"),
    [
        ([Luck.HTML_BEFORE] * 2, "TeleCMI's list cannot be used"),
        ([Luck.MISSING], "TeleCMI's list cannot be used"),
        ([Luck.FINE] * 5 + [Luck.GARBAGE] * 200, ""),
    ],
)
@on_virtual_time
async def test_a_list_that_cannot_be_read_leaves_the_rows_to_be_called(world, luck, told):
    vendor = FakeVendor(luck, existing=people(100))
    if not told:
        vendor.before[20] = lambda: vendor.bring([])
    summary, heard = await world.run(vendor, blank(people(120)))
    assert summary.outcomes[Outcome.EXISTS] == 100
    assert summary.outcomes[Outcome.CREATED] == 20
    if told:
        assert heard.filled.problem is not None
        assert told.removeprefix("TeleCMI's list ") in heard.filled.choice.why
        assert any("cannot be used" in warned.text for warned in summary.warnings)


@on_virtual_time
async def test_a_refused_account_stops_before_the_first_row(world):
    summary, _ = await world.run(FakeVendor([Luck.REFUSED]), blank(people(120)))
    assert (summary.exit_code, summary.calls) == (3, 1)
    assert summary.outcomes[Outcome.UNPROCESSED] == 120


@on_virtual_time
async def test_429_holds_the_list_back_and_nothing_else_happens(world):
    vendor = FakeVendor([Luck.FINE, Luck.BUSY, Luck.BUSY], existing=people(150))
    summary, heard = await world.run(vendor, blank(people(150)))
    assert heard.filled.choice.way is Way.LIST
    assert summary.outcomes[Outcome.EXISTS] == 150
    assert summary.calls == 15 + 2


@on_virtual_time
async def test_a_vendor_that_never_answers_stops_the_run_soon(world):
    vendor = FakeVendor([Luck.LOST_BEFORE] * 1_000)
    summary, _ = await world.run(vendor, blank(people(200)))
    assert summary.exit_code == 4
    assert "did not answer once" in summary.reason
    assert summary.calls <= 10 + PACE.concurrency


@on_virtual_time
async def test_a_list_that_kept_moving_is_a_warning_and_every_row_gets_its_truth(world):
    vendor = FakeVendor(existing=people(200))
    vendor.before = {
        number: lambda number=number: vendor.vendor.add_sip(f"new{number}", "x")
        for number in range(3, 90, 5)
    }
    summary, heard = await world.run(vendor, blank(people(220)))
    assert "kept moving" in heard.filled.problem.why
    assert any("kept moving" in warned.text for warned in summary.warnings)
    assert (summary.outcomes[Outcome.EXISTS], summary.outcomes[Outcome.CREATED]) == (200, 20)


@on_virtual_time
async def test_a_run_that_is_stopped_while_it_reads_goes_on_reading(world):
    from bulk_provision import Control, ExitCode
    from bulk_provision.pace import Halt

    control = Control()
    vendor = FakeVendor(existing=people(1_000))
    vendor.before[70] = lambda: control.stop(Halt(ExitCode.INTERRUPTED, "interrupted by Ctrl-C"))
    summary, _ = await world.run(vendor, blank(people(1_000)), control=control)
    assert summary.exit_code == 130
    assert summary.outcomes[Outcome.UNPROCESSED] == 1_000
    before = len(vendor.requests)
    summary, heard = await world.run(vendor, blank(people(1_000)))
    assert "goes on" in heard.filled.choice.why
    assert summary.outcomes[Outcome.EXISTS] == 1_000
    assert len(vendor.requests) - before <= 1 + 100 - 60, "it began where it had been"
    with world.open() as ledger, ledger._engine.connect() as connection:
        count = sa.select(sa.func.count())
        assert connection.scalar(count.select_from(listed)) == 0
        assert connection.scalar(count.select_from(endpoints)) == 1_000
        assert connection.scalar(sa.select(listings.c.ended_at)) is not None


@pytest.mark.parametrize(
    "problem",
    [LedgerWriteError("The ledger cannot be written: disk full."), LeaseLostError("Taken over.")],
    ids=["disk full", "taken over"],
)
@on_virtual_time
async def test_a_ledger_that_cannot_take_the_list_stops_the_run_and_the_next_one_goes_on(
    world, monkeypatch, problem
):
    def refuse(*_arguments):
        raise problem

    vendor = FakeVendor(existing=people(300))
    with monkeypatch.context() as patch:
        patch.setattr(Listings, "use", refuse)
        summary, _ = await world.run(vendor, blank(people(300)))
    assert (summary.exit_code, summary.outcomes[Outcome.UNPROCESSED]) == (4, 300)
    assert summary.reason == problem.what
    summary, _ = await world.run(vendor, blank(people(300)))
    assert (summary.calls, summary.outcomes[Outcome.EXISTS]) == (1, 300)


@on_virtual_time
async def test_a_canary_is_still_the_first_that_is_created(world):
    vendor = FakeVendor(existing=people(150))
    await world.run(vendor, blank(people(155)), caution=Caution(canary=2))
    calls = [request.call for request in vendor.requests if request.call != "list_sip"]
    assert calls[:4] == ["add_sip", "get_sip"] * 2
    assert calls[4:] == ["add_sip"] * 3
