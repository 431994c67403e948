"""Reading the vendor's list: at the pace, resumed, moving, hostile. On virtual time."""

import json
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa

from bulk_provision import Account, Pace, Secret, reconcile
from bulk_provision.ledger import Ledger
from bulk_provision.ledger.schema import attempts, endpoints, listed, listings
from bulk_provision.model import DriftKind
from bulk_provision.piopiy import Reply
from fake_vendor import APPID, SECRET, FakeVendor, Luck
from virtual_time import on_virtual_time

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")
PACE = Pace(rate=100, concurrency=10, attempts=3, settle=5, patience=60)


def people(number):
    return {f"user{n:05}": f"password-{n}" for n in range(number)}


@pytest.fixture
def reconciled(ledger):
    """Reads the list of a vendor into the ledger; returns what was found."""

    async def read(vendor, pace=PACE):
        found, _ = await reconcile(None, ACCOUNT, pace=pace, ledger=str(ledger.path), sender=vendor)
        return found

    return read


def stored(ledger, table):
    with ledger._engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))


@on_virtual_time
async def test_a_long_list_is_read_at_the_rate_and_never_faster(reconciled, ledger):
    vendor = FakeVendor(existing=people(25_000))
    found = await reconciled(vendor)
    assert (found.listed, found.found, found.is_whole, found.learned) == (25_000,) * 2 + (
        True,
        25_000,
    )
    assert found.calls == len(vendor.requests) == 2_500
    left = vendor.left_at
    assert 2_500 / 100 * 0.99 <= left[-1] - left[0] <= 2_500 / 100 * 1.03
    assert all(later - one > 1.0 for one, later in zip(left, left[100:], strict=False))
    assert stored(ledger, endpoints) == 25_000
    assert stored(ledger, listed) == 0, "what was used is erased"
    assert stored(ledger, attempts) == 2_500


@on_virtual_time
async def test_an_empty_list_is_a_list(reconciled):
    vendor = FakeVendor()
    found = await reconciled(vendor)
    assert (found.listed, found.is_whole, found.calls, found.exit_code) == (0, True, 1, 0)


@pytest.mark.parametrize("number", [9, 10, 11, 20])
@on_virtual_time
async def test_every_length_of_list_costs_a_call_for_ten(reconciled, number):
    found = await reconciled(FakeVendor(existing=people(number)))
    assert (found.found, found.is_whole, found.calls) == (number, True, -(-number // 10))


# -- trouble on the way --


@pytest.mark.parametrize(
    "luck",
    [Luck.UNSENT, Luck.LOST_BEFORE, Luck.HTML_BEFORE, Luck.GARBAGE, Luck.BUSY],
)
@on_virtual_time
async def test_a_page_without_a_clear_answer_is_asked_for_again(reconciled, luck):
    vendor = FakeVendor([Luck.FINE] * 7 + [luck, luck], existing=people(200))
    found = await reconciled(vendor)
    assert (found.found, found.is_whole) == (200, True)


@on_virtual_time
async def test_a_refused_account_ends_the_reading_at_once(reconciled):
    vendor = FakeVendor([Luck.FINE] * 30 + [Luck.REFUSED], existing=people(5_000))
    found = await reconciled(vendor)
    assert found.exit_code == 3
    assert len(vendor.requests) <= 31 + PACE.concurrency
    assert found.drift == dict.fromkeys(DriftKind), "nothing is known"


@on_virtual_time
async def test_a_vendor_that_falls_silent_ends_the_reading_and_it_goes_on_there(reconciled, ledger):
    vendor = FakeVendor([Luck.FINE] * 250 + [Luck.LOST_BEFORE] * 500, existing=people(5_000))
    found = await reconciled(vendor)
    assert found.exit_code == 4
    assert "stopped answering" in found.reason or "cannot be used" in found.reason
    vendor.bring(())
    before = len(vendor.requests)
    again = await reconciled(vendor)
    assert (again.found, again.is_whole, again.learned) == (5_000, True, 5_000)
    assert len(vendor.requests) - before <= 500 - 240 + 1, "it began where it had been"


@on_virtual_time
async def test_a_reading_of_another_list_or_of_yesterday_is_not_taken_up(
    reconciled, ledger, monkeypatch
):
    vendor = FakeVendor([Luck.FINE] * 60 + [Luck.LOST_BEFORE] * 500, existing=people(1_000))
    await reconciled(vendor)
    vendor.bring(())
    vendor.vendor.add_sip("newcomer", "x")
    before = len(vendor.requests)
    assert (await reconciled(vendor)).found == 1_001
    assert len(vendor.requests) - before == 101
    vendor.bring([Luck.FINE] * 60 + [Luck.LOST_BEFORE] * 500)
    await reconciled(vendor)
    vendor.bring(())
    with ledger._engine.begin() as connection:
        connection.execute(
            sa.update(listings)
            .where(listings.c.ended_at.is_(None))
            .values(started_at=listings.c.started_at - 4_000)
        )
    before = len(vendor.requests)
    assert (await reconciled(vendor)).found == 1_001
    assert len(vendor.requests) - before == 101


# -- a list that moves --


@on_virtual_time
async def test_a_list_that_grew_while_it_was_read_is_read_again(reconciled):
    vendor = FakeVendor(existing=people(300))
    vendor.before[15] = lambda: vendor.vendor.add_sip("newcomer", "x")
    found = await reconciled(vendor)
    assert (found.listed, found.found, found.is_whole) == (301, 301, True)
    assert found.calls == len(vendor.requests) <= 30 + PACE.concurrency + 31


@on_virtual_time
async def test_a_removal_behind_the_reader_hides_a_name_and_is_noticed(reconciled):
    """All after it move up by one: the first of a page not yet read is on one already read."""
    vendor = FakeVendor(existing=people(300))
    vendor.before[20] = lambda: vendor.vendor.remove_sip("user00005")
    found = await reconciled(vendor)
    assert (found.listed, found.found, found.is_whole) == (299, 299, True)


@on_virtual_time
async def test_a_list_that_keeps_moving_is_read_three_times_and_its_gaps_mean_nothing(
    reconciled,
):
    vendor = FakeVendor(existing=people(200))
    vendor.before = {
        number: lambda number=number: vendor.vendor.add_sip(f"new{number}", "x")
        for number in range(3, 300, 5)
    }
    found = await reconciled(vendor)
    assert not found.is_whole
    assert found.drift[DriftKind.MISSING] is None
    assert found.drift[DriftKind.GONE] is None
    assert found.drift[DriftKind.IN_NO_SOURCE] >= 200
    assert found.exit_code == 1, "what it names is drift all the same"
    assert len(vendor.requests) < 100


@on_virtual_time
async def test_a_list_that_grows_faster_than_it_is_read_is_not_followed_for_ever(reconciled):
    vendor = FakeVendor(existing=people(100))

    class Growing(dict):
        def pop(self, number, default):
            def grow():
                for at in range(12):
                    vendor.vendor.add_sip(f"new{number}-{at}", "x")

            return grow

    vendor.before = Growing()
    found = await reconciled(vendor)
    assert not found.is_whole
    assert len(vendor.requests) < 3 * 60


# -- hostile answers --


class Hostile(FakeVendor):
    """Answers list_sip with whatever a function makes of the page and of the truth."""

    def __init__(self, make, **more):
        super().__init__(**more)
        self._make = make

    def _reply(self, request, luck):
        truth = self._perform(request)
        made = self._make(request.page, truth)
        body = made if isinstance(made, bytes) else json.dumps(made).encode()
        return Reply(sent=True, status=200, body=body)


def _changed(truth, **changes):
    return {**truth, "list": {**truth["list"], **changes}}


def _ignores_the_page(vendor_rows):
    first = [{"username": f"user{n:05}", "password": "p"} for n in range(10)]
    return lambda page, truth: {"code": 200, "list": {"count": vendor_rows, "rows": first}}


HOSTILE = {
    "the first page for ever": (_ignores_the_page(100_000), "page 2 is the same as page 1"),
    "an empty page in the middle": (
        lambda page, truth: _changed(truth, rows=[]) if page == 7 else truth,
        "page 7 is empty",
    ),
    "an empty first page": (
        lambda page, truth: _changed(truth, rows=[]),
        "claims to have 300 endpoints, and page 1 is empty",
    ),
    "more than anybody has": (
        lambda page, truth: _changed(truth, count=10**30),
        "claims to have 1,000,000,",
    ),
    "no count": (lambda page, truth: _changed(truth, count=None), "not of the documented form"),
    "a name twice on a page": (
        lambda page, truth: _changed(truth, rows=truth["list"]["rows"] + truth["list"]["rows"]),
        "names a username twice",
    ),
    "garbage": (lambda page, truth: b"{{{", "not TeleCMI's"),
    "an error in place of a page": (
        lambda page, truth: {"code": "cmi-502"} if page == 7 else truth,
        "a required property is missing",
    ),
}


@pytest.mark.parametrize(("make", "told"), HOSTILE.values(), ids=HOSTILE)
@on_virtual_time
async def test_a_list_that_cannot_be_ends_with_a_clear_error(reconciled, ledger, make, told):
    vendor = Hostile(make, existing=people(300))
    found = await reconciled(vendor)
    assert found.exit_code == 4
    assert told in found.reason
    assert len(vendor.requests) < 60
    assert stored(ledger, endpoints) == 0, "nothing of it is believed"


@on_virtual_time
async def test_pages_that_overlap_never_add_up(reconciled):
    """Every page begins with the last name of the page before."""

    def overlapping(page, truth):
        rows = [
            {"username": f"user{n:05}", "password": "p"} for n in range(9 * page, 9 * page + 10)
        ]
        return {"code": 200, "list": {"count": 200, "rows": rows}}

    vendor = Hostile(overlapping)
    found = await reconciled(vendor)
    assert (found.is_whole, found.found) == (False, 181)
    assert found.exit_code == 1
    assert len(vendor.requests) == 60


@on_virtual_time
async def test_names_of_any_kind_are_kept_as_they_are(reconciled, ledger):
    odd = {"=cmd|x": "a", "Ada": "b", "ada": "c", "пользователь": "d", "a\nb": "\ud800"}
    found = await reconciled(FakeVendor(existing=odd))
    assert (found.found, found.is_whole) == (5, True)
    with ledger._engine.connect() as connection:
        assert set(connection.scalars(sa.select(endpoints.c.username))) == set(odd)


@on_virtual_time
async def test_no_listed_password_can_be_read_in_the_ledgers_files(reconciled, ledger):
    async with broken_off(reconciled, ledger):
        for path in ledger.path.parent.glob("ledger.db*"):
            assert b"password-" not in path.read_bytes()


# -- what is kept of a reading --


@asynccontextmanager
async def broken_off(reconciled, ledger):
    """A reading that was broken off in the middle; its passwords are in the ledger."""
    vendor = FakeVendor([Luck.FINE] * 60 + [Luck.LOST_BEFORE] * 500, existing=people(1_000))
    await reconciled(vendor)
    assert stored(ledger, listed) > 500
    vendor.bring(())
    yield vendor


@on_virtual_time
async def test_forget_erases_what_a_broken_off_reading_holds(reconciled, ledger):
    async with broken_off(reconciled, ledger) as vendor:
        ledger.forget(older_than=0)
        assert stored(ledger, listed) == 0
        assert (await reconciled(vendor)).found == 1_000


@on_virtual_time
async def test_another_key_is_for_a_broken_off_reading_too(reconciled, ledger):
    async with broken_off(reconciled, ledger) as vendor:
        held = stored(ledger, listed)
        assert ledger.rekey() == held
        with Ledger(str(ledger.path)) as again:
            book = again.book(APPID, ACCOUNT.base_url)
            with again._engine.connect() as connection:
                for name, sealed in connection.execute(
                    sa.select(listed.c.username, listed.c.sealed)
                ):
                    assert book.vault.open(name, sealed) == vendor.vendor.endpoints[name]
        assert (await reconciled(vendor)).found == 1_000
