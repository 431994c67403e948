"""XML that need not have one root: a file of FreeSWITCH is a fragment that others include.

Parsed by the parser of the worksheets: it refuses document types, and with them all entities.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from xml.parsers import expat

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import File
from bulk_provision.intake.readers.xml_parts import DamagedError, parsed

ROOT = "fragments"
"""The element that is put round a file."""
_DECLARATION = re.compile(r"\s{0,1000}<\?xml\s([^>]{0,200})\?>")
_ENCODING = re.compile(rb"""<\?xml\s[^>]{0,150}?encoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})["']""")
_EXPORT_AGAIN = "Export or copy it again; where it was written by hand, mend it there."


class _Rooted(io.RawIOBase):
    """A file's bytes as UTF-8, within a root element, and without its XML declaration."""

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._text = text
        self._place = 0  # 0: before the root, 1: at the file's start, 2: in it, 3: at the end

    def read(self, size: int = -1) -> bytes:
        if self._place == 0:
            self._place = 1
            return f"<{ROOT}>".encode()
        while self._place < 3 and (piece := self._text.read(size)):
            if self._place == 1:
                self._place = 2
                if match := _DECLARATION.match(piece):
                    piece = "\n" * match[0].count("\n") + piece[match.end() :]
            if piece:
                return piece.encode()
        if self._place < 3:
            self._place = 3
            return f"</{ROOT}>".encode()
        return b""


def parse(parser: expat.XMLParserType, file: File) -> Iterator[None]:
    """Feed a file to a parser, whose first element is a root of our own; yields now and then.

    Raises:
        SourceError: it is damaged, or no XML.
    """
    with file.open() as opened:
        text = io.TextIOWrapper(opened, _codec(opened.read(256), file.name), newline="")
        opened.seek(0)
        try:
            yield from parsed(parser, _Rooted(text))  # type: ignore[arg-type]
        except expat.ExpatError as error:
            raise SourceError(
                f"{file.name}, line {error.lineno}: the XML is damaged, or ends too early "
                f"({expat.ErrorString(error.code)}).",
                _EXPORT_AGAIN,
            ) from None
        except DamagedError as error:
            raise SourceError(
                f"{file.name}, line {parser.CurrentLineNumber}: {error}.", _EXPORT_AGAIN
            ) from None
        except UnicodeError:
            raise SourceError(
                f"{file.name}, after line {parser.CurrentLineNumber}: the text is not in the "
                "encoding that its first line names (UTF-8, where it names none).",
                "Save it as UTF-8.",
            ) from None
        finally:
            if not opened.closed:
                text.detach()


def _codec(start: bytes, name: str) -> str:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    declared = _ENCODING.search(start)
    wanted = declared[1].decode() if declared else "utf-8"
    try:
        codec = codecs.lookup(wanted)
        "x".encode(wanted)  # some codecs are none of texts
    except (LookupError, ValueError):
        raise SourceError(
            f"{name}, line 1: there is no encoding {wanted!r}.", "Save it as UTF-8."
        ) from None
    return "utf-8-sig" if codec.name == "utf-8" else codec.name
