"""The command line: one module a command; each imports what it needs only when it runs.

`--help` must answer at once, so nothing heavy is imported above the functions here.
"""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import click

from bulk_provision.cli.lazily import LazyGroup

if TYPE_CHECKING:
    from collections.abc import Mapping

# Name → (module, one line for --help): the module is imported when the command is used.
_COMMANDS: Mapping[str, tuple[str, str]] = {
    "run": ("run", "Create the endpoints that a spreadsheet asks for."),
    "plan": ("plan", "Say what a run would do, and what is wrong with the rows."),
    "inspect": ("inspect", "Say whose export a file is, and what is in it."),
    "undo": ("undo", "Remove what a run created, and nothing else."),
    "reconcile": ("reconcile", "Compare TeleCMI's list with a source and the ledger."),
    "runs": ("runs", "List the runs that the ledger knows."),
    "show": ("show", "Show a run and its rows (no passwords)."),
    "export": ("export", "Write a run's results again."),
    "forget": ("forget", "Erase delivered passwords from the ledger, for good."),
    "rekey": ("rekey", "Encrypt the ledger's passwords under another key."),
    "doctor": ("doctor", "Look at everything that a run needs."),
    "job": ("jobs", "Check job files, and set jobs up."),
    "template": ("template", "Write an empty, explained spreadsheet to fill in."),
    "sandbox": ("sandbox", "Serve an emulated vendor on this machine."),
}


class _Group(LazyGroup):
    def invoke(self, ctx: click.Context) -> object:
        """Run a command; Ctrl-C is told in our own words (`run` has its own ways with it)."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            from bulk_provision.errors import StoppedError
            from bulk_provision.model import ExitCode

            reason = "interrupted by Ctrl-C"
            raise StoppedError(reason, ExitCode.INTERRUPTED) from None


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"bulk-provision {metadata.version('bulk-provision')}")
        context.exit()


@click.group(
    cls=_Group,
    package=__name__,
    commands=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
def cli() -> None:
    """Turn a spreadsheet of people into SIP endpoints at TeleCMI PIOPIY.

    You get back a spreadsheet that tells the truth about every row.
    """
