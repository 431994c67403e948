"""A line for cron that starts a job: see crontab(5)."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

from bulk_provision.errors import UsageError
from bulk_provision.setting_up.needs import secrets_needed
from bulk_provision.setting_up.placing import heading

if TYPE_CHECKING:
    from pathlib import Path

    from bulk_provision.setting_up.command import Command
    from bulk_provision.settings import Settings
    from bulk_provision.settings.moments import Schedule

_WEEK = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")  # as cron counts


def crontab(
    settings: Settings, job: Path, command: Command, schedule: Schedule, *, user: str | None
) -> str:
    """Return what goes into a crontab.

    Args:
        settings: of the job.
        job: the job file.
        command: how the program is started.
        schedule: when.
        user: whom the job runs as, for a file in /etc/cron.d; None: for one's own `crontab -e`.
    """
    days = "*"
    if len(schedule.days) < len(_WEEK):
        days = ",".join(str(number) for number, day in enumerate(_WEEK) if day in schedule.days)
    when = f"{schedule.minute} {schedule.hour} * * {days}"
    words = [*command.words, "run", "--quiet", "--job", str(job.absolute())]
    line = " ".join([when, *([user] if user else []), _for_cron(words)])
    return "\n".join([*_remarks(settings), *_variables(settings), line, ""])


def _for_cron(words: list[str]) -> str:
    """Quote for the shell, and then for cron, to which % is the end of the line."""
    for word in words:
        if not word.isprintable():
            raise UsageError(
                f"{word!r} has a character that cannot stand in a crontab.", "Rename it."
            )
    return shlex.join(words).replace("%", "\\%")


def _remarks(settings: Settings) -> list[str]:
    remarks = [
        heading(settings.name),
        "# cron mails what is printed, which with --quiet is errors alone: set MAILTO to whom.",
        "# For a mail whenever the exit code is not 0, leave --quiet away and put `chronic` (of",
        "# Debian's moreutils) before the command. The next night makes up for one that is missed.",
    ]
    variables = [need for need in secrets_needed(settings) if need.reference.kind == "env"]
    for key, reference in variables:
        remarks.append(f"# {key}: set {reference.place} here, and give this file the mode 0600.")
    return remarks


def _variables(settings: Settings) -> list[str]:
    """Name the ledger that was named to us, unless the job file does so."""
    if "BULK_PROVISION_LEDGER" not in os.environ:
        return []
    return [f"BULK_PROVISION_LEDGER={settings.ledger}"]
