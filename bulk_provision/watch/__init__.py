"""What a job tells the world: metrics, a report, a healthcheck, notices. All of it is told here.

findings     what the ledger says about a round
metrics      a Prometheus textfile
report       a JSON file
healthcheck  pings on start and end
occasions    when somebody is told
message      what is told, in words
addresses    where notices go
courier      the process of its own that sends them
files        files, written whole
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from bulk_provision.errors import ProvisionError
from bulk_provision.settings import NotifyWhen
from bulk_provision.watch.addresses import Addresses
from bulk_provision.watch.findings import Findings, Job, look
from bulk_provision.watch.healthcheck import Healthcheck
from bulk_provision.watch.message import body_of, message_of
from bulk_provision.watch.occasions import is_busy, judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_provision.ledger import Ledger
    from bulk_provision.model import RoundSummary
    from bulk_provision.settings import Settings

__all__ = ["Watch"]

_T = TypeVar("_T")


class Place(Protocol):
    """Where the ledger is."""

    def open(self) -> Ledger:
        """Open it; raises LedgerError."""
        ...


class Watch:
    """What a job tells the world. Nothing that goes wrong in here changes how the job ends.

    Args:
        job: whose rounds they are.
        ledger: where the ledger is; it is opened when a round has ended.
        tell: `tell(event, **fields)` writes a warning into the log.
        report: where the report goes; None: there is none.
        metrics: … the metrics.
        healthcheck: what is pinged.
        addresses: where notices go.
        when: they are sent.
    """

    def __init__(
        self,
        job: Job,
        ledger: Place,
        tell: Callable[..., None],
        *,
        report: Path | None = None,
        metrics: Path | None = None,
        healthcheck: Healthcheck | None = None,
        addresses: Addresses | None = None,
        when: NotifyWhen = NotifyWhen.CHANGE,
    ) -> None:
        self._job = job
        self._ledger = ledger
        self._tell = tell
        self._report = report
        self._metrics = metrics
        self._healthcheck = healthcheck
        self._addresses = addresses
        self._when = when

    @classmethod
    def of(cls, settings: Settings, job: str, ledger: Place, tell: Callable[..., None]) -> Self:
        """Return what settings ask for.

        Args:
            settings: of the job.
            job: its name; "" when there is no job file.
            ledger: where the ledger is.
            tell: writes a warning into the log.

        Raises:
            UsageError: one of the settings makes no sense, or what it names cannot be read.
        """
        if settings.metrics is not None:
            from bulk_provision.watch.metrics import check_metrics_path  # noqa: PLC0415 - 0.1 s

            check_metrics_path(settings.metrics)
        is_told = settings.notify_when is not NotifyWhen.NEVER
        return cls(
            Job(job, settings.source or ""),
            ledger,
            tell,
            report=settings.report,
            metrics=settings.metrics,
            healthcheck=Healthcheck.of(settings),
            addresses=Addresses.of(settings) if is_told else None,
            when=settings.notify_when,
        )

    def started(self) -> None:
        """Tell that a round begins."""
        check = self._healthcheck
        if check is not None:
            self._try("healthcheck", lambda: self._told_if_vain(check, check.started()))

    def ended(self, round_: RoundSummary) -> None:
        """Tell how a round ended; the healthcheck last, when all else is done."""
        findings = None
        if self._report or self._metrics or self._addresses:
            findings = self._try("ledger", lambda: self._looked(round_))
        if findings is not None:
            self._try("ledger", lambda: self._remember_end(round_, findings))
        self._try("report", lambda: self._write_report(round_, findings))
        self._try("metrics", lambda: self._write_metrics(round_, findings))
        self._try("notices", lambda: self._send_notice(round_, findings))
        self._try("healthcheck", lambda: self._ping_end(round_))

    def _looked(self, round_: RoundSummary) -> Findings:
        with self._ledger.open() as ledger:
            return look(ledger, self._job, round_)

    def _remember_end(self, round_: RoundSummary, findings: Findings) -> None:
        busy = findings.before.busy if findings.before else 0
        self._remember(
            succeeded_at=findings.succeeded_at,
            completed_at=findings.completed_at,
            busy=busy + 1 if is_busy(round_) else 0,
        )

    def _remember(self, **changes: str | float) -> None:
        with self._ledger.open() as ledger:
            ledger.note(self._job.key, **changes)

    def _write_report(self, round_: RoundSummary, findings: Findings | None) -> None:
        if self._report is not None:
            from bulk_provision.watch.report import write_report  # noqa: PLC0415

            write_report(self._report, self._job, round_, findings)

    def _write_metrics(self, round_: RoundSummary, findings: Findings | None) -> None:
        if self._metrics is not None:
            from bulk_provision.watch.metrics import write_metrics  # noqa: PLC0415 - 0.1 s

            write_metrics(self._metrics, self._job, round_, findings, self._tell)

    def _send_notice(self, round_: RoundSummary, findings: Findings | None) -> None:
        if self._addresses is None:
            return
        verdict = judge(round_, findings, self._when)
        if verdict.occasion is None:
            return
        message = message_of(self._job, round_, findings, verdict.occasion)
        was_taken = self._addresses.send(message, self._tell)  # else it is told the next time
        if was_taken and verdict.told is not None and findings is not None:
            self._remember(told=verdict.told, told_at=time.time())

    def _ping_end(self, round_: RoundSummary) -> None:
        if self._healthcheck is not None:
            problem = self._healthcheck.ended(round_, body_of(self._job, round_))
            self._told_if_vain(self._healthcheck, problem)

    def _told_if_vain(self, check: Healthcheck, problem: str) -> None:
        if problem:
            self._tell("healthcheck_failed", host=check.host, why=problem)

    def _try(self, part: str, do: Callable[[], _T]) -> _T | None:
        """Do a part of it; what goes wrong is told, and the other parts are done all the same.

        Only our own errors and the system's are quoted: others may hold an address or a token.
        """
        try:
            return do()
        except ProvisionError as problem:
            self._tell(f"{part}_failed", why=problem.what, cure=problem.cure)
        except OSError as problem:
            self._tell(f"{part}_failed", why=problem.strerror or type(problem).__name__)
        except Exception as problem:  # noqa: BLE001  (a bug in here must not fail the job)
            self._tell(f"{part}_failed", why=type(problem).__name__)
        return None
