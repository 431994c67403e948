"""The things that every room of the house speaks of: frozen values without behaviour.

Words are those of docs/design.md. What holds a password hides it from `repr`, so that no log
line, traceback or debugger listing can show it by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """What became of a row: exactly one of these for each; which ones, its run's kind says."""

    CREATED = "created"  # this run created the endpoint
    UNCHANGED = "unchanged"  # an earlier run created it; nothing was called
    EXISTS = "exists"  # the username is somebody else's endpoint; skipped
    FAILED = "failed"  # refused for good
    IN_DOUBT = "in_doubt"  # a request left and its effect is not known
    UNPROCESSED = "unprocessed"  # the run stopped before it
    INVALID = "invalid"  # refused before any call, duplicates included
    REMOVED = "removed"  # this undo removed the endpoint
    GONE = "gone"  # it was not there any more: an earlier undo or somebody else removed it
    KEPT = "kept"  # it is not (or not provably, or not any more) ours: left as it is


OUTCOMES_OF = {
    "provision": (
        *(Outcome.CREATED, Outcome.UNCHANGED, Outcome.EXISTS, Outcome.FAILED, Outcome.IN_DOUBT),
        *(Outcome.UNPROCESSED, Outcome.INVALID),
    ),
    "undo": (
        *(Outcome.REMOVED, Outcome.GONE, Outcome.KEPT, Outcome.FAILED, Outcome.IN_DOUBT),
        Outcome.UNPROCESSED,
    ),
    "reconcile": (),  # it has no rows
}
"""The outcomes that rows of a run may have, by the run's kind, in the order of telling."""

LATER_WAVE = "later-wave"
"""The code of rows that a run was told to leave for a later one (`--limit`)."""


class OnExists(StrEnum):
    """What to do about a username that exists already at the vendor."""

    SKIP = "skip"
    COMPARE = "compare"  # read it back and say whether the password is the sheet's
    RESET = "reset"  # set the sheet's (or a generated) password


class Reconcile(StrEnum):
    """Whether a run fills the ledger from the vendor's list before it calls row by row."""

    AUTO = "auto"  # when the ledger knows nothing of the account, and the list costs fewer calls
    ALWAYS = "always"
    NEVER = "never"


FOLDER_EXPORTS = frozenset(
    {"freeswitch", "asterisk-sip", "asterisk-users", "asterisk-pjsip", "asterisk-wizard"}
)
"""The systems (`--from`) whose export may be a folder of files that belong together."""


class WeakPasswords(StrEnum):
    """What to do about weak passwords in the source."""

    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"
    REPLACE = "replace"  # make new ones for users who are created


class ExitCode(IntEnum):
    """How a run ended, for scripts; docs/exit-codes.md explains each."""

    DONE = 0
    SOME_ROWS = 1  # some rows failed, invalid or in doubt
    USAGE = 2  # usage, settings or unreadable source: nothing was called
    ACCOUNT_REFUSED = 3  # the vendor answered 420
    STOPPED = 4  # stopped early; run it again to continue
    ACCOUNT_BUSY = 5  # another run holds the account
    LIMIT_PASSED = 6  # more of the source is new, invalid or vanished than is allowed
    DEADLINE = 7  # the deadline passed; the next run continues
    BUG = 70  # the accounting does not add up
    INTERRUPTED = 130  # Ctrl-C
    TERMINATED = 143  # SIGTERM


class Secret:
    """A string that prints as dots; `reveal()` gives it out, where it is really needed."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(•••)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


@dataclass(frozen=True, slots=True)
class Account:
    """A TeleCMI PIOPIY account: who calls, and where.

    Args:
        appid: the application id, a number.
        secret: the application's secret.
        base_url: without a trailing slash; the calls' names are appended to it.
    """

    appid: int
    secret: Secret
    base_url: str = "https://piopiy.telecmi.com/v1/endpoint"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to call, and how long to wait for what.

    Args:
        rate: calls that may leave in any second, for the whole account; None for no limit.
        concurrency: calls that may be under way at the same time.
        attempts: how often a call is tried when it brings no clear answer.
        timeout: seconds for an answer, from the moment the request leaves.
        connect_timeout: seconds for a connection (name, TCP and TLS) to come about.
        settle: seconds to wait before the last read-back, since the vendor may still be at work
            on a request that timed out.
        patience: seconds without a good answer after which the run stops.
    """

    rate: float | None = 10.0
    concurrency: int = 10
    attempts: int = 5
    timeout: float = 30.0
    connect_timeout: float = 10.0
    settle: float = 5.0
    patience: float = 120.0


class Limit(NamedTuple):
    """How many rows of a source may be new, invalid or vanished: a number, or a share."""

    rows: int | None = None
    percent: float | None = None

    def __str__(self) -> str:
        return f"{self.rows:,}" if self.rows is not None else f"{self.percent:g} %"

    def is_passed_by(self, number: int, of: int) -> bool:
        """Tell whether so many of so many are more than is allowed."""
        if self.rows is not None:
            return number > self.rows
        return number * 100.0 > (self.percent or 0.0) * of


@dataclass(frozen=True, slots=True)
class Caution:
    """What makes a run that nobody watches stop before it does harm.

    Args:
        new: how many rows may be unknown to the ledger; None: any number.
        invalid: how many may be invalid.
        vanished: how many usernames of the last run may be missing from this one's source.
        canary: how many endpoints are created first and read back, before all others; 0: none.
        wave: how many rows that need calls are done in this run, the canaries among them; the
            others are left for a later one. None: all.
    """

    new: Limit | None = None
    invalid: Limit | None = None
    vanished: Limit | None = None
    canary: int = 0
    wave: int | None = None


class Problem(NamedTuple):
    """Something wrong (or worth a warning) with a row, or with the source as a whole.

    Args:
        kind: a stable slug such as "username-empty"; equal problems share it.
        where: the place as the user sees it: "Users!B17", or "row 17, column username" in a CSV.
        seen: what was found there, shortened; never a password.
        why: why that is wrong.
        cure: what to do about it.
        warning: True when the row may go on all the same.
        field: the cell's field, "username" or "password"; "" when it is about the whole row.
    """

    kind: str
    where: str
    seen: str
    why: str
    cure: str
    warning: bool = False
    field: str = ""


class Row(NamedTuple):
    """One line of the source, as intake found it.

    Args:
        number: the row's number as the user sees it in a spreadsheet program (header = 1, mostly).
        username: as it stands in the cell; "" when blank.
        password: as it stands in the cell, byte for byte; "" when blank.
        others: the source's own further columns, in the order of `Table.columns`.
        problems: what reading the cells found wrong.
    """

    number: int
    username: str
    password: str
    others: tuple[str, ...]
    problems: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"Row({self.number}, {self.username!r})"


class User(NamedTuple):
    """A row that passed the checks; a blank password means: generate one."""

    number: int
    username: str
    password: str
    others: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        return f"User({self.number}, {self.username!r})"


class Invalid(NamedTuple):
    """A row that is refused before any call, and why (at least one problem, not a warning)."""

    row: Row
    problems: tuple[Problem, ...]


class ResultRow(NamedTuple):
    """A row of the results file, as the ledger knows it.

    Args:
        number: the row's number in the source.
        username: "" when the source had none.
        password: the credential that works (created, unchanged, reset); for other outcomes what
            the source's cell held, so that a corrected row can be given to `run` again.
        connect_url: the vendor's connect_URL; "" when unknown.
        outcome: what became of it.
        code: the vendor's code ("200", "400", …) or a problem's kind; "" when neither.
        message: what happened, for a person.
        tip: what to do about it; "" when nothing.
        others: the source's own columns.
        handed_over: True when the password shown is known to work through our doing (created,
            unchanged or reset): such rows belong into the sheet `Credentials`.
    """

    number: int
    username: str
    password: str
    connect_url: str
    outcome: Outcome
    code: str
    message: str
    tip: str
    others: tuple[str, ...]
    handed_over: bool = False

    def __repr__(self) -> str:
        return f"ResultRow({self.number}, {self.username!r}, {self.outcome})"


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning about the source or its rows, told once with its count."""

    text: str
    count: int
    first: str  # the place of the first one: "Users!B17"


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a rehearsal tells of the real run, beside what would become of each row.

    Args:
        calls: that the real run makes, when every answer is clear.
        seconds: that they take; None: there is no limit on the rate, so nobody can tell.
        rate: calls a second that are allowed; None for no limit.
        listed: endpoints that the vendor's list had; None: it was not read.
        list_calls: calls of list_sip that were really made: the only real ones.
        until_deadline: rows that are settled when the deadline passes; None: it does not.
        notes: what is to be known about how far the rehearsal can be relied on.
    """

    calls: int
    seconds: float | None
    rate: float | None
    listed: int | None
    list_calls: int = 0
    until_deadline: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What the ledger knows of a run as a whole.

    Args:
        run_id: the run's number in its ledger.
        appid: of the account.
        base_url: of the account.
        source: the input file's path as it was given ("-" for standard input).
        sheet: the worksheet that was read; "" for text files.
        sha256: of the source's bytes, in hex.
        columns: the headers of the source's own columns (without username and password).
        state: "running", "done", "stopped" (by itself) or "interrupted" (killed or Ctrl-C).
        started_at: UTC, seconds since 1970.
        ended_at: UTC, seconds since 1970; None while it runs.
        started_by: "user@host".
        rate: calls a second that were allowed; None for no limit.
        calls: calls that left.
        outcomes: how many rows have each outcome; every outcome of the run's kind is a key.
        rows: rows read from the source.
        reason: why it stopped early; "" when it did not.
        warnings: what was worth a warning.
        exit_code: None while it runs, or when it was killed.
        kind: "provision", or "undo" when it removed what another run had created.
        undoes: that other run.
        job: the name of the job that it belongs to; "" when it belongs to none.
        has_rows: False once its rows were removed (keep_rows_days): only counts are left.
        selection: the expression (`--where`) that its rows were selected by; "": all of them.
        left_out: rows, by outcome, that a results file leaves out: they are as an earlier run left
            them, or left for a later one.
        later: rows, by outcome, that were left for a later wave; `outcomes` counts them too.
        rehearsal: what it tells of the real run, when it is none itself.
    """

    run_id: int
    appid: int
    base_url: str
    source: str
    sheet: str
    sha256: str
    columns: tuple[str, ...]
    state: str
    started_at: float
    ended_at: float | None
    started_by: str
    rate: float | None
    calls: int
    rows: int
    outcomes: dict[Outcome, int]
    reason: str = ""
    warnings: tuple[Warned, ...] = ()
    exit_code: int | None = None
    kind: str = "provision"
    undoes: int | None = None
    job: str = ""
    has_rows: bool = True
    selection: str = ""
    left_out: Mapping[Outcome, int] = field(default_factory=dict)
    rehearsal: Rehearsal | None = None
    later: Mapping[Outcome, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Summary:
    """What `provision()` and `undo()` return, and what `--json` prints.

    Args:
        run_id: the run's number in the ledger.
        account: the appid.
        source: the input file's path as it was given.
        rows: rows read from the source.
        outcomes: how many rows have each outcome; every outcome of the run's kind is a key.
        calls: calls that left for the vendor.
        seconds: from the start to the end of the run.
        results: the results files written.
        exit_code: as in docs/exit-codes.md.
        reason: why it stopped early; "" when it did not.
        warnings: what was worth a warning.
        undoes: the run whose endpoints it removed, if it is an undo.
        rehearsal: what it tells of the real run, when it is none itself; `run_id` is of no ledger
            then, and `calls` were made to the emulated vendor.
        later: rows, by outcome, that were left for a later wave; `outcomes` counts them too.
    """

    run_id: int
    account: int
    source: str
    rows: int
    outcomes: dict[Outcome, int]
    calls: int
    seconds: float
    results: tuple[str, ...]
    exit_code: ExitCode
    reason: str = ""
    warnings: tuple[Warned, ...] = field(default=())
    undoes: int | None = None
    rehearsal: Rehearsal | None = None
    later: Mapping[Outcome, int] = field(default_factory=dict)


class DriftKind(StrEnum):
    """How the vendor and what we know differ."""

    MISSING = "missing at TeleCMI"  # a source names it
    IN_NO_SOURCE = "in no source"  # the vendor has it
    PASSWORD = "password differs"  # noqa: S105  the source's or ours from the vendor's
    GONE = "gone at TeleCMI"  # the ledger knows it as ours


class Drift(NamedTuple):
    """A username about which the vendor and what we know differ.

    Args:
        kind: how.
        username: whose.
        number: the source's row; None when none is known.
        note: more about it, in words; never a password.
    """

    kind: DriftKind
    username: str
    number: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What `reconcile()` returns.

    Args:
        run_id: the reading's number in the ledger: it is a run, of the kind "reconcile".
        account: the appid.
        source: the input file's path; "" when the ledger's last sources were compared.
        listed: endpoints on the vendor's list, as it said last.
        found: usernames that were read from it.
        is_whole: whether the list held still: else nothing is known about what it does not name.
        learned: usernames that the ledger did not know.
        drift: how many usernames are in each kind; None: it cannot be known.
        first: the first usernames of each kind.
        in_doubt: endpoints in doubt from earlier runs; they are in no kind.
        calls: calls that left for the vendor.
        seconds: from the start to the end.
        exit_code: as in docs/exit-codes.md.
        reason: why it stopped early; "" when it did not.
        report: the file that was written; "" when none.
    """

    run_id: int
    account: int
    source: str
    listed: int
    found: int
    is_whole: bool
    learned: int
    drift: dict[DriftKind, int | None]
    first: dict[DriftKind, tuple[str, ...]]
    in_doubt: int
    calls: int
    seconds: float
    exit_code: ExitCode
    reason: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A run that could not begin, or broke off: an exception as a value, where several runs go.

    Args:
        account: the account's name or appid; "" when none was found out.
        source: the input file's path; "" when none was found out.
        what: happened, and where.
        cure: what to do about it.
        exit_code: as in docs/exit-codes.md.
    """

    account: str
    source: str
    what: str
    cure: str
    exit_code: int


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """One execution of a job: a run for each of its sources and accounts.

    Args:
        job: the job's name; "" when there is no job file.
        started_at: UTC, seconds since 1970.
        seconds: from the start to the end of the last run.
        runs: those that began, in the order of their beginning.
        troubles: those that did not, or broke off.
        exit_code: the gravest of all.
    """

    job: str
    started_at: float
    seconds: float
    runs: tuple[Summary, ...]
    troubles: tuple[Trouble, ...]
    exit_code: int

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many rows of all runs have each outcome."""
        counts = dict.fromkeys(OUTCOMES_OF["provision"], 0)
        for run in self.runs:
            for outcome, count in run.outcomes.items():
                counts[outcome] += count
        return counts

    @property
    def later(self) -> int:
        """How many rows of all runs were left for a later wave."""
        return sum(sum(run.later.values()) for run in self.runs)
