"""Accounts by name, and which one (or which ones) a run is for."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from bulk_provision.errors import UsageError
from bulk_provision.model import Account, Pace, Secret
from bulk_provision.settings.secrets import Reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.settings.fields import Settings

DEFAULT_BASE_URL = "https://piopiy.telecmi.com/v1/endpoint"


def _only_safe_addresses(value: str, info: ValidationInfo) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError("write an address such as " + DEFAULT_BASE_URL)
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("an address has no user, no ? and no # here")
    if parts.scheme == "http" and not (
        info.data.get("allow_insecure") or _is_loopback(parts.hostname)
    ):
        raise ValueError(
            "it is http://, so passwords would travel unencrypted; use https:// "
            "(or --allow-insecure, if you really mean it)"
        )
    return value.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


BaseUrl = Annotated[str, AfterValidator(_only_safe_addresses)]


class AccountEntry(BaseModel):
    """An account as a job file or an accounts file describes it; its secret is a reference."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    appid: int = Field(ge=0, lt=2**63)
    secret_env: str | None = None
    secret_file: Path | None = None
    secret_command: str | None = None
    allow_insecure: bool = False  # before base_url, whose check needs it
    base_url: BaseUrl = DEFAULT_BASE_URL
    rate: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    concurrency: int | None = Field(default=None, ge=1, le=2000)

    def secret(self, name: str) -> Reference:
        """Return where its secret is; raises UsageError when that is not said."""
        what = f"the secret of account {name!r}"
        found = Reference.one_of(
            what, env=self.secret_env, file=self.secret_file, command=self.secret_command
        )
        if found is None:
            raise UsageError(
                f"Where to find {what} is not said.", "Name a file, variable or command."
            )
        return found

    def account(self, name: str) -> Account:
        """Return it as an account to call for; raises UsageError when its secret is not there."""
        return Account(self.appid, self.secret(name).read(), self.base_url)


class Served(NamedTuple):
    """An account that a run is for.

    Args:
        name: in the file that describes it; "" when it is described by appid and secret alone.
        account: who calls, and where.
        pace: how fast.
    """

    name: str
    account: Account
    pace: Pace


def account_of(settings: Settings, ask: Callable[[], str] | None) -> Served:
    """Return the account that settings name.

    Args:
        settings: with an account's name, or with appid and a secret (or where it is).
        ask: prompts for the secret; None when there is nobody to ask.

    Raises:
        UsageError: the account or its secret is missing, or the secret cannot be read.
    """
    if settings.account is not None:
        return served(settings, settings.account)
    secret = _own_secret(settings)
    if settings.appid is None:
        raise UsageError(
            "The app id of the TeleCMI account is missing.",
            "Give --appid N, or set BULK_PROVISION_APPID, or name an account with --account.",
        )
    if secret is None and ask is not None:
        secret = Secret(ask())
    if secret is None or not secret.reveal():
        raise UsageError(
            "The secret of the TeleCMI account is missing.",
            "Set BULK_PROVISION_SECRET, or give --secret-file FILE (never the secret itself as a "
            "flag: other users of the machine could see it).",
        )
    return Served("", Account(settings.appid, secret, settings.base_url), settings.pace())


def names_of(settings: Settings) -> frozenset[str]:
    """Return the name of every account that the settings describe, for a source with many.

    Raises:
        UsageError: there is none.
    """
    if not settings.accounts:
        raise UsageError(
            "The source's rows name accounts, but none is described.",
            "Describe each in a table [accounts.NAME] of the job file, or in an accounts file.",
        )
    return frozenset(settings.accounts)


def unserved(settings: Settings, name: str | None = None) -> Served:
    """Return an account (the settings' own one) without its secret: for what calls nothing.

    Raises:
        UsageError: they name none.
    """
    name = settings.account if name is None else name
    appid, base_url = address_of(settings, name)
    return Served(name or "", Account(appid, Secret(""), base_url), pace_of(settings, name))


def address_of(settings: Settings, name: str | None = None) -> tuple[int, str]:
    """Return app id and base URL of an account (the settings' own one), without its secret.

    Raises:
        UsageError: they name none.
    """
    name = settings.account if name is None else name
    if name is not None:
        entry = _entry(settings, name)
        return entry.appid, entry.base_url
    if settings.appid is None:
        raise UsageError(
            "The app id of the TeleCMI account is missing.", "Give --appid N, or --account NAME."
        )
    return settings.appid, settings.base_url


def _entry(settings: Settings, name: str) -> AccountEntry:
    if name not in settings.accounts:
        known = ", ".join(sorted(settings.accounts)) or "none"
        raise UsageError(
            f"There is no account {name!r}; described are: {known}.",
            f"Describe it in a table [accounts.{name}] of the job file, or of the accounts file.",
        )
    return settings.accounts[name]


def pace_of(settings: Settings, name: str | None) -> Pace:
    """Return how fast to call for an account: what a run is told goes before the account's own."""
    pace = settings.pace()
    if name is None:
        return pace
    entry, told = _entry(settings, name), settings.model_fields_set
    if entry.rate is not None and "rate" not in told:
        pace = replace(pace, rate=entry.rate or None)
    if entry.concurrency is not None and "concurrency" not in told:
        pace = replace(pace, concurrency=entry.concurrency)
    return pace


def served(settings: Settings, name: str) -> Served:
    """Return an account by its name; raises UsageError as `account_of` does."""
    entry = _entry(settings, name)
    return Served(name, entry.account(name), pace_of(settings, name))


def _own_secret(settings: Settings) -> Secret | None:
    reference = Reference.one_of(
        "the account's secret",
        env=settings.secret_env,
        file=settings.secret_file,
        command=settings.secret_command,
    )
    if reference is not None:
        return reference.read()
    return Secret(settings.secret.get_secret_value()) if settings.secret else None
