"""The flags that several commands share. Every flag has an environment variable of its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulk_provision.model import OnExists, Reconcile, WeakPasswords

if TYPE_CHECKING:
    from collections.abc import Callable

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


reading_flags = _together(
    setting("--sheet", metavar="NAME", help="Worksheet to read."),
    setting("--encoding", metavar="NAME", help="Of a text file, such as windows-1250."),
    setting(
        "--source-password-env",
        metavar="NAME",
        help="Environment variable with a protected workbook's password.",
    ),
)

export_flags = _together(
    setting(
        "--from",
        "from_",
        metavar="SYSTEM",
        help="Whose export it is: freepbx, 3cx, … or auto; table: nobody's.",
    ),
    setting(
        "--include",
        type=click.Choice(["disabled"]),
        help="Of an export, take disabled users, too.",
    ),
)

source_flags = _together(
    click.argument("source", required=False, metavar="SOURCE"),
    click.option(
        "--job",
        type=click.Path(path_type=Path),
        help="Take settings (and the source) from a TOML file.",
    ),
    setting(
        "--pick",
        type=click.Choice(["newest", "all"]),
        help="Of the files that a pattern matches (default newest).",
    ),
    reading_flags,
    export_flags,
    setting(
        "--generate-passwords",
        is_flag=True,
        help="New passwords where an export has none to use.",
    ),
    setting(
        "--map",
        multiple=True,
        metavar="FIELD=COLUMN",
        help="Which column (header or letter) holds username, password, name or email.",
    ),
    setting(
        "--allow-username",
        metavar="CHARACTERS",
        help="Further characters that usernames may have.",
    ),
    setting(
        "--weak-passwords",
        type=click.Choice([choice.value for choice in WeakPasswords]),
        help="Refuse, warn of (default) or allow weak passwords, or replace them by new ones.",
    ),
    setting(
        "--where",
        metavar="EXPRESSION",
        help="Take the rows that match alone, such as 'department == \"Sales\"'.",
    ),
    setting(
        "--names",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Table with the columns old and new: usernames that are decided.",
    ),
    setting(
        "--username-template",
        metavar="TEMPLATE",
        help="Make usernames of columns, such as '{username}-{domain}'.",
    ),
    setting("--prefix", metavar="TEXT", help="In front of usernames."),
    setting("--lower", is_flag=True, help="Put usernames into lower case."),
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
    setting(
        "--account-column",
        metavar="COLUMN",
        help="Header of the column that names each row's account.",
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

caution_flags = _together(
    setting(
        "--plan",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The approved plan (of `plan -o`): refuse anything else.",
    ),
    setting("--limit", type=int, metavar="N", help="Do N rows that need calls; later ones wait."),
    setting("--canary", type=int, metavar="N", help="Create N first; go on if all read back."),
    setting(
        "--stop-if-new", metavar="LIMIT", help="Call nothing if more are new: 50, or 5% of rows."
    ),
    setting("--stop-if-invalid", metavar="LIMIT", help="... if more rows are invalid."),
    setting("--stop-if-vanished", metavar="LIMIT", help="... if more are gone since last time."),
    setting("--ignore-limits", is_flag=True, help="Let these limits pass, this once."),
    setting(
        "--deadline",
        metavar="WHEN",
        help="Send nothing more after this: 06:00, 3h, 90m.",
    ),
    setting("--wait", type=float, metavar="SECONDS", help="If another run holds the account."),
)

results_flags = _together(
    setting("-o", "--output", metavar="FILE", help="Results workbook."),
    setting(
        "--results-folder",
        type=click.Path(path_type=Path),
        metavar="FOLDER",
        help="Put the results here, named after source and time.",
    ),
    setting(
        "--results-rows",
        type=click.Choice(["all", "changed"]),
        help="changed: without rows that are as before.",
    ),
    setting("--csv", is_flag=True, help="Write four CSV files instead of a workbook."),
    setting("--annotate", is_flag=True, help="Write SOURCE too, with outcomes beside its rows."),
)

log_flag = setting(
    "--log-folder",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write a file of JSON lines for each run.",
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

watch_flags = _together(
    setting(
        "--report",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="JSON file about how it ended.",
    ),
    setting(
        "--metrics",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Prometheus textfile (.prom) about how it ended.",
    ),
    setting("--healthcheck", metavar="URL", help="Pinged on start, success and failure."),
    setting(
        "--notify-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File with Apprise addresses, one a line: who is told.",
    ),
    setting(
        "--notify-when",
        type=click.Choice(["change", "created", "always", "never"]),
        help="When the state changes or somebody should act (default), also when endpoints were "
        "created, always, or never.",
    ),
)


def settings_of(job: Path | None, **flags: Any) -> Settings:  # noqa: ANN401  (click's values)
    """Return the settings that flags, environment and job file make.

    Raises:
        UsageError: something does not make sense.
    """
    from bulk_provision.settings import load_settings

    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    return load_settings(given, job)
