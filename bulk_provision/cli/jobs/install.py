"""`bulk-provision job install FILE`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bulk_provision.setting_up import Checked
    from bulk_provision.settings import Settings
    from bulk_provision.settings.moments import Schedule

_USER = "bulk-provision"  # whom a job runs as, unless another is named: never root
_USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NAME = re.compile(r"[A-Za-z0-9_-]+")  # cron reads no file with another character in its name


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What is to be made.

    Args:
        write: put it in place; else print it.
        user: whom the job runs as; None: who it is now.
        name: of the units or the file.
        directory: where to put them.
    """

    write: bool
    user: str | None
    name: str
    directory: Path


@click.command("install")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--systemd", "kind", flag_value="systemd", help="A service and a timer.")
@click.option("--user-units", "kind", flag_value="user-units", help="… of your own, without root.")
@click.option("--cron", "kind", flag_value="cron", help="A line for cron.")
@click.option("--at", metavar="WHEN", help="When it is due, such as '02:17' or 'mon-fri 02:17'.")
@click.option("--user", metavar="NAME", help=f"Whom the job runs as (default {_USER}).")
@click.option("--name", metavar="NAME", help="Of the units (default bulk-provision-JOB).")
@click.option("--write", is_flag=True, help="Put it in place; without it, it is printed.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to (default /etc/systemd/system, ~/.config/systemd/user, /etc/cron.d).",
)
def command(
    file: Path,
    *,
    kind: str | None,
    at: str | None,
    user: str | None,
    name: str | None,
    write: bool,
    directory: Path | None,
) -> None:
    """Print what starts the job FILE every night, or put it in place with --write.

    No command is run: those that are left for you to run are told.
    """
    from bulk_provision.errors import UsageError

    if kind is None:
        raise UsageError(
            "By what shall the job be started?", "Add --systemd, --user-units or --cron."
        )
    if kind == "user-units" and user is not None:
        raise UsageError("Your own units run as yourself.", "Leave --user away, or --user-units.")
    checked = _in_order(file)
    assert checked.settings is not None
    when = _schedule(checked.settings, at)
    if user is None and (kind == "systemd" or (kind == "cron" and write)):
        user = _USER
    if user is not None and not _USER_NAME.fullmatch(user):
        raise UsageError(f"--user: {user!r} is no name of a user.")
    _warn_of_closed_folder(user)
    wishes = _Wishes(write, user, _name(checked.settings, name), directory or _place_of(kind))
    if kind == "cron":
        _install_crontab(checked.settings, file, when, wishes)
    else:
        _install_units(checked.settings, file, when, wishes)


def _in_order(file: Path) -> Checked:
    from bulk_provision.cli.jobs.check import line_of
    from bulk_provision.errors import UsageError
    from bulk_provision.setting_up import check_job

    checked = check_job(file)
    if not checked.is_in_order:
        told = [f"{one} {one.cure}" for one in checked.findings if not one.is_warning]
        raise UsageError(
            "\n".join(told), f"See that it is in order: bulk-provision job check {file}"
        )
    for finding in checked.findings:
        click.echo(line_of(finding), err=True)
    return checked


def _warn_of_closed_folder(user: str | None) -> None:
    from bulk_provision.setting_up import closed_folder, this_command

    if user not in (None, "root") and (folder := closed_folder(this_command())) is not None:
        click.echo(
            f"warning: {folder} is closed to other users, and this program lies in it: {user} may "
            "not be able to start it; install it elsewhere, such as below /opt.",
            err=True,
        )


def _schedule(settings: Settings, at: str | None) -> Schedule:
    from pydantic import TypeAdapter, ValidationError

    from bulk_provision.errors import UsageError
    from bulk_provision.settings.moments import Schedule

    if at is not None:
        try:
            when: Schedule = TypeAdapter(Schedule).validate_python(at)
        except ValidationError as problem:
            reason = problem.errors()[0]["msg"].removeprefix("Value error, ")
            raise UsageError(f"--at: {reason}.") from None
        return when
    if settings.schedule is None:
        raise UsageError(
            "When the job is due is not said.", "Add --at WHEN, or schedule to the job file."
        )
    return settings.schedule


def _name(settings: Settings, name: str | None) -> str:
    from bulk_provision.errors import UsageError

    if name is None:
        name = f"bulk-provision-{re.sub(r'[^A-Za-z0-9_-]+', '-', settings.name)}"
    if not _NAME.fullmatch(name):
        raise UsageError(f"--name: {name!r} is no name.", "Use letters, digits, - and _ .")
    return name


def _place_of(kind: str) -> Path:
    return {
        "systemd": Path("/etc/systemd/system"),
        "user-units": Path.home() / ".config" / "systemd" / "user",
        "cron": Path("/etc/cron.d"),
    }[kind]


def _install_units(settings: Settings, file: Path, when: Schedule, wishes: _Wishes) -> None:
    from bulk_provision.setting_up import this_command, units

    made = units(settings, file, this_command(), when, name=wishes.name, user=wishes.user)
    folder = wishes.directory
    texts = {
        folder / f"{wishes.name}.service": made.service,
        folder / f"{wishes.name}.timer": made.timer,
    }
    _put_or_print(texts, wishes)
    _tell_steps(made.steps, wishes)


def _install_crontab(settings: Settings, file: Path, when: Schedule, wishes: _Wishes) -> None:
    from bulk_provision.setting_up import crontab, this_command

    text = crontab(settings, file, this_command(), when, user=wishes.user)
    _put_or_print({wishes.directory / wishes.name: text}, wishes)
    if not wishes.write:
        _tell_steps(("crontab -e  # and put the line there",), wishes)


def _put_or_print(texts: dict[Path, str], wishes: _Wishes) -> None:
    from bulk_provision.setting_up import place

    if wishes.write:
        for path, change in place(texts):
            click.echo(f"{path}: {change}")
        return
    for path, text in texts.items():
        if len(texts) > 1:
            click.echo(f"# --- {shlex.quote(str(path))}")
        click.echo(text)


def _tell_steps(steps: tuple[str, ...], wishes: _Wishes) -> None:
    """Tell what is left to do, beside what is printed for a file."""
    click.echo("What is left to do:" if wishes.write else "Then:", err=not wishes.write)
    for step in steps:
        click.echo(f"  {step}", err=not wishes.write)
