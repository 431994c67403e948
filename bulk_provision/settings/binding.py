"""Which settings an approved plan is bound to: those that decide which endpoints would be made.

Every setting is in one of two sets, and a test sees to that. One that somebody forgot is bound:
a plan that is refused without need is better than one that lets something else happen.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bulk_provision.errors import UsageError

if TYPE_CHECKING:
    from bulk_provision.settings.fields import Settings

BOUND = frozenset(
    {
        # which rows are read, and as what
        "sheet", "encoding", "map", "from_", "include", "generate_passwords", "allow_username",
        "weak_passwords", "username_template", "prefix", "lower", "names", "where",
        # for which account each of them is; the account itself is bound by its app id and address
        "account_column", "account",
        # what is done about them
        "on_exists", "recheck", "password_length", "password_alphabet",
    }
)  # fmt: skip
"""What changes which endpoints would be made, with which names and passwords."""

FREE = frozenset(
    {
        # bound by content: of what is read, and of the account
        "source", "pick", "appid", "base_url", "accounts", "accounts_file",
        # secrets, and where they are
        "secret", "secret_env", "secret_file", "secret_command", "source_password_env", "key",
        "allow_insecure",
        # how fast, how long, how much at once, and when to stop before
        "rate", "concurrency", "attempts", "timeout", "connect_timeout", "settle", "patience",
        "wait", "deadline", "lease_seconds", "limit", "canary", "stop_if_new", "stop_if_invalid",
        "stop_if_vanished", "ignore_limits",
        # what is known, and the way to know it
        "ledger", "reconcile", "plan",
        # what comes out
        "output", "results_folder", "results_rows", "csv", "annotate", "protect",
        "protect_password_env", "protect_password_file", "json_", "quiet", "yes",
        # who is told, what is kept, when it runs
        "name", "report", "log_folder", "metrics", "healthcheck", "healthcheck_file", "notify_env",
        "notify_file", "notify_command", "notify_when", "keep_results_days", "keep_logs_days",
        "keep_rows_days", "forget_after_days", "schedule",
    }
)  # fmt: skip
"""What may change between a plan and its run."""

_NOT_SET = "not set"


def bound_options(settings: Settings) -> dict[str, str]:
    """Return the options that a plan is bound to, in the order of their fields.

    Each is the JSON of its value, and `not set` for none. A file counts by what is in it.

    Raises:
        UsageError: such a file cannot be read.
    """
    names = [name for name in type(settings).model_fields if name not in FREE]
    if settings.account_column is None:  # else it is the account of rows that name none
        names.remove("account")
    plain = settings.model_dump(mode="json", include=set(names))
    return {
        name.rstrip("_"): _as_text(name, getattr(settings, name), plain[name]) for name in names
    }


def _as_text(name: str, value: object, plain: Any) -> str:  # noqa: ANN401  (any JSON value)
    if plain is None:
        return _NOT_SET
    if isinstance(value, Path):
        return f"file with SHA-256 {_digest(name, value)}"
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


def _digest(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise UsageError(f"The file {path} ({name}) cannot be read: {problem.strerror}.") from None
