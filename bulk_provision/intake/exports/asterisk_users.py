"""Asterisk up to 20, `users.conf`.

Source: asterisk/asterisk tag 20.5.0 `configs/samples/users.conf.sample`, `channels/chan_sip.c`
(reload_config: what stands in [general] holds for each user that does not say otherwise).
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

_TELLING = frozenset(
    {
        *("hassip", "hasiax", "hasvoicemail", "hasmanager", "hasexten", "userbase", "vmsecret"),
        *("fullname", "alternateexts", "hash323", "hasdirectory", "registersip", "threewaycalling"),
    }
)
_ANALOGUE = ("dahdichan", "zapchan")


def _likeness(settings: frozenset[tuple[str, str]], name: str) -> Likeness | None:  # noqa: ARG001
    keys = keys_of(settings)
    score = len(keys & _TELLING)
    if "hassip" in keys:
        return Likeness(Certainty.CERTAIN, score)
    if {"fullname", "secret"} <= keys and score > 1:
        return Likeness(Certainty.LIKELY, score)
    return None


def _remarks(section: Section, general: Section) -> tuple[Remark, ...]:
    def said(key: str) -> str:
        return section.get(key) or general.get(key)

    def is_on(key: str) -> bool:
        return section.is_on(key) if section.has(key) else general.is_on(key)

    if section.has("trunkname") or is_on("registersip") or is_on("registeriax"):
        return (Remark.TRUNK,)
    if not is_on("hassip"):
        if is_on("hasiax"):
            return (Remark.IAX,)
        has_line = any(section.has(key) for key in _ANALOGUE)
        return (Remark.NOT_SIP if has_line else Remark.VIRTUAL,)
    if said("host").lower() not in ("", "dynamic"):
        return (Remark.TRUNK,)
    if said("md5secret"):
        return (Remark.HASHED,)
    return () if said("secret") else (Remark.MISSING,)


def _entries(configuration: Configuration) -> Iterator[Entry]:
    general = configuration.final("general") or Section("general", 0, "")
    for section in configuration.sections():
        if section.name.lower() == "general":
            continue
        remarks = _remarks(section, general)
        password = "" if remarks else section.get("secret") or general.get("secret")
        name, number = caller_of(section.get("callerid"))
        number = number or section.get("cid_number")
        other = section.get("alternateexts").partition(",")[0].strip()
        further = (
            extension_of(number, section.name) or other,
            section.get("fullname") or name,
            section.get("email"),
            section.origin,
        )
        yield section.line, cells_of(section.name, password, remarks, further)


USERS = AsteriskExport(
    name="asterisk-users",
    title="Asterisk, users.conf",
    main="users.conf",
    login="[section]",
    password="secret",
    left={
        "vmsecret": "the voicemail PIN",
        "md5secret": "a hash of the password",
        "username": "the login of a trunk",
    },
    further=("extension", "name", "email", "file"),
    likeness=_likeness,
    entries=_entries,
    kept=frozenset({"general"}),
)
