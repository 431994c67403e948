"""A harmless call for the account: the first page of its list of endpoints."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bulk_provision.doctor.results import PATIENCE, Health, Result
from bulk_provision.errors import AccountBusyError, LedgerError
from bulk_provision.piopiy import Kind, Request, Verdict, judge
from bulk_provision.piopiy.calls import Call
from bulk_provision.piopiy.sender import LocalSender

if TYPE_CHECKING:
    from bulk_provision.job import LedgerPlace
    from bulk_provision.ledger import Lease
    from bulk_provision.settings import Served

_MARGIN = 2.0  # seconds of PATIENCE that are left for the ledger


async def call(served: Served, place: LedgerPlace | None) -> list[Result]:
    """List the account's endpoints, first page: nothing is changed, and nothing of it is kept.

    Where a ledger knows the account, the call is made under the account's lease, and the next run
    waits out its pace: so it costs no more than a moment. While a run holds the account, nothing is
    called: the run itself does.

    Args:
        served: the account.
        place: the ledger; None when there is none, or when it cannot be used.
    """
    label = f"account {served.name or served.account.appid}"
    if place is None:
        return [await _called(label, served)]
    try:
        with await asyncio.to_thread(place.open) as opened:
            account = served.account
            book = await asyncio.to_thread(opened.known_book, account.appid, account.base_url)
            if book is None:
                return [await _called(label, served)]
            with book.lease(wait=0) as lease:
                return [await _called_at_its_turn(label, served, lease)]
    except AccountBusyError as problem:
        return [Result(label, Health.SKIPPED, problem.what)]
    except LedgerError as problem:  # was told under its own name
        return [Result(label, Health.SKIPPED, problem.what)]


async def _called_at_its_turn(label: str, served: Served, lease: Lease) -> Result:
    lease.owed = lambda: lease.held_back  # what is not waited out here is left for the next run
    if lease.held_back > PATIENCE / 2:
        what = f"the vendor asked for a pause, {lease.held_back:.0f} s of it are left"
        return Result(label, Health.SKIPPED, what)
    await asyncio.sleep(lease.held_back)
    lease.owed = lambda: 1 / served.pace.rate if served.pace.rate else 0.0
    return await _called(label, served)


async def _called(label: str, served: Served) -> Result:
    request = Request(Call.LIST, page=1)
    seconds = PATIENCE / 2 - _MARGIN / 2
    began = time.monotonic()
    async with LocalSender(served.account, timeout=seconds, connect_timeout=seconds) as sender:
        reply = await sender.send(request, _at_once)
    return _told(label, served, judge(request, reply), time.monotonic() - began)


async def _at_once() -> None:
    """Nobody else calls for the account now."""


def _told(label: str, served: Served, verdict: Verdict, seconds: float) -> Result:
    appid = served.account.appid
    if verdict.kind is Kind.DONE:
        return Result(label, Health.OK, f"the vendor knows {appid} (list_sip, {seconds:.2f} s)")
    if verdict.kind is Kind.ACCOUNT_REFUSED:
        what = f"the vendor does not accept app id {appid} with this secret (420)."
        return Result(label, Health.FAILED, what, "Correct one of the two.")
    if verdict.kind is Kind.BUSY:
        what = "the vendor asks for fewer calls (429)."
        return Result(label, Health.WARNING, what, "Lower the rate, or see who else calls.")
    if verdict.kind is Kind.ASTRAY:
        return Result(label, Health.FAILED, f"{verdict.detail}.", "Correct base_url.")
    what = f"list_sip: {verdict.detail or verdict.kind}."
    return Result(label, Health.FAILED, what, "Try again; the vendor may be at work on it.")
