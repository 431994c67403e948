"""The texts of a workbook, which its cells refer to by number, kept out of memory."""

from __future__ import annotations

import mmap
import re
import tempfile
from array import array
from typing import IO

from bulk_provision.intake.readers.xml_parts import DamagedError, TextCollector, parsed, safe_parser

_STRINGS_LIMIT = 10_000_000  # their ends take 80 MB; a full sheet of 8 columns has 8 million
_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_SURROGATES = re.compile("[\ud800-\udfff]")


def unescaped(text: str) -> str:
    r"""Undo the escapes of `ST_Xstring` (ECMA-376 part 1, 22.9.2.19).

    XML cannot carry control characters, and normalises line ends; so `_x000D_` stands for a
    carriage return. A text that really reads "_x000D_" is written `_x005F_x000D_`.
    """
    if "_x" not in text:
        return text
    plain = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text)
    if _SURROGATES.search(plain):  # an escaped pair becomes the character that it stands for
        plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return plain


class SharedStrings:
    """A list of texts, written once and then read, in an unnamed temporary file.

    In memory there is only where each of them ends (8 bytes); the system keeps of the rest what
    it has room for.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._ends = array("Q", [0])
        self._bytes: bytes | mmap.mmap = b""

    def append(self, text: str) -> None:
        """Add the next text; only before the first one is read.

        Raises:
            DamagedError: there are more of them than any workbook needs.
        """
        if len(self._ends) > _STRINGS_LIMIT:
            raise DamagedError(f"it has more than {_STRINGS_LIMIT:,} texts")
        self._ends.append(self._ends[-1] + self._file.write(text.encode("utf-8", "surrogatepass")))

    def seal(self) -> None:
        """Make the texts readable."""
        self._file.flush()
        if self._ends[-1]:  # what is empty cannot be mapped
            self._bytes = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._bytes, mmap.mmap):
            self._bytes.close()
        self._file.close()

    def __getitem__(self, number: int) -> str:
        if number < 0:
            raise IndexError(number)
        start, end = self._ends[number], self._ends[number + 1]
        return self._bytes[start:end].decode("utf-8", "surrogatepass")


class _StringsParser:
    """Reads the part `sharedStrings.xml`: `<si>` is a text, of one `<t>` or of several."""

    def __init__(self) -> None:
        self.strings = SharedStrings()
        self._parser = safe_parser()
        self._text = TextCollector(self._parser)
        self._prefix = ""  # of the namespace; mostly none
        self._phonetic = False
        self._has_text = False  # in this text, or this run of it

    def read(self, part: IO[bytes]) -> None:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        for _ in parsed(self._parser, part):
            pass

    def _start(self, name: str, _: dict[str, str]) -> None:
        local = name.removeprefix(self._prefix)
        if local == "t":
            if not self._phonetic:
                if self._has_text:
                    raise DamagedError("it has a text with more than one content")
                self._has_text = True
                self._text.start()
        elif local == "r":
            self._has_text = False
        elif local == "rPh":
            self._phonetic = True  # how to pronounce a text is no part of it
        elif local.endswith(":sst"):
            self._prefix = local.removesuffix("sst")

    def _end(self, name: str) -> None:
        local = name.removeprefix(self._prefix)
        if local == "t":
            self._text.pause()
        elif local == "si":
            self.strings.append(unescaped(self._text.take()))
            self._has_text = False
        elif local == "rPh":
            self._phonetic = False


def read_strings(part: IO[bytes]) -> SharedStrings:
    """Read the part `sharedStrings.xml`.

    Raises:
        DamagedError: it is no such part.
        expat.ExpatError: it is no XML.
    """
    parser = _StringsParser()
    try:
        parser.read(part)
    except BaseException:
        parser.strings.close()
        raise
    parser.strings.seal()
    return parser.strings
