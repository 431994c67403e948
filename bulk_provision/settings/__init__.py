"""Settings: defaults < job file < environment < flags. Secrets are masked values.

fields     every setting, its default and its bounds
accounts   named accounts, and which one a run is for
job_file   TOML as it is written: which line a key stands in, paths
loading    the four ways put together; errors say which one is wrong, and where
findings   what is wrong with a setting, as a value
contradictions   settings that make no sense together
binding    which settings an approved plan is bound to
moments    deadlines and times of day
secrets    references to secrets: a variable, a file, a command
"""

from bulk_provision.settings.accounts import (
    DEFAULT_BASE_URL,
    AccountEntry,
    Served,
    account_of,
    address_of,
    names_of,
    pace_of,
    served,
    unserved,
)
from bulk_provision.settings.binding import bound_options
from bulk_provision.settings.contradictions import (
    doubts,
    is_inbox,
    is_one_export,
    is_pattern,
)
from bulk_provision.settings.fields import (
    ENV_PREFIX,
    Include,
    NotifyWhen,
    Pick,
    ResultsRows,
    Settings,
    default_ledger,
)
from bulk_provision.settings.findings import Finding
from bulk_provision.settings.loading import Loaded, examine, load_settings
from bulk_provision.settings.secrets import (
    Reference,
    secret_of_variable,
    secret_path,
    source_password,
    text_of_secret_file,
)

__all__ = [
    "DEFAULT_BASE_URL",
    "ENV_PREFIX",
    "AccountEntry",
    "Finding",
    "Include",
    "Loaded",
    "NotifyWhen",
    "Pick",
    "Reference",
    "ResultsRows",
    "Served",
    "Settings",
    "account_of",
    "address_of",
    "bound_options",
    "default_ledger",
    "doubts",
    "examine",
    "is_inbox",
    "is_one_export",
    "is_pattern",
    "load_settings",
    "names_of",
    "pace_of",
    "secret_of_variable",
    "secret_path",
    "served",
    "source_password",
    "text_of_secret_file",
    "unserved",
]
