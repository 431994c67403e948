"""VitalPBX 4, the CSV of extensions that it imports.

Source: public files with this header. That an export has the same header, and the devices'
passwords, is not documented: where they are missing, the users have none.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import no_user, user
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on

_GONE = frozenset({"del", "delete", "remove"})


def _entry(
    extension: str,
    login: str,
    password: str,
    technology: str,
    mode: str,
    name: str,
    email: str,
    mobile: str,
    title: str,
    organisation: str,
) -> list[str]:
    further = (extension, name, email, mobile, title, organisation)
    shown = login if login.strip() else extension
    if mode.strip().lower() in _GONE:
        return no_user(shown, Remark.DELETED, further)
    if why := remark_on(technology):
        return no_user(shown, why, further)
    return user(login, password, further)


VITALPBX = TableExport(
    name="vitalpbx",
    title="VitalPBX 4, extensions",
    needs=frozenset({"extension", "device_user", "device_password"}),
    hints=frozenset(
        {
            *("ext_name", "class_of_service", "technology", "profile_name", "device_description"),
            *("features_password", "vm_password", "vitxi_client", "ring_device", "mode"),
        }
    ),
    certain=2,
    columns=(
        "extension",
        "device_user",
        "device_password",
        "technology",
        "mode",
        "ext_name",
        "email",
        "mobile_number",
        "job_title",
        "organization",
    ),
    login="device_user",
    password="device_password",
    left={
        "features_password": "the PIN of features and of the control panel",
        "vm_password": "the voicemail PIN",
        "accountcode": "a code for billing",
    },
    further=("extension", "name", "email", "mobile", "title", "organisation"),
    entry=_entry,
)
