"""The four ways put together: flags before the environment before the job file before defaults."""

from __future__ import annotations

import difflib
import os
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from bulk_provision.errors import UsageError
from bulk_provision.settings.accounts import AccountEntry
from bulk_provision.settings.fields import ENV_PREFIX, Settings
from bulk_provision.settings.job_file import JobFile, line_of, read_accounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

_SECRET_WAYS = ("secret", "secret_env", "secret_file", "secret_command")
_PASSWORD_WAYS = ("protect_password_env", "protect_password_file")
_NOTIFY_WAYS = ("notify_env", "notify_file", "notify_command")
_FLAGS_ALONE = {"ignore_limits"}  # what is meant for one run must not stand in a file


def load_settings(flags: Mapping[str, Any], job_file: Path | None = None) -> Settings:
    """Read settings from flags, environment and job file.

    Args:
        flags: the flags that were given; absent ones are not in it.
        job_file: a TOML file with the same names; its relative paths are relative to its folder.

    Raises:
        UsageError: a value is wrong, or a job file cannot be read; says which and where.
    """
    job = JobFile() if job_file is None else JobFile.read(job_file)
    loaded = type("LoadedSettings", (Settings,), {"job": job.values, "__module__": __name__})
    try:
        settings = loaded(**flags)
    except ValidationError as problem:
        told = [_told(error, flags, job) for error in problem.errors()]
        cure = (
            f"bulk-provision job check {job_file} looks at all of it; docs/settings.md has every "
            "key."
            if job_file
            else "See bulk-provision run --help"
        )
        raise UsageError("\n".join(dict.fromkeys(told)), cure) from None
    assert isinstance(settings, Settings)
    _refuse_in_file(job)
    ways = _Ways(flags, job)
    ways.choose(settings, _SECRET_WAYS, "the account's secret", weakest="secret")
    ways.choose(settings, _NOTIFY_WAYS, "where to notify")
    ways.choose(settings, ("healthcheck", "healthcheck_file"), "what is pinged")
    ways.choose(settings, ("output", "results_folder"), "where the results go")
    _choose_password_source(settings, ways)
    _choose_account(settings, ways)
    _add_accounts(settings)
    return settings


class _Ways:
    """Which way a setting came: 0 a flag, 1 the environment, 2 the job file, 3 not at all."""

    def __init__(self, flags: Mapping[str, Any], job: JobFile) -> None:
        self._flags = flags
        self._job = job

    def place(self, name: str) -> int:
        if name in self._flags:
            return 0
        if _is_in_environment(name):
            return 1
        return 2 if name in self._job.values else 3

    def choose(
        self, settings: Settings, names: Sequence[str], what: str, *, weakest: str = ""
    ) -> None:
        """Of settings that say the same in several manners, keep the one that goes first.

        Raises:
            UsageError: two come the same way, and neither is the weakest.
        """
        given = [name for name in names if getattr(settings, name) is not None]
        first = min(map(self.place, given), default=3)
        kept = [name for name in given if self.place(name) == first]
        if len(kept) > 1:
            kept = [name for name in kept if name != weakest]
        if len(kept) > 1:
            raise UsageError(
                f"{' and '.join(kept)} both say {what}.", f"Leave one of {' and '.join(kept)} away."
            )
        for name in set(given).difference(kept):
            setattr(settings, name, None)


def _refuse_in_file(job: JobFile) -> None:
    for name in _FLAGS_ALONE & job.values.keys():
        raise UsageError(
            f"{job.where(name)}: {name} is meant for one run.",
            f"Give it as a flag when it is needed: --{name.replace('_', '-')}",
        )


def _choose_password_source(settings: Settings, ways: _Ways) -> None:
    """Let the way that goes first decide where the results' password comes from, if anywhere."""
    given = [name for name in _PASSWORD_WAYS if getattr(settings, name) is not None]
    first = min(map(ways.place, given), default=2)
    kept = [name for name in given if ways.place(name) == first]
    if len(kept) > 1:
        raise UsageError(
            "The password for the results is to come from a variable and from a file.",
            "Leave one of protect_password_env and protect_password_file away.",
        )
    for name in set(given).difference(kept):
        setattr(settings, name, None)
    # Who names a password wants it used, unless protection is put out in the same way or a firmer.
    if settings.protect is None or (kept and first < min(ways.place("protect"), 2)):
        settings.protect = bool(kept)


def _choose_account(settings: Settings, ways: _Ways) -> None:
    """An account is named, or described by app id and secret: the way that goes first decides."""
    if settings.account is None or settings.appid is None:
        return
    by_name, by_number = ways.place("account"), ways.place("appid")
    if by_name == by_number:
        raise UsageError(
            "account and appid both say which account is meant.",
            "Leave one of account and appid away.",
        )
    if by_name < by_number:
        settings.appid = None
    else:
        settings.account = None


def _add_accounts(settings: Settings) -> None:
    """Add the accounts file's accounts; the job's own ones of the same name go before them."""
    if settings.accounts_file is None and not (settings.account or settings.account_column):
        return
    found = read_accounts(settings.accounts_file)
    if found is None:
        return
    path, text, tables = found
    entries = {name: table for name, table in tables.items() if name not in settings.accounts}
    try:
        known = TypeAdapter(dict[str, AccountEntry]).validate_python(entries)
    except ValidationError as problem:
        told = []
        for error in problem.errors():
            keys = ("accounts", *map(str, error["loc"]))
            line = line_of(text, *keys) or line_of(text, *keys[:-1])
            told.append(f"{path}:{line}: {'.'.join(keys)}: {_message(error, AccountEntry)}")
        raise UsageError("\n".join(told)) from None
    settings.accounts = {**known, **settings.accounts}


def _told(error: ErrorDetails, flags: Mapping[str, Any], job: JobFile) -> str:
    """Say which setting is wrong, by the name under which it was given, and where."""
    message = _message(error, Settings if len(error["loc"]) < 2 else AccountEntry)
    if not error["loc"]:  # it is about several settings together
        return f"{job.path}: {message}" if job.path else message
    keys = [str(part) for part in error["loc"]]
    name = keys[0].removeprefix(ENV_PREFIX).lower().rstrip("_")
    fields = {name, f"{name}_"}  # the field of "json" is "json_"
    if fields & flags.keys():
        return f"--{name.replace('_', '-')}: {message}"
    if fields & job.values.keys() and not _is_in_environment(name):
        inner = [key for key in keys[1:] if key != "[key]"]
        where = job.where(name, *inner) if line_of(job.text, name, *inner) else job.where(name)
        if error["type"] == "missing":
            where = job.where(name, *inner[:-1])
        return f"{where}: {'.'.join([name, *inner])}: {message}"
    return f"{ENV_PREFIX}{name.upper()}: {message}"


def _message(error: ErrorDetails, model: type[Settings | AccountEntry]) -> str:
    """Return the reason as a sentence."""
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])
        near = difflib.get_close_matches(name, model.model_fields, n=1)
        return "there is no such key" + (f"; did you mean {near[0]}?" if near else ".")
    if error["type"] == "missing":
        return "it is missing."
    return error["msg"].removeprefix("Value error, ") + "."


def _is_in_environment(name: str) -> bool:
    return f"{ENV_PREFIX}{name}".upper() in map(str.upper, os.environ)
