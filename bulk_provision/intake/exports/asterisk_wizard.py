"""Asterisk, `pjsip_wizard.conf`.

Source: asterisk/asterisk `configs/samples/pjsip_wizard.conf.sample`,
`res/res_pjsip_config_wizard.c`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bulk_provision.intake.exports.asterisk_conf import Configuration, Section
from bulk_provision.intake.exports.asterisk_export import (
    AsteriskExport,
    Entry,
    caller_of,
    extension_of,
    keys_of,
)
from bulk_provision.intake.exports.export import Certainty, Likeness, Remark, cells_of


def _likeness(settings: frozenset[tuple[str, str]], name: str) -> Likeness | None:  # noqa: ARG001
    if ("type", "wizard") not in settings:
        return None
    own = [key for key in keys_of(settings) if "/" in key or key.endswith("_auth")]
    return Likeness(Certainty.CERTAIN if own else Certainty.LIKELY, 2 + len(own))


def _is_trunk(section: Section) -> bool:
    return section.is_on("sends_auth") or any(
        key.startswith("outbound_auth/") for key in section.keys
    )


def _entry(section: Section) -> list[str]:
    name, number = caller_of(section.get("endpoint/callerid"))
    extension = section.get("hint_exten") or extension_of(number, section.name)
    name = name or section.get("endpoint/description")
    further = (extension or section.name, name, section.origin)
    if _is_trunk(section):
        return cells_of(section.get("outbound_auth/username"), "", (Remark.TRUNK,), further)
    if not section.is_on("accepts_auth"):  # it makes an endpoint that asks for no password
        is_elsewhere = section.has("remote_hosts")
        remark = Remark.BY_ADDRESS if is_elsewhere else Remark.MISSING
        return cells_of(section.name, "", (remark,), further)
    login = section.get("inbound_auth/username")
    if not login:  # Asterisk refuses the section
        return cells_of("", "", (Remark.NO_LOGIN,), further)
    kind = section.get("inbound_auth/auth_type").lower()
    has_hash = section.has("inbound_auth/md5_cred") or section.has("inbound_auth/password_digest")
    password = section.get("inbound_auth/password")
    if has_hash and kind != "userpass":
        return cells_of(login, "", (Remark.HASHED,), further)
    return cells_of(login, password, () if password else (Remark.MISSING,), further)


def _entries(configuration: Configuration) -> Iterator[Entry]:
    for section in configuration.sections():
        if section.get("type").lower() == "wizard":
            yield section.line, _entry(section)


WIZARD = AsteriskExport(
    name="asterisk-wizard",
    title="Asterisk, pjsip_wizard.conf",
    main="pjsip_wizard.conf",
    login="inbound_auth/username",
    password="inbound_auth/password",
    left={
        "inbound_auth/md5_cred": "a hash of the password",
        "outbound_auth/username": "the login of a trunk",
        "outbound_auth/password": "the password of a trunk",
    },
    further=("extension", "name", "file"),
    likeness=_likeness,
    entries=_entries,
)
