"""Ringotel's own CSV of users.

Source: ringotel.atlassian.net/wiki/spaces/RSW/pages/1052803126. What it needs (name, extension,
password) stands in many other tables, too.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import user
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    extension: str,
    password: str,
    username: str,
    auth_name: str,
    name: str,
    department: str,
    mobile: str,
    title: str,
    organisation: str,
) -> list[str]:
    """Read a row: the authorization name logs in, else the username, else the extension."""
    login = auth_name if auth_name.strip() else username if username.strip() else extension
    return user(login, password, (extension, name, department, mobile, title, organisation))


RINGOTEL = TableExport(
    name="ringotel",
    title="Ringotel, users",
    needs=frozenset({"name", "extension", "password"}),
    hints=frozenset(
        {"username", "authname", "mobile", "phone", "company", "position", "department"}
    ),
    certain=2,
    proofs=frozenset({"authname"}),
    columns=(
        "extension",
        "password",
        "username",
        "authname",
        "name",
        "department",
        "mobile",
        "position",
        "company",
    ),
    login="authname",
    otherwise=("username", "extension"),
    password="password",
    further=("extension", "name", "department", "mobile", "title", "organisation"),
    entry=_entry,
)
