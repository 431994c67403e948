"""3CX v20: the answer to `GET /xapi/v1/Users`.

Source: 3cx/xapi-tutorial `swagger.yaml`. `AuthPassword` is a text or null; where it is an object,
it is concealed.
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import full_name
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.json_export import (
    Item,
    JsonExport,
    is_false,
    text_of,
    user_or_none,
)


def _entry(item: Item) -> list[str]:
    name = full_name(text_of(item, "FirstName"), text_of(item, "LastName"))
    further = (
        text_of(item, "Number"),
        text_of(item, "DisplayName") or name,
        text_of(item, "EmailAddress"),
        text_of(item, "Mobile"),
    )
    is_hidden = isinstance(item.get("AuthPassword"), dict)
    return user_or_none(
        text_of(item, "AuthID"),
        text_of(item, "AuthPassword"),
        further,
        why=Remark.MASKED if is_hidden else Remark.MISSING,
        disabled=is_false(item, "Enabled"),
    )


THREECX_V20 = JsonExport(
    name="3cx-v20",
    title="3CX v20, users (JSON)",
    key="value",
    signs=(frozenset({"Number", "AuthID"}),),
    hints=frozenset({"AuthPassword", "EmailAddress", "FirstName", "DisplayName", "Require2FA"}),
    login="AuthID",
    password="AuthPassword",
    left={
        "VMPIN": "the voicemail PIN",
        "AccessPassword": "the password of the web client",
        "DeskphonePassword": "the password of the telephone's web page",
        "SIPID": "another name that calls can be made to",
    },
    further=("extension", "name", "email", "mobile"),
    entry=_entry,
)
