"""Asterisk, `pjsip.conf` (chan_pjsip).

Source: asterisk/asterisk `configs/samples/pjsip.conf.sample`, `res/res_pjsip/config_auth.c`.

A user is an endpoint and the `auth` section that it names, anywhere in the files. So the endpoints
are gone through first, and what the entries need of them is kept in a temporary database: memory
does not grow with the users.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from typing import NamedTuple

from bulk_provision.intake.exports.asterisk_conf import Configuration, Section
from bulk_provision.intake.exports.asterisk_export import (
    AsteriskExport,
    Entry,
    caller_of,
    extension_of,
)
from bulk_provision.intake.exports.export import Certainty, Likeness, Remark, cells_of

_PAGE = 1000  # sections
_TABLES = (
    "PRAGMA journal_mode = OFF",
    "PRAGMA cache_size = -8192",  # KiB
    "CREATE TABLE users (auth TEXT PRIMARY KEY, extension TEXT, name TEXT) WITHOUT ROWID",
    "CREATE TABLE auths (auth TEXT PRIMARY KEY) WITHOUT ROWID",
)
_USERS = "SELECT auth, extension, name FROM users WHERE auth IN (SELECT value FROM json_each(?))"
_AUTHS = "SELECT auth FROM auths WHERE auth IN (SELECT value FROM json_each(?))"
_TELLING = ("endpoint", "auth", "aor", "registration", "transport", "identify", "global")


def _likeness(settings: frozenset[tuple[str, str]], name: str) -> Likeness | None:  # noqa: ARG001
    types = [kind for kind in _TELLING if ("type", kind) in settings]
    if "endpoint" in types or "auth" in types:
        return Likeness(Certainty.CERTAIN, 2 + len(types))
    return None


class _Known(NamedTuple):
    """What is known of some auth sections, by their lower-case names.

    Args:
        users: named by an endpoint → the endpoint's extension and name.
        there: those that are in the files.
    """

    users: dict[str, tuple[str, str]]
    there: frozenset[str]


class _Uses:
    """What the auth sections are for; names are in lower case.

    Endpoints and auth sections are as many as there are users, and so they are kept in an unnamed
    temporary database.

    Attributes:
        trunks: named for what goes out, or by an endpoint that has something go out.
        by_address: endpoints that are known by their address.
        placed: aors with a fixed contact.
    """

    def __init__(self) -> None:
        self.trunks: set[str] = set()
        self.by_address: set[str] = set()
        self.placed: set[str] = set()
        self._users: list[tuple[str, str, str]] = []
        self._there: list[tuple[str]] = []
        self._database = sqlite3.connect("")  # in memory up to its cache's size, then on the disk
        for statement in _TABLES:
            self._database.execute(statement)

    def add_user(self, auth: str, extension: str, name: str) -> None:
        """Note that an endpoint names an auth section; the first one counts."""
        self._users.append((auth, extension, name))
        if len(self._users) == _PAGE:
            self._keep()

    def add_auth(self, auth: str) -> None:
        """Note that an auth section is there."""
        self._there.append((auth,))
        if len(self._there) == _PAGE:
            self._keep()

    def _keep(self) -> None:
        self._database.executemany("INSERT OR IGNORE INTO users VALUES (?, ?, ?)", self._users)
        self._database.executemany("INSERT OR IGNORE INTO auths VALUES (?)", self._there)
        self._users.clear()
        self._there.clear()

    def of(self, auths: Iterable[str]) -> _Known:
        """Return what is known of auth sections."""
        self._keep()
        wanted = (json.dumps(list(auths)),)
        users = self._database.execute(_USERS, wanted)
        there = self._database.execute(_AUTHS, wanted)
        return _Known(
            {auth: (extension, name) for auth, extension, name in users},
            frozenset(auth for (auth,) in there),
        )

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _names(section: Section, key: str) -> Iterator[str]:
    """Return the names in a list, lower case: sections are found so."""
    for value in section.every(key):
        for name in value.split(","):
            if name.strip():
                yield name.strip().lower()


def _note_uses(configuration: Configuration, uses: _Uses) -> None:
    for section in configuration.sections():
        kind = section.get("type").lower()
        if kind == "auth":
            uses.add_auth(section.name.lower())
        elif kind == "endpoint":
            outward = list(_names(section, "outbound_auth"))
            uses.trunks.update(outward)
            for auth in _names(section, "auth"):
                if outward:
                    uses.trunks.add(auth)
                else:
                    uses.add_user(auth, *_person(section))
        elif kind == "registration":
            uses.trunks.update(_names(section, "outbound_auth"))
        elif kind == "identify":
            uses.by_address.update(_names(section, "endpoint"))
        elif kind == "aor" and section.has("contact"):
            uses.placed.add(section.name.lower())


def _person(endpoint: Section) -> tuple[str, str]:
    """Return the extension and the name of an endpoint."""
    name, number = caller_of(endpoint.get("callerid"))
    extension = extension_of(number, endpoint.name) or endpoint.name
    return extension, name or endpoint.get("description")


def _auth_entry(auth: Section, uses: _Uses, known: _Known) -> list[str]:
    """Make an entry of an auth section."""
    login, name = auth.get("username"), auth.name.lower()
    further = (*known.users.get(name, ("", "")), auth.origin)
    if name in uses.trunks:
        return cells_of(login, "", (Remark.TRUNK,), further)
    if name not in known.users or not login:  # nobody can log in with it
        return cells_of(login, "", (Remark.NO_LOGIN,), further)
    kind = auth.get("auth_type").lower()
    hashed = auth.has("md5_cred") if kind == "md5" else auth.has("password_digest")
    if hashed and kind != "userpass":
        return cells_of(login, "", (Remark.HASHED,), further)
    if kind == "md5" or not auth.has("password"):
        has_hash = auth.has("md5_cred") or auth.has("password_digest")
        return cells_of(login, "", (Remark.HASHED if has_hash else Remark.MISSING,), further)
    return cells_of(login, auth.get("password"), (), further)


def _endpoint_entry(endpoint: Section, uses: _Uses, known: _Known) -> list[str] | None:
    """Make an entry of an endpoint whose auth section has none; None: that one has."""
    name = endpoint.name.lower()
    auths = list(_names(endpoint, "auth"))
    further = (*_person(endpoint), endpoint.origin)
    if endpoint.has("outbound_auth") or not known.there.isdisjoint(auths):
        return None
    if auths:
        return cells_of(endpoint.name, "", (Remark.MISSING,), further)
    if name in uses.by_address or name == "anonymous":
        return cells_of(endpoint.name, "", (Remark.BY_ADDRESS,), further)
    if any(aor in uses.placed for aor in _names(endpoint, "aors")):
        return cells_of(endpoint.name, "", (Remark.TRUNK,), further)
    return cells_of(endpoint.name, "", (Remark.MISSING,), further)


def _entries(configuration: Configuration) -> Iterator[Entry]:
    with closing(_Uses()) as uses:
        _note_uses(configuration, uses)
        telling = (
            section
            for section in configuration.sections()
            if section.get("type").lower() in ("auth", "endpoint")
        )
        while page := list(islice(telling, _PAGE)):
            known = uses.of(name for section in page for name in _auths_of(section))
            for section in page:
                if section.get("type").lower() == "auth":
                    yield section.line, _auth_entry(section, uses, known)
                elif (made := _endpoint_entry(section, uses, known)) is not None:
                    yield section.line, made


def _auths_of(section: Section) -> Iterable[str]:
    """Return the auth sections that it is about: itself, or those that an endpoint names."""
    if section.get("type").lower() == "auth":
        return (section.name.lower(),)
    return _names(section, "auth")


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
