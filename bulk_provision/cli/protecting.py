"""Where the password for the results comes from: a variable, a file, a person, or ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret
from bulk_provision.results import check_protection
from bulk_provision.settings import secret_of_variable, text_of_secret_file

if TYPE_CHECKING:
    from bulk_provision.settings import Settings


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
        key = ResultsKey(secret_of_variable("protect_password_env", settings.protect_password_env))
    elif settings.protect_password_file is not None:
        lines = text_of_secret_file(settings.protect_password_file, "the results' password")
        key = ResultsKey(Secret(lines.partition("\n")[0].strip()))
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
