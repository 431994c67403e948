"""Sees that the documentation tells the truth: help texts, links, tests, exit codes, flags.

python docs/check.py            complain and exit with 1
python docs/check.py --write    put the present help texts into docs/commands.md
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bulk_provision.cli import cli
from bulk_provision.model import ExitCode
from bulk_provision.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = ROOT / "docs" / "commands.md"
_HELP = re.compile(r"(```text\n\$ bulk-provision (.*?)\n)(.*?)(```)", re.DOTALL)
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)[^)]*\)")
_FLAG = re.compile(r"^\| [^|]+ \| ([^|]*`-[^|]*) \|", re.MULTILINE)
# Told in docs/settings.md, and not there yet: take out what has come.
_AWAITED = {"--reconcile"}
_TEST = re.compile(r"`(tests/\w+\.py)(?:::(\w+))?`")


def help_of(arguments: str) -> str:
    """Return what `bulk-provision ARGUMENTS` prints, as on a terminal of 80 columns."""
    command = [sys.executable, "-m", "bulk_provision", *arguments.split()]
    environment = os.environ | {"COLUMNS": "80"}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return ran.stdout.strip() + "\n"


def missing_tests(text: str) -> list[str]:
    """Return the tests that a page names and that are not there."""
    return [
        f"{file}::{name}" if name else file
        for file, name in _TEST.findall(text)
        if not (ROOT / file).exists()
        or (name and not re.search(rf"\bdef {name}\(", (ROOT / file).read_text("utf-8")))
    ]


def command_of(*names: str) -> click.Command:
    """Return the command that these words name."""
    found: click.Command = cli
    for name in names:
        assert isinstance(found, click.Group)
        inner = found.get_command(click.Context(found), name)
        assert inner is not None
        found = inner
    return found


def names_of_commands(group: click.Group, before: str = "") -> Iterator[str]:
    """Yield the names of all commands, "run", "job", "job check"."""
    for name in group.list_commands(click.Context(group)):
        yield before + name
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from names_of_commands(command, f"{before}{name} ")


def wrong_flags(text: str) -> list[str]:
    """Return what docs/settings.md's tables say of flags, and is not so."""
    complaints = []
    for cell in _FLAG.findall(text):
        # "`--at WHEN` of `job install`"; what names no command is of `run`
        of = re.search(r" of `([^`]+)`", cell)
        command = of[1] if of else "run"
        flags = {flag for option in command_of(*command.split()).params for flag in option.opts}
        for flag in re.findall(r"`(--?[a-z-]+)", cell):
            if (flag in flags) == (flag in _AWAITED):
                not_so = "is no longer awaited" if flag in flags else f"is no flag of {command}"
                complaints.append(f"docs/settings.md: {flag} {not_so} (docs/check.py)")
    return complaints


def main() -> int:
    """Check everything; return the exit code."""
    text = COMMANDS.read_text("utf-8")
    fresh = _HELP.sub(lambda found: found[1] + help_of(found[2]) + found[4], text)
    if "--write" in sys.argv:
        COMMANDS.write_text(fresh, "utf-8")
        text = fresh
    complaints = (
        [] if fresh == text else ["docs/commands.md: a help text is old (--write mends it)"]
    )
    told = {found[2] for found in _HELP.finditer(text)}
    names = [f"{name} --help" for name in names_of_commands(cli)]
    complaints += [f"docs/commands.md: {name} is missing" for name in names if name not in told]
    exit_codes = (ROOT / "docs" / "exit-codes.md").read_text("utf-8")
    complaints += [
        f"docs/exit-codes.md: {code.value} is missing"
        for code in ExitCode
        if f"| {code.value} |" not in exit_codes
    ]
    settings = (ROOT / "docs" / "settings.md").read_text("utf-8")
    variables = [ENV_PREFIX + name.rstrip("_").upper() for name in Settings.model_fields]
    complaints += [
        f"docs/settings.md: {name} is missing" for name in variables if f"`{name}`" not in settings
    ]
    complaints += wrong_flags(settings)
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    pages += [*(ROOT / "sample_data").glob("*.md"), *(ROOT / "jobs").glob("*.md")]
    for page in pages:
        text = page.read_text("utf-8")
        links = (link.partition("#")[0] for link in _LINK.findall(text))
        gone = [link for link in links if not (page.parent / link).exists()]
        complaints += [
            f"{page.relative_to(ROOT)}: there is no {name}" for name in gone + missing_tests(text)
        ]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
