"""The sections of an Asterisk configuration: templates, inheritance and appends resolved.

Source of the grammar: asterisk/asterisk `main/config.c` (process_text_line).

    [name]  [name](!)  [name](template,other)  [name](+)  [name](+type=auth)
    key = value        key => value            key += more

Memory does not grow with the number of sections: the names that others inherit from or append to
are looked for first, and of the sections only those are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.asterisk_lines import BLANKS, Lines
from bulk_provision.intake.exports.export import File, Tell

_HEADER = re.compile(r"\[([^\]]*)\](?:\(([^)]*)\))?")
_PLAIN = re.compile(r"\^?([\w.@-]+)\$?")
_VALUES_LIMIT = 10_000  # of a section
_VALUE_LIMIT = 1 << 16  # characters
_NOT_ASTERISK = "Asterisk itself refuses such a file. Mend the line, or take it out."


class Section:
    """A section, with what it inherited.

    Args:
        name: as it stands in brackets.
        line: of its header, counted over all files.
        origin: its file and line, where there are several files; else "".
    """

    __slots__ = ("_values", "count", "line", "name", "origin", "template")

    def __init__(self, name: str, line: int, origin: str) -> None:
        self.name = name
        self.line = line
        self.origin = origin
        self.template = False
        self.count = 0
        self._values: dict[str, str | list[str]] = {}

    def get(self, key: str, default: str = "") -> str:
        """Return a value, by its lower-case key: of several, the last, for it overrides others."""
        found = self._values.get(key, default)
        return found[-1] if isinstance(found, list) else found

    def every(self, key: str) -> list[str]:
        """Return all values of a key, the oldest first."""
        found = self._values.get(key, [])
        return found if isinstance(found, list) else [found]

    def is_on(self, key: str) -> bool:
        """Tell whether a value means yes, as Asterisk takes it."""
        return is_true(self.get(key))

    def has(self, key: str) -> bool:
        """Tell whether there is such a key, with a value."""
        return bool(self.get(key))

    @property
    def keys(self) -> Iterable[str]:
        """The keys, lower case."""
        return self._values.keys()

    def add(self, key: str, value: str) -> None:
        """Add a value."""
        self.count += 1
        before = self._values.get(key)
        if before is None:
            self._values[key] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            self._values[key] = [before, value]

    def replace(self, key: str, value: str) -> None:
        """Put a value in the place of the last one of a key; when there is none, add it."""
        before = self._values.get(key)
        if before is None:
            self.add(key, value)
        elif isinstance(before, list):
            before[-1] = value
        else:
            self._values[key] = value

    def inherit(self, base: Section) -> None:
        """Take over all values of another section, as they are now."""
        if not self._values:  # as good as always: the first template
            self._values = {
                key: value.copy() if isinstance(value, list) else value
                for key, value in base._values.items()
            }
            self.count = base.count
            return
        for key in base.keys:
            for value in base.every(key):
                self.add(key, value)


def is_true(value: str) -> bool:
    """Tell whether a value means yes (`ast_true`)."""
    return value.lower() in ("yes", "true", "y", "t", "1", "on")


class Configuration:
    """An Asterisk configuration, read as Asterisk reads it.

    Args:
        files: of the export.
        main: the name of the file to begin with: "sip.conf".
        tell: takes warnings.
        kept: lower-case names of sections of which the end state is wanted beforehand.
    """

    def __init__(
        self, files: Iterator[File], main: str, tell: Tell, kept: frozenset[str] = frozenset()
    ) -> None:
        self._lines = Lines(files, main, tell)
        self._bases: set[str] = set()
        self._appended: set[str] = set(kept)
        self._find_names()
        self._finals: dict[int, Section] = {}
        if self._appended:
            kept_now = [s for s in self._read() if s.name.lower() in self._appended]
            self._finals = {section.line: section for section in kept_now}

    def final(self, name: str) -> Section | None:
        """Return the first section of a name that was to be kept."""
        for section in self._finals.values():
            if section.name.lower() == name:
                return section
        return None

    def sections(self) -> Iterator[Section]:
        """Read the sections that are no templates, in their order; each call starts anew.

        Raises:
            SourceError: Asterisk would refuse the file.
        """
        finals = self._finals
        for section in self._read():
            section = finals.get(section.line, section)  # noqa: PLW2901
            if not section.template:
                yield section

    def _find_names(self) -> None:
        """Find the names that sections inherit from, and those that are appended to."""
        for _, text in self._lines:
            if text[0] == "[" and "](" in text and (match := _HEADER.match(text)):
                for option in (match[2] or "").split(","):
                    option = option.strip(BLANKS)  # noqa: PLW2901
                    if option[:1] == "+":
                        self._appended.add(match[1].lower())
                    elif option and option != "!":
                        self._bases.add(option.lower())

    def _read(self) -> Iterator[Section]:
        """Read the sections; one that is appended to later changes later."""
        known: dict[str, list[Section]] = {}
        current: Section | None = None
        is_new = False
        lines = self._lines
        for number, text in lines:
            if text[0] != "[":
                if current is None:
                    raise SourceError(
                        f"{lines.place(number)}: a value stands there before any [section].",
                        f"{_NOT_ASTERISK} Of a file that another one includes, give that one.",
                    )
                self._set(current, number, text)
                continue
            if current is not None and is_new:
                yield current
            current, is_new = self._begun(number, text, known)
        if current is not None and is_new:
            yield current

    def _begun(
        self, number: int, text: str, known: dict[str, list[Section]]
    ) -> tuple[Section, bool]:
        """Begin a section, or go on with one.

        Returns:
            The section, and whether it is new.
        """
        match = _HEADER.match(text)
        if match is None or (match[2] is None and text.startswith("(", match.end())):
            raise SourceError(
                f"{self._lines.place(number)}: a bracket opens there that is not closed.",
                _NOT_ASTERISK,
            )
        name = match[1] if self._lines.cell is None else self._lines.cell(match[1])
        section = Section(name, number, self._lines.origin(number))
        is_new = True
        for option in match[2].split(",") if match[2] else ():
            option = option.strip(BLANKS)  # noqa: PLW2901
            if option == "!":
                section.template = True
            elif option[:1] == "+":
                section, is_new = self._appended_to(section, number, option[1:], known), False
            elif option:
                bases = known.get(option.lower())
                if not bases:
                    raise self._unknown(number, name, "inherits from", option)
                section.inherit(bases[0])
                self._check(section, number)
        if is_new and ((key := name.lower()) in self._bases or key in self._appended):
            known.setdefault(key, []).append(section)
        return section, is_new

    def _appended_to(
        self, new: Section, number: int, wanted: str, known: dict[str, list[Section]]
    ) -> Section:
        """Return the section that is appended to; what is inherited already goes with it."""
        for section in known.get(new.name.lower(), ()):
            if _fits(section, wanted):
                section.inherit(new)
                section.template = section.template or new.template
                return section
        raise self._unknown(number, new.name, "appends to", new.name)

    def _set(self, section: Section, number: int, text: str) -> None:
        """Read a line `key = value`."""
        if text[0] == "\\":
            key, equals, value = _escaped(text)
        else:
            key, equals, value = text.partition("=")
        if not equals:
            self._lines.warn(
                "line-without-value",
                number,
                "",
                "it has no equals sign, and Asterisk leaves such a line out; so was done here",
                "Write key=value, or put a semicolon before it.",
            )
            return
        is_more = key[-1:] == "+"  # it goes behind the last value of that key
        if is_more:
            key = key[:-1].strip(BLANKS).lower()
            value = section.get(key) + value
        else:
            key = key.strip(BLANKS).lower()
            value = value.removeprefix(">")  # key => value
        value = value.strip(BLANKS)
        if self._lines.cell is not None:
            value = self._lines.cell(value)
        if is_more:
            section.replace(key, value)
        else:
            section.add(key, value)
        if section.count > _VALUES_LIMIT or len(value) > _VALUE_LIMIT:
            self._check(section, number, value)

    def _check(self, section: Section, number: int, value: str = "") -> None:
        if len(value) > _VALUE_LIMIT:
            raise SourceError(
                f"{self._lines.place(number)}: a value of section [{section.name[:40]}] has more "
                f"than {_VALUE_LIMIT:,} characters.",
                "Give the files that hold the users alone.",
            )
        if section.count > _VALUES_LIMIT:
            raise SourceError(
                f"{self._lines.place(number)}: section [{section.name[:40]}] has more than "
                f"{_VALUES_LIMIT:,} values.",
                "Give the files that hold the users alone.",
            )

    def _unknown(self, number: int, name: str, does: str, what: str) -> SourceError:
        return SourceError(
            f"{self._lines.place(number)}: [{name[:40]}] {does} [{what[:40]}], which does not "
            "stand above it in the files that were given.",
            "Give the folder with all files that the configuration includes, or a .zip or .tar "
            "of it.",
        )


def _escaped(text: str) -> tuple[str, str, str]:
    """Split a line whose first character is escaped with a backslash, and means nothing then."""
    key, equals, value = text[2:].partition("=")
    return text[1:2] + key, equals, value


def _fits(section: Section, wanted: str) -> bool:
    """Tell whether a section is the one that `[name](+type=auth)` means; templates mostly not.

    Conditions are regular expressions there. Only those that are plain words are understood:
    hostile expressions can take forever.
    """
    conditions = [part.partition("=") for part in wanted.split("&") if part]
    templates = ""
    for key, _, pattern in conditions:
        if key.upper() == "TEMPLATES":
            templates = pattern.lower()
        elif not (word := _PLAIN.fullmatch(pattern)) or word[1] not in section.every(key.lower()):
            return False
    return not section.template or templates in ("include", "restrict")
