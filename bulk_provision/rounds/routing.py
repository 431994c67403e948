"""Which accounts a source's rows name, and what each of them is to read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.errors import SourceError, UsageError
from bulk_provision.shares import Route, names_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.job import Results, Source
    from bulk_provision.rounds.orders import Orders, Routes
    from bulk_provision.settings import Served


class Errand(NamedTuple):
    """A run to be done.

    Args:
        source: what is read.
        account: for which account, as people call it.
        serve: returns that account; raises UsageError when its secret is not to be had.
        results: where its results go.
    """

    source: Source
    account: str
    serve: Callable[[], Served]
    results: Results


def errands_of(orders: Orders, path: str) -> list[Errand]:
    """Return the runs that one file asks for.

    Raises:
        SourceError: it cannot be read, or names no account that is described.
    """
    source = replace(orders.source, path=path)
    if orders.routes is None:
        assert orders.account is not None
        served = orders.account
        account = served.name or str(served.account.appid)
        return [Errand(source, account, lambda: served, orders.results)]
    return _for_each_account(orders, orders.routes, source)


def _for_each_account(orders: Orders, routes: Routes, source: Source) -> list[Errand]:
    if source.path == "-":
        raise UsageError(
            "Standard input can be read but once, and rows for several accounts are read by each.",
            "Put them into a file.",
        )
    with source.open() as table:
        spaces = " " in orders.rules.allow_username
        found = names_in(table, routes.column, routes.default, spaces=spaces)
        sha256 = table.sha256
    named = sorted(found.keys() & routes.known)
    if not named:
        shown = ", ".join(sorted(filter(None, found))[:5]) or "none"
        raise SourceError(
            f"{source.path}: no row names an account that is described (named are: {shown}).",
            f"Described are: {', '.join(sorted(routes.known))}.",
        )
    first = routes.default if routes.default in named else named[0]
    return [
        Errand(
            replace(
                source,
                route=Route(
                    routes.column, name, routes.default, routes.known, name == first, sha256
                ),
            ),
            name,
            partial(routes.serve, name),
            replace(orders.results, label=name),
        )
        for name in named
    ]
