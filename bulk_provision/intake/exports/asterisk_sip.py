"""Asterisk up to 20, `sip.conf` (chan_sip).

Source: asterisk/asterisk tag 20.5.0 `channels/chan_sip.c` (reload_config, build_peer),
`configs/samples/sip.conf.sample`.
"""

from __future__ import annotations

import re
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

_TYPES = ("friend", "peer", "user")
_ADDRESS = re.compile(r"[0-9.]+(?::\d+)?|\[?[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*\]?")
_REGISTER = re.compile(r"(?:[^?]*\?)?(?:\w+://)?([^:@/]*)")
_OUTWARD = ("remotesecret", "fromuser", "fromdomain", "callbackextension")
_OF_SIP = frozenset(
    {
        *("secret", "md5secret", "host", "nat", "dtmfmode", "canreinvite", "directmedia", "realm"),
        *("insecure", "udpbindaddr", "defaultuser", "callerid", "register", "sipdebug", "context"),
    }
)
_OF_SIP_ALONE = frozenset(
    {"nat", "dtmfmode", "canreinvite", "directmedia", "insecure", "md5secret", "udpbindaddr"}
)
_OF_IAX = frozenset(
    {
        *("requirecalltoken", "bandwidth", "jitterbuffer", "forcejitterbuffer", "inkeys"),
        *("iaxcompat", "peercontext", "calltokenoptional", "trunkfreq", "iaxthreadcount"),
    }
)


def _likeness(settings: frozenset[tuple[str, str]], name: str) -> Likeness | None:
    keys = keys_of(settings)
    if not any(("type", kind) in settings for kind in _TYPES) or name.startswith("iax"):
        return None
    if keys & _OF_IAX and not keys & _OF_SIP_ALONE:
        return None  # iax.conf looks much the same
    score = len(keys & _OF_SIP)
    if not score:
        return None
    logins = keys & {"host", "secret", "md5secret"}
    return Likeness(Certainty.CERTAIN if len(logins) > 1 else Certainty.LIKELY, score)


def remark_of(section: Section) -> tuple[Remark, ...]:
    """Say what speaks against a section that is a user, or about its password.

    The password of a peer at a fixed place may be ours for them, or theirs for us. What is dialled
    out (`fromuser`, `remotesecret`, …) or called by a host's name is a line to somebody else; a
    telephone with a fixed IP address and a secret of its own is a user.
    """
    host = section.get("host").lower()
    is_fixed = host not in ("", "dynamic")
    has_password = section.has("secret") or section.has("md5secret")
    if section.has("remotesecret") or (is_fixed and _is_outward(section, has_password)):
        return (Remark.TRUNK,)
    if section.has("md5secret"):  # it goes before a plain one
        return (Remark.HASHED,)
    return () if section.has("secret") else (Remark.MISSING,)


def _is_outward(section: Section, has_password: bool) -> bool:
    other_login = section.get("defaultuser") or section.get("username")
    return (
        not has_password
        or not _ADDRESS.fullmatch(section.get("host"))
        or any(section.has(key) for key in _OUTWARD)
        or "invite" in section.get("insecure").lower()
        or section.get("insecure").lower() in ("very", "yes")
        or (bool(other_login) and other_login != section.name)
    )


def password_of(section: Section, remarks: tuple[Remark, ...]) -> str:
    """Return the password of a user; of nobody else."""
    return "" if remarks else section.get("secret")


def name_and_number(section: Section) -> tuple[str, str]:
    """Return a user's name and the number that their calls show."""
    name, number = caller_of(section.get("callerid"))
    name = section.get("fullname") or name or section.get("description")
    return name, section.get("cid_number") or number


def trunks_of(section: Section, further: int) -> Iterator[Entry]:
    """Read the `register` lines of [general]: logins at somebody else."""
    for place, register in enumerate(section.every("register"), start=1):
        match = _REGISTER.match(register)
        login = match[1] if match else ""
        blanks = ("",) * (further - 1)
        yield section.line + place, cells_of(login, "", (Remark.TRUNK,), (*blanks, section.origin))


def _entries(configuration: Configuration) -> Iterator[Entry]:
    for section in configuration.sections():
        name = section.name.lower()
        if name == "general":
            yield from trunks_of(section, len(SIP.further))
        elif name != "authentication" and section.get("type").lower() in _TYPES:
            remarks = remark_of(section)
            shown, number = name_and_number(section)
            further = (extension_of(number, section.name), shown, section.origin)
            password = password_of(section, remarks)
            yield section.line, cells_of(section.name, password, remarks, further)


SIP = AsteriskExport(
    name="asterisk-sip",
    title="Asterisk, sip.conf (chan_sip)",
    main="sip.conf",
    login="[section]",
    password="secret",
    left={
        "md5secret": "a hash of the password",
        "remotesecret": "the password of a trunk",
        "register": "the login and password of a trunk",
        "defaultuser": "the user name in calls to the telephone",
        "username": "the old name of defaultuser",
        "vmsecret": "the voicemail PIN",
    },
    further=("extension", "name", "file"),
    likeness=_likeness,
    entries=_entries,
)
