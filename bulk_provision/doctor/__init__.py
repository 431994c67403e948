"""The doctor: looks at everything that a job needs, as the job would find it, and changes nothing.

files      the user, the secrets, the folders and the disk
source     is it there, is there a table of users in it
ledger     modes, schema, key; the last run, and whether it is running now
network    the vendor's name, connections, TLS, and the clock
account    a harmless call
telling    notices and the healthcheck
results    what was found, in bounded time
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bulk_provision.doctor import account, files, ledger, network, source, telling
from bulk_provision.doctor.results import Health, Result, in_time, in_time_too
from bulk_provision.errors import ProvisionError
from bulk_provision.job import LedgerPlace
from bulk_provision.setting_up import secrets_needed, served_names
from bulk_provision.settings import account_of, address_of, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bulk_provision.settings import Served, Settings

__all__ = ["Health", "Result", "examined"]


async def examined(settings: Settings, *, send_test: bool = False) -> AsyncIterator[Result]:
    """Yield what each look found; each takes 10 s at most.

    Args:
        settings: of the job.
        send_test: send a test notice to everybody who is told.
    """
    yield Result("settings", Health.OK, "they make sense")
    for result in await in_time("user", files.user):
        yield result
    if settings.secret is not None and None in served_names(settings):
        yield Result("secret", Health.OK, "BULK_PROVISION_SECRET holds the account's secret")
    for needed in secrets_needed(settings):
        for result in await in_time("secret", partial(files.secret, needed)):
            yield result
    for label, look in (
        ("source", lambda: source.source(settings)),
        ("ledger", lambda: ledger.ledger(settings)),
        ("folder", lambda: files.folders(settings)),
        ("space", lambda: files.space(settings)),
    ):
        for result in await in_time(label, look):
            yield result
    async for result in _vendor(settings):
        yield result
    for label, look in (
        ("notices", lambda: telling.notices(settings, send=send_test)),
        ("healthcheck", lambda: telling.healthcheck(settings)),
    ):
        for result in await in_time(label, look):
            yield result


async def _vendor(settings: Settings) -> AsyncIterator[Result]:
    """Look at the way to each vendor's host, and make a call for each account that has one."""
    reached: dict[network.Place, bool] = {}
    for name in served_names(settings):
        try:
            where = network.Place.of(address_of(settings, name)[1])
        except ProvisionError as problem:
            yield Result("account", Health.FAILED, problem.what, problem.cure)
            continue
        if where not in reached:
            found = await network.way_to(where)
            reached[where] = all(result.health is not Health.FAILED for result in found)
            for result in found:
                yield result
        if not reached[where]:
            yield Result(f"account {name or ''}".strip(), Health.SKIPPED, "there is no way to it")
            continue
        for result in await _call(settings, name):
            yield result


async def _call(settings: Settings, name: str | None) -> list[Result]:
    label = f"account {name or ''}".strip()
    known: list[Served] = []

    def described() -> list[Result]:
        known.append(account_of(settings, None) if name is None else served(settings, name))
        return []

    if trouble := await in_time(label, described):
        return trouble
    place = LedgerPlace.of(settings)
    usable: list[bool] = []

    def look_at_ledger() -> list[Result]:
        usable.append(ledger.is_usable(settings))
        return []

    await in_time(label, look_at_ledger)
    return await in_time_too(label, account.call(known[0], place if usable == [True] else None))
