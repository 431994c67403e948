"""Google Workspace, Directory > Users > Download users: a list without passwords.

Source: public files with this header. The password's cell is `****`; where a file has been made
to upload users, it holds a directory's password, which is none of SIP's.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import (
    domain_of,
    full_name,
    local_part,
    user,
    without_password,
)
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport

_USUAL = frozenset({"", "active"})  # of a status; the others are "Suspended" and "Archived"


def _entry(
    email: str,
    password: str,
    status: str,
    first: str,
    last: str,
    department: str,
    mobile: str,
    unit: str,
) -> list[str]:
    """Read a row: the login is what stands before the @."""
    name, domain = full_name(first, last), domain_of(email)
    further = (name, email, domain, department, mobile, unit)
    login = local_part(email)
    off = status.strip().lower() not in _USUAL
    made = user(login, password, further, disabled=off)
    if made[2].strip():
        return without_password(login, Remark.FOREIGN, further, disabled=off)
    return made


GOOGLE_WORKSPACE = TableExport(
    name="google-workspace",
    title="Google Workspace, users",
    needs=frozenset({"email address [required]"}),
    hints=frozenset(
        {
            *("first name [required]", "last name [required]", "password [required]"),
            *("org unit path [required]", "status [read only]", "last sign in [read only]"),
            *("password hash function [upload only]", "new primary email [upload only]"),
        }
    ),
    certain=2,
    likely=1,
    columns=(
        "email address [required]",
        "password [required]",
        "status [read only]",
        "first name [required]",
        "last name [required]",
        "department",
        "mobile phone",
        "org unit path [required]",
    ),
    login="Email Address [Required]",
    password="",
    left={"password [required]": "the directory's password, or **** in its place"},
    further=("name", "email", "domain", "department", "mobile", "unit"),
    entry=_entry,
)
