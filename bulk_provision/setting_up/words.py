"""A job in plain words: what it would do, for whoever checks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulk_provision.errors import UsageError
from bulk_provision.ledger import ledger_path
from bulk_provision.model import OnExists
from bulk_provision.setting_up.needs import secrets_needed, served_names, source_folder
from bulk_provision.settings import (
    NotifyWhen,
    Pick,
    ResultsRows,
    address_of,
    is_inbox,
    is_one_export,
    is_pattern,
    pace_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings import Settings

_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "wed": "Wednesday", "thu": "Thursday", "fri": "Friday",
    "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_TOLD_WHEN = {
    NotifyWhen.CHANGE: "when its state changes or somebody should act",
    NotifyWhen.CREATED: "when there are new endpoints, its state changes or somebody should act",
    NotifyWhen.ALWAYS: "every time",
    NotifyWhen.NEVER: "never",
}


def in_words(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield what a job does: a heading and a sentence or two under it."""
    plan = "" if settings.plan is None else f", and keeps to the plan {settings.plan}"
    yield "reads", _source(settings) + _rows(settings) + plan
    if rules := "; ".join(_rules(settings)):
        yield "names", rules
    for name in served_names(settings):
        yield "account", _account(settings, name)
    yield "due", _due(settings)
    yield "existing", _existing(settings)
    yield "stops", _limits(settings)
    yield "results", _results(settings)
    yield "ledger", str(ledger_path(settings.ledger))
    yield "told", "; ".join(_told(settings)) or "nobody: the exit code and the log alone tell"
    yield "kept", _kept(settings)


def _source(settings: Settings) -> str:
    source = settings.source
    if source is None:
        return "what is given to the command"
    if source == "-":
        return "CSV on standard input"
    if is_one_export(source, settings.from_):
        return f"the files in {source}, as one export"
    if is_inbox(source):
        return f"every file in {source}, and moves it to done/ or failed/ there"
    if is_pattern(source):
        which = "every file" if settings.pick is Pick.ALL else "the newest file"
        return f"{which} that matches {source}"
    return source


def _rows(settings: Settings) -> str:
    return "" if settings.where is None else f", of it the rows where {settings.where.strip()}"


def _rules(settings: Settings) -> Iterator[str]:
    if settings.names is not None:
        yield f"usernames are those in {settings.names}, where it has one"
    if settings.username_template is not None:
        yield f"usernames are made as {settings.username_template}"
    if settings.prefix:
        yield f"{settings.prefix} goes in front"
    if settings.lower:
        yield "in lower case"


def _account(settings: Settings, name: str | None) -> str:
    try:
        appid, base_url = address_of(settings, name)
    except UsageError as problem:
        return problem.what
    rate = pace_of(settings, name).rate
    pace = "without a limit" if rate is None else f"at {rate:g} calls a second"
    return f"{f'{name}: ' if name else ''}{appid} at {base_url}, {pace}"


def _due(settings: Settings) -> str:
    schedule, deadline = settings.schedule, settings.deadline
    if schedule is None:
        when = "when somebody starts it"
    else:
        days = "every day"
        if len(schedule.days) < len(_DAYS):
            days = "on " + ", ".join(_DAYS[day] for day in schedule.days)
        when = f"{days} at {schedule.hour:02}:{schedule.minute:02}"
    if deadline is not None:
        when += f"; sends nothing more {'after ' if deadline.clock is None else 'from '}"
        when += deadline.text
    if settings.wait:
        when += f"; waits {settings.wait:g} s while another run holds the account"
    return when


def _existing(settings: Settings) -> str:
    return {
        OnExists.SKIP: "usernames that exist already are skipped",
        OnExists.COMPARE: "of usernames that exist already the passwords are compared",
        OnExists.RESET: "usernames that exist already are given the source's password",
    }[settings.on_exists]


def _limits(settings: Settings) -> str:
    limits = {
        "are new": settings.stop_if_new,
        "are invalid": settings.stop_if_invalid,
        "vanished since the last run": settings.stop_if_vanished,
    }
    told = [f"{limit} {what}" for what, limit in limits.items() if limit is not None]
    text = (
        f"before any call when more than {' or '.join(told)}" if told else "for no number of rows"
    )
    if settings.limit is not None:
        text += f"; after {settings.limit:,} rows that need calls, and leaves the others for later"
    if settings.canary:
        text += f"; creates {settings.canary:,} first and reads them back"
    return text


def _results(settings: Settings) -> str:
    if settings.results_folder is not None:
        where = f"in {settings.results_folder}"
    elif settings.output is not None:
        where = settings.output
    else:
        where = "beside the source"
        if settings.source is not None:
            where += f", in {source_folder(settings.source)}"
    kind = "CSV files" if settings.csv else "a workbook"
    protected = " under a password" if settings.protect else ""
    rows = ", of what changed alone" if settings.results_rows is ResultsRows.CHANGED else ""
    return f"{kind}{protected} {where}{rows}"


def _told(settings: Settings) -> Iterator[str]:
    kinds = {"env": "in a variable", "file": "in", "command": "of a command"}
    for key, reference in secrets_needed(settings):
        if key.startswith("notify_"):
            place = f" {reference.place}" if reference.kind == "file" else ""
            where = f"the addresses {kinds[reference.kind]}{place}"
            yield f"{where}, {_TOLD_WHEN[settings.notify_when]}"
    if settings.metrics is not None:
        yield f"Prometheus, by {settings.metrics}"
    if settings.healthcheck is not None or settings.healthcheck_file is not None:
        yield "the healthcheck's address, every time"
    if settings.report is not None:
        yield f"the report {settings.report}"
    if settings.log_folder is not None:
        yield f"a log of each run in {settings.log_folder}"


def _kept(settings: Settings) -> str:
    kept = {
        "results": settings.keep_results_days,
        "logs": settings.keep_logs_days,
        "rows in the ledger": settings.keep_rows_days,
        "passwords in the ledger": settings.forget_after_days,
    }
    return ", ".join(
        f"{what} {'for ever' if days is None else f'{days:g} days'}" for what, days in kept.items()
    )
