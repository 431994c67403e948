"""Vodia: the CSV of accounts, whose first line begins with # and names the columns.

Source: doc.vodia.com/docs/csv. Its prose and its default header disagree about which of the two
passwords is SIP's; the columns' names (`password`, `web_pass`) decide.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, no_user, user
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    alias: str,
    password: str,
    kind: str,
    first: str,
    last: str,
    email: str,
    mobile: str,
    title: str,
) -> list[str]:
    """Read a row; a column `type` tells of accounts that are none of a person's."""
    further = (alias, full_name(first, last), email, mobile, title)
    if kind.strip() and not kind.strip().lower().startswith("extension"):
        return no_user(alias, Remark.VIRTUAL, further)
    return user(alias, password, further)


VODIA = TableExport(
    name="vodia",
    title="Vodia, accounts",
    needs=frozenset({"alias", "password"}),
    hints=frozenset(
        {"first_name", "last_name", "position", "cell", "email", "mac", "mb_pin", "web_pass"}
    ),
    certain=3,
    likely=1,
    proofs=frozenset({"mb_pin", "web_pass"}),
    columns=(
        "alias",
        "password",
        "type",
        "first_name",
        "last_name",
        "email",
        "cell",
        "position",
    ),
    login="alias",
    password="password",
    left={"web_pass": "the password of the web page", "mb_pin": "the mailbox PIN"},
    further=("extension", "name", "email", "mobile", "title"),
    entry=_entry,
)
