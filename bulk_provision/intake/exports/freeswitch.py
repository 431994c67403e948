"""FreeSWITCH's directory: XML of one file, or of many.

Source: signalwire/freeswitch `conf/vanilla/directory`, `conf/vanilla/vars.xml`,
`src/mod/endpoints/mod_sofia/sofia_reg.c` (a1-hash goes before password),
`src/switch_xml.c` (X-PRE-PROCESS).

What is set, and which file includes which, may stand anywhere among the files; so all are gone
through once before the users are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bulk_provision.intake.cells import storable
from bulk_provision.intake.exports.export import (
    Certainty,
    File,
    Likeness,
    Remark,
    Seen,
    Shape,
    Tell,
    cells_of,
)
from bulk_provision.intake.exports.fragments import parse
from bulk_provision.intake.exports.freeswitch_globals import Globals, survey
from bulk_provision.intake.exports.plain_text import Numbers, as_included
from bulk_provision.intake.readers.xml_parts import DamagedError, safe_parser
from bulk_provision.intake.records import Record

_USER = re.compile(r"<user\s[^<>]{0,500}?\bid\s{0,9}=")
_OWN = re.compile(
    r"<param\s[^<>]{0,500}?[\"'](?:password|a1-hash|vm-password)[\"']|type=[\"']pointer[\"']"
)
_AROUND = re.compile(r"X-PRE-PROCESS|<domain\s|<include>|<variables>|<groups>", re.IGNORECASE)
_DEPTH_LIMIT = 200
_PARAMS = frozenset({"password", "a1-hash", "sip-forbid-register", "vm-mailto", "auth-acl"})
_VARIABLES = frozenset({"effective_caller_id_name", "directory_full_name"})
_TRUE = frozenset({"true", "yes", "on", "enable", "enabled", "active", "allow", "1", "t"})


@dataclass(slots=True)
class _User:
    """What stands of a `<user>`, and where."""

    line: int
    attributes: Mapping[str, str]
    domain: str
    params: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    gateways: list[tuple[int, str]] = field(default_factory=list)


class _Directory:
    """Reads the users of one file."""

    def __init__(self, file: File, known: Globals, *, origin: bool) -> None:
        self._file = file
        self._known = known
        self._with_origin = origin
        self._path: list[str] = []
        self._domains: list[str] = []
        self._shared: list[str] = []  # the elements of domains and groups that set a password
        self._user: _User | None = None
        self._gateway: tuple[int, str] | None = None
        self._made: list[tuple[int, list[str]]] = []

    def entries(self) -> Iterator[tuple[int, list[str]]]:
        """Read the entries, each with its line."""
        self._parser = safe_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        for _ in parse(self._parser, self._file):
            made, self._made = self._made, []
            yield from made

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path
        if name in ("param", "variable"):
            self._setting(name, attributes)
        elif name == "user" and self._user is None:
            domain = self._domains[-1] if self._domains else self._known.domain_of(self._file.name)
            self._user = _User(self._parser.CurrentLineNumber, attributes, domain)
        elif name == "domain":
            self._domains.append(self._known.resolved(attributes.get("name", "")))
        elif name == "gateway":
            self._gateway = (self._parser.CurrentLineNumber, "")
        path.append(name)
        if len(path) > _DEPTH_LIMIT:
            raise DamagedError(f"more than {_DEPTH_LIMIT} elements stand in one another")

    def _setting(self, kind: str, attributes: dict[str, str]) -> None:
        name, value = attributes.get("name", ""), attributes.get("value", "")
        holder = self._path[-2:]
        if "gateway" in holder:
            if name == "username" and self._gateway is not None:
                self._gateway = (self._gateway[0], value)
        elif self._user is not None and holder == ["user", "params"]:
            if kind == "param" and name in _PARAMS:
                self._user.params[name] = value
        elif self._user is not None and holder == ["user", "variables"]:
            if name in _VARIABLES:
                self._user.variables[name] = value
        elif name in ("password", "a1-hash") and holder[:1] in (["domain"], ["group"]):
            self._shared.append(holder[0])

    def _end(self, name: str) -> None:
        self._path.pop()
        if name == "user" and self._user is not None and "user" not in self._path:
            user, self._user = self._user, None
            self._add(user.line, self._cells(user))
            for line, login in user.gateways:
                self._add_trunk(line, login, user.domain)
        elif name == "domain":
            self._domains.pop()
            self._shared.clear()
        elif name == "group":
            self._shared = [element for element in self._shared if element == "domain"]
        elif name == "gateway" and self._gateway is not None:
            gateway, self._gateway = self._gateway, None
            if not gateway[1]:
                return
            if self._user is not None:
                self._user.gateways.append(gateway)
                if len(self._user.gateways) > 1000:
                    raise DamagedError("a user has more than 1,000 gateways")
            else:
                self._add_trunk(*gateway, self._domains[-1] if self._domains else "")

    def _add(self, line: int, cells: list[str] | None) -> None:
        if cells is not None:
            self._made.append((line, cells))

    def _add_trunk(self, line: int, login: str, domain: str) -> None:
        further = ("", "", "", domain, self._origin(line))
        self._add(line, cells_of(storable(login), "", (Remark.TRUNK,), further))

    def _origin(self, line: int) -> str:
        return f"{self._file.name}:{line}" if self._with_origin else ""

    def _cells(self, user: _User) -> list[str] | None:
        """Make a user's cells; None: there is nothing of a user in it."""
        resolved = self._known.resolved
        login = resolved(user.attributes.get("id", ""))
        alias = resolved(user.attributes.get("number-alias", ""))
        shown = user.variables.get("effective_caller_id_name", "")
        name = shown or user.variables.get("directory_full_name", "")
        further = (
            alias or (login if login.isdigit() else ""),
            resolved(name),
            resolved(user.params.get("vm-mailto", "")),
            user.domain,
            self._origin(user.line),
        )
        if user.attributes.get("type") == "pointer":
            return cells_of(login, "", (Remark.POINTER,), further)
        if not login:
            has_password = "password" in user.params or "a1-hash" in user.params
            return cells_of("", "", (Remark.NO_LOGIN,), further) if has_password else None
        is_off = user.params.get("sip-forbid-register", "").lower() in _TRUE
        password, why = self._password(user)
        remarks = ((Remark.DISABLED,) if is_off else ()) + ((why,) if why else ())
        return cells_of(storable(login), password, remarks, further)

    def _password(self, user: _User) -> tuple[str, Remark | None]:
        """Return the password, or why there is none."""
        password = user.params.get("password", "")
        if user.params.get("a1-hash"):
            return "", Remark.HASHED
        if "$${" in password:  # a global's value: many share it, whatever it is
            return "", Remark.GENERATE
        if password:
            return storable(password), None
        if self._shared:
            return "", Remark.GENERATE
        if user.attributes.get("cidr") or user.params.get("auth-acl"):
            return "", Remark.BY_ADDRESS
        return "", Remark.MISSING


@dataclass(frozen=True, slots=True)
class FreeswitchExport:
    """FreeSWITCH's directory."""

    name: str = "freeswitch"
    title: str = "FreeSWITCH, directory (XML)"
    login: str = "<user id>"
    password: str = "<param name='password'>"
    left: Mapping[str, str] = field(
        default_factory=lambda: {
            "vm-password": "the voicemail PIN",
            "a1-hash": "a hash of the password",
            "gateway": "the login and password of a trunk",
        }
    )
    further: tuple[str, ...] = ("extension", "name", "email", "domain", "file")
    shape: Shape = Shape.XML
    counted: str = "line"

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well XML fits, by the elements in its beginning."""
        if seen.shape is not self.shape:
            return None
        if 'type="freeswitch/xml"' in seen.text:
            return Likeness(Certainty.CERTAIN, 5)
        if not (_USER.search(seen.text) and _OWN.search(seen.text)):
            return None
        is_certain = bool(_AROUND.search(seen.text))
        return Likeness(Certainty.CERTAIN if is_certain else Certainty.LIKELY, 4)

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:
        """Read the entries.

        A record's number is the line of its user or gateway. With several files, the lines of all
        are counted, in the order of the files; the column "file" tells the file then, and the line
        in it.
        """
        all_files = [as_included(file) for file in files]
        if len(all_files) > 1:
            named = [file for file in all_files if file.name.lower().endswith(".xml")]
            all_files = named or all_files
        known = survey(all_files, tell)
        numbers = Numbers()
        before = 0
        for file in all_files:
            for line, cells in _Directory(file, known, origin=len(all_files) > 1).entries():
                yield numbers.rising(before + line), cells, ()
            before += known.lines[file.name]


FREESWITCH = FreeswitchExport()
