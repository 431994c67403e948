"""`bulk-provision job`: commands about job files; each is imported when it is used."""

from __future__ import annotations

import click

from bulk_provision.cli.lazily import LazyGroup


@click.group(
    "job",
    cls=LazyGroup,
    package=__name__,
    commands={
        "check": ("check", "Say whether a job file is in order, and what the job would do."),
        "schema": ("schema", "Print the JSON Schema of job files, for editors."),
        "install": ("install", "Print (or put in place) what starts a job every night."),
    },
)
def command() -> None:
    """Check job files, and set jobs up."""
