"""What a round is to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulk_provision.model import Caution

if TYPE_CHECKING:
    from collections.abc import Callable

    from bulk_provision.approval import Approved
    from bulk_provision.checks import Rules
    from bulk_provision.job import LedgerPlace, Results, Source
    from bulk_provision.plan import Policy
    from bulk_provision.settings import Served


@dataclass(frozen=True, slots=True)
class Routes:
    """Which account each row is for, when one source is for several.

    Args:
        column: the header of the column that names it.
        known: the names of those that are described.
        serve: returns one of them, its secret read; what keeps that from going keeps no other one.
        default: the account of rows that name none; "" when there is no such.
    """

    column: str
    known: frozenset[str]
    serve: Callable[[str], Served]
    default: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a round is to do.

    Args:
        source: a file, a pattern, or a folder that serves as an inbox, and how it is read.
        account: for which; None when `routes` says it.
        routes: for which, row by row; None when there is but one account.
        results: where the results go, for each run.
        policy: what to do about usernames that exist, and how passwords are generated.
        rules: what is checked before any call.
        ledger: what is known.
        job: the job's name; "" when there is no job.
        takes_all: read every file that a pattern matches, not the newest alone.
        wait: seconds to wait while another run holds an account.
        deadline: seconds after which nothing more is sent; None: no limit.
        deadline_text: as it was asked for, for people.
        caution: when to stop before calling, and how much to do.
        rehearse: nothing at the vendor is changed, and no file of an inbox moved.
        approved: the plan that it must keep to: of one file, for one account.
    """

    source: Source
    account: Served | None
    results: Results
    policy: Policy
    rules: Rules
    ledger: LedgerPlace
    routes: Routes | None = None
    job: str = ""
    takes_all: bool = False
    wait: float = 0.0
    deadline: float | None = None
    deadline_text: str = ""
    caution: Caution = field(default_factory=Caution)
    rehearse: bool = False
    approved: Approved | None = None
