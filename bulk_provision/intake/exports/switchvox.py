"""Switchvox, Setup > Extensions > Manage > Export Extensions.

Source: sangomakb.atlassian.net, "Manage Import Extensions" (pages 429031558, 546865376). The
order of the columns is free.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, user
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    extension: str, password: str, first: str, last: str, email: str, title: str, location: str
) -> list[str]:
    further = (extension, full_name(first, last), email, title, location)
    return user(extension, password, further)


SWITCHVOX = TableExport(
    name="switchvox",
    title="Switchvox, extensions",
    needs=frozenset({"ext", "phone_password"}),
    hints=frozenset(
        {
            *("fname", "lname", "login_email", "title", "location", "voicemail_password"),
            *("password", "digium_phone_mac_address"),
        }
    ),
    certain=2,
    columns=("ext", "phone_password", "fname", "lname", "login_email|email", "title", "location"),
    login="ext",
    password="phone_password",
    left={
        "password": "the password of the web page",
        "voicemail_password": "the voicemail PIN",
        "username": "the login of the web page",
    },
    further=("extension", "name", "email", "title", "location"),
    entry=_entry,
)
