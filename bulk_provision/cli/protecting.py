"""Where the password for the results comes from: a variable, a file, a person, or ourselves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret
from bulk_provision.results import check_protection

if TYPE_CHECKING:
    from pathlib import Path

    from bulk_provision.settings import Settings

_LINE_LIMIT = 4096  # characters that are read of a file: it may be any file


@dataclass(frozen=True, slots=True)
class ResultsKey:
    """What opens the results.

    Args:
        password: None when none is needed.
        is_ours: we made it, and nobody has seen it yet.
    """

    password: Secret | None = None
    is_ours: bool = False

    def show(self) -> None:
        """Show a password of ours on the terminal: the one time that it is told."""
        if self.is_ours and self.password is not None:
            click.echo(
                f"The results open with this password: {self.password.reveal()}\n"
                "Write it down: it is kept nowhere, and is not shown again.",
                err=True,  # standard output may go to a file
            )


def key_of(settings: Settings, *, csv: bool, has_terminal: bool) -> ResultsKey:
    """Return what the results shall open with, as settings say.

    Args:
        settings: with protect, and protect_password_env or protect_password_file.
        csv: CSV files are to be written.
        has_terminal: somebody is there to be asked, and to be shown a password.

    Raises:
        UsageError: it is not to be had, or not usable; nothing was called.
    """
    if not settings.protect:
        return ResultsKey()
    check_protection(None, csv=csv)  # before anybody types one in vain
    if settings.protect_password_env is not None:
        key = ResultsKey(_from_variable(settings.protect_password_env))
    elif settings.protect_password_file is not None:
        key = ResultsKey(_from_file(settings.protect_password_file))
    elif has_terminal:
        key = _asked_for()
    else:
        raise UsageError(
            "The results are to be protected, but there is no password, and no terminal to ask "
            "for one.",
            "Name a variable that holds it (--protect-password-env NAME), or a file "
            "(--protect-password-file FILE).",
        )
    assert key.password is not None
    check_protection(key.password)
    return key


def _from_variable(name: str) -> Secret:
    # A name that is none may be the password itself, given by mistake: it is not repeated.
    if not (name.isascii() and name.isidentifier()):
        raise UsageError(
            "protect_password_env is to be the name of an environment variable, such as "
            "RESULTS_PASSWORD.",
            "Put the password into that variable.",
        )
    if name not in os.environ:
        raise UsageError(
            "The environment variable for the results' password, which protect_password_env "
            "names, is not set.",
            "Set and export it, or name another one.",
        )
    return Secret(os.environ[name])


def _from_file(path: Path) -> Secret:
    try:
        with path.expanduser().open(encoding="utf-8-sig") as file:
            return Secret(file.readline(_LINE_LIMIT).strip())
    except OSError as problem:
        raise UsageError(
            f"The file {path} with the results' password cannot be read: {problem.strerror}.",
            "Check its path, owner and mode.",
        ) from problem
    except UnicodeDecodeError:  # which would quote from it
        raise UsageError(f"The file {path} with the results' password is not text.") from None


def _asked_for() -> ResultsKey:
    question = "Password for the results (leave it empty to be given a good one)"
    while True:
        first = _prompt(question)
        if not first:
            return _made()
        if first == _prompt("The same password again"):
            return ResultsKey(Secret(first))
        click.echo("These were two different passwords.", err=True)


def _prompt(question: str) -> str:
    typed: str = click.prompt(question, default="", show_default=False, hide_input=True, err=True)
    return typed


def _made() -> ResultsKey:
    from bulk_provision.passwords import Recipe, generate

    # 24 letters and digits that nobody mixes up, also on the telephone: 139 bits.
    return ResultsKey(Secret(generate(Recipe(24))), is_ours=True)
