"""What the readers of Asterisk's own configuration files have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bulk_provision.intake.exports.asterisk_conf import Configuration
from bulk_provision.intake.exports.export import Certainty, File, Likeness, Seen, Shape, Tell
from bulk_provision.intake.exports.plain_text import Numbers
from bulk_provision.intake.records import Record

_SETTING = re.compile(
    r"^[ \t]*([A-Za-z_][\w/]{0,60})[ \t]*\+?=>?[ \t]*([^;\r\n]{0,200})", re.MULTILINE | re.ASCII
)
_SECTION = re.compile(r"^[ \t]*\[[^\]\r\n]{1,200}\]", re.MULTILINE)
_CALLER = re.compile(r'\s*(?:"([^"]*)"|([^<"]*))\s*<([^>]*)>\s*', re.ASCII)
_NUMBER = re.compile(r"[0-9*#+]+")

Entry = tuple[int, list[str]]
"""Where an entry stands (the line, counted over all files), and its cells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AsteriskExport:
    """A configuration file of Asterisk that holds users.

    Args:
        name: what `--from` calls it.
        title: the system and the kind of export, for people.
        main: the file's usual name.
        login: where the SIP login stands, for people.
        password: where the SIP password stands.
        left: key → what it is, of what looks like a password and is none.
        further: the names of the further cells of each record.
        likeness: says how well settings (key and value, lower case) fit; the file's name, too.
        entries: makes entries out of a configuration.
        kept: names of sections of which `entries` wants the end state beforehand.
    """

    name: str
    title: str
    main: str
    login: str
    password: str
    left: Mapping[str, str]
    further: tuple[str, ...]
    likeness: Callable[[frozenset[tuple[str, str]], str], Likeness | None]
    entries: Callable[[Configuration], Iterable[Entry]]
    kept: frozenset[str] = frozenset()
    shape: Shape = field(default=Shape.TEXT, init=False)
    counted: str = field(default="line", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a text fits, by its settings."""
        if seen.shape is not self.shape or not _SECTION.search(seen.text):
            return None
        found = frozenset(
            (key.lower(), value.strip().lower()) for key, value in _SETTING.findall(seen.text)
        )
        likeness = self.likeness(found, seen.name)
        if likeness is not None and seen.name.endswith(self.main):
            return Likeness(Certainty.CERTAIN, likeness.score + 1)
        return likeness

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:
        """Read the entries.

        A record's number is the line of its section. With several files, the lines of all are
        counted, in the order in which they are read; the column "file" tells the file then, and
        the line in it.
        """
        numbers = Numbers()
        for line, cells in self.entries(Configuration(files, self.main, tell, self.kept)):
            yield numbers.rising(line), cells, ()


def keys_of(settings: frozenset[tuple[str, str]]) -> frozenset[str]:
    """Return the keys of settings."""
    return frozenset(key for key, _ in settings)


def caller_of(callerid: str) -> tuple[str, str]:
    """Split a caller id into name and number: `"Name" <number>`, `Name <number>`, or one of them.

    Source: `ast_callerid_parse` in asterisk/asterisk `main/callerid.c`.
    """
    if match := _CALLER.fullmatch(callerid):
        quoted, plain, number = match.groups()
        return (plain.strip() if quoted is None else quoted), number.strip()
    text = callerid.strip().strip('"')
    return ("", text) if _NUMBER.fullmatch(text) else (text, "")


def extension_of(number: str, login: str) -> str:
    """Return the extension: the caller id's number, or else a login that is a number."""
    return number or (login if _NUMBER.fullmatch(login) else "")
