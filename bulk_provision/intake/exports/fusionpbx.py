"""FusionPBX, Accounts > Extensions > Export.

Source: fusionpbx/fusionpbx `app/extensions/extension_download.php`, `app_config.php`. Whoever
exports ticks the columns: any of them may be missing, the password, too.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name, is_on, user
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    extension: str,
    password: str,
    enabled: str,
    alias: str,
    caller_name: str,
    first: str,
    last: str,
    context: str,
    description: str,
) -> list[str]:
    """Read a row: where the extension is a word, its alias is the number that is dialled."""
    further = (
        alias if alias.strip() else extension,
        caller_name if caller_name.strip() else full_name(first, last),
        context,
        description,
    )
    return user(extension, password, further, disabled=not is_on(enabled))


FUSIONPBX = TableExport(
    name="fusionpbx",
    title="FusionPBX, extensions",
    needs=frozenset({"extension"}),
    hints=frozenset(
        {
            *("extension_uuid", "domain_uuid", "number_alias", "user_context", "toll_allow"),
            *("effective_caller_id_name", "effective_caller_id_number", "outbound_caller_id_name"),
            *("outbound_caller_id_number", "emergency_caller_id_name", "directory_first_name"),
            *("emergency_caller_id_number", "directory_last_name", "directory_visible"),
            *("directory_exten_visible", "limit_max", "limit_destination", "missed_call_app"),
            *("missed_call_data", "call_timeout", "call_group", "call_screen_enabled"),
            *("user_record", "hold_music", "auth_acl", "sip_force_contact", "nibble_account"),
            *("sip_force_expires", "mwi_account", "sip_bypass_media", "absolute_codec_string"),
            *("forward_all_destination", "forward_all_enabled", "forward_busy_destination"),
            *("forward_no_answer_destination", "follow_me_uuid", "forward_caller_id_uuid"),
        }
    ),
    certain=2,
    likely=1,
    columns=(
        "extension",
        "password",
        "enabled",
        "number_alias",
        "effective_caller_id_name",
        "directory_first_name",
        "directory_last_name",
        "user_context",
        "description",
    ),
    absent={"enabled": "true"},  # a blank cell means "off", a missing column nothing
    login="extension",
    password="password",
    further=("extension", "name", "domain", "description"),
    entry=_entry,
)
