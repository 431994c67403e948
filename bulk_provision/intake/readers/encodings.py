"""How the bytes of a text file are to be read.

UTF-8 and UTF-16 with a mark are certain, and what the user said is. Anything else is a guess, and
a guess is good enough for a name that travels along, never for a credential.
"""

from __future__ import annotations

import codecs
import sys
from dataclasses import dataclass
from typing import BinaryIO

from bulk_provision.errors import SourceError, UsageError

_CHUNK = 1 << 20
_LINE_LIMIT = 2 * _CHUNK  # bytes without a line end: no table looks like that
_START = 8192
_TELLING = 1 << 16  # bytes of lines beyond ASCII that a guess is made from
# What spreadsheet programs and older systems write, the likeliest first.
_LIKELY = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258"),
    *("cp874", "cp850", "cp852", "cp866", "koi8_r", "cp932", "euc_jp", "gb18030", "big5", "cp949"),
]
_USUAL = "cp1252"

SAVE_AS_UTF8 = "In the spreadsheet program, save it as 'CSV UTF-8'."
"""The cure for everything that is wrong with an encoding."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes are to be read.

    Args:
        codec: for Python's decoder.
        unsure_line: the first line of which the reading is a guess; 0 when all of it is certain.
        clean: True when the text holds no NUL, so that cells need not be looked through.
    """

    codec: str
    unsure_line: int
    clean: bool

    @property
    def shown(self) -> str:
        """The encoding's name for a person, and for `--encoding`."""
        if self.codec.startswith("cp125"):
            return f"Windows-{self.codec.removeprefix('cp')}"
        return self.codec.replace("_", "-").upper()


def check_encoding(name: str) -> str:
    """Return the codec for an encoding's name, such as "windows-1250" or "UTF-16".

    Raises:
        UsageError: there is no such encoding of texts.
    """
    try:
        codec = codecs.lookup(name)
        codec.incrementaldecoder().decode(b"")
        is_text = getattr(codec, "_is_text_encoding", True)
    except (LookupError, TypeError, ValueError):
        is_text = False
    if not is_text:
        raise UsageError(
            f"--encoding {name}: there is no such encoding.",
            "Write utf-8, utf-16, windows-1252, iso-8859-2, shift_jis, or another that Python has.",
        )
    return "utf-8-sig" if codec.name == "utf-8" else codec.name


def find_encoding(
    file: BinaryIO, name: str, wanted: str | None = None, *, lines: bool = True
) -> Encoding:
    """Read a file once and tell its encoding.

    Args:
        file: the bytes.
        name: the file's, for errors.
        wanted: the codec that the user named; None to find out.
        lines: whether its lines must be as short as those of a table.

    Raises:
        SourceError: the bytes are no text (in the encoding wanted), or a line never ends.
    """
    limit = _LINE_LIMIT if lines else sys.maxsize
    if wanted is not None:
        return _checked(file, name, Encoding(wanted, 0, clean=True), limit, may_guess=False)
    file.seek(0)
    start = file.read(_START)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _checked(file, name, Encoding("utf-16", 0, clean=True), limit, may_guess=False)
    if codec := _utf_16_without_mark(start):
        return _checked(file, name, Encoding(codec, 1, clean=False), limit, may_guess=False)
    if start.count(b"\x00") * 10 > len(start):
        raise SourceError(f"{name}: this is not a text file.", SAVE_AS_UTF8)
    return _checked(file, name, Encoding("utf-8-sig", 0, clean=True), limit, may_guess=True)


def _utf_16_without_mark(start: bytes) -> str | None:
    """Tell UTF-16 by its zeros: in a table, most characters have one, at the same place each."""
    pairs = len(start) // 2
    even, odd = start[0::2].count(0), start[1::2].count(0)
    if odd * 10 > pairs * 4 and even * 50 <= pairs:
        return "utf-16-le"
    if even * 10 > pairs * 4 and odd * 50 <= pairs:
        return "utf-16-be"
    return None


def _checked(
    file: BinaryIO, name: str, encoding: Encoding, limit: int, *, may_guess: bool
) -> Encoding:
    """Decode the whole file; where that does not work, guess, or give up."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding.codec)()
    lines = unended = 0
    clean = encoding.clean
    at_end = False
    while not at_end:
        chunk = file.read(_CHUNK)
        at_end = not chunk
        try:
            text = decoder.decode(chunk, final=at_end)
        except UnicodeDecodeError as error:
            line = lines + 1 + error.object.count(b"\n", 0, error.start)
            if may_guess:
                return Encoding(_guessed(file), line, clean=False)
            raise _damaged(name, line, encoding) from None
        clean = clean and "\x00" not in text
        ended = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        unended = len(chunk) - ended - 1 if ended >= 0 else unended + len(chunk)
        if unended > limit:
            raise SourceError(
                f"{name}, line {lines + 1}: it has more than {_LINE_LIMIT >> 20} MiB. "
                "This is no table.",
                SAVE_AS_UTF8,
            )
        lines += chunk.count(b"\n")
    return Encoding(encoding.codec, encoding.unsure_line, clean)


def _guessed(file: BinaryIO) -> str:
    """Guess the code page by the lines that are not ASCII: the others would outvote them."""
    from charset_normalizer import from_bytes  # noqa: PLC0415 - few files need it

    file.seek(0)
    telling = b""
    while len(telling) < _TELLING and (line := file.readline(_LINE_LIMIT)):
        if not line.isascii():
            telling += line
    best = from_bytes(telling, cp_isolation=_LIKELY).best()
    if best is None or str(best) == telling.decode(_USUAL, errors="replace"):
        return _USUAL  # rather than a rarer one that reads the same
    return best.encoding


def _damaged(name: str, line: int, encoding: Encoding) -> SourceError:
    return SourceError(
        f"{name}, line {line}: the text is damaged, or not {encoding.shown}.",
        f"{SAVE_AS_UTF8} Or give the right encoding: --encoding NAME.",
    )
