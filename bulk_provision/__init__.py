"""A spreadsheet of people in, working SIP endpoints at TeleCMI PIOPIY out.

    from bulk_provision import Account, Secret, provision

    summary = await provision("users.xlsx", Account(appid=1234, secret=Secret("…")))

The names below are the public ones; they are imported when they are first used, so that the
command's --help need not wait for libraries that it does not use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulk_provision.checks import Rules
    from bulk_provision.errors import ProvisionError
    from bulk_provision.intake import Taking
    from bulk_provision.job import (
        Control,
        LedgerPlace,
        Progress,
        Results,
        Source,
        Watcher,
        provision,
        reconcile,
        rehearse,
        undo,
    )
    from bulk_provision.model import (
        Account,
        ExitCode,
        OnExists,
        Outcome,
        Pace,
        Reconcile,
        Reconciled,
        Rehearsal,
        Secret,
        Summary,
        WeakPasswords,
    )
    from bulk_provision.naming import Naming
    from bulk_provision.passwords import Recipe
    from bulk_provision.plan import Policy
    from bulk_provision.selection import Where

__all__ = [
    "Account",
    "Control",
    "ExitCode",
    "LedgerPlace",
    "Naming",
    "OnExists",
    "Outcome",
    "Pace",
    "Policy",
    "Progress",
    "ProvisionError",
    "Recipe",
    "Reconcile",
    "Reconciled",
    "Rehearsal",
    "Results",
    "Rules",
    "Secret",
    "Source",
    "Summary",
    "Taking",
    "Watcher",
    "WeakPasswords",
    "Where",
    "provision",
    "reconcile",
    "rehearse",
    "undo",
]

_ROOMS = {
    "checks": ("Rules",),
    "errors": ("ProvisionError",),
    "intake": ("Taking",),
    "job": (
        *("Control", "LedgerPlace", "Progress", "Results", "Source", "Watcher", "provision"),
        *("reconcile", "rehearse", "undo"),
    ),
    "model": (
        *("Account", "ExitCode", "OnExists", "Outcome", "Pace", "Reconcile", "Reconciled"),
        *("Rehearsal", "Secret", "Summary", "WeakPasswords"),
    ),
    "naming": ("Naming",),
    "passwords": ("Recipe",),
    "plan": ("Policy",),
    "selection": ("Where",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
