"""VoIP.ms: the answer to `getSubAccounts`.

Source: docs.rs/voip-ms, `GetSubAccountsResponseAccount`. The SIP login is `account`, as in
"100001_jack"; `username` is what stands behind the _. That the codes of `protocol` are 1 for SIP
and 3 for IAX, and those of `auth_type` 1 for a password and 2 for an address, is assumed.
"""

from __future__ import annotations

from bulk_provision.intake.exports.export import Remark, cells_of
from bulk_provision.intake.exports.json_export import Item, JsonExport, text_of, user_or_none

_PROTOCOLS = {
    **dict.fromkeys(("", "1", "sip")),
    **dict.fromkeys(("3", "iax", "iax2"), Remark.IAX),
}
_BY_ADDRESS = frozenset({"2", "ip", "static ip", "static ip authentication"})


def _entry(item: Item) -> list[str]:
    login = text_of(item, "account")
    further = (text_of(item, "internal_extension"), text_of(item, "description"))
    why = _PROTOCOLS.get(text_of(item, "protocol").strip().lower(), Remark.NOT_SIP)
    if why is None and text_of(item, "auth_type").strip().lower() in _BY_ADDRESS:
        why = Remark.BY_ADDRESS
    if why is not None and login:
        return cells_of(login, "", (why,), further)
    return user_or_none(login, text_of(item, "password"), further)


VOIPMS = JsonExport(
    name="voipms",
    title="VoIP.ms, sub-accounts (JSON)",
    key="accounts",
    signs=(frozenset({"account", "username"}),),
    hints=frozenset({"auth_type", "internal_extension", "protocol", "device_type"}),
    login="account",
    password="password",
    left={"username": "the part of the login behind the _"},
    further=("extension", "name"),
    entry=_entry,
)
