"""Parts in another encoding than UTF-8, read as if they were in it.

The places that the parser tells are counted in the bytes that it was given, and what is inserted
there is UTF-8. Open Packaging knows UTF-8 and UTF-16 (ECMA-376 part 2, 8.1.4); the two others
are those that the parser understands besides.
"""

from __future__ import annotations

import codecs
import re
from io import BufferedReader, RawIOBase
from typing import IO, TYPE_CHECKING, cast

from bulk_provision.intake.readers.xml_parts import CHUNK, DamagedError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 1 << 18
_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?\sencoding\s*=\s*["']([^"']*)["']""")
_DECLARED_TEXT = re.compile(r"""(<\?xml[^>]{0,200}?\sencoding\s{0,9}=\s{0,9}["'])[^"']*""")
_MARKED = {
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
}
_TRANSCODED = {"iso-8859-1": "iso-8859-1", "us-ascii": "ascii"}


def as_utf8(part: IO[bytes]) -> BufferedReader:
    """Return a part's bytes in UTF-8: the very same ones, if they are that already.

    Args:
        part: from its beginning; closed together with what is returned.

    Raises:
        DamagedError: it is in an encoding that no workbook may have.
    """
    reader: BufferedReader = BufferedReader(cast("RawIOBase", part), _BUFFER)
    encoding = _encoding(reader.peek(256)[:256])
    if encoding is None:
        return reader
    return BufferedReader(_Transcoded(reader, encoding), _BUFFER)


def _encoding(beginning: bytes) -> str | None:
    """Tell an encoding that is not UTF-8."""
    if marked := _MARKED.get(beginning[:2]):
        return marked
    found = _DECLARED.match(beginning)
    declared = found[1].decode("latin-1").lower() if found else "utf-8"
    if declared == "utf-8":
        return None
    if declared not in _TRANSCODED:
        raise DamagedError(f"it has a part in the encoding {declared[:20]!r}")
    return _TRANSCODED[declared]


class _Transcoded(RawIOBase):
    def __init__(self, part: IO[bytes], encoding: str) -> None:
        self._part = part
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._begun = self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._ready and not self._ended:
            self._ready = self._next()
        view = memoryview(buffer)
        size = min(len(view), len(self._ready))
        view[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def close(self) -> None:
        self._part.close()
        super().close()

    def _next(self) -> bytes:
        chunk = self._part.read(CHUNK)
        self._ended = not chunk
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            raise DamagedError(f"it has a part that is not in its encoding: {error}") from None
        if not self._begun:
            self._begun = True
            text = _DECLARED_TEXT.sub(r"\g<1>UTF-8", text, count=1)
        return text.encode("utf-8", "surrogatepass")
