"""`bulk-provision sandbox`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bulk_provision.sandbox import Sandbox


@click.command("sandbox", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: a free one.")
@click.option("--appid", type=int, help="App id that it lets in.")
@click.option("--secret", help="Its secret; it opens nothing real.")
@click.option("--existing", multiple=True, metavar="USER:PASSWORD", help="Exists already.")
@click.option("--existing-file", type=click.Path(path_type=Path), help="CSV of such users.")
@click.option("--state-file", type=click.Path(path_type=Path), help="Keep endpoints in a file.")
@click.option("--fault", multiple=True, metavar="FAULT", help="See docs/sandbox.md.")
@click.option("--seed", type=int, default=0, help="Of faults that come by chance.")
@click.option(
    "--code-in", type=click.Choice(["status", "body", "both"]), default="both", help="Of errors."
)
@click.option(
    "--code-form", type=click.Choice(["cmi", "text", "number"]), default="cmi", help="Of codes."
)
@click.option("--latency", default="0", metavar="SECONDS", help="Such as 0.2 or 0.1-0.5.")
@click.option("--limit", type=int, metavar="N", help="Calls a second; more get 429.")
@click.option("--dump", type=click.Path(path_type=Path), help="Write what it holds at the end.")
def command(
    arguments: tuple[str, ...],
    port: int,
    dump: Path | None,
    **choices: Any,  # noqa: ANN401
) -> None:
    """Serve the emulated vendor on this machine, or run COMMAND against it.

    COMMAND finds it through BULK_PROVISION_BASE_URL, _APPID and _SECRET in its environment:

        bulk-provision sandbox -- bulk-provision run sample_data/users.xlsx
    """
    from bulk_provision.errors import UsageError
    from bulk_provision.sandbox import SandboxOptionError, SandboxOptions, run_sandbox

    if arguments and arguments[0].startswith("-"):
        raise UsageError(f"sandbox: there is no option {arguments[0]}.", "See sandbox --help.")
    given = {name: value for name, value in choices.items() if value is not None}
    try:
        options = SandboxOptions.from_flags(**given)
        sys.exit(
            run_sandbox(
                options,
                port=port,
                command=arguments or None,
                dump=dump,
                on_ready=None if arguments else _announce,
            )
        )
    except SandboxOptionError as problem:
        raise UsageError(f"sandbox: {problem}") from problem


def _announce(sandbox: Sandbox) -> None:
    click.echo(f"Sandbox at {sandbox.base_url}. Stop it with Ctrl-C.")
    click.echo(f"  export BULK_PROVISION_BASE_URL={sandbox.base_url}")
    click.echo(f"  export BULK_PROVISION_APPID={sandbox.options.appid}")
    click.echo(f"  export BULK_PROVISION_SECRET={sandbox.options.secret}")
