"""Who is told how a job ended: the addresses of notices, and the healthcheck's host."""

from __future__ import annotations

import importlib.util
import warnings
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulk_provision.doctor import network
from bulk_provision.doctor.results import Health, Result
from bulk_provision.setting_up import secrets_needed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings import Settings

_TEST = "A test notice of bulk-provision doctor: nothing has happened."
_WITHOUT = "Install it: pip install 'bulk-provision[notify]'"


def notices(settings: Settings, *, send: bool) -> Iterator[Result]:
    """See that every address is one; an address is never shown, for it may hold a password.

    Args:
        settings: that say where the addresses are.
        send: send a test notice to each.
    """
    addresses = _addresses(settings)
    if addresses is None:
        yield Result("notices", Health.OK, "nobody is to be told")
        return
    if importlib.util.find_spec("apprise") is None:
        yield Result("notices", Health.FAILED, "Apprise is not installed.", _WITHOUT)
        return
    for number, address in addresses:
        yield _notice(number, address, send=send)
    if not addresses:
        yield Result("notices", Health.FAILED, "there are no addresses.", "Write one a line.")


def _addresses(settings: Settings) -> list[tuple[int, str]] | None:
    """Return the addresses with their lines; None when none are named."""
    for needed in secrets_needed(settings):
        if needed.key.startswith("notify_"):
            lines = enumerate(needed.reference.read().reveal().splitlines(), 1)
            stripped = ((number, line.strip()) for number, line in lines)
            return [(number, line) for number, line in stripped if line and line[0] != "#"]
    return None


def _notice(number: int, address: str, *, send: bool) -> Result:
    with warnings.catch_warnings():  # Apprise's plugins import what later Pythons do not have
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise  # noqa: PLC0415  (an extra, and slow to import)

        notifier = apprise.Apprise()
        if not notifier.add(address):
            what = f"line {number} of the addresses is none that Apprise knows."
            cure = "See https://github.com/caronc/apprise/wiki for how each is written."
            return Result("notices", Health.FAILED, what, cure)
        kind = notifier[0].service_name
        if not send:
            return Result("notices", Health.OK, f"line {number}: {kind}; nothing was sent")
        if notifier.notify(title="bulk-provision", body=_TEST):
            return Result("notices", Health.OK, f"line {number}: {kind}; a test notice was sent")
    what = f"line {number}: {kind} did not take the test notice."
    return Result("notices", Health.FAILED, what, "Check the address, and the way to its host.")


def healthcheck(settings: Settings) -> Iterator[Result]:
    """See that the healthcheck's host is known; it is not pinged, which would change its state."""
    address = settings.healthcheck
    for needed in secrets_needed(settings):
        if needed.key == "healthcheck_file":
            address = needed.reference.read().reveal()
    if address is None:
        return
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        what = "what is to be pinged is no http address."
        yield Result("healthcheck", Health.FAILED, what, "Write https://…")
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    yield from network.name(parts.hostname, port, "healthcheck")
