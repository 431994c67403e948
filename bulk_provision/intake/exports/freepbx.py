"""FreePBX 13 to 17, Admin > Bulk Handler > Export > Extensions.

Source: FreePBX/bulkhandler `Bulkhandler.class.php`; FreePBX/core `Core.class.php`
(bulkhandlerExport and -Import, getAllUsersByDeviceType, generateSecret) and
`functions.inc/drivers/PJSip.class.php`. The columns are the union of what the installed modules
return, in any order; the importer takes upper-case headers, and `REGEN` for a new secret.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import no_user, user, without_password
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport
from bulk_provision.intake.exports.technologies import remark_on


def _entry(
    extension: str,
    device: str,
    secret: str,
    digest: str,
    tech: str,
    override: str,
    name: str,
    email: str,
) -> list[str]:
    """Read a row: in "deviceanduser" mode the device logs in, and the extension is the person."""
    further = (extension, name, email)
    login = device if device.strip() else extension
    if why := remark_on(tech):
        return no_user(login, why, further)
    if not tech.strip() and not device.strip() and not secret.strip():
        return no_user(login, Remark.NO_LOGIN, further)  # a LEFT JOIN gives users without a device
    if override.strip() and tech.strip().lower() == "pjsip":
        login = override  # of chan_sip it only is what the old system calls the phone by
    if digest.strip():  # chan_pjsip takes the hash then, and leaves the secret aside
        return without_password(login, Remark.HASHED, further)
    if secret.strip() == "REGEN":
        return without_password(login, Remark.GENERATE, further)
    return user(login, secret, further)


FREEPBX = TableExport(
    name="freepbx",
    title="FreePBX 13 to 17, Bulk Handler (extensions)",
    needs=frozenset({"extension", "tech", "secret"}),
    hints=frozenset(
        {
            *("id", "dial", "devicetype", "sipdriver", "md5_cred", "voicemail_email"),
            *("voicemail_enable", "callwaiting_enable", "outboundcid", "ringtimer", "mohclass"),
        }
    ),
    certain=2,
    columns=(
        "extension",
        "id",
        "secret",
        "md5_cred",
        "tech",
        "username",
        "name",
        "voicemail_email",
    ),
    login="id",
    otherwise=("extension",),
    password="secret",
    left={
        "password": "the user's login in device mode",
        "voicemail_vmpwd": "the voicemail PIN",
        "defaultuser": "a name for outgoing calls to the phone",
        "sipname": "an alias for calls from outside",
    },
    further=("extension", "name", "email"),
    entry=_entry,
)
