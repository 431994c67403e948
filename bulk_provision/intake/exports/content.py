"""What a source of unknown making holds: its shape, its files, its first lines."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple

from bulk_provision.errors import SourceError
from bulk_provision.intake.exports.export import File, Seen, Shape
from bulk_provision.intake.readers.kinds import OLE
from bulk_provision.intake.source import Source

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_START = 1 << 16  # bytes that are looked at
_MEMBERS_SEEN = 16  # of an archive: files whose first lines are looked at
_PIECE = 1 << 16
_FILES_LIMIT = 1_000_000
_UNPACKED_LIMIT = 2 << 30  # bytes
_GZIP = b"\x1f\x8b"
_TAR_MARK, _TAR_MARK_AT = b"ustar", 257  # POSIX.1-1988, "ustar interchange format"
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\"\]])")
_HTML = re.compile(r"<(?:!doctype\s+html|html|table|head|body|meta)\b", re.IGNORECASE)
_SQL = re.compile(
    r"^\s*(?:insert\s+(?:ignore\s+)?into|replace\s+into|create\s+table|copy\s+\S.{0,500}\bfrom\s+stdin)\b",
    re.IGNORECASE | re.MULTILINE,
)
_SPREADSHEET_PARTS = ("[content_types].xml", "mimetype")
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


class Member(NamedTuple):
    """A file in an archive.

    Args:
        name: its path there.
        size: bytes, unpacked.
        open: gives its content. (To look for it by its name would take as long as the archive has
            files.)
    """

    name: str
    size: int
    open: Callable[[], IO[bytes] | None]


@dataclass(frozen=True, slots=True)
class Content:
    """What a source holds.

    Args:
        seen: what is looked at to recognise it; of a table, still without its headers.
        source: the source; unpacked, if it was a packed archive.
        archive: the open archive; None if it is one file.
        members: of the archive, in the order of their names.
        unpacked: the archive itself, unpacked, if it was packed.
        is_seen_whole: whether all of it was looked at.
    """

    seen: Seen
    source: Source
    archive: tarfile.TarFile | zipfile.ZipFile | None = None
    members: tuple[Member, ...] = ()
    unpacked: BinaryIO | None = None
    is_seen_whole: bool = False

    @property
    def may_be_table(self) -> bool:
        """Whether it could be one table."""
        return self.archive is None and self.seen.shape in (Shape.TABLE, Shape.TEXT)

    @property
    def shown(self) -> str:
        """What it is, in words."""
        return self.seen.shape.value if self.archive is None else "an archive"

    def close(self) -> None:
        """Let go of what was opened to look at it; the source's own file stays open."""
        if self.archive is not None:
            self.archive.close()
        if self.unpacked is not None:
            self.unpacked.close()

    def files(self) -> Iterator[File]:
        """Yield the files: the source itself, or an archive's members."""
        if self.archive is None:
            yield File(self.source.base_name, partial(_again, self.source.file))
            return
        for member in self.members:
            yield File(member.name, partial(_opened, member, self.source.shown))


def content_of(source: Source) -> Content:
    """Look at a source; close what is returned.

    Raises:
        SourceError: it is an archive that is damaged, or of too much.
    """
    source.file.seek(0)
    start = source.file.read(_START)
    if start.startswith(_GZIP):
        unpacked = _gunzipped(source)
        try:
            return replace(_content(replace(source, file=unpacked)), unpacked=unpacked)
        except BaseException:
            unpacked.close()
            raise
    return _content(source)


def _content(source: Source) -> Content:
    source.file.seek(0)
    start = source.file.read(_START)
    if start.startswith(b"PK"):
        return _of_zip(source)
    if start[_TAR_MARK_AT:].startswith(_TAR_MARK):
        return _of_tar(source)
    text = decoded(start)
    shape = Shape.TABLE if start.startswith(OLE) else _shape_of(text)
    seen = Seen(shape, text, source.base_name.lower())
    return Content(seen, source, is_seen_whole=len(start) < _START)


def decoded(start: bytes) -> str:
    """Return the text that bytes begin with, well enough to recognise it."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return start.decode("utf-16", "replace")
    return start.decode("utf-8-sig", "replace")


def _shape_of(text: str) -> Shape:
    if _JSON.match(text):
        return Shape.JSON
    if text.lstrip().startswith("<"):
        return Shape.TABLE if _HTML.search(text) else Shape.XML
    return Shape.SQL if _SQL.search(text) else Shape.TEXT


def _again(file: BinaryIO) -> BinaryIO:
    """Give a file anew: who reads it may close what it got."""
    return open(file.fileno(), "rb", closefd=False) if _rewound(file) else file


def _rewound(file: BinaryIO) -> bool:
    file.seek(0)
    with suppress(OSError):  # no file of the system: bytes in memory
        file.fileno()
        return True
    return False


def _gunzipped(source: Source) -> BinaryIO:
    unpacked: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - open to the end
    source.file.seek(0)
    size = 0
    try:
        with gzip.open(source.file) as packed:
            while part := packed.read(1 << 20):
                size += len(part)
                _check_size(source, size)
                unpacked.write(part)
    except BaseException as error:
        unpacked.close()
        if isinstance(error, _BROKEN):
            raise _damaged(source, error) from None
        raise
    unpacked.seek(0)
    return unpacked


def _of_zip(source: Source) -> Content:
    try:
        archive = zipfile.ZipFile(source.file)
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    except _BROKEN as error:
        if source.suffix != ".zip":  # a workbook, it seems: its own readers say what is wrong
            return Content(Seen(Shape.TABLE, "", source.base_name.lower()), source)
        raise _damaged(source, error) from None
    if any(entry.filename.lower() in _SPREADSHEET_PARTS for entry in entries):
        return Content(Seen(Shape.TABLE, "", source.base_name.lower()), source)
    members = (
        Member(entry.filename, entry.file_size, partial(archive.open, entry)) for entry in entries
    )
    return _of_archive(source, archive, members)


def _of_tar(source: Source) -> Content:
    source.file.seek(0)
    try:
        archive = tarfile.open(fileobj=source.file, mode="r:")  # noqa: SIM115 - open to the end
        entries = list(islice(archive, _FILES_LIMIT + 1))
    except _BROKEN as error:
        raise _damaged(source, error) from None
    members = (
        Member(entry.name, entry.size, partial(archive.extractfile, entry))
        for entry in entries
        if entry.isreg()
    )
    return _of_archive(source, archive, members)


def _of_archive(
    source: Source, archive: tarfile.TarFile | zipfile.ZipFile, found: Iterable[Member]
) -> Content:
    # Of several with one name the last one counts, as it does when they are unpacked.
    by_name = {member.name: member for member in found if not _is_hidden(member.name)}
    members = tuple(by_name[name] for name in sorted(by_name))
    if len(members) > _FILES_LIMIT:
        raise _too_much(source, f"{_FILES_LIMIT:,} files")
    _check_size(source, sum(member.size for member in members))
    texts = []
    for member in members[:_MEMBERS_SEEN]:
        with _opened(member, source.shown) as opened:
            texts.append(decoded(opened.read(_START // _MEMBERS_SEEN)))
    shapes = Counter(map(_shape_of, texts)).most_common(1)
    name = members[0].name.rpartition("/")[2].lower() if members else ""
    seen = Seen(shapes[0][0] if shapes else Shape.TEXT, "\n".join(texts), name)
    return Content(seen, source, archive, members)


def _is_hidden(name: str) -> bool:
    """Say whether a member is what an operating system or an editor leaves behind."""
    parts = name.removeprefix("./").split("/")
    return "__MACOSX" in parts or parts[-1].startswith(".") or parts[-1].endswith("~")


def _opened(member: Member, shown: str) -> BinaryIO:
    try:
        opened = member.open()
    except (*_BROKEN, RuntimeError, KeyError) as error:  # RuntimeError: it wants a password
        raise _not_unpacked(shown, member.name, error) from None
    assert opened is not None
    return io.BufferedReader(_Reading(opened, shown, member.name), _PIECE)


class _Reading(io.RawIOBase):
    """A file in an archive; what is found to be damaged while it is read is told as that.

    Args:
        opened: the file.
        shown: the archive's name for messages.
        name: the file's.
    """

    def __init__(self, opened: IO[bytes], shown: str, name: str) -> None:
        super().__init__()
        self._opened = opened
        self._shown = shown
        self._name = name

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be gone back in."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read, as any file does; raises SourceError when the archive is damaged there."""
        view = memoryview(buffer).cast("B")
        try:
            piece = self._opened.read(len(view))
        except _BROKEN as error:
            raise _not_unpacked(self._shown, self._name, error) from None
        view[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, as in any file."""
        return self._opened.seek(offset, whence)

    def tell(self) -> int:
        """Say where it is."""
        return self._opened.tell()

    def close(self) -> None:
        """Close the file."""
        self._opened.close()
        super().close()


def _not_unpacked(shown: str, name: str, error: BaseException) -> SourceError:
    return SourceError(
        f"{shown}, {name}: it cannot be unpacked ({error}).",
        "Pack the files again, without a password; or give the folder.",
    )


def _damaged(source: Source, error: BaseException) -> SourceError:
    return SourceError(
        f"{source.shown}: the archive is damaged, or not completely copied ({error}).",
        "Copy or download it again, or pack the files again.",
    )


def _check_size(source: Source, size: int) -> None:
    if size > _UNPACKED_LIMIT:
        raise _too_much(source, f"{_UNPACKED_LIMIT >> 20:,} MiB")


def _too_much(source: Source, limit: str) -> SourceError:
    return SourceError(
        f"{source.shown}: unpacked, it has more than {limit}.",
        "Pack the export's own files alone, or split them.",
    )
