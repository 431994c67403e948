"""FreePBX up to 12 and IssabelPBX, Applications > Bulk Extensions > Export Extensions.

Source: IssabelFoundation/issabelPBX `bulkextensions/bulkextensions.inc.php`, `template.csv`,
`table.csv`. Each row has an action; exports say "edit".
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import no_user, user
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    extension: str, device: str, secret: str, tech: str, action: str, name: str, email: str
) -> list[str]:
    further = (extension, name, email)
    login = device if device.strip() else extension
    if action.strip().lower() == "del":
        return no_user(login, Remark.DELETED, further)
    if why := remark_on(tech):
        return no_user(login, why, further)
    return user(login, secret, further)


FREEPBX_BULK_EXTENSIONS = TableExport(
    name="freepbx-bulkext",
    title="FreePBX up to 12 or IssabelPBX, Bulk Extensions",
    needs=frozenset({"extension", "tech", "devinfo_secret"}),
    hints=frozenset(
        {
            *("action", "devinfo_channel", "devinfo_dtmfmode", "devinfo_context", "devinfo_host"),
            *("devicetype", "deviceid", "deviceuser", "vmcontext", "cid_masquerade", "hardware"),
        }
    ),
    certain=2,
    columns=("extension", "deviceid", "devinfo_secret", "tech", "action", "name", "email"),
    login="deviceid",
    otherwise=("extension",),
    password="devinfo_secret",
    left={"password": "the user's login in device mode", "vmpwd": "the voicemail PIN"},
    further=("extension", "name", "email"),
    entry=_entry,
)
