"""Writes the examples in jobs/ that `job install` makes of jobs/nightly.toml, as it lay in /etc.

python docs/examples.py            complain and exit with 1 when one is old
python docs/examples.py --write    write them
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from generated import ROOT, keep_current
from pydantic import BaseModel

from bulk_provision.setting_up import crontab, units
from bulk_provision.setting_up.command import Command
from bulk_provision.settings import Settings, load_settings

JOBS = ROOT / "jobs"
THERE = Path("/etc/bulk-provision")
COMMAND = Command(("/opt/bulk-provision/.venv/bin/bulk-provision",))
USER = "bulk-provision"


def files() -> dict[Path, str]:
    """Return what each example is to hold."""
    settings, job = as_there(load_settings({}, JOBS / "nightly.toml")), THERE / "nightly.toml"
    assert isinstance(settings, Settings)
    assert settings.schedule is not None
    made = units(settings, job, COMMAND, settings.schedule, name="nightly", user=USER)
    return {
        JOBS / "nightly.service": made.service,
        JOBS / "nightly.timer": made.timer,
        JOBS / "cron.example": crontab(settings, job, COMMAND, settings.schedule, user=USER),
    }


def as_there(value: Any) -> Any:  # noqa: ANN401  (settings and what they hold)
    """Return settings as they would be if the job file lay in THERE."""
    if isinstance(value, Path) and value.is_relative_to(JOBS):
        return THERE / value.relative_to(JOBS)
    if isinstance(value, dict):
        return {name: as_there(one) for name, one in value.items()}
    if isinstance(value, BaseModel):
        moved = {name: as_there(getattr(value, name)) for name in value.model_fields_set}
        return value.model_copy(update=moved)
    return value


if __name__ == "__main__":
    sys.exit(keep_current(files(), "docs/examples.py"))
