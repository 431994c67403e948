"""ViciDial and GoAutoDial: their table `phones`.

Source: inktel/Vicidial `bin/MySQL_AST_CREATE_tables.sql`, `bin/ADMIN_keepalive_ALL.pl` (which
writes `username=extension` and `secret=conf_secret` for Asterisk).
"""

from __future__ import annotations

from dataclasses import replace

from bulk_provision.intake.exports.entries import is_on, no_user, user
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    login: str,
    secret: str,
    protocol: str,
    active: str,
    dialled: str,
    name: str,
    email: str,
    server: str,
) -> list[str]:
    """Read a row: the same extension may stand there once for each server."""
    further = (dialled if dialled.strip() else login, name, email, server)
    if why := remark_on(protocol):
        return no_user(login, why, further)
    return user(login, secret, further, disabled=not is_on(active))


VICIDIAL = TableExport(
    name="vicidial",
    title="ViciDial or GoAutoDial, table phones",
    needs=frozenset({"extension", "conf_secret"}),
    hints=frozenset(
        {
            *("dialplan_number", "voicemail_id", "server_ip", "login", "pass", "phone_type"),
            *("fullname", "protocol", "local_gmt", "outbound_cid", "active"),
        }
    ),
    certain=2,
    columns=(
        "extension",
        "conf_secret",
        "protocol",
        "active",
        "dialplan_number",
        "fullname",
        "email",
        "server_ip",
    ),
    absent={"active": "Y"},
    login="extension",
    password="conf_secret",
    left={
        "login": "the agent's login on the web page",
        "pass": "the agent's password on the web page",
        "voicemail_id": "the mailbox",
    },
    further=("extension", "name", "email", "server"),
    entry=_entry,
    database=True,
)

PHONES = replace(VICIDIAL, database=False)
"""Reads rows that are values already, out of an SQL dump."""
