"""What jobs have to see to before they begin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision import results as results_files
from bulk_provision.checks import Rules
from bulk_provision.errors import SourceError
from bulk_provision.places import Results, Source
from bulk_provision.plan import Policy
from bulk_provision.provisioning import Provisioning

if TYPE_CHECKING:
    from bulk_provision.intake import Table, Users


def ready_target(source: Source, results: Results, started_at: float) -> Path:
    """Return where the results go; raises ResultsError when they could not be written there."""
    target = results.target(source.path, started_at)
    results.make_folder()
    check_writable(target, source, results)
    return target


def check_writable(target: Path, source: Source, results: Results) -> None:
    """See that what is to be written can be; raises ResultsError."""
    overwrite = results.overwrite
    results_files.check_writable(target, csv=results.csv, overwrite=overwrite)
    if results.annotate:
        annotated = results_files.annotation_path(target, source.path)
        results_files.check_writable(annotated, csv=False, overwrite=overwrite)


def provisioning(
    table: Users, source: Source, results: Results, policy: Policy, rules: Rules
) -> Provisioning:
    """Return what a run does with an open source; raises SourceError when it is not for that."""
    if results.annotate:
        spreadsheet_of(table)
    share = source.route.share_of(table) if source.route else None
    return Provisioning(table, policy, rules, share)


def spreadsheet_of(users: Users) -> Table:
    """Return the spreadsheet that a source is.

    Raises:
        SourceError: it is none whose cells could be marked.
    """
    if users.spreadsheet is None:
        raise SourceError(
            f"{users.source}: only a spreadsheet can be written again with something added; this "
            "is another system's export.",
            "Leave --annotate and --marked away: results and plans have what the export had.",
        )
    return users.spreadsheet
