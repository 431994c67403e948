"""What is wrong (or worth a warning) with settings: where it was given, what, and the cure."""

from __future__ import annotations

from typing import NamedTuple

from bulk_provision.settings.fields import ENV_PREFIX


class Finding(NamedTuple):
    """Something about a setting that somebody should look at.

    Args:
        key: the setting, "accounts.main.rate"; "" when it is about all of them together.
        what: is wrong with it.
        cure: what to do about it; "" when `what` says so.
        where: it was given: "jobs/nightly.toml:12", "--rate", "BULK_PROVISION_RATE".
        is_warning: a run would begin all the same.
    """

    key: str
    what: str
    cure: str = ""
    where: str = ""
    is_warning: bool = False

    def __str__(self) -> str:
        """Return `jobs/nightly.toml:12: rate: it is …`; a flag or variable says its key itself."""
        says_key = self.where.startswith(("--", ENV_PREFIX))
        parts = (self.where, "" if says_key else self.key, self.what)
        return ": ".join(part for part in parts if part)
