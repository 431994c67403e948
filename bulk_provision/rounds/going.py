"""The round itself: its runs in their order, and what came of them.

Files are taken one after the other; the accounts of one file run side by side, each with its own
pace and lease, so that a slow or refused one does not hold up the others.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from bulk_provision.errors import ProvisionError, UsageError
from bulk_provision.job import Stage, Until, provision, rehearse
from bulk_provision.model import ExitCode, RoundSummary, Summary, Trouble
from bulk_provision.pace import Halt
from bulk_provision.rounds.inputs import inputs_of, put_away
from bulk_provision.rounds.routing import errands_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from bulk_provision.job import Control, Watcher
    from bulk_provision.rounds.orders import Orders
    from bulk_provision.rounds.routing import Errand

# From the lightest to the gravest: of several runs' exit codes the last of these counts.
_GRAVITY = (
    ExitCode.DONE,
    ExitCode.DEADLINE,
    ExitCode.SOME_ROWS,
    ExitCode.ACCOUNT_BUSY,
    ExitCode.STOPPED,
    ExitCode.LIMIT_PASSED,
    ExitCode.USAGE,
    ExitCode.ACCOUNT_REFUSED,
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.BUG,
)


_Do: TypeAlias = "Callable[..., Awaitable[Summary]]"
"""What is done with each source and account: `provision`, or `rehearse`."""


class Told(Protocol):
    """Who hears of a round."""

    def watcher(self, account: str, source: str) -> AbstractContextManager[Watcher]:
        """Return who is told of a run, while it goes."""
        ...

    def note(self, event: str, **fields: object) -> None:
        """Something happened beside the runs: a file was moved, an inbox is empty."""
        ...

    def stopping(self, reason: str) -> None:
        """Nothing more is sent; calls under way may end."""
        ...


@dataclass(slots=True)
class _Came:
    """What has come of the round so far."""

    runs: list[Summary] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)

    def trouble(self, account: str, source: str, problem: ProvisionError) -> int:
        code = int(problem.exit_code)
        self.troubles.append(Trouble(account, source, problem.what, problem.cure, code))
        return code

    def has_left_rows(self, path: str) -> bool:
        """Tell whether rows of a file were left for a later wave."""
        return any(run.source == path and run.later for run in self.runs)


def gravest(codes: Sequence[int]) -> ExitCode:
    """Return the exit code that stands for several runs; for none of them, "done"."""
    return max(map(ExitCode, codes), key=_GRAVITY.index, default=ExitCode.DONE)


def not_begun(job: str, source: str, problem: ProvisionError, started_at: float) -> RoundSummary:
    """Sum up a round that could not begin.

    Args:
        job: the job's name.
        source: as it is written in the job.
        problem: what kept it.
        started_at: UTC, seconds since 1970.
    """
    trouble = Trouble("", source, problem.what, problem.cure, int(problem.exit_code))
    return RoundSummary(
        job, started_at, time.time() - started_at, (), (trouble,), gravest([trouble.exit_code])
    )


async def go(orders: Orders, told: Told, control: Control) -> RoundSummary:
    """Do everything that is ordered; what keeps one run from beginning does not keep the others.

    Args:
        orders: what is to be done.
        told: who hears of it.
        control: stops all of it from outside.
    """
    started_at = time.time()
    came = _Came()
    with _doing(orders, told, control) as do:
        try:
            inputs = await asyncio.to_thread(
                inputs_of,
                orders.source.path,
                takes_all=orders.takes_all,
                system=orders.source.system,
            )
            _check_there_is_one(orders, inputs.paths)
        except ProvisionError as problem:
            came.trouble("", orders.source.path, problem)
        else:
            if inputs.left:
                told.note("still_being_written", files=inputs.left)
            if not inputs.paths and inputs.inbox is not None:
                told.note("inbox_empty", inbox=str(inputs.inbox))
            for path in inputs.paths:
                if control.halt is not None:
                    break
                code = await _go_through(orders, path, told, control, came, do=do)
                stays = orders.rehearse or came.has_left_rows(path)
                if inputs.inbox is not None and not stays:
                    await asyncio.to_thread(_put_away, inputs.inbox, path, code, told, came)
    codes: list[int] = [run.exit_code for run in came.runs]
    codes += [trouble.exit_code for trouble in came.troubles]
    if control.halt is not None:  # it may have come between two runs
        codes.append(control.halt.exit_code)
    return RoundSummary(
        job=orders.job,
        started_at=started_at,
        seconds=time.time() - started_at,
        runs=tuple(came.runs),
        troubles=tuple(came.troubles),
        exit_code=gravest(codes),
    )


async def _go_through(
    orders: Orders, path: str, told: Told, control: Control, came: _Came, *, do: _Do
) -> ExitCode:
    """Run one file for each of its accounts; return the gravest of their exit codes."""
    try:
        errands = await asyncio.to_thread(errands_of, orders, path)
        _check_there_is_one(orders, errands)
    except ProvisionError as problem:
        return gravest([came.trouble("", path, problem)])
    ended = await asyncio.gather(
        *(_run(orders, errand, told, control, came, do=do) for errand in errands),
        return_exceptions=True,
    )
    for one in ended:  # a bug in one of them stops the round when the others have come to an end
        if isinstance(one, BaseException):
            raise one
    return gravest([one for one in ended if isinstance(one, int)])


def _check_there_is_one(orders: Orders, runs: Sequence[object]) -> None:
    """See that a plan is not to stand for several runs; raises UsageError."""
    if orders.approved is not None and len(runs) > 1:
        raise UsageError(
            f"{orders.approved.file} is the plan of one run, and these would be {len(runs)}, for "
            "several files or accounts.",
            "Name one of the files as SOURCE, and give each account's rows a file of their own.",
        )


async def _run(
    orders: Orders, errand: Errand, told: Told, control: Control, came: _Came, *, do: _Do
) -> int:
    with told.watcher(errand.account, errand.source.path) as watcher:
        try:
            served = await asyncio.to_thread(errand.serve)
            summary = await do(
                errand.source,
                served.account,
                pace=served.pace,
                policy=orders.policy,
                rules=orders.rules,
                results=errand.results,
                ledger=orders.ledger,
                wait=orders.wait,
                caution=orders.caution,
                approved=orders.approved,
                job=orders.job,
                watcher=watcher,
                control=control,
            )
        except ProvisionError as problem:
            return came.trouble(errand.account, errand.source.path, problem)
    came.runs.append(summary)
    return int(summary.exit_code)


def _put_away(inbox: Path, path: str, code: int, told: Told, came: _Came) -> None:
    try:
        moved = put_away(inbox, Path(path), code)
    except ProvisionError as problem:
        came.trouble("", path, problem)
        return
    if moved is not None:
        told.note("moved", source=path, to=str(moved))


@contextmanager
def _doing(orders: Orders, told: Told, control: Control) -> Iterator[_Do]:
    """Say what is done with each source, while the round lasts.

    A rehearsal counts its deadline in calls; no clock stops it.
    """
    with ExitStack() as stack:
        if orders.rehearse:
            until = Until(orders.deadline, orders.deadline_text)
            yield partial(rehearse, until=until, stage=stack.enter_context(Stage()))
        else:
            stack.enter_context(_deadline(orders, told, control))
            yield provision


@contextmanager
def _deadline(orders: Orders, told: Told, control: Control) -> Iterator[None]:
    """Stop everything when the time is over, unless it is being stopped already."""
    if orders.deadline is None:
        yield
        return
    halt = Halt(ExitCode.DEADLINE, f"the deadline ({orders.deadline_text}) passed")

    def stop() -> None:
        if control.halt is None:
            told.stopping(halt.reason)
            control.stop(halt)

    timer = asyncio.get_running_loop().call_later(orders.deadline, stop)
    try:
        yield
    finally:
        timer.cancel()
