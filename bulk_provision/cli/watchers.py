"""What a run says while it goes: a live line on a terminal, a log otherwise."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from bulk_provision.cli.reporting import (
    counted,
    duration,
    listed_line,
    places,
    plan_lines,
    problem_lines,
)
from bulk_provision.job import Progress, Watcher
from bulk_provision.model import ExitCode

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from structlog.typing import FilteringBoundLogger

    from bulk_provision.filling import Filled
    from bulk_provision.model import Summary
    from bulk_provision.plan import Plan
    from bulk_provision.staged import Staged

_OVER = 5.0  # seconds over which calls a second are counted
_LOG_EVERY = 10.0  # seconds between two log lines about progress


class Speed:
    """Calls a second over the last few seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def after(self, progress: Progress) -> float:
        """Take the newest progress into account; return calls a second."""
        self._seen.append((progress.seconds, progress.calls))
        while progress.seconds - self._seen[0][0] > _OVER:
            self._seen.popleft()
        began, calls = self._seen[0]
        passed = progress.seconds - began
        return (progress.calls - calls) / passed if passed > 0 else 0.0


class LiveLine(Watcher):
    """A line that shows how far a run is, how fast, and how long it will take.

    Args:
        console: the terminal.
        bar: the lines on it, one for each run that goes.
        label: the account and source, when several runs go; "" when there is one.
    """

    def __init__(self, console: Console, bar: Bar, label: str) -> None:
        self._console = console
        self._bar = bar
        self._label = f"{label} " if label else ""
        self._speed = Speed()
        self._calls_a_row = 1.0
        self._is_rehearsal = False
        self._settled = 0  # rows that need no call
        self._task = bar.add_task("", total=1, visible=False)

    def waiting(self, holder: str) -> None:
        """Say whom it waits for."""
        self._console.print(f"{self._label}Waiting: the account is held by {holder}.", markup=False)

    def planned(self, run_id: int, staged: Staged, plan: Plan) -> None:
        """Say what was found before the calls begin."""
        what = "Rehearsal" if self._is_rehearsal else f"Run {run_id}"
        self._console.print(f"{self._label}{what}:", markup=False)
        for line in (*problem_lines(staged), *plan_lines(plan)):
            self._console.print(line, markup=False, highlight=False)
        settled = self._settled = sum(plan.remembered.values())
        if plan.wave is not None:
            self._bar.update(self._task, total=plan.wave, visible=True)
            return
        self._calls_a_row = plan.calls / max(1, plan.rows - settled)
        self._bar.update(self._task, total=plan.rows, completed=settled, visible=True)

    def rehearsing(self, endpoints: int | None, pages: int, seconds: float | None) -> None:
        """Say how long reading the list takes, before it is read."""
        self._is_rehearsal = True
        if endpoints is not None:
            takes = "" if seconds is None else f", about {duration(seconds)}"
            listed = f"{counted(endpoints, 'endpoint')}, {counted(max(1, pages), 'call')}{takes}"
            told = f"{self._label}Rehearsal: TeleCMI's list is read ({listed}); nothing changes."
            self._console.print(told, markup=False, highlight=False)
            self._bar.update(self._task, visible=True)

    def reconciling(self, run_id: int) -> None:
        """Say that the list is read."""
        told = f"{self._label}Run {run_id}: reading TeleCMI's list."
        self._console.print(told, markup=False, highlight=False)
        self._bar.update(self._task, visible=True)

    def listed(self, filled: Filled) -> None:
        """Say which way is taken."""
        told = f"{self._label}  {listed_line(filled)}"
        self._console.print(told, markup=False, highlight=False)
        self._settled += filled.settled

    def progressed(self, progress: Progress) -> None:
        """Move the line: it counts the source's rows, or those of the wave."""
        done, total = sum(progress.outcomes.values()), progress.rows
        if progress.later:
            done, total = done - self._settled, total - progress.later - self._settled
        speed = self._speed.after(progress)
        parts = [f"{count:,} {outcome.value}" for outcome, count in progress.outcomes.items()]
        if progress.pages is not None:
            read, pages = progress.pages
            parts.append(f"reading TeleCMI's list, page {read:,} of {pages:,}")
        parts.append(f"{speed:.1f} calls/s")
        if speed > 0 and progress.pages is None:
            left = (total - done) * self._calls_a_row
            parts.append(f"{duration(left / speed)} left")
        if progress.is_waiting:
            parts.append("waiting for TeleCMI")
        shown, total = progress.pages or (done, total)
        self._bar.update(
            self._task,
            completed=shown,
            total=max(total, 1),
            description=self._label + " · ".join(parts),
        )

    def writing(self) -> None:
        """Say that the calls are over."""
        self._bar.update(self._task, description=f"{self._label}writing the results")

    def ended(self, summary: Summary) -> None:  # noqa: ARG002  (the summary is told elsewhere)
        """Take the line away."""
        self._bar.update(self._task, visible=False)


class LogLines(Watcher):
    """Log lines as JSON: for cron, for whoever reads its mail, and for programs.

    Args:
        log: with the account and the source of the run; the run's number joins them.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._speed = Speed()
        self._calls_a_row = 1.0
        self._logged_at = time.monotonic()
        self._is_rehearsal = False

    def waiting(self, holder: str) -> None:
        """Log whom it waits for."""
        self._log.warning("waiting", holder=holder)

    def planned(self, run_id: int, staged: Staged, plan: Plan) -> None:
        """Log what was found before the calls begin."""
        if not self._is_rehearsal:  # which has no number in the ledger
            self._log = self._log.bind(run_id=run_id)
        if plan.wave is None:
            self._calls_a_row = plan.calls / max(1, plan.rows - sum(plan.remembered.values()))
        for tally in staged.tallies:
            tell = self._log.warning if tally.problem.warning else self._log.error
            tell(
                tally.problem.kind,
                why=tally.problem.why,
                cure=tally.problem.cure,
                count=tally.count,
                places=list(places(tally)),
            )
        self._log.info(
            "planned",
            rows=plan.rows,
            remembered={outcome.value: n for outcome, n in plan.remembered.items()},
            actions={action.value: n for action, n in plan.actions.items()},
            calls=plan.calls,
            **({} if plan.wave is None else {"wave": plan.wave}),
            way=plan.way and plan.way.way.value,
            why=plan.way and plan.way.why,
        )

    def rehearsing(self, endpoints: int | None, pages: int, seconds: float | None) -> None:
        """Log how long reading the list takes, before it is read."""
        self._is_rehearsal = True
        self._log.info("rehearsing", listed=endpoints, pages=pages, seconds=seconds)

    def reconciling(self, run_id: int) -> None:
        """Log that the list is read."""
        self._log = self._log.bind(run_id=run_id)
        self._log.info("reconciling")

    def listed(self, filled: Filled) -> None:
        """Log which way is taken, and why."""
        choice = filled.choice
        tell = self._log.info if filled.problem is None else self._log.warning
        tell(
            "listed",
            way=choice.way.value,
            why=choice.why,
            listed=choice.total,
            learned=filled.known,
            settled=filled.settled,
            warning=filled.problem and filled.problem.why,
        )

    def progressed(self, progress: Progress) -> None:
        """Log progress, now and then."""
        speed = self._speed.after(progress)
        if time.monotonic() - self._logged_at < _LOG_EVERY:
            return
        self._logged_at = time.monotonic()
        left = progress.rows - progress.later - sum(progress.outcomes.values())
        self._log.info(
            "progress",
            rows=progress.rows,
            outcomes={outcome.value: n for outcome, n in progress.outcomes.items()},
            calls=progress.calls,
            calls_per_second=round(speed, 1),
            rows_left=left,
            seconds_left=round(left * self._calls_a_row / speed) if speed > 0 else None,
            held_back=progress.is_waiting,
            **({} if progress.pages is None else {"pages": list(progress.pages)}),
        )

    def writing(self) -> None:
        """Log that the calls are over."""
        self._log.info("writing_results")

    def ended(self, summary: Summary) -> None:
        """Log how it ended."""
        tell = self._log.info if summary.exit_code is ExitCode.DONE else self._log.error
        tell(
            "ended",
            exit_code=int(summary.exit_code),
            outcomes={outcome.value: n for outcome, n in summary.outcomes.items() if n},
            **({"left_for_later": sum(summary.later.values())} if summary.later else {}),
            calls=summary.calls,
            seconds=round(summary.seconds, 1),
            results=list(summary.results),
            reason=summary.reason,
        )
