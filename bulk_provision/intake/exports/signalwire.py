"""SignalWire: SIP endpoints. A password is taken when one is created, and never handed out.

Source: signalwire/docs `specs/signalwire-rest/relay-rest/sip-endpoints/`.
"""

from __future__ import annotations

from bulk_provision.intake.exports.json_export import Item, JsonExport, text_of, user_or_none


def _entry(item: Item) -> list[str]:
    return user_or_none(text_of(item, "username"), "", (text_of(item, "caller_id"),))


SIGNALWIRE = JsonExport(
    name="signalwire",
    title="SignalWire, SIP endpoints (JSON)",
    key="data",
    signs=(frozenset({"type", "username"}),),
    hints=frozenset({"caller_id", "send_as", "ciphers", "encryption"}),
    login="username",
    password="",
    further=("name",),
    entry=_entry,
    check=lambda item: item.get("type") == "sip_endpoint",
)
