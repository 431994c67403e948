"""FreePBX 13 to 17, Admin > Bulk Handler > Export > Extensions.

Source: FreePBX/bulkhandler `Bulkhandler.class.php`, FreePBX/core `Core.class.php`
(bulkhandlerExport and -Import, generateSecret). The columns are the union of what the installed
modules return, in any order; the importer takes upper-case headers, and `REGEN` for a new secret.
"""

from __future__ import annotations

from bulk_provision.intake.exports.export import Remark, cells_of
from bulk_provision.intake.exports.tables import TableExport

_TECHNOLOGIES = {
    "sip": (),
    "pjsip": (),
    "iax": (Remark.IAX,),
    "iax2": (Remark.IAX,),
    "virtual": (Remark.VIRTUAL,),
    "": (Remark.NO_LOGIN,),  # a LEFT JOIN gives users without a device
}


def _entry(
    extension: str, device: str, secret: str, digest: str, tech: str, name: str, email: str
) -> list[str] | None:
    """Read a row: in "deviceanduser" mode the device logs in, and the extension is the person."""
    if not (extension.strip() or device.strip() or name.strip() or email.strip()):
        return None
    login = device if device.strip() else extension
    remarks = _TECHNOLOGIES.get(tech.strip().lower(), (Remark.NOT_SIP,))
    if not login.strip():
        remarks = (Remark.NO_LOGIN,)
    if digest.strip():  # chan_pjsip takes the hash then, and leaves the secret aside
        return cells_of(login, "", (*remarks, Remark.HASHED), (extension, name, email))
    if secret.strip() == "REGEN":
        return cells_of(login, "", (*remarks, Remark.GENERATE), (extension, name, email))
    if not secret:
        remarks = (*remarks, Remark.MISSING)
    return cells_of(login, secret, remarks, (extension, name, email))


FREEPBX = TableExport(
    name="freepbx",
    title="FreePBX 13 to 17, Bulk Handler (extensions)",
    needs=frozenset({"extension", "tech", "secret"}),
    hints=frozenset({"id", "sipdriver", "devicetype", "voicemail_email", "callwaiting_enable"}),
    certain=2,
    likely=1,
    columns=(
        "extension",
        "id",
        "secret",
        "md5_cred",
        "tech",
        "name",
        "voicemail_email",
    ),
    login="id",
    password="secret",
    left={
        "password": "the user's login in device mode",
        "voicemail_vmpwd": "the voicemail PIN",
    },
    further=("extension", "name", "email"),
    entry=_entry,
)
