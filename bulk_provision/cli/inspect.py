"""`bulk-provision inspect`."""

from __future__ import annotations

import sys
from json import dumps
from typing import TYPE_CHECKING, Any

import click

from bulk_provision.cli.options import EPILOG, export_flags, reading_flags, setting, settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.inspecting import Inspected
    from bulk_provision.intake import ExportedUsers

_NOT_RECOGNISED = 1


@click.command("inspect", epilog=EPILOG)
@click.argument("source", metavar="FILE")
@reading_flags
@export_flags
@setting("--json", is_flag=True, help="Print one JSON object on stdout, and nothing else.")
def command(source: str, json: bool | None, **flags: Any) -> None:  # noqa: ANN401
    """Say whose export FILE is, and what is in it; never a password.

    FILE is what another telephone system exported: a file, an archive of files,
    or - for standard input; with --from, also a folder. Nothing is called, and
    nothing is changed.

    Exit code 0: it is an export that is known; 1: it is not; 2: it cannot be
    read.
    """
    from bulk_provision.cli.wishes import rules_of, source_of
    from bulk_provision.errors import NotAnExportError
    from bulk_provision.inspecting import inspect

    settings = settings_of(None, source=source, json_=json, **flags)
    try:
        opened = source_of(settings).propose()
    except NotAnExportError as problem:
        if settings.json_:
            click.echo(dumps({"source": source, "recognised": False, "what": problem.what}))
        else:
            click.echo(f"{problem.what}\n{problem.cure}")
        sys.exit(_NOT_RECOGNISED)
    with opened as users:
        found = inspect(users, rules_of(settings))
        if settings.json_:
            click.echo(dumps(_as_json(users, found)))
        else:
            for line in _lines(users, found):
                click.echo(line)


def _lines(users: ExportedUsers, found: Inspected) -> Iterator[str]:
    from bulk_provision.cli.reporting import counted, problem_lines

    told = users.told
    yield f"{users.source}: {told.title}"
    yield f"  {_how_sure(users)}"
    yield f"  SIP login:      {told.login}"
    yield f"  SIP password:   {told.password or 'none in this export'}"
    for name, what in told.left.items():
        yield f"  Not taken:      {name} ({what})"
    yield f"  Travels along:  {', '.join(told.further) or 'nothing'}"
    yield f"  {counted(found.users, 'user')}, {found.with_password:,} with a password to use"
    if found.conflicts:
        more = ", …" if found.conflicts > len(found.examples) else ""
        yield (
            f"  {counted(found.conflicts, 'login')} of more than one user: "
            f"{', '.join(found.examples)}{more}"
        )
        apart = "server" if "server" in told.further else "domain"
        yield f"    To keep them apart: --username-template '{{username}}-{{{apart}}}', for example"
    yield from problem_lines(found.found)
    if found.users:
        yield f"Next: bulk-provision plan {users.source} --from {told.name}"


def _how_sure(users: ExportedUsers) -> str:
    from bulk_provision.intake import Certainty

    told = users.told
    others = f"; it could also be: {', '.join(told.others)}" if told.others else ""
    if told.certainty is Certainty.CERTAIN:
        return f"Certain: --from {told.name}{others}"
    if told.certainty is Certainty.LIKELY:
        return f"Likely, not certain: if it is, --from {told.name}{others}"
    return f"Read as what --from says, which it does not look like: --from {told.name}"


def _as_json(users: ExportedUsers, found: Inspected) -> dict[str, object]:
    told = users.told
    return {
        "source": users.source,
        "recognised": True,
        "system": told.name,
        "title": told.title,
        "certainty": told.certainty.name.lower() if told.certainty is not None else None,
        "others": list(told.others),
        "login": told.login,
        "password": told.password,
        "not_taken": dict(told.left),
        "columns": list(told.further),
        "users": found.users,
        "with_password": found.with_password,
        "invalid": found.invalid,
        "left_out": found.left_out,
        "conflicts": found.conflicts,
        "problems": [
            {
                "kind": tally.problem.kind,
                "count": tally.count,
                "places": tally.places,
                "why": tally.problem.why,
                "cure": tally.problem.cure,
                "warning": tally.problem.warning,
            }
            for tally in found.found.tallies
        ],
    }
