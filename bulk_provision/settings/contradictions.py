"""Settings that make sense each by itself, and not together. Nothing outside is looked at."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.model import FOLDER_EXPORTS, OnExists
from bulk_provision.settings.fields import Pick
from bulk_provision.settings.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings.fields import Settings

_PATTERN = frozenset("*?[")
_LONGEST_NIGHT = 20.0  # hours from a job's start to its deadline that somebody may have meant


def is_pattern(source: str) -> bool:
    """Tell whether a source is a pattern such as `people-*.csv`; a file of that name goes first."""
    return not _PATTERN.isdisjoint(source) and not Path(source).exists()


def is_one_export(source: str, system: str | None) -> bool:
    """Tell whether a source is a folder that is read as one export.

    Args:
        source: a path.
        system: whose export it is, as `from` says.
    """
    return system in FOLDER_EXPORTS and source not in ("", "-") and Path(source).is_dir()


def is_inbox(source: str, system: str | None = None) -> bool:
    """Tell whether a source is a folder whose files are all to be run.

    Args:
        source: a path.
        system: whose export it is, as `from` says.
    """
    is_folder = source not in ("", "-") and Path(source).is_dir()
    return is_folder and not is_one_export(source, system)


def contradictions(settings: Settings) -> Iterator[Finding]:
    """Yield what cannot be meant: a run with such settings does not begin."""
    source = settings.source or ""
    if settings.stop_if_vanished is not None and is_inbox(source, settings.from_):
        yield Finding(
            "stop_if_vanished",
            "the source is an inbox: each of its files has other people, so all would seem to "
            "have vanished.",
            "Leave stop_if_vanished away, or name one file.",
        )
    elif settings.stop_if_vanished is not None and settings.pick is Pick.ALL:
        yield Finding(
            "stop_if_vanished",
            'pick = "all" reads several files, so the people of one would seem to have vanished '
            "from the next.",
            'Leave stop_if_vanished away, or let pick be "newest".',
        )
    if settings.account_column is not None and not settings.accounts:
        yield Finding(
            "account_column",
            "the rows name accounts, but none is described.",
            "Describe each in a table [accounts.NAME] of the job file, or in an accounts file.",
        )
    if settings.limit is not None and settings.recheck:
        yield Finding(
            "limit",
            "recheck asks the vendor about every row again, in each run: the waves would never "
            "get beyond the first rows.",
            "Leave limit or recheck away.",
        )
    if settings.csv and settings.protect:
        yield Finding(
            "csv",
            "CSV files cannot be protected with a password.",
            "Leave --csv or --protect away (BULK_PROVISION_PROTECT=false puts it out).",
        )
    if settings.healthcheck is not None and settings.healthcheck_file is not None:
        yield Finding(
            "healthcheck",
            "healthcheck and healthcheck_file both say which address is pinged.",
            "Leave one of them away.",
        )


def doubts(settings: Settings) -> Iterator[Finding]:
    """Yield what a job that nobody watches is better without, although a run would begin."""
    for key, what, cure in (
        *_about_people(settings),
        *_about_what_comes_out(settings),
        *_about_time(settings),
    ):
        yield Finding(key, what, cure, is_warning=True)


def _about_people(settings: Settings) -> Iterator[tuple[str, str, str]]:
    if settings.on_exists is OnExists.RESET and not settings.yes:
        yield (
            "on_exists",
            "a run without a terminal refuses to reset passwords unasked.",
            "Add yes = true, if that is meant.",
        )
    if settings.protect and not (settings.protect_password_env or settings.protect_password_file):
        yield (
            "protect",
            "a run without a terminal has nobody to ask for the password.",
            "Name protect_password_file.",
        )
    has_addresses = settings.notify_env or settings.notify_file or settings.notify_command
    if "notify_when" in settings.model_fields_set and not has_addresses:
        yield "notify_when", "nobody is told: there are no addresses.", "Name notify_file."


def _about_what_comes_out(settings: Settings) -> Iterator[tuple[str, str, str]]:
    told = settings.model_fields_set
    if settings.output is not None and settings.schedule is not None and not settings.yes:
        yield (
            "output",
            "the second run finds the first one's results there, and refuses.",
            "Name a results_folder instead.",
        )
    if settings.keep_logs_days is not None and settings.log_folder is None:
        yield "keep_logs_days", "no logs are kept: there is no log_folder.", "Name a log_folder."
    if settings.metrics is not None and settings.metrics.suffix != ".prom":
        yield (
            "metrics",
            "node_exporter reads nothing but files that end with .prom.",
            "Name it so.",
        )
    if "pick" in told and settings.source is not None and not is_pattern(settings.source):
        yield "pick", "it counts only when the source is a pattern.", "Leave it away."
    if settings.schedule is not None and "ledger" not in told:
        yield (
            "ledger",
            "no ledger is named, and without a name each user has one of his own.",
            "Name it, so that the job and whoever looks after it use the same one.",
        )


def _about_time(settings: Settings) -> Iterator[tuple[str, str, str]]:
    schedule, deadline = settings.schedule, settings.deadline
    if schedule is None:
        return
    if settings.source == "-":
        yield "source", "nobody gives a scheduled job anything on standard input.", "Name a file."
    if settings.recheck:
        yield (
            "recheck",
            "every run asks the vendor about every row that the ledger remembers.",
            "Leave it away, and give --recheck when it is needed.",
        )
    if deadline is not None and deadline.clock is not None:
        start = schedule.hour + schedule.minute / 60
        end = deadline.clock[0] + deadline.clock[1] / 60
        if (hours := math.fmod(end - start + 24, 24) or 24) > _LONGEST_NIGHT:
            yield (
                "deadline",
                f"it comes {hours:.0f} h after the start.",
                "Let it be later than the schedule.",
            )
