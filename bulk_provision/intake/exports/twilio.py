"""Twilio: the credentials of a SIP credential list. It keeps hashes, and hands out none.

Source: twilio/twilio-oai `spec/json/twilio_api_v2010.json`. The same username may stand in several
lists, so the list travels along.
"""

from __future__ import annotations

from bulk_provision.intake.exports.json_export import Item, JsonExport, text_of, user_or_none


def _entry(item: Item) -> list[str]:
    further = (text_of(item, "credential_list_sid"),)
    return user_or_none(text_of(item, "username"), "", further)


TWILIO = JsonExport(
    name="twilio",
    title="Twilio, SIP credentials (JSON)",
    key="credentials",
    signs=(frozenset({"sid", "username"}),),
    hints=frozenset({"credential_list_sid"}),
    login="username",
    password="",
    further=("list",),
    entry=_entry,
)
