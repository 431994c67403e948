"""Plivo: endpoints. It puts twelve digits behind each username; the alias is the human part.

Source: plivo/plivo-python `tests/resources/fixtures/endpointListResponse.json`.
"""

from __future__ import annotations

from bulk_provision.intake.exports.json_export import Item, JsonExport, text_of, user_or_none


def _entry(item: Item) -> list[str]:
    return user_or_none(text_of(item, "username"), "", (text_of(item, "alias"),))


PLIVO = JsonExport(
    name="plivo",
    title="Plivo, endpoints (JSON)",
    key="objects",
    signs=(frozenset({"username", "endpoint_id"}),),
    hints=frozenset({"alias", "sip_uri", "sip_registered"}),
    login="username",
    password="",
    further=("name",),
    entry=_entry,
)
