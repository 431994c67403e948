"""What is in another system's export, before anything is done with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulk_provision.checks import check
from bulk_provision.model import Invalid
from bulk_provision.staged import Staged

if TYPE_CHECKING:
    from bulk_provision.checks import Rules
    from bulk_provision.intake import ExportedUsers

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Inspected:
    """What an export holds; nothing of it is a password.

    Args:
        users: how many users it has, those without a usable password among them.
        with_password: how many of them have a password that can be used as it is.
        invalid: how many could not be created as they are.
        left_out: how many entries are no users, or switched off: by the problem's kind.
        conflicts: how many logins more than one user has.
        examples: the first of these logins.
        found: every problem and warning, the same ones told once.
    """

    users: int
    with_password: int
    invalid: int
    left_out: dict[str, int]
    conflicts: int
    examples: tuple[str, ...]
    found: Staged = field(repr=False)


def inspect(users: ExportedUsers, rules: Rules) -> Inspected:
    """Read an export, and count what is in it.

    Args:
        users: the open export.
        rules: what a run would check.

    Raises:
        SourceError: it cannot be read to the end.
    """
    found = Staged(users.source, users.sheet)
    logins: Counter[str] = Counter()
    with_password = invalid = 0
    for row in users.rows():
        checked = check(row, rules, users.where)
        if isinstance(checked, Invalid):
            invalid += 1
            found.tell(checked.problems, row.number)
        else:
            found.tell(checked.warnings, row.number)
        logins[row.username.strip()] += 1
        with_password += bool(row.password) and not isinstance(checked, Invalid)
    found.rows = logins.total()
    found.tell(users.left_out)
    several = [login for login, count in logins.items() if count > 1 and login]
    return Inspected(
        users=found.rows,
        with_password=with_password,
        invalid=invalid,
        left_out={remark.value: left.count for remark, left in users.skipped.items()},
        conflicts=len(several),
        examples=tuple(several[:_EXAMPLES]),
        found=found,
    )
