"""Exceptions: each of them stops a run. A row's failure is a value, never an exception.

    ProvisionError
    ├── UsageError            exit 2   flags, settings, job files: nothing was called
    ├── SourceError           exit 2   the input file cannot be read: nothing was called
    │   └── NotAnExportError           … as an export of users from a system that is known
    ├── LedgerError           exit 2   the ledger cannot be opened, or is not usable
    │   ├── KeyMismatchError           … because the encryption key is missing or another one
    │   └── LedgerWriteError  exit 4   … any more, in the middle of a run (disk full, locked)
    ├── AccountBusyError      exit 5   another run holds the account
    ├── LeaseLostError        exit 4   this run no longer holds its account
    ├── ListError             exit 4   the vendor's list cannot be used
    ├── RehearsalError        exit 3, 4, 130 …   … and so nothing can be rehearsed
    ├── StoppedError          exit 130, 143   interrupted while waiting for the account
    ├── ResultsError          exit 2   the results file cannot be written
    └── AccountingError       exit 70  rows in ≠ rows out: a bug of ours, said loudly

Every message says what happened, where (file, sheet, cell), why, and what to do about it.
"""

from __future__ import annotations


class ProvisionError(Exception):
    """A reason to stop; its text is meant for the person who started the run.

    Args:
        what: what happened, and where.
        cure: what to do about it, as a sentence; printed on a line of its own.
    """

    exit_code = 2

    def __init__(self, what: str, cure: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.cure = cure


class UsageError(ProvisionError):
    """Flags, environment, configuration or job file do not make sense; nothing was called."""


class SourceError(ProvisionError):
    """The input file cannot be read as a table of users; nothing was called."""


class NotAnExportError(SourceError):
    """The input file is no export of users from a system that is known."""


class LedgerError(ProvisionError):
    """The ledger cannot be opened, or is of a kind that this version cannot use."""


class KeyMismatchError(LedgerError):
    """The ledger's passwords cannot be decrypted: the key is missing, or is another one."""


class LedgerWriteError(LedgerError):
    """The ledger cannot be written any more, in the middle of a run."""

    exit_code = 4

    @classmethod
    def of(cls, problem: BaseException) -> LedgerWriteError:
        """Wrap what the database said (SQLAlchemy keeps the driver's exception in `orig`)."""
        return cls(
            f"The ledger cannot be written: {getattr(problem, 'orig', problem)}.",
            "Free disk space, or end the program that locks the ledger; then run the same command "
            "again: it continues.",
        )


class AccountBusyError(ProvisionError):
    """Another run holds the account, and the time allowed for waiting is over."""

    exit_code = 5


class LeaseLostError(ProvisionError):
    """This run no longer holds its account: it must not send anything more."""

    exit_code = 4


class ListError(ProvisionError):
    """The vendor's list of endpoints contradicts itself, or brings no clear answer."""

    exit_code = 4


class RehearsalError(ProvisionError):
    """The account's real state could not be read, so that a rehearsal would be of something else.

    Args:
        reason: why reading its list ended.
        exit_code: how a run that ends so ends.
    """

    def __init__(self, reason: str, exit_code: int) -> None:
        cure = "Run the same command again; or rehearse without the list: --reconcile never."
        if exit_code == 3:
            cure = "Look at the app id and the secret; a real run would be refused, too."
        super().__init__(
            f"Nothing was rehearsed, for TeleCMI's list was not read to its end: {reason}.", cure
        )
        self.exit_code = exit_code


class StoppedError(ProvisionError):
    """The run was interrupted before it held its account: nothing was called."""

    def __init__(self, reason: str, exit_code: int) -> None:
        super().__init__(f"Nothing was called: {reason}.")
        self.exit_code = exit_code


class ResultsError(ProvisionError):
    """The results file cannot be written (the ledger still knows everything)."""


class AccountingError(ProvisionError):
    """Rows read and outcomes recorded do not add up: a bug in this program."""

    exit_code = 70
