"""Everything that can be chosen about a sandbox."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from bulk_provision.sandbox.errors import SandboxOptionError
from bulk_provision.sandbox.faults import FaultPlan

DEFAULT_APPID = 1_000_001
DEFAULT_SECRET = "sandbox-secret"  # noqa: S105  everybody may know it: it opens nothing real


class CodeIn(StrEnum):
    """Where an answer that is no success says its code: the vendor's documentation leaves it open.

    A success is always HTTP 200 with a code in its body.
    """

    STATUS = "status"  # HTTP 400, and JSON without a code
    BODY = "body"  # HTTP 200, and JSON with the code
    BOTH = "both"  # HTTP 400, and JSON with the code


class CodeForm(StrEnum):
    """How a body writes its code."""

    CMI = "cmi"  # "cmi-400"
    TEXT = "text"  # "400"
    NUMBER = "number"  # 400


@dataclass(frozen=True, slots=True)
class Latency:
    """How many seconds pass before a call takes effect and is answered: a draw between two."""

    shortest: float = 0.0
    longest: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.shortest <= self.longest < math.inf:
            raise SandboxOptionError(
                f"latency {self.shortest}-{self.longest}: write seconds such as 0.2, or a range "
                "such as 0.1-0.5, the shorter first"
            )

    @classmethod
    def parse(cls, text: str) -> Latency:
        """Read `0.2` or `0.1-0.5`, in seconds.

        Raises:
            SandboxOptionError: for anything else.
        """
        first, _, second = text.partition("-")
        try:
            shortest, longest = float(first), float(second or first)
        except ValueError:
            raise SandboxOptionError(
                f"latency {text!r}: write seconds such as 0.2, or a range such as 0.1-0.5"
            ) from None
        return cls(shortest, longest)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What a sandbox is like.

    Args:
        appid: the app id that it lets in.
        secret: its secret.
        existing: endpoints (username, password) that were there before.
        state_file: where endpoints are kept beyond the sandbox's life; None for memory.
        faults: which calls are treated badly, and how.
        code_in: where errors say their code.
        code_form: how the code is written.
        latency: seconds before a call takes effect and is answered.
        limit: calls let through in any one second, the others get 429; None for no limit.

    Raises:
        SandboxOptionError: when one of them makes no sense.
    """

    appid: int = DEFAULT_APPID
    secret: str = field(default=DEFAULT_SECRET, repr=False)
    existing: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    state_file: Path | None = None
    faults: FaultPlan = field(default_factory=FaultPlan)
    code_in: CodeIn = CodeIn.BOTH
    code_form: CodeForm = CodeForm.CMI
    latency: Latency = Latency()
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.appid < 1:
            raise SandboxOptionError(f"app id {self.appid}: it must be a number above 0")
        if not self.secret:
            raise SandboxOptionError("the secret is empty: a call needs one")
        if self.limit is not None and self.limit < 1:
            raise SandboxOptionError(
                f"limit {self.limit}: at least 1 call a second, or leave it away for no limit"
            )
        seen = set()
        for username, password in self.existing:
            if not username or not password:
                raise SandboxOptionError(
                    f"existing user {username!r}: username and password must not be empty"
                )
            if username in seen:
                raise SandboxOptionError(f"existing user {username!r} is named twice")
            seen.add(username)

    @classmethod
    def from_flags(
        cls,
        *,
        appid: int = DEFAULT_APPID,
        secret: str = DEFAULT_SECRET,
        fault: Iterable[str] = (),
        seed: int = 0,
        existing: Iterable[str] = (),
        existing_file: Path | None = None,
        state_file: Path | None = None,
        code_in: str = CodeIn.BOTH,
        code_form: str = CodeForm.CMI,
        latency: str = "0",
        limit: int | None = None,
    ) -> SandboxOptions:
        """Make options of the texts of the command line.

        Args:
            appid: as for the class.
            secret: as for the class.
            fault: as `faults` describes them.
            seed: of all draws.
            existing: `username:password` each; the password may hold further colons.
            existing_file: a CSV file with username and password in its first two columns; a
                header line that begins with "username" is left out.
            state_file: as for the class.
            code_in: "status", "body" or "both".
            code_form: "cmi", "text" or "number".
            latency: `0.2` or `0.1-0.5` seconds.
            limit: as for the class.

        Raises:
            SandboxOptionError: when a text cannot be understood; says what to write.
        """
        users = [_existing_user(text) for text in existing]
        if existing_file is not None:
            users += _existing_users(existing_file)
        return cls(
            appid=appid,
            secret=secret,
            existing=tuple(users),
            state_file=state_file,
            faults=FaultPlan.parse(*fault, seed=seed),
            code_in=_choice(CodeIn, code_in, "the place of codes"),
            code_form=_choice(CodeForm, code_form, "the form of codes"),
            latency=Latency.parse(latency),
            limit=limit,
        )


_Choice = TypeVar("_Choice", bound=StrEnum)


def _choice(kind: type[_Choice], text: str, name: str) -> _Choice:
    try:
        return kind(text)
    except ValueError:
        raise SandboxOptionError(f"{name} {text!r}: choose one of {', '.join(kind)}") from None


def _existing_user(text: str) -> tuple[str, str]:
    username, colon, password = text.partition(":")
    if not colon:
        # The text may be a bare password: it is not repeated.
        raise SandboxOptionError("an existing user has no colon: write username:password")
    return username, password


def _existing_users(path: Path) -> Iterator[tuple[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file), start=1):
                if not cells or (number == 1 and cells[0].strip().lower() == "username"):
                    continue
                if len(cells) == 1:
                    raise SandboxOptionError(
                        f"{path}, row {number}: it has no password; "
                        "the first two columns are username and password"
                    )
                yield cells[0], cells[1]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SandboxOptionError(f"{path} cannot be read as CSV in UTF-8: {error}") from error
