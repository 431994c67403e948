"""The ledger: modes, schema, key; the job's last run, and whether it is running now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bulk_provision.doctor.files import private
from bulk_provision.doctor.results import Health, Result
from bulk_provision.job import LedgerPlace
from bulk_provision.ledger import HEAD, ledger_path, stored_version
from bulk_provision.model import ExitCode
from bulk_provision.setting_up import served_names
from bulk_provision.settings import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.ledger import Ledger
    from bulk_provision.model import RunRecord
    from bulk_provision.settings import Settings

_FINE = (None, ExitCode.DONE, ExitCode.SOME_ROWS, ExitCode.DEADLINE)


def is_usable(settings: Settings) -> bool:
    """Tell whether there is a ledger that can be opened without changing it."""
    path = ledger_path(settings.ledger)
    return path.exists() and stored_version(path) == HEAD


def ledger(settings: Settings) -> Iterator[Result]:
    """Open the ledger, if there is one: looking must not make one that is this user's."""
    path = ledger_path(settings.ledger)
    if not path.exists():
        yield Result("ledger", Health.OK, f"{path}: there is none yet, the first run makes it")
        return
    yield from private("ledger", path)
    key_file = path.with_name(f"{path.name}.key")
    if settings.key is None and key_file.exists():
        yield from private("key", key_file)
    version = stored_version(path)
    if version != HEAD:
        what = f"{path}: schema {version or 'none yet'}; the next run brings it to {HEAD}"
        if version is not None and version > HEAD:
            what = f"{path} was made by a newer version of bulk-provision (schema {version})."
            yield Result("ledger", Health.FAILED, what, "Update bulk-provision on this machine.")
        else:
            yield Result("ledger", Health.OK, what)
        return
    with LedgerPlace.of(settings).open() as opened:
        yield Result("ledger", Health.OK, f"{path}: schema {version}, and its key fits")
        yield from _last_run(settings, opened)
        yield from _running(settings, opened)


def _last_run(settings: Settings, opened: Ledger) -> Iterator[Result]:
    if not settings.name:  # no job
        return
    if (record := opened.last_run(settings.name)) is None:
        yield Result("last run", Health.OK, "it has not run yet")
    else:
        yield _told(record)


def _told(record: RunRecord) -> Result:
    began = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.started_at))
    what = f"run {record.run_id} of {began} UTC: {record.state}"
    if record.exit_code is not None:
        what += f", exit code {record.exit_code}"
    if record.reason:
        what += f", {record.reason}"
    if record.exit_code in _FINE:
        return Result("last run", Health.OK, what)
    cure = f"bulk-provision show {record.run_id}; docs/exit-codes.md says what to do."
    return Result("last run", Health.WARNING, f"{what}.", cure)


def _running(settings: Settings, opened: Ledger) -> Iterator[Result]:
    for name in served_names(settings):
        appid, base_url = address_of(settings, name)
        book = opened.known_book(appid, base_url)
        holder = None if book is None else book.holder()
        what = f"nobody calls for {appid}" if holder is None else f"{holder} calls for {appid}"
        yield Result("running", Health.OK, f"{what} now")
