"""`bulk-provision job check FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bulk_provision.settings import Finding


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
def command(file: Path) -> None:
    """Say whether the job file FILE is in order, and what the job would do.

    Nobody is called. All problems are told at once, each with its line and its cure.

    Exit code 0: a run would begin (there may be warnings); 2: it would not.
    """
    from bulk_provision.setting_up import check_job, in_words

    checked = check_job(file)
    for finding in checked.findings:
        click.echo(line_of(finding), err=not finding.is_warning)
    if not checked.is_in_order:
        sys.exit(2)
    assert checked.settings is not None
    click.echo(f"{file}: in order")
    for heading, text in in_words(checked.settings):
        click.echo(f"  {heading:<9} {text}")


def line_of(finding: Finding) -> str:
    """Return `FILE:LINE: key: what; cure`."""
    if finding.is_warning:
        finding = finding._replace(key=f"warning: {finding.key}")
    text = str(finding)
    return f"{text.rstrip('.')}; {finding.cure}" if finding.cure else text
