"""Grandstream UCM6100, UCM6200 and UCM6510: the CSV of SIP extensions.

Source: veryxcit/freepbx2ucm `mappings.py` (headers of UCM61xx 1.0.9.25 and UCM6510 1.0.2.5).
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, is_on, no_user, user
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    extension: str,
    auth_id: str,
    password: str,
    technology: str,
    off: str,
    first: str,
    last: str,
    email: str,
) -> list[str]:
    further = (extension, full_name(first, last), email)
    login = auth_id if auth_id.strip() else extension
    if why := remark_on(technology):
        return no_user(login, why, further)
    return user(login, password, further, disabled=is_on(off))


GRANDSTREAM = TableExport(
    name="grandstream",
    title="Grandstream UCM, SIP extensions",
    needs=frozenset({"extension", "sip/iax password"}),
    hints=frozenset(
        {
            *("technology", "enable voicemail", "callerid number", "voicemail password", "authid"),
            *("skip voicemail password verification", "codec preference", "user password"),
            *("dial trunk password", "disable this extension", "tel uri", "skip trunk auth"),
        }
    ),
    certain=2,
    columns=(
        "extension",
        "authid",
        "sip/iax password",
        "technology",
        "disable this extension",
        "first name",
        "last name",
        "email address",
    ),
    login="AuthID",
    otherwise=("extension",),
    password="SIP/IAX Password",
    left={
        "voicemail password": "the voicemail PIN",
        "user password": "the password of the user's web page",
        "dial trunk password": "the PIN for calls over trunks",
    },
    further=("extension", "name", "email"),
    entry=_entry,
)
