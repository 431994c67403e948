"""Leases: one process at a time calls for an account, and everybody can see which.

A lease is taken for a short time and renewed by a thread of its own (a busy event loop must not
lose it). Whoever takes it over gets a higher token; the old holder's token is then refused by the
journal (no intent can be written), and the old holder's own clock tells it, before each call,
that it may no longer believe in its lease.
"""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
import sqlalchemy as sa

from bulk_provision import failpoints
from bulk_provision.errors import AccountBusyError, LeaseLostError, LedgerWriteError
from bulk_provision.ledger.opening import READS
from bulk_provision.ledger.schema import leases

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

LEASE_SECONDS = 30.0
_RENEWALS = 5  # in a lease's time: four may fail before it is lost
_SAME_START = 2.0  # seconds by which two readings of a process's start may differ
_POLL_SECONDS = 0.5  # how often a waiting run looks whether the account is free


class Holder(NamedTuple):
    """Who holds an account."""

    name: str  # "user@host, process 4711"
    place: str
    pid: int
    pid_started: float  # seconds after the boot
    since: float
    expires_at: float

    def is_dead(self, here: str) -> bool:
        """Tell whether the holder was a process of this machine that is gone."""
        if self.place != here:
            return False  # only its expiry can tell
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:  # killed, and nobody has asked yet
                return True
            return abs(_started(process) - self.pid_started) > _SAME_START
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


def started_by() -> str:
    """Return "user@host" of this process, for people to read."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _place() -> str:
    """Name the machine, its boot and its process namespace: where a process id means something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:  # not Linux
        boot, namespace = str(int(psutil.boot_time()) // 60), ""
    return f"{socket.gethostname()} {boot} {namespace}"


def _started(process: psutil.Process) -> float:
    """Return when a process started, in seconds after the boot: no step of the clock changes it."""
    return process.create_time() - psutil.boot_time()


def _steady_clock() -> float:
    """Seconds that also pass while the machine is suspended, where there is such a clock."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Lease:
    """The right to call for an account, while the block lasts.

    Args:
        engine: the ledger's connections.
        account_id: the account in the ledger.
        label: the account as people know it, for messages.
        wait: seconds to wait for another holder to end.
        seconds: for how long the lease lasts without a renewal.
        on_wait: told the holder's name, once, when there is something to wait for.
        gave_up: asked while waiting; True ends the waiting (Ctrl-C).

    Attributes:
        token: grows with every holder: the fence.
        held_back: seconds that the account's pace wants to pass before the next call; the run
            before may have ended a moment ago, or was told to wait.
        owed: asked for the same, for the run after this one, whenever the lease is written.
    """

    def __init__(
        self,
        engine: Engine,
        account_id: int,
        label: str,
        *,
        wait: float = 0.0,
        seconds: float = LEASE_SECONDS,
        on_wait: Callable[[str], None] = lambda _: None,
        gave_up: Callable[[], bool] = lambda: False,
    ) -> None:
        self._engine = engine
        self._account_id = account_id
        self._label = label
        self._wait = wait
        self._seconds = seconds
        self._on_wait = on_wait
        self._gave_up = gave_up
        self._believed_until = 0.0
        self._given_back = threading.Event()
        self._renewer: threading.Thread | None = None
        self.token = 0
        self.held_back = 0.0
        self.owed: Callable[[], float] = lambda: 0.0

    def __enter__(self) -> Self:
        """Take the account.

        Raises:
            AccountBusyError: another run holds it, longer than we may wait.
        """
        deadline = _steady_clock() + self._wait
        told = False
        while (holder := self._try_to_take()) is not None:
            if not told:
                self._on_wait(holder.name)
                told = True
            if _steady_clock() >= deadline or self._gave_up():
                since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(holder.since))
                raise AccountBusyError(
                    f"Account {self._label} is held by another run: {holder.name}, "
                    f"since {since} UTC.",
                    "Wait for it to end, or let this one wait: --wait SECONDS.",
                )
            time.sleep(_POLL_SECONDS)
        self._renewer = threading.Thread(target=self._renew_regularly, name="lease", daemon=True)
        self._renewer.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Give the account back, for the next run to take at once."""
        self._given_back.set()
        if self._renewer is not None:
            self._renewer.join()
        failpoints.reach("lease-returning")
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.update(leases)
                    .where(leases.c.account_id == self._account_id, leases.c.token == self.token)
                    .values(holder=None, expires_at=None, free_at=time.time() + self.owed())
                )
        except LedgerWriteError:
            return  # a full disk, say: it expires by itself, and a dead process is noticed
        failpoints.reach("lease-returned")

    def is_fresh(self) -> bool:
        """Tell, by this process's own clock and without a query, whether we surely hold it."""
        return _steady_clock() < self._believed_until

    def confirm(self) -> None:
        """Renew now.

        Raises:
            LeaseLostError: somebody else has taken the account over.
            LedgerWriteError: the ledger is locked, full or gone.
        """
        asked_at = _steady_clock()
        with self._engine.begin() as connection:
            renewed = connection.execute(
                sa.update(leases)
                .where(leases.c.account_id == self._account_id, leases.c.token == self.token)
                .values(expires_at=time.time() + self._seconds, free_at=time.time() + self.owed())
            ).rowcount
        if not renewed:
            self._believed_until = 0.0
            raise LeaseLostError(
                f"Account {self._label} was taken over by another run while this one was not "
                "responding.",
                "Nothing more was sent from here. Look at the other run's results.",
            )
        self._believed_until = asked_at + self._seconds

    def _renew_regularly(self) -> None:
        while not self._given_back.wait(self._seconds / _RENEWALS):
            try:
                self.confirm()
            except LeaseLostError:
                return  # the next call's check finds out and says so
            except LedgerWriteError:
                continue  # locked or full for now; the next renewal may get through

    def _try_to_take(self) -> Holder | None:
        """Take the lease and return None, or return who holds it."""
        asked_at = _steady_clock()
        here = _place()
        with self._engine.begin() as connection:
            token, holder = _look(connection, self._account_id)
            if holder is not None and holder.expires_at > time.time() and not holder.is_dead(here):
                return holder
            self.token = token + 1
            self.held_back = self._seconds_until_free(connection)
            self._write(connection, here, is_new=token == 0)
        failpoints.reach("lease-taken")
        self._believed_until = asked_at + self._seconds
        return None

    def _seconds_until_free(self, connection: Connection) -> float:
        free_at = connection.scalar(
            sa.select(leases.c.free_at).where(leases.c.account_id == self._account_id)
        )
        return max(0.0, (free_at or 0.0) - time.time())

    def _write(self, connection: Connection, here: str, *, is_new: bool) -> None:
        process = psutil.Process()
        values = {
            "token": self.token,
            "holder": f"{started_by()}, process {process.pid}",
            "place": here,
            "pid": process.pid,
            "pid_started": _started(process),
            "since": time.time(),
            "expires_at": time.time() + self._seconds,
        }
        if is_new:
            values["account_id"] = self._account_id
            connection.execute(sa.insert(leases).values(values))
        else:
            of_account = leases.c.account_id == self._account_id
            connection.execute(sa.update(leases).where(of_account).values(values))


def refuse_while_held(connection: Connection, what: str) -> None:
    """See that no run is going on in this ledger.

    Args:
        connection: in a write transaction, so that none can begin meanwhile.
        what: what is to be done, for the message.

    Raises:
        AccountBusyError: one is.
    """
    held = sa.select(leases.c.holder).where(
        leases.c.holder.is_not(None), leases.c.expires_at > time.time()
    )
    if (holder := connection.scalar(held)) is not None:
        raise AccountBusyError(
            f"{what} is not possible while a run is going on: {holder}.",
            "Wait for it to end (or, if it was killed, half a minute), and try again.",
        )


def living_holder(engine: Engine, account_id: int) -> Holder | None:
    """Return who holds an account now, unless its time is over or its process is gone."""
    holder = holder_of(engine, account_id)
    if holder is None or holder.expires_at <= time.time() or holder.is_dead(_place()):
        return None
    return holder


def holder_of(engine: Engine, account_id: int) -> Holder | None:
    """Return who holds an account now, if anybody does."""
    with engine.connect().execution_options(**READS) as connection:
        return _look(connection, account_id)[1]


def _look(connection: Connection, account_id: int) -> tuple[int, Holder | None]:
    """Return the last token given (0: none yet), and the holder."""
    columns = leases.c
    found = connection.execute(
        sa.select(
            columns.token,
            columns.holder,
            columns.place,
            columns.pid,
            columns.pid_started,
            columns.since,
            columns.expires_at,
        ).where(columns.account_id == account_id)
    ).one_or_none()
    if found is None:
        return 0, None
    token, *holder = found
    return token, None if holder[0] is None else Holder(*holder)
