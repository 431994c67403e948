"""What FreeSWITCH's files say of one another: variables that are set, files that are included.

Source: signalwire/freeswitch `src/switch_xml.c` (preprocess): `<X-PRE-PROCESS cmd="set"
data="name=value"/>` and `cmd="include" data="default/*.xml"`, relative to the including file;
`$${name}` stands for a variable. Nothing is ever run (`exec-set`), and nothing is opened that is
no part of the export.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from xml.parsers import expat

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import storable
from bulk_provision.intake.exports.export import File, Tell
from bulk_provision.intake.exports.fragments import ROOT, parse
from bulk_provision.intake.readers.xml_parts import safe_parser
from bulk_provision.model import Problem

_VARIABLE = re.compile(r"\$\$\{([^{}$]{0,200})\}")
_NESTED_LIMIT = 5  # variables that are set by others
_VALUE_LIMIT = 1000  # characters
_SETTINGS_LIMIT = 100_000  # variables, and includes
_PATTERNS_LIMIT = 1000  # includes of which each is compared with every file
_WILD = "*?["
_CONFIGURATION_FOLDER = re.compile(r"\$\$\{(?:conf_dir|base_dir)\}/(?:conf/)?")


@dataclass(frozen=True, slots=True)
class _Include:
    """A file includes others, perhaps within a domain."""

    file: str
    pattern: str
    domain: str
    line: int


@dataclass(slots=True)
class Globals:
    """What all files together say.

    Args:
        lines: how many lines each file has.
        variables: name → value, as it stands there.
        domains: file → the domain within which another one includes it.
    """

    lines: dict[str, int] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)

    def domain_of(self, name: str) -> str:
        """Return the domain within which a file is included; "" when none is known."""
        return self.domains.get(name, "")

    def resolved(self, text: str) -> str:
        """Put values in the place of variables; "" when one of them is not known."""
        for _ in range(_NESTED_LIMIT):
            if "$${" not in text:
                return text if text.isascii() else storable(text)
            names = _VARIABLE.findall(text)
            if not names or any(name not in self.variables for name in names):
                return ""
            text = _VARIABLE.sub(lambda match: self.variables[match[1]], text[:_VALUE_LIMIT])
            if len(text) > _VALUE_LIMIT:
                return ""
        return ""


class _Survey:
    """Goes through a file for what it sets and includes."""

    def __init__(self, file: File, found: Globals, includes: list[_Include]) -> None:
        self._file = file
        self._found = found
        self._includes = includes
        self._domains: list[str] = []
        self._parser: expat.XMLParserType

    def go(self) -> None:
        """Go through the file."""
        self._parser = safe_parser()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        for _ in parse(self._parser, self._file):
            pass

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "domain":
            self._domains.append(attributes.get("name", ""))
        elif name.upper() == "X-PRE-PROCESS":
            self._directive(attributes.get("cmd", "").lower(), attributes.get("data", ""))

    def _end(self, name: str) -> None:
        if name == "domain":
            self._domains.pop()
        elif name == ROOT:  # a line that ends with the file is not one more
            at_start = self._parser.CurrentColumnNumber == 0
            self._found.lines[self._file.name] = self._parser.CurrentLineNumber - at_start

    def _directive(self, command: str, data: str) -> None:
        variables = self._found.variables
        if command in ("set", "global"):
            name, equals, value = data.partition("=")
            if equals and len(variables) < _SETTINGS_LIMIT and len(value) <= _VALUE_LIMIT:
                variables[name.strip()] = value.strip()
        elif command == "include" and len(self._includes) < _SETTINGS_LIMIT:
            domain = self._domains[-1] if self._domains else ""
            line = self._parser.CurrentLineNumber
            self._includes.append(_Include(self._file.name, data.strip(), domain, line))


def survey(files: Sequence[File], tell: Tell) -> Globals:
    """Go through all files once.

    Args:
        files: of the export.
        tell: takes a warning for each file with an include of what is not there.

    Raises:
        SourceError: one of them is damaged.
    """
    found = Globals()
    includes: list[_Include] = []
    for file in files:
        _Survey(file, found, includes).go()
    names = [file.name for file in files]
    patterns = sum(any(letter in include.pattern for letter in _WILD) for include in includes)
    if patterns > _PATTERNS_LIMIT:
        raise SourceError(
            f"{includes[-1].file}: up to there, more than {_PATTERNS_LIMIT:,} includes have a "
            "pattern such as *.xml.",
            "Give the folder of the directory alone.",
        )
    at_hand = frozenset(names)
    told: set[str] = set()
    for include in includes:
        included = _matching(include, names, at_hand)
        domain = found.resolved(include.domain) or found.domain_of(include.file)
        for name in included:
            if domain and name != include.file:
                found.domains.setdefault(name, domain)
        if not included and include.file not in told:
            told.add(include.file)
            tell(_missing(include))
    return found


def _matching(include: _Include, names: Sequence[str], at_hand: frozenset[str]) -> list[str]:
    """Return the files that are included, of all those of the export."""
    pattern = _CONFIGURATION_FOLDER.sub("", include.pattern, count=1)
    folder = "" if pattern != include.pattern else posixpath.dirname(include.file)
    path = posixpath.normpath(posixpath.join(folder, pattern))
    if not any(letter in path for letter in _WILD):
        return [path] if path in at_hand else []
    parts = path.split("/")
    return [
        name
        for name in names
        if len(at := name.split("/")) == len(parts) and all(map(fnmatchcase, at, parts))
    ]


def _missing(include: _Include) -> Problem:
    return Problem(
        "include-missing",
        f"{include.file}, line {include.line}",
        f'include "{include.pattern[:80]}"',
        "no such file is part of the export: users that stand there were not read",
        "Give the whole folder, or a .zip or .tar of it.",
        warning=True,
    )
