"""What a job needs of the machine: the secrets that it reads, the folders that it writes to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.errors import SourceError, UsageError
from bulk_provision.ledger import ledger_path
from bulk_provision.rounds.inputs import inputs_of
from bulk_provision.settings import Reference, is_inbox, is_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings import Settings

MADE_BY_RUNS = frozenset({"ledger", "results_folder", "log_folder"})
"""Settings whose folders a run makes when they are not there; the others have to be there."""
_WILD = re.compile(r"[*?\[]")


class SecretNeeded(NamedTuple):
    """A secret that a job reads.

    Args:
        key: the setting that says where it is, "accounts.main.secret_file".
        reference: where it is.
    """

    key: str
    reference: Reference


def served_names(settings: Settings) -> tuple[str | None, ...]:
    """Return the names of the accounts that a job is for; None stands for appid and secret."""
    if settings.account_column is not None:
        return tuple(settings.accounts)
    return (settings.account,)


def secrets_needed(settings: Settings) -> Iterator[SecretNeeded]:
    """Yield every secret that a job reads, as far as it is described."""
    for name in served_names(settings):
        described = settings if name is None else settings.accounts.get(name)
        if described is not None:
            prefix = "" if name is None else f"accounts.{name}."
            what = "the account's secret" if name is None else f"the secret of account {name!r}"
            yield from _given(described, prefix, "secret", what)
    yield from _given(settings, "", "notify", "the addresses to notify")
    yield from _given(settings, "", "healthcheck", "the healthcheck's address")
    if settings.protect:
        yield from _given(settings, "", "protect_password", "the results' password")
    yield from _given(settings, "", "source_password", "the source's password")


def _given(described: object, prefix: str, stem: str, what: str) -> Iterator[SecretNeeded]:
    for kind in ("env", "file", "command"):
        key = f"{stem}_{kind}"
        if (place := getattr(described, key, None)) is not None:
            yield SecretNeeded(f"{prefix}{key}", Reference(what, kind, str(place)))


def folders_written(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the folders that a job writes to, and the settings that say so; some may repeat."""
    yield "ledger", ledger_path(settings.ledger).parent
    if settings.results_folder is not None:
        yield "results_folder", settings.results_folder.absolute()
    elif settings.output is not None:
        yield "output", Path(settings.output).absolute().parent
    elif settings.source is not None:
        yield "source", source_folder(settings.source)
    if settings.source is not None and is_inbox(settings.source, settings.from_):
        yield "source", Path(settings.source).absolute()  # its files are moved when they are done
    for key in ("report", "metrics"):
        if (file := getattr(settings, key)) is not None:
            yield key, file.absolute().parent
    if settings.log_folder is not None:
        yield "log_folder", settings.log_folder.absolute()


def source_folder(source: str) -> Path:
    """Return the folder in which (or, for a pattern, below which) a source's files lie."""
    if source == "-":
        return Path.cwd()
    path = Path(source).absolute()
    if is_inbox(source):
        return path
    if is_pattern(source):
        fixed = [part for part in path.parents if not _WILD.search(str(part))]
        return fixed[0]
    return path.parent


def file_to_read(source: str, system: str | None = None) -> Path | None:
    """Return the file that a run would read first, of an inbox a fresh one too; None: nothing yet.

    Raises:
        SourceError: an inbox cannot be read.
    """
    if is_pattern(source):
        try:
            paths = inputs_of(source, takes_all=False).paths
        except SourceError:  # nothing matches
            return None
    else:
        inputs = inputs_of(source, takes_all=False, system=system)
        paths = [*inputs.paths, *inputs.left]
    return next((path for path in map(Path, paths) if path.exists()), None)


def nearest_folder(path: Path) -> Path:
    """Return a folder, or the one above it that is there already: where it would be made.

    Raises:
        UsageError: what is there is no folder.
    """
    for one in (path, *path.parents):
        if one.is_dir():
            return one
        if one.exists():
            raise UsageError(f"{one} is not a folder.", "Name another one.")
    return Path("/")
