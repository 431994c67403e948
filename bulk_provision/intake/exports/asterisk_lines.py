"""The lines of an Asterisk configuration: without comments, and with what is included.

Source of the grammar: asterisk/asterisk `main/config.c` (config_text_file_load and
process_text_line). Nothing is ever run (`#exec`), and nothing is opened that is no part of the
export: an included file is looked up among its files alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import File, Tell
from bulk_provision.intake.exports.plain_text import Decoding, as_included, decoding_of
from bulk_provision.intake.records import TEXT_ROWS
from bulk_provision.model import Problem

BLANKS = "".join(map(chr, range(1, 33)))
"""What Asterisk strips from both ends of a line, a name and a value."""

_LINE_LIMIT = 8191  # characters; config.c skips longer lines
_COMMENTS_LIMIT = 128  # nested block comments
_DEPTH_LIMIT = 10  # files that include one another
_FILES_LIMIT = 10_000  # that are included, each as often as it is; those that are missing, too
_WARNINGS_LIMIT = 100
_CONFIGURATION_FOLDER = "/etc/asterisk/"
_DIRECTIVE = re.compile(r"#(\w*)[\x01-\x20]*(.*)", re.DOTALL)
_WHOLE_FOLDER = "Put it beside the file, and give the folder, or a .zip or .tar of it."


def uncommented(line: str, depth: int) -> tuple[str, int]:
    r"""Take the comments out of a line: `;` to its end, `;-- … --;` over lines; `\;` is none.

    Args:
        line: as it stands in the file.
        depth: how many block comments are open at its start.

    Returns:
        What is left, and how many block comments are open at its end.
    """
    kept: list[str] = []
    start = at = 0  # from where on text is kept, and from where on it is searched
    while (mark := line.find(";", at)) >= 0:
        if mark > at and line[mark - 1] == "\\":
            if not depth:
                kept.append(line[start : mark - 1])
                start = mark
            at = mark + 1
        elif line.startswith("--", mark + 1) and not line.startswith("-", mark + 3):
            if not depth:
                kept.append(line[start:mark])
            depth = min(depth + 1, _COMMENTS_LIMIT)
            at = mark + 3
        elif depth and line.startswith("--", max(mark - 2, at)) and mark >= at + 2:
            depth -= 1
            start = at = mark + 1
        elif depth:
            at = mark + 1
        else:
            kept.append(line[start:mark])
            return "".join(kept), 0
    if not depth:
        kept.append(line[start:])
    return "".join(kept), depth


class Lines:
    """The lines that say something, of a file and of those that it includes, in their order.

    Args:
        files: of the export.
        main: the name of the file to begin with, without a folder: it includes the others. When
            there is none, all files are read.
        tell: takes warnings, the same once for a file.
    """

    def __init__(self, files: Iterator[File], main: str, tell: Tell) -> None:
        all_files = [as_included(file) for file in files]
        self._files = {file.name: file for file in all_files}
        self._roots = _roots(all_files, main)
        self._folder = posixpath.dirname(self._roots[0].name) if self._roots else ""
        self._read_once: set[str] = set()
        self._tell = tell
        self._told: set[tuple[str, str, str]] = set()
        self._decodings: dict[str, Decoding] = {}
        self._open: list[str] = []  # the names of the files that are being read, one in another
        self._count = 0  # lines read, of all files
        self._before = 0  # the same, without those of the current file
        self._included = 0
        self.cell: Callable[[str], str] | None = None
        """What makes a cell out of a piece of the current file; None: it is one as it is."""

    def place(self, number: int) -> str:
        """Say where a line of the current file is, for people."""
        return f"{self._open[-1]}, line {number - self._before}"

    def origin(self, number: int) -> str:
        """Say the same where there are several files; "" where the number says it."""
        return f"{self._open[-1]}:{number - self._before}" if len(self._files) > 1 else ""

    def warn(self, kind: str, number: int, seen: str, why: str, cure: str) -> None:
        """Tell a warning about a line."""
        key = (kind, self._open[-1], seen)
        if key not in self._told and len(self._told) < _WARNINGS_LIMIT:
            self._told.add(key)
            self._tell(Problem(kind, self.place(number), seen[:80], why, cure, warning=True))

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Read from the start.

        Returns:
            The number of each line, counted over all files in the order in which they are read; and
            the line without comments and without the blanks round it, never empty.

        Raises:
            SourceError: it is no text, or there is no end to it.
        """
        self._open.clear()
        self._count = self._included = 0
        self._read_once.clear()
        for file in self._roots:
            if file.name not in self._read_once:
                yield from self._read(file)

    def _read(self, file: File) -> Iterator[tuple[int, str]]:
        """Read a file, with what it includes."""
        if (decoding := self._decodings.get(file.name)) is None:
            decoding = self._decodings[file.name] = decoding_of(file)
        self._open.append(file.name)
        self._read_once.add(file.name)
        self.cell = cell = None if decoding.encoding.clean else decoding.cell
        count = self._before = self._count
        depth = began = 0
        with decoding.text() as text:
            for line in text:
                count += 1
                if len(line) > _LINE_LIMIT:
                    self._too_long(count)
                    continue
                if depth or ";" in line:
                    began = began if depth else count
                    line, depth = uncommented(line, depth)  # noqa: PLW2901
                said = line.strip(BLANKS)
                if not said:
                    continue
                if said[0] != "#":
                    yield count, said
                    continue
                self._count, before = count, self._before
                yield from self._directive(said)
                self._before, self.cell = before + self._count - count, cell
                count = self._count
        self._count = count
        if self._count > TEXT_ROWS:
            raise SourceError(
                f"{file.name}: up to its end, the files have more than {TEXT_ROWS:,} lines.",
                "Give the files that hold the users alone.",
            )
        if depth:
            self.warn(
                "comment-open",
                began,
                ";--",
                "a block comment begins there and does not end: nothing below it was read",
                "End it with --; where it should end.",
            )
        self._open.pop()

    def _directive(self, said: str) -> Iterator[tuple[int, str]]:
        """Follow an `#include`; the rest is told."""
        match = _DIRECTIVE.fullmatch(said)
        word, name = match.groups() if match else ("", "")
        if word.lower() == "exec":
            self.warn(
                "exec-not-run",
                self._count,
                "#exec",
                "it asks for a program to be run, which is never done: what that would print was "
                "not read",
                "If it prints users, put its output in a file, and include that.",
            )
        elif word.lower() in ("include", "tryinclude"):
            yield from self._include(_unquoted(name), needed=word.lower() == "include")
        else:
            self.warn(
                "directive-unknown",
                self._count,
                f"#{word}",
                "Asterisk has no such directive, and leaves the line out; so was done here",
                "Comments begin with a semicolon.",
            )

    def _include(self, name: str, *, needed: bool) -> Iterator[tuple[int, str]]:
        found = self._found(name)
        self._included += max(1, len(found))
        if self._included > _FILES_LIMIT:
            raise SourceError(
                f"{self.place(self._count)}: more than {_FILES_LIMIT:,} files are included.",
                "Give the files that hold the users alone.",
            )
        if not found and needed:
            self.warn(
                "include-missing",
                self._count,
                f"#include {name}",
                "that file is no part of the export: what stands in it was not read",
                _WHOLE_FOLDER,
            )
        for file in found:
            if len(self._roots) > 1 and file.name in self._read_once:
                continue  # without a main file, it was read by itself already
            if file.name in self._open or len(self._open) >= _DEPTH_LIMIT:
                self.warn(
                    "include-circle",
                    self._count,
                    f"#include {name}",
                    "it leads back to a file that includes it, or further than Asterisk follows: "
                    "it was not read once more",
                    "Take the line away.",
                )
            else:
                yield from self._read(file)

    def _found(self, name: str) -> list[File]:
        """Look for an included file, or for all that fit a pattern, among those of the export."""
        inside = name.removeprefix(_CONFIGURATION_FOLDER)
        path = posixpath.normpath(posixpath.join(self._folder, inside))
        if path in self._files:
            return [self._files[path]]
        if not any(letter in path for letter in "*?["):
            return []
        parts = path.split("/")
        return [
            file
            for file in self._files.values()
            if len(at := file.name.split("/")) == len(parts) and all(map(fnmatchcase, at, parts))
        ]

    def _too_long(self, number: int) -> None:
        self.warn(
            "line-too-long",
            number,
            "",
            f"it has more than {_LINE_LIMIT:,} characters, and Asterisk leaves such a line out; so "
            "was done here",
            "Make it shorter.",
        )


def _roots(files: list[File], main: str) -> list[File]:
    """Return where to begin: the outermost file of the name that Asterisk itself opens, or all."""
    named = [file for file in files if posixpath.basename(file.name).lower() == main]
    if named:
        return [min(named, key=lambda file: file.name.count("/"))]
    return [file for file in files if file.name.lower().endswith(".conf")] or files


def _unquoted(name: str) -> str:
    """Take the quotation marks or <> from a file's name."""
    for first, last in ('""', "<>"):
        if len(name) > 1 and name[0] == first and name[-1] == last:
            return name[1:-1]
    return name
