"""What a source is: known by its content, not by its name. The name must not contradict it."""

from __future__ import annotations

import re
import zipfile
from enum import Enum
from typing import BinaryIO, cast

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers.workbook import BROKEN_ZIP
from bulk_provision.intake.source import Source

_CHUNK = 1 << 20
_SEEN = 8192  # bytes at the start that tell what a file is
_UNPACKED_LIMIT = 2 << 30  # bytes; a full worksheet of a million rows needs well under one GiB
_ZIP_ENTRIES = 10_000
_READ_AT_ONCE = 16 << 20  # bytes; the list of an archive's parts is read so, whatever its length
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""How .xls files begin, and every encrypted Office document ([MS-CFB] 2.2)."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*<")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|table|head|body|meta)\b", re.IGNORECASE)
_XML_SPREADSHEET = re.compile(rb"<(?:\w{1,20}:)?Workbook\b")  # it has a <Table>, too


class Kind(Enum):
    """What a file's content is; the value is the ending that fits it."""

    TEXT = ".csv"
    XLSX = ".xlsx"
    XLSB = ".xlsb"
    XLS = ".xls"
    ODS = ".ods"
    HTML = ".html"


_SUFFIXES = {
    ".csv": Kind.TEXT,
    ".tsv": Kind.TEXT,
    ".txt": Kind.TEXT,
    ".xlsx": Kind.XLSX,
    ".xlsm": Kind.XLSX,
    ".xls": Kind.XLS,
    ".xlsb": Kind.XLSB,
    ".ods": Kind.ODS,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
}
# Many systems export what they call .xls as a web page or as text, and Excel opens it.
_DISGUISES = {Kind.XLS: (Kind.TEXT, Kind.HTML)}
_SAVE_AS = "Open it in Excel or LibreOffice and save it as an Excel workbook (.xlsx)."
_UNPACK = "Unpack it, and give the spreadsheet that is in it."
_ORIGINAL = "Give the spreadsheet that it was made from."
_FOREIGN = {
    b"%PDF": ("a PDF document", _ORIGINAL),
    b"\x1f\x8b": ("a gzip archive", _UNPACK),
    b"7z\xbc\xaf": ("a 7-Zip archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"{\\rtf": ("a rich text document", "Copy the table in it into a workbook, and give that one."),
    b"\x89PNG": ("a picture", _ORIGINAL),
    b"\xff\xd8\xff": ("a picture", _ORIGINAL),
}


def kind_of(source: Source) -> Kind:
    """Tell what a source is; its file is left at an unknown position.

    Raises:
        SourceError: it is empty, or nothing that can be read as a table, or has a name that
            contradicts it.
    """
    kind = _kind(source.file, source.shown)
    if source.suffix:
        _check_suffix(source, kind)
    return kind


def is_encrypted(file: BinaryIO) -> bool:
    """Say whether this is an Office document in an encrypted package ([MS-OFFCRYPTO] 2.3)."""
    file.seek(0)
    before = start = file.read(len(OLE))
    if start != OLE:
        return False
    while start:
        if _ENCRYPTED in before + start:
            return True
        before, start = start[-len(_ENCRYPTED) :], file.read(_CHUNK)
    return False


def _kind(file: BinaryIO, name: str) -> Kind:
    file.seek(0)
    start = file.read(_SEEN)
    if not start.strip():
        raise SourceError(
            f"{name}: the file is empty.",
            "Save the spreadsheet again; `bulk-provision template FILE.xlsx` makes one to fill in.",
        )
    if start.startswith(OLE):
        return Kind.XLS
    if start.startswith(b"PK"):
        return _zip_kind(file, name)
    for magic, (what, cure) in _FOREIGN.items():
        if start.startswith(magic):
            raise SourceError(f"{name}: this is {what}, not a spreadsheet.", cure)
    if _MARKUP.match(start.replace(b"\x00", b"")):
        plain = start.replace(b"\x00", b"")
        if _HTML.search(plain) and not _XML_SPREADSHEET.search(plain):
            return Kind.HTML
        raise SourceError(
            f"{name}: this is XML, whatever its name says; its cells cannot be told for certain.",
            _SAVE_AS,
        )
    return Kind.TEXT


def _zip_kind(file: BinaryIO, name: str) -> Kind:
    file.seek(0)
    try:
        with zipfile.ZipFile(cast("BinaryIO", _InPieces(file))) as archive:
            entries = archive.infolist()
            _check_size(entries, name)
            names = {entry.filename.lower() for entry in entries}
            mimetype = b""
            if "mimetype" in names:
                with archive.open("mimetype") as part:
                    mimetype = part.read(100)
    except BROKEN_ZIP as error:
        raise SourceError(
            f"{name}: the file is damaged, or not completely copied ({error}).",
            "Copy or download it again; or save it again in Excel or LibreOffice.",
        ) from None
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return Kind.ODS
    if any(entry.endswith("workbook.bin") for entry in names):
        return Kind.XLSB
    if "[content_types].xml" in names and any(entry.endswith(".xml") for entry in names):
        return Kind.XLSX
    raise SourceError(
        f"{name}: this is an archive, but not a spreadsheet.",
        "Give the spreadsheet that is packed into it; or open it in the program that made it, and "
        "save it as an Excel workbook (.xlsx) there.",
    )


class _InPieces:
    """A file of which only so much is read at once: an archive says itself how long its list is.

    Args:
        file: the archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read as any file does, or refuse."""
        if size > _READ_AT_ONCE:
            raise zipfile.BadZipFile(f"its list of parts has more than {_READ_AT_ONCE >> 20} MiB")
        return self._file.read(size)


def _check_size(entries: list[zipfile.ZipInfo], name: str) -> None:
    """Refuse what would unpack into more than this machine should bear (a "zip bomb")."""
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > _UNPACKED_LIMIT or len(entries) > _ZIP_ENTRIES:
        raise SourceError(
            f"{name}: unpacked, the workbook would have {unpacked >> 20:,} MiB in {len(entries):,} "
            f"parts; at most {_UNPACKED_LIMIT >> 20:,} MiB in {_ZIP_ENTRIES:,} parts are read.",
            "Copy the table alone into a new workbook, or save it as CSV.",
        )


def _check_suffix(source: Source, kind: Kind) -> None:
    name, suffix = source.name, source.suffix
    claimed = _SUFFIXES.get(suffix)
    if claimed is None:
        raise SourceError(
            f"{name}: files that end in {suffix} cannot be read.",
            f"Readable are {', '.join(_SUFFIXES)}. {_SAVE_AS}",
        )
    if claimed is kind or kind in _DISGUISES.get(claimed, ()):
        return
    if claimed in (Kind.TEXT, Kind.HTML):
        what = "a web page" if kind is Kind.HTML else "a table of text"
        if kind not in (Kind.TEXT, Kind.HTML):
            what = "a workbook"
        raise SourceError(
            f"{name}: this is {what}, with a name that says something else.",
            f"Rename it so that it ends in {kind.value}.",
        )
    if kind in (Kind.TEXT, Kind.HTML):
        raise SourceError(
            f"{name}: this is a text file with the name of a workbook.",
            f"If it is a table, rename it so that it ends in {kind.value}.",
        )
