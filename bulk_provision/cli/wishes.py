"""What settings ask for, as the values that rounds and jobs take."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.approval import Approved
    from bulk_provision.checks import Rules
    from bulk_provision.job import Results, Source
    from bulk_provision.model import Caution, Secret
    from bulk_provision.plan import Policy
    from bulk_provision.rounds import Keeping, Orders, Routes
    from bulk_provision.settings import Served, Settings


def policy_of(settings: Settings) -> Policy:
    """Return what settings say about existing usernames and generated passwords."""
    from bulk_provision.passwords import Recipe
    from bulk_provision.plan import Policy

    recipe = Recipe(length=settings.password_length)
    if settings.password_alphabet is not None:
        recipe = replace(recipe, alphabet=settings.password_alphabet)
    return Policy(settings.on_exists, settings.recheck, recipe, settings.reconcile)


def rules_of(settings: Settings) -> Rules:
    """Return what settings say about the checks before any call."""
    from bulk_provision.checks import Rules

    return Rules(allow_username=settings.allow_username, weak_passwords=settings.weak_passwords)


def caution_of(settings: Settings) -> Caution:
    """Return what settings say about when to stop before calling, and how much to do."""
    from bulk_provision.model import Caution

    caution = Caution(canary=settings.canary, wave=settings.limit)
    if settings.ignore_limits:
        return caution
    return replace(
        caution,
        new=settings.stop_if_new,
        invalid=settings.stop_if_invalid,
        vanished=settings.stop_if_vanished,
    )


def approved_of(settings: Settings) -> Approved | None:
    """Return the plan that settings name for a run; raises UsageError when it is none."""
    from bulk_provision.approval import Approved
    from bulk_provision.results import read_plan
    from bulk_provision.settings import bound_options

    if settings.plan is None:
        return None
    binding, by = read_plan(str(settings.plan))
    return Approved(str(settings.plan), binding, bound_options(settings), by)


def results_of(settings: Settings, protect: Secret | None) -> Results:
    """Return where and how settings want the results."""
    from bulk_provision.job import Results
    from bulk_provision.settings import ResultsRows, is_inbox

    folder = settings.results_folder
    if (
        folder is None
        and settings.output is None
        and is_inbox(settings.source or "-", settings.from_)
    ):
        folder = Path(settings.source or "") / "results"  # in an inbox they would be sources
    return Results(
        settings.output,
        csv=settings.csv,
        overwrite=settings.yes,
        protect=protect,
        annotate=settings.annotate,
        folder=folder,
        only_changed=settings.results_rows is ResultsRows.CHANGED,
    )


def keeping_of(settings: Settings) -> Keeping:
    """Return for how long settings want things to be kept."""
    from bulk_provision.rounds import Keeping

    return Keeping(
        settings.keep_results_days,
        settings.keep_logs_days,
        settings.keep_rows_days,
        settings.forget_after_days,
    )


def accounts_in(
    settings: Settings, ask: Callable[[], str] | None, *, secrets: bool = True
) -> tuple[Served | None, Routes | None]:
    """Return the account that settings name, or the accounts that rows may name.

    Args:
        settings: with an account, or a column of accounts.
        ask: prompts for the secret; None when there is nobody to ask.
        secrets: False where nothing is called: then they are not needed.

    Raises:
        UsageError: an account or a secret is missing.
    """
    from bulk_provision.rounds import Routes
    from bulk_provision.settings import account_of, names_of, served, unserved

    if settings.account_column is None:
        return account_of(settings, ask) if secrets else unserved(settings), None
    serve = partial(served if secrets else unserved, settings)
    return None, Routes(settings.account_column, names_of(settings), serve, settings.account or "")


def orders_of(
    settings: Settings,
    source: Source,
    account: Served | None,
    routes: Routes | None,
    protect: Secret | None,
    *,
    rehearse: bool = False,
) -> Orders:
    """Return what settings want to be done.

    Args:
        settings: all of them.
        source: as `source_of` returns it.
        account: as `accounts_in` returns it,
        routes: and these.
        protect: the password for the results.
        rehearse: nothing is to be changed.
    """
    import time

    from bulk_provision.job import LedgerPlace
    from bulk_provision.rounds import Orders

    deadline = settings.deadline
    return Orders(
        source=source,
        account=account,
        routes=routes,
        results=results_of(settings, protect),
        policy=policy_of(settings),
        rules=rules_of(settings),
        ledger=LedgerPlace.of(settings),
        job=settings.name,
        takes_all=settings.pick == "all",
        wait=settings.wait,
        deadline=deadline and deadline.seconds_from(time.time()),
        deadline_text=deadline.text if deadline else "",
        caution=caution_of(settings),
        rehearse=rehearse,
    )


def source_of(settings: Settings) -> Source:
    """Return the input that settings name.

    Raises:
        UsageError: they name none, or what `Source.of` cannot use.
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.job import Source

    if settings.source is None:
        raise UsageError("What shall be read? The source is missing.", "Name a file, or - .")
    return Source.of(settings, settings.source, sys.stdin.buffer)
