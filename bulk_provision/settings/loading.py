"""The four ways put together: flags before the environment before the job file before defaults."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_settings import SettingsError

from bulk_provision.errors import UsageError
from bulk_provision.settings.accounts import AccountEntry
from bulk_provision.settings.contradictions import contradictions
from bulk_provision.settings.fields import ENV_PREFIX, Settings
from bulk_provision.settings.findings import Finding
from bulk_provision.settings.job_file import JobFile, line_of, read_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pydantic_core import ErrorDetails

_SECRET_WAYS = ("secret", "secret_env", "secret_file", "secret_command")
_PASSWORD_WAYS = ("protect_password_env", "protect_password_file")
_HEALTHCHECK_WAYS = ("healthcheck", "healthcheck_file")
_NOTIFY_WAYS = ("notify_env", "notify_file", "notify_command")
_SECRETS = {"secret": "secret_file", "key": None}  # and what may stand in a file instead
_FLAGS_ALONE = {"ignore_limits"}  # what is meant for one run must not stand in a file


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

    def placed(self, finding: Finding) -> Finding:
        """Add where its setting was given."""
        name = finding.key.partition(".")[0]
        places = (f"--{name.replace('_', '-')}", f"{ENV_PREFIX}{name.upper()}")
        place = self.place(name)
        if place < 2:
            return finding._replace(where=places[place])
        if self._job.path is None:
            return finding
        return finding._replace(where=self._job.where(*finding.key.split(".")))

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


@dataclass(slots=True)
class Loaded:
    """Settings, and everything that is wrong with them.

    Args:
        job: the job file, if there is one.
        settings: without the values that are wrong; None when there is nothing to go on with.
        findings: what is wrong.
        ways: in which each setting came.
    """

    job: JobFile = field(default_factory=JobFile)
    settings: Settings | None = None
    findings: list[Finding] = field(default_factory=list)
    ways: _Ways | None = None


def load_settings(flags: Mapping[str, Any], job_file: Path | None = None) -> Settings:
    """Read settings from flags, environment and job file.

    Args:
        flags: the flags that were given; absent ones are not in it.
        job_file: a TOML file with the same names; its relative paths are relative to its folder.

    Raises:
        UsageError: a value is wrong, or a job file cannot be read; says which and where.
    """
    loaded = examine(flags, job_file)
    if loaded.findings:
        told = [str(finding) for finding in loaded.findings]
        own_cure = loaded.findings[0].cure if len(told) == 1 else ""
        raise UsageError("\n".join(told), own_cure or _where_to_look(job_file))
    assert loaded.settings is not None
    return loaded.settings


def _where_to_look(job_file: Path | None) -> str:
    if job_file is None:
        return "See bulk-provision run --help"
    return (
        f"bulk-provision job check {job_file} looks at all of it; docs/settings.md has every key."
    )


def examine(flags: Mapping[str, Any], job_file: Path | None = None) -> Loaded:
    """Read settings as `load_settings` does, and collect everything that is wrong with them."""
    loaded = Loaded()
    try:
        if job_file is not None:
            loaded.job = JobFile.read(job_file)
        loaded.findings += _refused_in_file(loaded.job)
        _validate(loaded, dict(flags))
        if loaded.settings is not None:
            _put_together(loaded, loaded.settings, flags)
    except UsageError as problem:
        loaded.findings.append(Finding("", problem.what, problem.cure))
    return loaded


def _validate(loaded: Loaded, flags: dict[str, Any]) -> None:
    """Make settings of what was given; a second time without what was wrong at first."""
    for _ in range(2):
        model = type(
            "LoadedSettings", (Settings,), {"job": loaded.job.values, "__module__": __name__}
        )
        try:
            loaded.settings = model(**flags)
        except SettingsError:  # the one setting that the environment gives as JSON
            where = f"{ENV_PREFIX}ACCOUNTS"
            loaded.findings.append(Finding("accounts", "it is not JSON.", where=where))
            return
        except ValidationError as problem:
            found = [_found(error, flags, loaded.job) for error in problem.errors()]
            loaded.findings += [finding for finding in found if finding not in loaded.findings]
            for finding in found:
                name = finding.key.partition(".")[0]
                for wrong in (name, f"{name}_"):  # the fields of "json" and "from"
                    flags.pop(wrong, None)
                    loaded.job.values.pop(wrong, None)
        else:
            return


def _put_together(loaded: Loaded, settings: Settings, flags: Mapping[str, Any]) -> None:
    """See what the settings say together."""
    loaded.ways = ways = _Ways(flags, loaded.job)
    steps: tuple[Callable[[], None], ...] = (
        lambda: ways.choose(settings, _SECRET_WAYS, "the account's secret", weakest="secret"),
        lambda: ways.choose(settings, _NOTIFY_WAYS, "where to notify"),
        lambda: ways.choose(settings, _HEALTHCHECK_WAYS, "which address is pinged"),
        lambda: ways.choose(settings, ("output", "results_folder"), "where the results go"),
        lambda: _choose_password_source(settings, ways),
        lambda: _choose_account(settings, ways),
        lambda: _add_accounts(settings),
    )
    for step in steps:
        try:
            step()
        except UsageError as problem:
            loaded.findings.append(Finding("", problem.what, problem.cure))
    wrong = {finding.key.partition(".")[0] for finding in loaded.findings}
    for finding in contradictions(settings):
        if finding.key != "account_column" or wrong.isdisjoint({"accounts", ""}):
            loaded.findings.append(ways.placed(finding))


def _refused_in_file(job: JobFile) -> list[Finding]:
    """Take out of a job file what must not be there, and say so."""
    refused = []
    for name in job.values.keys() & _SECRETS.keys():
        instead, variable = _SECRETS[name], f"set {ENV_PREFIX}{name.upper()}"
        what = f"The job file {job.path} holds a secret ({name}, line {line_of(job.text, name)})."
        cure = (
            f"Name a file instead ({instead}), or {variable}." if instead else f"S{variable[1:]}."
        )
        refused.append(Finding("", what, cure))
        del job.values[name]
    for name in job.values.keys() & _FLAGS_ALONE:
        cure = f"Give it as a flag when it is needed: --{name.replace('_', '-')}"
        refused.append(Finding(name, "it is meant for one run.", cure, job.where(name)))
        del job.values[name]
    return refused


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


def _found(error: ErrorDetails, flags: Mapping[str, Any], job: JobFile) -> Finding:
    """Say which setting is wrong, by the name under which it was given, and where."""
    message = _message(error, Settings if len(error["loc"]) < 2 else AccountEntry)
    if not error["loc"]:  # it is about several settings together
        return Finding("", message, where=str(job.path) if job.path else "")
    keys = [str(part) for part in error["loc"]]
    name = keys[0].removeprefix(ENV_PREFIX).lower().rstrip("_")
    fields = {name, f"{name}_"}  # the fields of "json" and "from"
    if fields & flags.keys():
        return Finding(name, message, where=f"--{name.replace('_', '-')}")
    if fields & job.values.keys() and not _is_in_environment(name):
        inner = [key for key in keys[1:] if key != "[key]"]
        where = job.where(name, *inner) if line_of(job.text, name, *inner) else job.where(name)
        if error["type"] == "missing":
            where = job.where(name, *inner[:-1])
        return Finding(".".join([name, *inner]), message, where=where)
    return Finding(name, message, where=f"{ENV_PREFIX}{name.upper()}")


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
