"""3CX v15 to v18, Users > Export: CSV.

Source: 3cx.com/blog/docs/bulk-extension-import (table of fields), and headers in public files. The
columns at the end grow by version.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, is_on, user
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    number: str,
    login: str,
    password: str,
    disabled: str,
    first: str,
    last: str,
    email: str,
    mobile: str,
) -> list[str]:
    further = (number, full_name(first, last), email, mobile)
    return user(login, password, further, disabled=is_on(disabled))


THREECX = TableExport(
    name="3cx",
    title="3CX v15 to v18, users",
    needs=frozenset({"number", "authid", "authpassword"}),
    hints=frozenset(
        {
            *("firstname", "lastname", "emailaddress", "mobilenumber", "clicktocall", "vmnopin"),
            *("webmeetingfriendlyname", "vmplaycallerid", "queuestatus", "sipid", "pushextension"),
            *("deskphonewebpass", "srvcaccesspwd", "hidefwrules", "dontshowextinphbk"),
        }
    ),
    certain=2,
    columns=(
        "number",
        "authid",
        "authpassword",
        "disabled",
        "firstname",
        "lastname",
        "emailaddress",
        "mobilenumber",
    ),
    login="AuthID",
    password="AuthPassword",
    left={
        "pin": "the voicemail PIN",
        "deskphonewebpass": "the password of the phone's web page",
        "srvcaccesspwd": "the password of the web client",
        "sipid": "an alias for calls by SIP address",
    },
    further=("extension", "name", "email", "mobile"),
    entry=_entry,
)
