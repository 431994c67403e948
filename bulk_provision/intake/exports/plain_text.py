"""Exports that are text with a grammar of its own: decoded, with what is sure about it."""

from __future__ import annotations

import io
import posixpath
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bulk_provision.intake.cells import ENCODING_UNSURE, DoubtfulText, storable
from bulk_provision.intake.exports.export import File
from bulk_provision.intake.readers.encodings import Encoding, find_encoding


@dataclass(frozen=True, slots=True)
class Decoding:
    """How a file's bytes are read as text.

    Args:
        file: the file.
        encoding: what its bytes are.
    """

    file: File
    encoding: Encoding

    @contextmanager
    def text(self) -> Iterator[io.TextIOWrapper]:
        """Decode from the start; lines end with a line feed, and keep it."""
        with self.file.open() as opened:
            # A guessed code page leaves bytes undefined: replaced, such cells are doubtful anyway.
            text = io.TextIOWrapper(opened, self.encoding.codec, errors="replace", newline="\n")
            try:
                yield text
            finally:
                if not opened.closed:
                    text.detach()

    @property
    def cell(self) -> Callable[[str], str]:
        """What makes a cell out of a piece of the text: doubtful, where it is a guess."""
        if self.encoding.unsure_line:
            return _guessed
        return storable


def decoding_of(file: File, *, lines: bool = True) -> Decoding:
    """Read a file once to tell its encoding.

    Args:
        file: the file.
        lines: whether its lines must be as short as those of a table.

    Raises:
        SourceError: it is no text.
    """
    with file.open() as opened:
        return Decoding(file, find_encoding(opened, file.name, lines=lines))


def _guessed(piece: str) -> str:
    return piece if piece.isascii() else DoubtfulText(storable(piece), ENCODING_UNSURE)


def as_included(file: File) -> File:
    """Return a file under the name by which others include it: without a leading "./"."""
    return file._replace(name=posixpath.normpath(file.name))


@dataclass(slots=True)
class Numbers:
    """Gives records rising numbers: mostly the line of each, as it is.

    Of a file that is one long line, entries would all have the same number; it goes on by one then.
    """

    last: int = field(default=0)

    def rising(self, line: int) -> int:
        """Return the line's number, or the first that is free behind it."""
        self.last = max(self.last + 1, line)
        return self.last
