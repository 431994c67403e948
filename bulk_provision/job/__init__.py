"""`provision()`, `rehearse()`, `plan()`, `reconcile()`, `undo()`: the one place that wires it all.

The command line, a page or a job file call this and nothing below it.

creating     `provision()`
trying       `rehearse()`: the same against an emulated vendor
planning     `plan()`: what would be done
comparing    `reconcile()`: the vendor's list, a source and the ledger
removing     `undo()` and `plan_undo()`
preparing    what they have to see to before they begin
"""

from __future__ import annotations

from bulk_provision.control import Control, Progress, Watcher
from bulk_provision.finishing import write_results
from bulk_provision.job.comparing import reconcile
from bulk_provision.job.creating import provision
from bulk_provision.job.planning import plan
from bulk_provision.job.removing import plan_undo, undo
from bulk_provision.job.trying import rehearse
from bulk_provision.places import LedgerPlace, Results, Source
from bulk_provision.rehearsing import Stage, Until

__all__ = [
    "Control",
    "LedgerPlace",
    "Progress",
    "Results",
    "Source",
    "Stage",
    "Until",
    "Watcher",
    "plan",
    "plan_undo",
    "provision",
    "reconcile",
    "rehearse",
    "undo",
    "write_results",
]
