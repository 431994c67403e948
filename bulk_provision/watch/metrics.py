"""`--metrics`: a Prometheus textfile, for node_exporter's textfile collector.

Names as Prometheus wants them (https://prometheus.io/docs/practices/naming/): base units, no
`_total` but on counters. Everything here is a gauge: it tells of the newest round.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from bulk_provision.errors import UsageError
from bulk_provision.model import Outcome
from bulk_provision.watch.files import put
from bulk_provision.watch.findings import COMPLETE, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_provision.model import RoundSummary, Summary
    from bulk_provision.watch.findings import Findings, Job

_MODE = 0o644  # node_exporter is another user; nothing in it names a person
_PREFIX = "bulk_provision_"
_LAST_SUCCESS = f"{_PREFIX}last_success_timestamp_seconds"
_LAST_COMPLETION = f"{_PREFIX}last_completion_timestamp_seconds"
_OLD_LIMIT = 1_000_000  # bytes that are read of what lies there: it may be any file


class _Old(NamedTuple):
    """What the textfile said before."""

    job: str = ""
    succeeded_at: float = 0.0
    completed_at: float = 0.0


def check_metrics_path(path: Path) -> None:
    """Refuse a name that node_exporter would pass over; raises UsageError."""
    if path.suffix != ".prom":
        raise UsageError(
            f"The metrics go into a file whose name ends with .prom, not {path.name}.",
            "The textfile collector reads no others.",
        )


def write_metrics(
    path: Path,
    job: Job,
    round_: RoundSummary,
    findings: Findings | None,
    tell: Callable[..., None],
) -> None:
    """Write the textfile, in the place of the one before.

    prometheus_client's own write_to_textfile leaves the mode to the umask: with 077, as for a
    service that handles secrets, node_exporter could not read it.

    Raises:
        OSError: it cannot be written.
    """
    old = _read_old(path)
    if old.job and old.job != job.label:
        tell(
            "metrics_of_another_job", file=str(path), used_by=old.job, cure="One file for each job."
        )
        old = _Old()
    registry = CollectorRegistry()
    _tell_of_round(_Gauges(registry, job.label), round_, findings, old)
    _tell_of_accounts(_Gauges(registry, job.label, "account"), round_, findings)
    put(path, generate_latest(registry), _MODE)


class _Gauges:
    """Makes gauges whose first label is the job.

    Not `job`: that is a label of Prometheus itself, and would come out as `exported_job`.
    """

    def __init__(self, registry: CollectorRegistry, job: str, *labels: str) -> None:
        self._registry = registry
        self._job = job
        self._labels = labels

    def one(self, name: str, meaning: str, value: float) -> None:
        self.many(name, meaning, {(): value})

    def many(
        self,
        name: str,
        meaning: str,
        values: dict[tuple[str, ...], float],
        *labels: str,
    ) -> None:
        gauge = Gauge(
            _PREFIX + name.removeprefix(_PREFIX),
            meaning,
            ("job_name", *self._labels, *labels),
            registry=self._registry,
        )
        for of, value in values.items():
            gauge.labels(self._job, *of).set(value)


def _tell_of_round(
    gauges: _Gauges, round_: RoundSummary, findings: Findings | None, old: _Old
) -> None:
    ended_at = round_.started_at + round_.seconds
    succeeded, completed = old.succeeded_at, old.completed_at
    if findings is not None:  # the ledger is the truth; an empty one may have had a predecessor
        succeeded = findings.succeeded_at or succeeded
        completed = findings.completed_at or completed
    succeeded = ended_at if round_.exit_code in SUCCESS else succeeded
    completed = ended_at if round_.exit_code in COMPLETE else completed
    gauges.one("last_run_timestamp_seconds", "When the job last ended, however.", ended_at)
    gauges.one(_LAST_SUCCESS, "When it last ended with exit code 0; 0: never.", succeeded)
    gauges.one(_LAST_COMPLETION, "When it last ended with exit code 0 or 1; 0: never.", completed)
    gauges.one("exit_code", "How it ended, as in docs/exit-codes.md.", round_.exit_code)
    gauges.one("duration_seconds", "How long it took.", round_.seconds)
    gauges.one("runs", "How many runs it had: sources times accounts.", len(round_.runs))
    gauges.one("troubles", "Runs that could not begin, or broke off.", len(round_.troubles))
    created = round_.outcomes[Outcome.CREATED]
    gauges.one("created_endpoints", "How many endpoints it created.", created)


def _tell_of_accounts(gauges: _Gauges, round_: RoundSummary, findings: Findings | None) -> None:
    by_account: dict[int, list[Summary]] = defaultdict(list)
    for run in round_.runs:
        by_account[run.account].append(run)
    rows: dict[tuple[str, ...], float] = {
        (str(account), outcome.value): float(sum(run.outcomes.get(outcome, 0) for run in runs))
        for account, runs in by_account.items()
        for outcome in Outcome
    }
    gauges.many("rows", "Rows of the source, by what became of them.", rows, "outcome")
    calls = {account: sum(run.calls for run in runs) for account, runs in by_account.items()}
    gauges.many("calls", "Calls that left for the vendor.", _labelled(calls))
    if findings is None:
        return
    configured, reached = {}, {}
    for account, runs in by_account.items():
        facts = [findings.facts[run.run_id] for run in runs if run.run_id in findings.facts]
        if not facts:
            continue
        configured[account] = min(math.inf if one.rate is None else one.rate for one in facts)
        # Calls within less than a second are those of one second: the limit's own unit.
        reached[account] = calls[account] / max(1.0, sum(one.calling for one in facts))
    gauges.many("configured_calls_per_second", "The rate that it may have.", _labelled(configured))
    gauges.many(
        "reached_calls_per_second",
        "The rate that it had, from the first call to the last.",
        _labelled(reached),
    )
    gauges.many(
        "in_doubt_endpoints",
        "Endpoints of which it is not known whether they exist: the next run settles them.",
        _labelled(findings.unsettled),
    )


def _labelled(by_account: dict[int, int] | dict[int, float]) -> dict[tuple[str, ...], float]:
    return {(str(account),): float(value) for account, value in by_account.items()}


def _read_old(path: Path) -> _Old:
    """Return what lies there; nothing, when it cannot be read or is no textfile of ours."""
    found: dict[str, float] = {}
    job = ""
    if not path.is_file():  # to read a pipe would wait for ever
        return _Old()
    try:
        with path.open(encoding="utf-8") as file:
            for family in text_string_to_metric_families(file.read(_OLD_LIMIT)):
                for sample in family.samples:
                    if sample.name in (_LAST_SUCCESS, _LAST_COMPLETION):
                        found[sample.name] = sample.value
                        job = sample.labels.get("job_name", "")
    except (OSError, ValueError):
        return _Old()
    moments = [found.get(name, 0.0) for name in (_LAST_SUCCESS, _LAST_COMPLETION)]
    return _Old(job, *(one if math.isfinite(one) else 0.0 for one in moments))
