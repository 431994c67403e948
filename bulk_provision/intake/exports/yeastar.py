"""Yeastar: the P series, and the S series with K2 and Cloud PBX.

Source: help.yeastar.com, "Import and Export Parameters - Extension" (P series) and "Import
Parameters - Extensions" (S series, K2). A blank registration password makes an import generate
one; in the list of what there is, it means that there is none to take over.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, no_user, user
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry_p(
    extension: str,
    login: str,
    password: str,
    first: str,
    last: str,
    email: str,
    mobile: str,
    organisation: str,
) -> list[str]:
    """Read a row: an organisation is a path of departments, "Yeastar/Marketing/Support"."""
    further = (extension, full_name(first, last), email, organisation, mobile)
    return user(login, password, further)


YEASTAR_P = TableExport(
    name="yeastar-p",
    title="Yeastar P series, extensions",
    needs=frozenset({"extension number", "registration name", "registration password"}),
    hints=frozenset(
        {
            *("first name", "last name", "email address", "mobile number", "user password"),
            *("user role", "caller id", "ip phone concurrent registrations", "enable voicemail"),
            *("voicemail pin authentication", "voicemail access pin", "system prompt language"),
        }
    ),
    certain=1,
    columns=(
        "extension number",
        "registration name",
        "registration password",
        "first name",
        "last name",
        "email address",
        "mobile number",
        "organization",
    ),
    login="Registration Name",
    password="Registration Password",
    left={
        "user password": "the password of the web page and of Linkus",
        "voicemail access pin": "the voicemail PIN",
    },
    further=("extension", "name", "email", "department", "mobile"),
    entry=_entry_p,
)


def _entry_s(extension: str, login: str, password: str, kind: str, name: str) -> list[str]:
    """Read a row: what is called `username` is the extension's number."""
    if why := remark_on(kind):
        return no_user(login if login.strip() else extension, why, (extension, name))
    return user(login, password, (extension, name))


YEASTAR_S = TableExport(
    name="yeastar-s",
    title="Yeastar S series, K2 or Cloud PBX, extensions",
    needs=frozenset({"username", "registername", "registerpassword"}),
    hints=frozenset({"type", "fullname", "callerid", "maxregistrations", "loginpassword"}),
    certain=1,
    columns=("username", "registername", "registerpassword", "type", "fullname"),
    login="registername",
    password="registerpassword",
    left={
        "username": "the extension's number",
        "loginpassword": "the password of the web page and of Linkus",
    },
    further=("extension", "name"),
    entry=_entry_s,
)
