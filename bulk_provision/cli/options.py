"""The flags that several commands share. Every flag has an environment variable of its name."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulk_provision.model import OnExists, Reconcile, WeakPasswords

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.checks import Rules
    from bulk_provision.job import Source
    from bulk_provision.plan import Policy
    from bulk_provision.settings import Settings

_F = TypeVar("_F", bound="Callable[..., Any]")


EPILOG = (
    "Every option has an environment variable: --rate is BULK_PROVISION_RATE, and so on. "
    "Flags go before the environment, the environment before a job file."
)


def setting(*names: str, **kwargs: Any) -> Callable[[_F], _F]:  # noqa: ANN401
    """Return an option that is also a setting: None when it is absent.

    Settings, not click, reads the environment: the job file stands below it.
    """
    return click.option(*names, default=None, **kwargs)


def _together(*decorators: Callable[[_F], _F]) -> Callable[[_F], _F]:
    def decorate(function: _F) -> _F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


source_flags = _together(
    click.argument("source", required=False, metavar="SOURCE"),
    click.option(
        "--job",
        type=click.Path(path_type=Path),
        help="Take settings (and the source) from a TOML file.",
    ),
    setting("--sheet", metavar="NAME", help="Worksheet to read."),
    setting(
        "--map",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="Which column (header or letter) holds username, password, name or email.",
    ),
    setting("--encoding", metavar="NAME", help="Of a text file, such as windows-1250."),
    setting(
        "--source-password-env",
        metavar="NAME",
        help="Environment variable with a protected workbook's password.",
    ),
    setting(
        "--allow-username",
        metavar="CHARACTERS",
        help="Further characters that usernames may have.",
    ),
    setting(
        "--weak-passwords",
        type=click.Choice([choice.value for choice in WeakPasswords]),
        help="Refuse, warn of (default) or allow weak passwords.",
    ),
)

account_flags = _together(
    setting("--appid", type=int, metavar="N", help="App id of the TeleCMI account."),
    setting(
        "--secret-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File with the account's secret (or set BULK_PROVISION_SECRET).",
    ),
    setting("--secret-env", metavar="NAME", help="Environment variable that holds it."),
    setting("--secret-command", metavar="COMMAND", help="Command that prints it."),
    setting("--account", metavar="NAME", help="An account of the job or the accounts file."),
    setting(
        "--accounts-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="TOML file with accounts by name.",
    ),
    setting("--base-url", metavar="URL", help="Where the vendor's calls are."),
    setting("--allow-insecure", is_flag=True, help="Allow http:// beyond this machine."),
)

ledger_flag = setting("--ledger", metavar="URL", help="Ledger: a path or sqlite:///PATH.")

pace_flags = _together(
    setting("--rate", type=float, metavar="N", help="Calls a second (default 10; 0: no limit)."),
    setting("--concurrency", type=int, metavar="N", help="Calls under way at once (default 10)."),
    setting("--attempts", type=int, metavar="N", help="Tries of an unclear call (default 5)."),
    setting("--timeout", type=float, metavar="SECONDS", help="For an answer (default 30)."),
    setting("--settle", type=float, metavar="SECONDS", help="Before the last read-back (5)."),
    setting(
        "--patience", type=float, metavar="SECONDS", help="Without a good answer (default 120)."
    ),
)

protect_flags = _together(
    setting("--protect", is_flag=True, help="Encrypt the workbook; asks for a password."),
    setting(
        "--protect-password-env",
        metavar="NAME",
        help="Environment variable that holds the password (then --protect may be left away).",
    ),
    setting(
        "--protect-password-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File whose first line is the password.",
    ),
)

policy_flags = _together(
    setting(
        "--on-exists",
        type=click.Choice([choice.value for choice in OnExists]),
        help="Usernames that exist: skip them (default), compare or reset passwords.",
    ),
    setting(
        "--recheck",
        is_flag=True,
        help="Ask the vendor again about what the ledger remembers.",
    ),
    setting(
        "--reconcile",
        type=click.Choice([choice.value for choice in Reconcile]),
        help="Read the vendor's list first: auto (default; when that saves calls), always, never.",
    ),
    setting(
        "--password-length", type=int, metavar="N", help="Of generated passwords (default 20)."
    ),
    setting("--password-alphabet", metavar="CHARACTERS", help="Of generated passwords."),
)


def settings_of(job: Path | None, **flags: Any) -> Settings:  # noqa: ANN401  (click's values)
    """Return the settings that flags, environment and job file make.

    Raises:
        UsageError: something does not make sense.
    """
    from bulk_provision.settings import load_settings

    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    return load_settings(given, job)


def policy_of(settings: Settings) -> Policy:
    """Return what settings say about existing usernames and generated passwords."""
    from bulk_provision.passwords import Recipe
    from bulk_provision.plan import Policy

    recipe = Recipe(length=settings.password_length)
    if settings.password_alphabet is not None:
        recipe = replace(recipe, alphabet=settings.password_alphabet)
    return Policy(settings.on_exists, settings.recheck, recipe, settings.reconcile)


def rules_of(settings: Settings) -> Rules:
    """Return what settings say about the checks before any call."""
    from bulk_provision.checks import Rules

    return Rules(allow_username=settings.allow_username, weak_passwords=settings.weak_passwords)


def source_of(settings: Settings) -> Source:
    """Return the input that settings name.

    Raises:
        UsageError: they name none, or an environment variable without the workbook's password.
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.job import Source
    from bulk_provision.settings import source_password

    if settings.source is None:
        raise UsageError("What shall be read? The source is missing.", "Name a file, or - .")
    return Source(
        settings.source,
        sheet=settings.sheet,
        mapping=settings.map,
        encoding=settings.encoding,
        password=source_password(settings),
        stdin=sys.stdin.buffer,
    )
