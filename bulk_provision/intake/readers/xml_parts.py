"""The XML inside a workbook, read with expat: in flat memory, and nothing in it can blow up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO
from xml.parsers import expat

CHUNK = 1 << 16
TEXT_LIMIT = 1 << 20  # characters; a cell holds at most 32,767
TAG_LIMIT = 1 << 20  # bytes of a tag or a comment


class DamagedError(Exception):
    """The XML is not what it should be; who knows the file's name turns this into a SourceError."""


def safe_parser(separator: str | None = None) -> expat.XMLParserType:
    """Make an XML parser that refuses what could blow up: document types, and so all entities.

    Args:
        separator: what shall stand between a name and the namespace before it; None to leave
            names with the prefixes that the file uses.
    """
    parser = expat.ParserCreate(None, separator)
    parser.buffer_text = True
    parser.buffer_size = CHUNK

    def refuse(*_: object) -> None:
        raise DamagedError("it declares XML entities")

    parser.StartDoctypeDeclHandler = refuse
    return parser


def parsed(parser: expat.XMLParserType, part: IO[bytes]) -> Iterator[None]:
    """Feed a part to a parser, chunk by chunk; yields after each of them.

    The parser keeps a tag whose end is still to come, and looks through all of it again at each
    chunk: so its length is bounded.

    Raises:
        DamagedError: a tag or a comment is too long.
        expat.ExpatError: it is no XML.
    """
    size = 0
    while chunk := part.read(CHUNK):
        parser.Parse(chunk)
        size += len(chunk)
        if size - parser.CurrentByteIndex > TAG_LIMIT:
            raise DamagedError(f"a tag or a comment has more than {TAG_LIMIT >> 20} MiB")
        yield
    parser.Parse(b"", True)
    yield


class TextCollector:
    """Gathers the characters between an element's start and its end, up to a limit."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self._parser = parser
        self._pieces: list[str] = []
        self._size = 0

    def start(self) -> None:
        """Gather from here on."""
        self._parser.CharacterDataHandler = self.add

    def pause(self) -> None:
        """Ignore what follows."""
        self._parser.CharacterDataHandler = None

    def take(self) -> str:
        """Return what was gathered, and begin anew."""
        pieces = self._pieces
        if not pieces:
            return ""
        text = pieces[0] if len(pieces) == 1 else "".join(pieces)
        self._pieces = []
        self._size = 0
        return text

    def add(self, text: str) -> None:
        """Put in what an element stands for, such as a line break."""
        self._size += len(text)
        if self._size > TEXT_LIMIT:
            raise DamagedError(f"a cell has more than {TEXT_LIMIT:,} characters")
        self._pieces.append(text)


def whole(text: str | None) -> int:
    """Return an attribute that must be a whole number.

    Raises:
        DamagedError: it is none.
    """
    try:
        return int(text or "")
    except ValueError:
        raise DamagedError(f"{text!r} is no whole number") from None
