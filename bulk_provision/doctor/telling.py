"""Who is told how a job ended: the addresses of notices, and the healthcheck's host."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulk_provision.doctor import network
from bulk_provision.doctor.results import Health, Result
from bulk_provision.setting_up import secrets_needed
from bulk_provision.watch.addresses import Addresses
from bulk_provision.watch.message import Message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings import Settings

_TEST = "A test notice of bulk-provision doctor: nothing has happened."


def notices(settings: Settings, *, send: bool) -> Iterator[Result]:
    """See that every address is one; an address is never shown, for it may hold a password.

    Args:
        settings: that say where the addresses are.
        send: send a test notice to each.

    Raises:
        UsageError: they cannot be read, or one makes no sense, or Apprise is not installed.
    """
    addresses = Addresses.of(settings)
    if addresses is None:
        yield Result("notices", Health.OK, "nobody is to be told")
        return
    if not send:
        yield Result("notices", Health.OK, f"{addresses.count} in order; nothing was sent")
        return
    failed: list[Result] = []

    def tell(_event: str, *, address: str, why: str) -> None:
        what = f"{address} did not take the test notice: {why}"
        failed.append(Result("notices", Health.FAILED, what, "Check it, and the way to its host."))

    addresses.send(Message("bulk-provision", _TEST, "info"), tell)
    yield from failed
    if taken := addresses.count - len(failed):
        yield Result("notices", Health.OK, f"a test notice was taken by {taken}")


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
