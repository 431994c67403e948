"""What can be known of a job file without calling anybody: all that is wrong, at once."""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.errors import ProvisionError
from bulk_provision.naming import Naming, names_in
from bulk_provision.selection import Where
from bulk_provision.setting_up.needs import (
    MADE_BY_RUNS,
    file_to_read,
    folders_written,
    nearest_folder,
    secrets_needed,
    served_names,
    source_folder,
)
from bulk_provision.settings import Finding, doubts, examine, is_inbox, is_pattern, secret_path
from bulk_provision.settings.job_file import line_of, read_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bulk_provision.settings import Loaded, Settings

_ABOUT_ACCOUNTS = {"account", "accounts", "accounts_file", "account_column", "appid"}


@dataclass(frozen=True, slots=True)
class Checked:
    """A job file, looked at.

    Args:
        path: the file's.
        settings: that it makes (with the environment); None when nothing can be made of it.
        findings: errors first, then warnings.
    """

    path: Path
    settings: Settings | None
    findings: tuple[Finding, ...]

    @property
    def is_in_order(self) -> bool:
        """Whether a run would begin; there may be warnings."""
        return all(finding.is_warning for finding in self.findings)


def check_job(path: Path) -> Checked:
    """Look at a job file as `run --job` would, and at what it names."""
    loaded = examine({}, path)
    found = list(loaded.findings)
    if loaded.settings is not None and loaded.ways is not None:
        known = {finding.key.partition(".")[0] for finding in found}
        further = (
            *_looked_at(loaded.settings, known),
            *doubts(loaded.settings),
            *_of_own_accounts_file(loaded, loaded.settings),
        )
        found += [
            _of_accounts_file(loaded, loaded.settings, loaded.ways.placed(one))
            for one in further
            if one.key.partition(".")[0] not in known
        ]
    found = [one if one.where or not one.key else one._replace(where=str(path)) for one in found]
    return Checked(path, loaded.settings, tuple(sorted(dict.fromkeys(found), key=_rank)))


def _rank(finding: Finding) -> tuple[bool, str, int]:
    """Errors first, then as they stand in the file."""
    file, _, line = finding.where.rpartition(":")
    return finding.is_warning, file, int(line) if line.isdecimal() else 0


def _of_accounts_file(loaded: Loaded, settings: Settings, finding: Finding) -> Finding:
    """Say where in the accounts file an account is described, unless the job describes it."""
    keys = finding.key.split(".")
    if keys[0] != "accounts" or keys[1] in loaded.job.values.get("accounts", {}):
        return finding
    found = read_accounts(settings.accounts_file)
    if found is None:  # described in the environment
        return finding
    path, text, _ = found
    return finding._replace(where=f"{path}:{line_of(text, *keys) or line_of(text, *keys[:2])}")


def _of_own_accounts_file(loaded: Loaded, settings: Settings) -> Iterator[Finding]:
    """Warn of a job whose account nobody else than this user has described."""
    if settings.schedule is None or settings.accounts_file is not None:
        return
    elsewhere = set(settings.accounts) - set(loaded.job.values.get("accounts", {}))
    if not elsewhere.isdisjoint(served_names(settings)):
        what = "the account is described in this user's own accounts.toml; another's has it not."
        yield Finding("account", what, "Name accounts_file.", is_warning=True)


def _looked_at(settings: Settings, known: set[str]) -> Iterator[Finding]:
    yield from _of_source(settings)
    yield from _of_rules(settings)
    if settings.plan is not None and not settings.plan.is_file():
        cure = "Have it made with bulk-provision plan -o FILE, and approved."
        yield Finding("plan", f"there is no file {settings.plan} now.", cure, is_warning=True)
    if not known & {*_ABOUT_ACCOUNTS, ""}:  # what is wrong there was said already
        yield from _of_accounts(settings)
    yield from _of_secrets(settings)
    try:
        for key, folder in folders_written(settings):
            yield from _of_folder(key, folder)
    except ProvisionError as problem:
        yield Finding("ledger", problem.what, problem.cure)


def _of_source(settings: Settings) -> Iterator[Finding]:
    source = settings.source
    if source is None:
        what = "what is to be read is not said."
        if settings.schedule is not None:
            yield Finding("source", what, "Name a file, a pattern, or a folder.")
        else:
            cure = "Name it here, or give it to the command: run SOURCE --job FILE"
            yield Finding("source", what, cure, is_warning=True)
        return
    if source == "-":
        return
    try:
        folder = source_folder(source)
        if not folder.is_dir():
            yield Finding("source", f"there is no folder {folder}.", "Correct the path.")
        elif file_to_read(source, settings.from_) is None:
            yield Finding("source", _nothing_there(source), "See that it comes.", is_warning=True)
    except (OSError, ProvisionError) as problem:
        cure = "Let the user that the job runs as read it."
        yield Finding("source", f"it cannot be looked at: {problem}.", cure, is_warning=True)


def _of_rules(settings: Settings) -> Iterator[Finding]:
    """Look at the rules that make usernames, and at what selects rows; columns nobody knows yet."""
    makers: dict[str, Callable[[], object]] = {
        "username_template": lambda: Naming(settings.username_template),
        "where": lambda: None if settings.where is None else Where(settings.where),
        "names": lambda: None if settings.names is None else names_in(str(settings.names)),
    }
    for key, make in makers.items():
        try:
            make()
        except ProvisionError as problem:
            yield Finding(key, problem.what, problem.cure)


def _nothing_there(source: str) -> str:
    if is_inbox(source):
        return "the inbox is empty now."
    return "nothing matches it now." if is_pattern(source) else f"there is no file {source} now."


def _of_accounts(settings: Settings) -> Iterator[Finding]:
    for name in served_names(settings):
        if name is None:
            yield from _of_own_account(settings)
        elif name not in settings.accounts:
            known = ", ".join(sorted(settings.accounts)) or "none"
            cure = f"Describe it in a table [accounts.{name}], here or in an accounts file."
            yield Finding("account", f"there is no account {name!r}; described are: {known}.", cure)
        else:
            entry = settings.accounts[name]
            given = [entry.secret_env, entry.secret_file, entry.secret_command]
            count = len(given) - given.count(None)
            if count != 1:
                what = "its secret's place is " + ("not said." if count == 0 else "said twice.")
                cure = "Name one of secret_file, secret_env and secret_command."
                yield Finding(f"accounts.{name}", what, cure)


def _of_own_account(settings: Settings) -> Iterator[Finding]:
    if settings.appid is None:
        cure = "Name an account, or an appid and its secret_file."
        yield Finding("appid", "which account is meant is not said.", cure)
    elif not (
        settings.secret_file or settings.secret_env or settings.secret_command or settings.secret
    ):
        cure = "Name one of secret_file, secret_env and secret_command."
        yield Finding("secret_file", "where the account's secret is, is not said.", cure)


def _of_secrets(settings: Settings) -> Iterator[Finding]:
    """Warn of secrets that are not here: the job may run on another machine, or as another user."""
    for key, reference in secrets_needed(settings):
        what, cure = "", "See that it is there where the job runs."
        if reference.kind == "file":
            path = secret_path(Path(reference.place))
            if not path.exists():
                what = f"there is no file {path} that this user could see."
        elif reference.kind == "env":
            if not (reference.place.isascii() and reference.place.isidentifier()):
                cure = "Put the secret into a variable, and name that."
                yield Finding(key, "it is to be the name of an environment variable.", cure)
            elif reference.place not in os.environ:
                what = "the variable that it names is not set here."
        else:
            yield from _of_command(key, reference.place)
        if what:
            yield Finding(key, what, cure, is_warning=True)


def _of_command(key: str, line: str) -> Iterator[Finding]:
    try:
        words = shlex.split(line)
    except ValueError:
        words = []
    if not words:
        yield Finding(key, "it is not a command line.", "Write a program and its arguments.")
    elif shutil.which(words[0]) is None:
        cure = "Write its full path: a timer or cron has another PATH."
        yield Finding(key, f"there is no program {words[0]} here.", cure, is_warning=True)


def _of_folder(key: str, folder: Path) -> Iterator[Finding]:
    try:
        there = nearest_folder(folder)
    except ProvisionError as problem:
        yield Finding(key, problem.what, problem.cure)
        return
    except OSError as problem:
        yield Finding(key, f"{folder}: {problem.strerror}.", "Correct the path.", is_warning=True)
        return
    if there != folder and key not in {*MADE_BY_RUNS, "source"}:  # that one is told already
        what = f"there is no folder {folder}, and a run does not make it."
        yield Finding(key, what, "Make it.", is_warning=key != "output")
    elif not os.access(there, os.W_OK | os.X_OK):
        cure = "Give the user that the job runs as the right to."
        yield Finding(key, f"this user may not write to {there}.", cure, is_warning=True)
