"""Who is told how a round goes: a terminal, or a log on stderr; and a log file, if wanted."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bulk_provision.job import Progress, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.progress import Progress as Bar
    from structlog.typing import FilteringBoundLogger

    from bulk_provision.filling import Filled
    from bulk_provision.model import Summary
    from bulk_provision.plan import Plan
    from bulk_provision.settings import Settings
    from bulk_provision.staged import Staged


@contextmanager
def reporter(settings: Settings, *, rehearsal: bool = False) -> Iterator[Reporter]:
    """Give those that fit: a live line on a terminal, else a log on stderr; and the log file.

    Args:
        settings: say what is wanted.
        rehearsal: there is no log file, and each line of the log says that it is one.
    """
    from bulk_provision.cli.logs import LogFile, logger

    with ExitStack() as stack:
        told: list[_Log | _Terminal] = []
        log_file = None
        if settings.log_folder is not None and not rehearsal:
            file = LogFile(settings.log_folder, settings.name)
            stack.callback(file.close)
            told.append(_Log(logger(cast("TextIO", file)), settings.name))
            log_file = file.path
        if settings.quiet:
            pass
        elif sys.stderr.isatty():
            told.append(_Terminal(settings))
        else:
            log = logger(sys.stderr)
            told.append(_Log(log.bind(rehearsal=True) if rehearsal else log, settings.name))
        yield Reporter(told, log_file)


class Reporter:
    """Passes on what happens to everybody who is told.

    Args:
        told: they.
        log_file: where one of them writes; None: none does.
    """

    def __init__(self, told: Sequence[_Log | _Terminal], log_file: Path | None) -> None:
        self._told = told
        self.log_file = log_file

    @contextmanager
    def watcher(self, account: str, source: str) -> Iterator[Watcher]:
        """Give one watcher that stands for all of them."""
        with ExitStack() as stack:
            watchers = [stack.enter_context(one.watcher(account, source)) for one in self._told]
            yield _All(watchers)

    def note(self, event: str, **fields: object) -> None:
        """Something happened beside the runs."""
        for one in self._told:
            one.note(event, **fields)

    def warn(self, event: str, **fields: object) -> None:
        """Something went wrong beside the runs, and they go on all the same."""
        for one in self._told:
            one.warn(event, **fields)

    def stopping(self, reason: str) -> None:
        """Nothing more is sent."""
        for one in self._told:
            one.stopping(reason)


class _All(Watcher):
    """Several watchers as one."""

    def __init__(self, watchers: list[Watcher]) -> None:
        self._watchers = watchers

    def waiting(self, holder: str) -> None:
        for watcher in self._watchers:
            watcher.waiting(holder)

    def planned(self, run_id: int, staged: Staged, plan: Plan) -> None:
        for watcher in self._watchers:
            watcher.planned(run_id, staged, plan)

    def rehearsing(self, endpoints: int | None, pages: int, seconds: float | None) -> None:
        for watcher in self._watchers:
            watcher.rehearsing(endpoints, pages, seconds)

    def reconciling(self, run_id: int) -> None:
        for watcher in self._watchers:
            watcher.reconciling(run_id)

    def listed(self, filled: Filled) -> None:
        for watcher in self._watchers:
            watcher.listed(filled)

    def progressed(self, progress: Progress) -> None:
        for watcher in self._watchers:
            watcher.progressed(progress)

    def writing(self) -> None:
        for watcher in self._watchers:
            watcher.writing()

    def ended(self, summary: Summary) -> None:
        for watcher in self._watchers:
            watcher.ended(summary)


class _Log:
    """A log of JSON lines."""

    def __init__(self, log: FilteringBoundLogger, job: str) -> None:
        self._log = log.bind(job=job) if job else log

    @contextmanager
    def watcher(self, account: str, source: str) -> Iterator[Watcher]:
        from bulk_provision.cli.watchers import LogLines

        yield LogLines(self._log.bind(account=account, source=source))

    def note(self, event: str, **fields: object) -> None:
        self._log.info(event, **fields)

    def warn(self, event: str, **fields: object) -> None:
        self._log.warning(event, **fields)

    def stopping(self, reason: str) -> None:
        self._log.warning("stopping", reason=reason)


class _Terminal:
    """Live lines, one for each run that goes; labelled where there may be several."""

    def __init__(self, settings: Settings) -> None:
        from rich.console import Console

        self._console = Console(stderr=True)
        self._settings = settings
        self._bar: Bar | None = None
        self._going = 0

    @contextmanager
    def watcher(self, account: str, source: str) -> Iterator[Watcher]:
        from bulk_provision.cli.watchers import LiveLine

        parts = [
            account if self._settings.account_column else "",
            Path(source).name if source != self._settings.source else "",
        ]
        label = ", ".join(filter(None, parts))
        with self._live() as bar:
            yield LiveLine(self._console, bar, label and f"[{label}]")

    @contextmanager
    def _live(self) -> Iterator[Bar]:
        """Show lines as long as a run goes; somebody may be asked something before."""
        if self._bar is None:
            self._bar = _bar(self._console)
            self._bar.start()
        self._going += 1
        bar = self._bar
        try:
            yield bar
        finally:
            self._going -= 1
            if not self._going:
                self._bar = None
                bar.stop()

    def note(self, event: str, **fields: object) -> None:
        told = ", ".join(f"{name} {value}" for name, value in fields.items())
        self._print(f"{event.replace('_', ' ').capitalize()}: {told}")

    def warn(self, event: str, **fields: object) -> None:
        self.note(event, **fields)

    def stopping(self, reason: str) -> None:
        self._print(f"Stopping ({reason}): calls under way may end. Again: do not wait for them.")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)


def _bar(console: Console) -> Bar:
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(bar_width=24),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    )
