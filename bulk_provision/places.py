"""What a run reads, where its results go, and where the ledger is: named by whoever starts it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulk_provision import results as results_files
from bulk_provision.chosen import chosen
from bulk_provision.errors import NotAnExportError
from bulk_provision.intake import ExportedUsers, Taking, open_users
from bulk_provision.ledger import LEASE_SECONDS, Ledger
from bulk_provision.naming import Naming
from bulk_provision.selection import Where
from bulk_provision.settings import Include, default_ledger, source_password

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulk_provision.intake import Table, Users
    from bulk_provision.model import Secret
    from bulk_provision.settings import Settings
    from bulk_provision.shares import Route


@dataclass(frozen=True, slots=True)
class Source:
    """The input, and how to read it.

    Args:
        path: a file, or "-" for CSV on `stdin`.
        sheet: the worksheet's name; None: the one whose header fits.
        mapping: field → header or column letter; empty: recognised from the headers.
        encoding: of a text file; None: found out.
        password: of a protected workbook.
        stdin: what "-" reads.
        route: which of its rows are read, when they are for several accounts; None: all.
        system: whose export it is, as `--from` says; None: nobody said.
        taking: which users of an export are taken.
        naming: how usernames are made out of what stands there.
        where: which of its rows are read, by an expression; None: all.
    """

    path: str
    sheet: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    password: Secret | None = None
    stdin: BinaryIO | None = None
    route: Route | None = None
    system: str | None = None
    taking: Taking = field(default_factory=Taking)
    naming: Naming = field(default_factory=Naming)
    where: Where | None = None

    @classmethod
    def at(cls, place: str | Path | Source) -> Source:
        """Return an input that somebody may have named by its path alone."""
        return place if isinstance(place, Source) else cls(str(place))

    @classmethod
    def of(cls, settings: Settings, path: str, stdin: BinaryIO | None = None) -> Source:
        """Return an input, read as settings say.

        Raises:
            UsageError: they name an environment variable without the workbook's password, or a
                template or an expression that makes no sense.
        """
        return cls(
            path,
            sheet=settings.sheet,
            mapping=settings.map,
            encoding=settings.encoding,
            password=source_password(settings),
            stdin=stdin,
            system=settings.from_,
            taking=Taking(
                disabled=settings.include is Include.DISABLED,
                generate_passwords=settings.generate_passwords,
            ),
            naming=Naming(
                settings.username_template,
                settings.prefix,
                settings.lower,
                None if settings.names is None else str(settings.names),
            ),
            where=None if settings.where is None else Where(settings.where),
        )

    def open(self) -> Users:
        """Open it.

        Raises:
            SourceError: it cannot be read, or the file of names cannot be used.
            UsageError: something names a column that it has not.
        """
        return chosen(self._open(self.system, proposing=False), self.naming, self.where)

    def propose(self) -> ExportedUsers:
        """Open it as the export that it may be, and all of it.

        Raises:
            NotAnExportError: it is none that is known.
            SourceError: it cannot be read.
        """
        users = self._open(self.system or "auto", proposing=True)
        if not isinstance(users, ExportedUsers):
            users.close()
            raise NotAnExportError(
                f"{users.source}: it was to be read as an ordinary table.",
                "Leave --from table away, or see what `plan` says about it.",
            )
        return users

    def _open(self, system: str | None, *, proposing: bool) -> Table | ExportedUsers:
        return open_users(
            self.path,
            sheet=self.sheet,
            mapping=self.mapping,
            encoding=self.encoding,
            password=self.password,
            stdin=self.stdin,
            system=system,
            taking=self.taking,
            proposing=proposing,
        )


@dataclass(frozen=True, slots=True)
class Results:
    """Where the results go.

    Args:
        path: the workbook's path; None: beside the source, named after it and the time.
        csv: write four CSV files instead of a workbook.
        overwrite: replace files that are there already.
        protect: the password that the workbook opens with; None: none is needed.
        annotate: write the source once more, with what became of its rows beside them.
        folder: where they lie when there is no path; made when missing. None: beside the source.
        label: comes into the name of the file: the account, when there are several.
        only_changed: leave out the rows that are as an earlier run left them; nothing is written
            when there are no others.
        rehearsed: the file's name ends in "-rehearsal", wherever it lies: it must not pass for, or
            replace, that of a run.

    Raises:
        UsageError: the password is not usable, or CSV files were to have one.
    """

    path: str | None = None
    csv: bool = False
    overwrite: bool = False
    protect: Secret | None = None
    annotate: bool = False
    folder: Path | None = None
    label: str = ""
    only_changed: bool = False
    rehearsed: bool = False

    def __post_init__(self) -> None:
        if self.protect is not None:
            results_files.check_protection(self.protect, csv=self.csv)

    @classmethod
    def at(cls, place: str | Path | Results | None) -> Results:
        """Return results that somebody may have given a path alone; None: beside the source."""
        if isinstance(place, Results):
            return place
        return cls(None if place is None else str(place))

    def target(self, source: str, started_at: float) -> Path:
        """Return where they go for a source, or for what stands in its place."""
        suffix = ".csv" if self.csv else ".xlsx"
        target = results_files.results_path(source, started_at, suffix, self.folder, self.label)
        if self.path is not None:
            target = Path(self.path)
        return results_files.rehearsal_path(target) if self.rehearsed else target

    def make_folder(self) -> None:
        """Make the folder; raises ResultsError."""
        if self.path is None and self.folder is not None:
            results_files.make_folder(self.folder)


@dataclass(frozen=True, slots=True)
class LedgerPlace:
    """Which ledger, and its key.

    Args:
        location: a database URL or a path; None: in the user's data directory.
        key: the encryption key in base64; None: the key file beside the ledger.
        lease_seconds: for how long a run holds its account when it stops responding.
    """

    location: str | None = None
    key: str | None = field(default=None, repr=False)
    lease_seconds: float = LEASE_SECONDS

    @classmethod
    def at(cls, place: str | LedgerPlace | None) -> LedgerPlace:
        """Return a ledger that somebody may have named by its location alone."""
        return place if isinstance(place, LedgerPlace) else cls(place)

    @classmethod
    def of(cls, settings: Settings) -> LedgerPlace:
        """Return the one that settings name."""
        key = settings.key.get_secret_value() if settings.key else None
        return cls(settings.ledger, key, settings.lease_seconds)

    def open(self) -> Ledger:
        """Open it; raises LedgerError."""
        return Ledger(self.location or default_ledger(), self.key)
