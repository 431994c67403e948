"""Asterisk, `pjsip.conf` (chan_pjsip).

Source: asterisk/asterisk `configs/samples/pjsip.conf.sample`, `res/res_pjsip/config_auth.c`.

A user is an endpoint and the `auth` section that it names, anywhere in the files. So the endpoints
are gone through first, and of each is kept what its entry needs: some 300 bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bulk_provision.intake.exports.asterisk_conf import Configuration, Section
from bulk_provision.intake.exports.asterisk_export import (
    AsteriskExport,
    Entry,
    caller_of,
    extension_of,
)
from bulk_provision.intake.exports.export import Certainty, Likeness, Remark, cells_of

_TELLING = ("endpoint", "auth", "aor", "registration", "transport", "identify", "global")


def _likeness(settings: frozenset[tuple[str, str]], name: str) -> Likeness | None:  # noqa: ARG001
    types = [kind for kind in _TELLING if ("type", kind) in settings]
    if "endpoint" in types or "auth" in types:
        return Likeness(Certainty.CERTAIN, 2 + len(types))
    return None


@dataclass(slots=True)
class _Uses:
    """What the auth sections are for, by their lower-case names.

    Args:
        users: named by an endpoint → the endpoint's extension and name, with a tab between them.
        trunks: named for what goes out, or by an endpoint that has something go out.
        missing: named by an endpoint, and not in the files.
        by_address: endpoints that are known by their address.
        placed: aors with a fixed contact.
    """

    users: dict[str, str] = field(default_factory=dict)
    trunks: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    by_address: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)


def _names(section: Section, key: str) -> Iterator[str]:
    """Return the names in a list, lower case: sections are found so."""
    for value in section.every(key):
        for name in value.split(","):
            if name.strip():
                yield name.strip().lower()


def _uses(configuration: Configuration) -> _Uses:
    uses = _Uses()
    there: set[str] = set()
    for section in configuration.sections():
        kind = section.get("type").lower()
        if kind == "auth":
            there.add(section.name.lower())
        elif kind == "endpoint":
            outward = list(_names(section, "outbound_auth"))
            uses.trunks.update(outward)
            for auth in _names(section, "auth"):
                if outward:
                    uses.trunks.add(auth)
                else:
                    uses.users.setdefault(auth, "\t".join(_person(section)))
        elif kind == "registration":
            uses.trunks.update(_names(section, "outbound_auth"))
        elif kind == "identify":
            uses.by_address.update(_names(section, "endpoint"))
        elif kind == "aor" and section.has("contact"):
            uses.placed.add(section.name.lower())
    uses.missing = uses.users.keys() - there
    return uses


def _person(endpoint: Section) -> tuple[str, str]:
    """Return the extension and the name of an endpoint."""
    name, number = caller_of(endpoint.get("callerid"))
    extension = extension_of(number, endpoint.name) or endpoint.name
    return extension.replace("\t", " "), name or endpoint.get("description")


def _auth_entry(auth: Section, uses: _Uses) -> list[str]:
    """Make an entry of an auth section."""
    login = auth.get("username")
    extension, _, name = uses.users.get(auth.name.lower(), "\t").partition("\t")
    further = (extension, name, auth.origin)
    if auth.name.lower() in uses.trunks:
        return cells_of(login, "", (Remark.TRUNK,), further)
    if auth.name.lower() not in uses.users or not login:  # nobody can log in with it
        return cells_of(login, "", (Remark.NO_LOGIN,), further)
    kind = auth.get("auth_type").lower()
    hashed = auth.has("md5_cred") if kind == "md5" else auth.has("password_digest")
    if hashed and kind != "userpass":
        return cells_of(login, "", (Remark.HASHED,), further)
    if kind == "md5" or not auth.has("password"):
        has_hash = auth.has("md5_cred") or auth.has("password_digest")
        return cells_of(login, "", (Remark.HASHED if has_hash else Remark.MISSING,), further)
    return cells_of(login, auth.get("password"), (), further)


def _endpoint_entry(endpoint: Section, uses: _Uses) -> list[str] | None:
    """Make an entry of an endpoint whose auth section has none; None: that one has."""
    name = endpoint.name.lower()
    auths = list(_names(endpoint, "auth"))
    further = (*_person(endpoint), endpoint.origin)
    if endpoint.has("outbound_auth") or (auths and not uses.missing.issuperset(auths)):
        return None
    if auths:
        return cells_of(endpoint.name, "", (Remark.MISSING,), further)
    if name in uses.by_address or name == "anonymous":
        return cells_of(endpoint.name, "", (Remark.BY_ADDRESS,), further)
    if any(aor in uses.placed for aor in _names(endpoint, "aors")):
        return cells_of(endpoint.name, "", (Remark.TRUNK,), further)
    return cells_of(endpoint.name, "", (Remark.MISSING,), further)


def _entries(configuration: Configuration) -> Iterator[Entry]:
    uses = _uses(configuration)
    for section in configuration.sections():
        kind = section.get("type").lower()
        if kind == "auth":
            yield section.line, _auth_entry(section, uses)
        elif kind == "endpoint":
            made = _endpoint_entry(section, uses)
            if made is not None:
                yield section.line, made


PJSIP = AsteriskExport(
    name="asterisk-pjsip",
    title="Asterisk, pjsip.conf (chan_pjsip)",
    main="pjsip.conf",
    login="username of type=auth",
    password="password of type=auth",
    left={
        "md5_cred": "a hash of the password",
        "password_digest": "hashes of the password",
        "outbound_auth": "the login of a trunk",
    },
    further=("extension", "name", "file"),
    likeness=_likeness,
    entries=_entries,
)
