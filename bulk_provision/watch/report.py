"""`--report`: how a round ended, as JSON. docs/watching.md documents its shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bulk_provision.watch.files import put

if TYPE_CHECKING:
    from pathlib import Path

    from bulk_provision.model import RoundSummary, Summary
    from bulk_provision.watch.findings import Findings, Job

VERSION = 1  # of the shape: it grows when a key changes its meaning or goes
_MODE = 0o600  # sources, users' places and reasons are nobody else's business


def write_report(path: Path, job: Job, round_: RoundSummary, findings: Findings | None) -> None:
    """Write the report, in the place of the one before; raises OSError."""
    content = json.dumps(_report(job, round_, findings), ensure_ascii=True, indent=2)
    put(path, content.encode() + b"\n", _MODE)


def _report(job: Job, round_: RoundSummary, findings: Findings | None) -> dict[str, Any]:
    return {
        "version": VERSION,
        "job": job.name,
        "started_at": _moment(round_.started_at),
        "ended_at": _moment(round_.started_at + round_.seconds),
        "seconds": round(round_.seconds, 3),
        "exit_code": int(round_.exit_code),
        "outcomes": {outcome.value: count for outcome, count in round_.outcomes.items()},
        "runs": [_run(run, findings) for run in round_.runs],
        "troubles": [
            {
                "account": trouble.account,
                "source": trouble.source,
                "what": trouble.what,
                "cure": trouble.cure,
                "exit_code": int(trouble.exit_code),
            }
            for trouble in round_.troubles
        ],
    }


def _run(run: Summary, findings: Findings | None) -> dict[str, Any]:
    facts = findings.facts.get(run.run_id) if findings else None
    return {
        "run_id": run.run_id,
        "kind": facts.kind if facts else None,
        "account": run.account,
        "source": run.source,
        "rows": run.rows,
        "outcomes": {outcome.value: count for outcome, count in run.outcomes.items()},
        "left_for_later": sum(run.later.values()),
        "calls": run.calls,
        "seconds": round(run.seconds, 3),
        "exit_code": int(run.exit_code),
        "reason": run.reason,
        "warnings": [
            {"text": warned.text, "count": warned.count, "first": warned.first}
            for warned in run.warnings
        ],
        "results": list(run.results),
    }


def _moment(seconds: float) -> str:
    """Return `2026-11-24T02:17:00.123Z`."""
    moment = datetime.fromtimestamp(seconds, tz=UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
