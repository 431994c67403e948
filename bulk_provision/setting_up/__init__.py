"""Setting a job up: what it needs, whether it is in order, and what starts it every night.

needs      the secrets that a job reads, the folders that it writes to
checking   what can be known of a job file without calling anybody
words      a job in plain words
systemd    a service and a timer
cron       a line for cron
command    how this very program is started
placing    files that are put in place, and never over another's
"""

from bulk_provision.setting_up.checking import Checked, check_job
from bulk_provision.setting_up.command import closed_folder, this_command
from bulk_provision.setting_up.cron import crontab
from bulk_provision.setting_up.needs import (
    MADE_BY_RUNS,
    SecretNeeded,
    file_to_read,
    folders_written,
    nearest_folder,
    secrets_needed,
    served_names,
)
from bulk_provision.setting_up.placing import Placed, place
from bulk_provision.setting_up.systemd import Units, units
from bulk_provision.setting_up.words import in_words

__all__ = [
    "MADE_BY_RUNS",
    "Checked",
    "Placed",
    "SecretNeeded",
    "Units",
    "check_job",
    "closed_folder",
    "crontab",
    "file_to_read",
    "folders_written",
    "in_words",
    "nearest_folder",
    "place",
    "secrets_needed",
    "served_names",
    "this_command",
    "units",
]
