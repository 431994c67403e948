"""References to secrets: nothing secret stands in a job file, only where it is to be found.

A reference is one of

- the name of an environment variable,
- a file; where systemd passes credentials to the service ($CREDENTIALS_DIRECTORY, see
  systemd.exec(5), LoadCredential=), a credential of the file's name goes before the file,
- a command that prints it, run without a shell.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret

if TYPE_CHECKING:
    from bulk_provision.settings.fields import Settings

LIMIT = 4096  # characters that are read of a file with a secret: it may be any file
_PATIENCE = 30.0  # seconds that a command may take


class Reference(NamedTuple):
    """Where a secret is to be found.

    Args:
        what: it is, for errors: "the account's secret".
        kind: "env", "file" or "command".
        place: the variable's name, the file's path, or the command.
    """

    what: str
    kind: str
    place: str

    @classmethod
    def one_of(
        cls,
        what: str,
        *,
        env: str | None = None,
        file: Path | None = None,
        command: str | None = None,
    ) -> Self | None:
        """Return the one of the three that is given; None when none is.

        Raises:
            UsageError: several are.
        """
        given = {"env": env, "file": file, "command": command}
        kinds = [kind for kind, place in given.items() if place is not None]
        if len(kinds) > 1:
            names = " and ".join(kinds)
            raise UsageError(
                f"There are several places for {what}: {names}.", "Leave all but one away."
            )
        return cls(what, kinds[0], str(given[kinds[0]])) if kinds else None

    def read(self) -> Secret:
        """Return the secret; white space round it is taken away.

        Raises:
            UsageError: it is not there, or empty.
        """
        return Secret(self.text().reveal().strip())

    def text(self) -> Secret:
        """Return what is there as it stands: at most `LIMIT` characters of it.

        Raises:
            UsageError: it is not there, or empty.
        """
        if self.kind == "env":
            text = secret_of_variable(self.what, self.place).reveal()
        elif self.kind == "file":
            text = text_of_secret_file(Path(self.place), self.what)
        else:
            text = _output_of(self.place, self.what)
        if not text.strip():
            where = f"The file {self.place} with" if self.kind == "file" else "What holds"
            raise UsageError(f"{where} {self.what} is empty.")
        return Secret(text)


def source_password(settings: Settings) -> Secret | None:
    """Return the password of a protected source; None when the user named none.

    Raises:
        UsageError: the environment variable that was named is not set.
    """
    name = settings.source_password_env
    return None if name is None else secret_of_variable("source_password_env", name)


def secret_of_variable(setting: str, name: str) -> Secret:
    """Return the secret that an environment variable holds.

    Args:
        setting: which names the variable, for the error.
        name: the variable's. Somebody may have given the secret itself: it is not repeated.

    Raises:
        UsageError: there is no such variable.
    """
    if not (name.isascii() and name.isidentifier()):
        raise UsageError(
            f"{setting} is to be the name of an environment variable, such as SHEET_PASSWORD.",
            "Put the password into that variable.",
        )
    if name not in os.environ:
        raise UsageError(
            f"The environment variable that {setting} names is not set.",
            "Set and export it, or name another one.",
        )
    return Secret(os.environ[name])


def secret_path(path: Path) -> Path:
    """Return the file that is read for a secret file: a credential of its name goes before it."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (passed := Path(credentials) / path.name).is_file():
        return passed
    return path.expanduser()


def text_of_secret_file(path: Path, what: str) -> str:
    """Return what a file holds that is to be kept secret.

    Args:
        path: the file's.
        what: it is, for the error.

    Raises:
        UsageError: it cannot be read, or is not text.
    """
    try:
        with secret_path(path).open(encoding="utf-8-sig") as file:
            return file.read(LIMIT)
    except OSError as problem:
        raise UsageError(
            f"The file {path} with {what} cannot be read: {problem.strerror}.",
            "Check its path, owner and mode.",
        ) from problem
    except UnicodeDecodeError:  # which would quote from it
        raise UsageError(f"The file {path} with {what} is not text.") from None


def _output_of(command: str, what: str) -> str:
    """Return what a command prints; its words may be secret, so no error repeats them."""
    try:
        words = shlex.split(command)
        program = words[0] if words else ""
        ran = subprocess.run(  # noqa: S603  (the user's own command, and no shell)
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE, check=True
        )
        return ran.stdout[: 4 * LIMIT].decode("utf-8-sig")[:LIMIT]
    except (ValueError, IndexError):
        trouble = "it is not a command line, or what it prints is not text"
    except OSError as problem:
        trouble = f"{program} cannot be started ({problem.strerror})"
    except subprocess.TimeoutExpired:
        trouble = f"{program} did not end within {_PATIENCE:.0f} s"
    except subprocess.CalledProcessError as problem:
        trouble = f"{program} ended with exit code {problem.returncode}"
    raise UsageError(
        f"The command that is to print {what} does not: {trouble}.",
        "Try it as the user that the job runs as.",
    )
