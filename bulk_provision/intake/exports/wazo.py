"""Wazo (`GET /users/export`), and XiVO before 15.20 with its older column names.

Source: wazo-platform/wazo-confd `database/user_export.py`, `representations/csv_.py`,
`plugins/user_import/csvparse.py`; wazo-platform/wazo-doc `administration/users/csv_import.rst`.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, is_on, no_user, user
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    extension: str,
    login: str,
    password: str,
    protocol: str,
    enabled: str,
    first: str,
    last: str,
    email: str,
    mobile: str,
    context: str,
) -> list[str]:
    further = (extension, full_name(first, last), email, mobile, context)
    if why := remark_on(protocol):
        return no_user(login if login.strip() else extension, why, further)
    return user(login, password, further, disabled=not is_on(enabled))


WAZO = TableExport(
    name="wazo",
    title="Wazo, or XiVO since 15.20, users",
    needs=frozenset({"sip_username", "sip_secret"}),
    hints=frozenset(
        {
            *("uuid", "subscription_type", "line_protocol", "provisioning_code", "exten"),
            *("incall_exten", "incall_context", "call_permissions", "firstname", "lastname"),
            *("supervision_enabled", "call_transfer_enabled", "voicemail_number", "ring_seconds"),
        }
    ),
    certain=2,
    columns=(
        "exten",
        "sip_username",
        "sip_secret",
        "line_protocol",
        "enabled",
        "firstname",
        "lastname",
        "email",
        "mobile_phone_number",
        "context",
    ),
    absent={"enabled": "1"},
    login="sip_username",
    password="sip_secret",
    left={
        "username": "the login of the applications",
        "password": "the password of the applications",
        "voicemail_password": "the voicemail PIN",
        "call_permission_password": "the PIN for calls that are not permitted",
    },
    further=("extension", "name", "email", "mobile", "context"),
    entry=_entry,
)

XIVO = TableExport(
    name="xivo",
    title="XiVO before 15.20, users",
    needs=frozenset({"linename", "linesecret"}),
    hints=frozenset(
        {
            *("entityid", "firstname", "lastname", "phonenumber", "protocol"),
            *("mobilephonenumber", "voicemailemail"),
        }
    ),
    certain=2,
    columns=(
        "phonenumber",
        "linename",
        "linesecret",
        "protocol",
        "enabled",
        "firstname",
        "lastname",
        "email|voicemailemail",
        "mobilephonenumber",
        "context",
    ),
    absent={"enabled": "1"},
    login="linename",
    password="linesecret",
    left={
        "username": "the login of the desktop client",
        "password": "the password of the desktop client",
        "voicemailpassword": "the voicemail PIN",
    },
    further=("extension", "name", "email", "mobile", "context"),
    entry=_entry,
)
