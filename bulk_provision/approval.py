"""What an approved plan is bound to: the source's content, the account, the options that matter.

Two plans with the same binding have the same hash, whoever made them and when. A run is given
the plan's binding and compares it with its own before it takes its account.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk_provision.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from bulk_provision.model import Account

_FORMAT = 1  # of what is hashed: it grows when an old plan must not be compared with a new one
_SHOWN = 12  # hex digits of a source's hash, where two of them stand side by side


@dataclass(frozen=True, slots=True)
class Binding:
    """What a plan is bound to.

    Args:
        sha256: of the source's content, in hex.
        appid: of the account.
        base_url: of the account.
        options: each option that decides which endpoints would be made, as text; see
            `settings.bound_options`.
    """

    sha256: str
    appid: str
    base_url: str
    options: Mapping[str, str]

    @classmethod
    def to(cls, sha256: str, account: Account, options: Mapping[str, str]) -> Binding:
        """Return the binding of a source's content, an account and options."""
        return cls(sha256, str(account.appid), account.base_url, dict(options))

    @property
    def hash(self) -> str:
        """The plan's own hash: SHA-256 over canonical JSON, in hex."""
        content = {
            "format": _FORMAT,
            "source": self.sha256,
            "account": [self.appid, self.base_url],
            "options": dict(self.options),
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def differences(self, now: Binding) -> Iterator[str]:
        """Yield what was another when the plan was made."""
        if self.sha256 != now.sha256:
            was, is_ = self.sha256[:_SHOWN], now.sha256[:_SHOWN]
            yield f"the source's content (its SHA-256 was {was}…, is {is_}…)"
        if (self.appid, self.base_url) != (now.appid, now.base_url):
            yield (
                f"the account (it was {self.appid} at {self.base_url}, "
                f"is {now.appid} at {now.base_url})"
            )
        for name in dict.fromkeys((*self.options, *now.options)):
            was, is_ = (one.options.get(name, "not known") for one in (self, now))
            if was != is_:
                yield f"{name} was {was}, is {is_}"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """Where a plan is to be written, for people to approve.

    Args:
        path: of the workbook.
        options: as `Binding.options`.
        overwrite: replace a file that lies there already.
    """

    path: Path
    options: Mapping[str, str]
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Approved:
    """A plan that a run must keep to.

    Args:
        file: the plan's.
        binding: what it is bound to, as its file says.
        options: those of the run.
        by: who approved it, as somebody wrote into it; "" when nobody did.
    """

    file: str
    binding: Binding
    options: Mapping[str, str]
    by: str = ""

    def check(self, source: str, sha256: str, account: Account) -> None:
        """See that a run would do what was planned.

        Args:
            source: the input file's path.
            sha256: of its content, in hex.
            account: for which it is run.

        Raises:
            UsageError: it would not; says what differs.
        """
        differences = list(self.binding.differences(Binding.to(sha256, account, self.options)))
        if differences:
            told = "".join(f"\n  - {one}" for one in differences)
            raise UsageError(
                f"{self.file} is a plan for something else than this run, and nothing was called. "
                f"What differs:{told}",
                f"Make a new plan and have it approved (bulk-provision plan {source} -o FILE), or "
                "run what was planned.",
            )
