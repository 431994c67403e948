"""An export's entries, put together: a user with what is to be said of its password, or none."""

from __future__ import annotations

from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.exports.export import Remark, cells_of

_MASK = " \t*\N{BULLET}"
_ON = frozenset({"1", "true", "t", "yes", "y", "on"})


def user(
    login: str, password: str, further: tuple[str, ...] = (), *, disabled: bool = False
) -> list[str]:
    """Return a user's cells; a password that is none is told.

    Args:
        login: the very cell: it may be a `DoubtfulText`.
        password: likewise; blank or masked when there is none.
        further: the further cells.
        disabled: whether the old system has switched the user off.
    """
    off = (Remark.DISABLED,) if disabled else ()
    if password.strip(_MASK):
        return cells_of(login, password, off, further)
    if password.strip():
        return cells_of(login, "", (*off, Remark.MASKED), further)
    return cells_of(login, password, (*off, Remark.MISSING), further)


def without_password(
    login: str, why: Remark, further: tuple[str, ...] = (), *, disabled: bool = False
) -> list[str]:
    """Return a user's cells whose password cannot be used, whatever stands there."""
    return cells_of(login, "", (Remark.DISABLED, why) if disabled else (why,), further)


def no_user(login: str, why: Remark, further: tuple[str, ...] = ()) -> list[str]:
    """Return the cells of an entry that is no user: its password does not travel."""
    return cells_of(login, "", (why,), further)


def is_on(cell: str) -> bool:
    """Say whether a cell says yes: 1, true, t, yes, y, on, in any case."""
    return cell.strip().lower() in _ON


def full_name(first: str, last: str) -> str:
    """Put a name together; each part may be blank."""
    return f"{first.strip()} {last.strip()}".strip()


def local_part(address: str) -> str:
    """Return what stands before an address's @; a doubt about the cell is about that, too."""
    local = address.partition("@")[0]
    return DoubtfulText(local, address.doubt) if isinstance(address, DoubtfulText) else local


def domain_of(address: str) -> str:
    """Return what stands behind an address's last @."""
    return address.rpartition("@")[2].strip() if "@" in address else ""
