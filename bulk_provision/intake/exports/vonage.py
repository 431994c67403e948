"""Vonage: users of an application.

Source: rubydoc.info/gems/vonage `Vonage/Users`. `channels.sip` is an address that Vonage calls,
with the login that it shows there: it is no login of the user at Vonage, and its password is
another system's. The user's own name is what is migrated.
"""

from __future__ import annotations

from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.json_export import (
    Item,
    JsonExport,
    inner,
    text_of,
    user_or_none,
)


def _entry(item: Item) -> list[str]:
    channels = inner(item, "channels").get("sip")
    addresses = channels if isinstance(channels, list) else []
    addresses = [address for address in addresses if isinstance(address, dict)]
    has_password = any(text_of(address, "password") for address in addresses)
    return user_or_none(
        text_of(item, "name"),
        "",
        (text_of(item, "display_name"), text_of(addresses[0], "uri") if addresses else ""),
        why=Remark.FOREIGN if has_password else Remark.MISSING,
    )


VONAGE = JsonExport(
    name="vonage",
    title="Vonage, users (JSON)",
    key="users",
    signs=(frozenset({"id", "name"}),),
    hints=frozenset({"channels", "display_name"}),
    login="name",
    password="",
    left={"channels": "addresses that Vonage calls, with the login that it shows there"},
    further=("name", "address"),
    entry=_entry,
    check=lambda item: str(item.get("id")).startswith("USR-"),
)
