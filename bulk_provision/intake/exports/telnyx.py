"""Telnyx: credential connections, and telephony credentials.

Source: team-telnyx/telnyx-python `types/credential_connection.py`, `types/telephony_credential.py`.
"""

from __future__ import annotations

from bulk_provision.intake.exports.json_export import (
    Item,
    JsonExport,
    is_false,
    is_true,
    text_of,
    user_or_none,
)


def _entry(item: Item) -> list[str]:
    if "sip_username" in item:
        return user_or_none(
            text_of(item, "sip_username"),
            text_of(item, "sip_password"),
            (text_of(item, "name"),),
            disabled=is_true(item, "expired"),
        )
    return user_or_none(
        text_of(item, "user_name"),
        text_of(item, "password"),
        (text_of(item, "connection_name"),),
        disabled=is_false(item, "active"),
    )


TELNYX = JsonExport(
    name="telnyx",
    title="Telnyx, credential connections or telephony credentials (JSON)",
    key="data",
    signs=(frozenset({"user_name", "connection_name"}), frozenset({"sip_username"})),
    hints=frozenset({"password", "sip_password", "record_type", "resource_id"}),
    login="user_name, sip_username",
    password="password, sip_password",
    further=("name",),
    entry=_entry,
)
