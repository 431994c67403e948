"""`bulk-provision template FILE.xlsx`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("template")
@click.argument("file", metavar="FILE.xlsx", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Overwrite.")
def command(file: Path, yes: bool) -> None:
    """Write an empty, explained spreadsheet to fill in."""
    from bulk_provision.intake.template import write_template

    write_template(file, overwrite=yes)
    click.echo(f"Template: {file}")
