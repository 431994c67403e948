"""`bulk-provision job schema`."""

from __future__ import annotations

import click


@click.command("schema")
@click.option("--accounts", is_flag=True, help="Of accounts files instead.")
def command(accounts: bool) -> None:
    """Print the JSON Schema of job files, for editors.

    An editor that knows TOML (by taplo, for example) completes and checks a job file with it when
    the file's first line is #:schema and the schema's path.
    """
    from importlib import resources

    name = "accounts.schema.json" if accounts else "job.schema.json"
    click.echo(resources.files("bulk_provision").joinpath(name).read_text("utf-8"), nl=False)
