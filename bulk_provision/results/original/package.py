"""A workbook's zip file: what is in it, how its parts refer to each other, and a changed copy.

Open Packaging Conventions, ECMA-376 part 2. Every entry keeps its place, its name, its time and
its kind of compression; parts that are new follow at the end. Nothing is ever extracted to a path.
"""

from __future__ import annotations

import posixpath
import shutil
import struct
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from bulk_provision.errors import ResultsError
from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.results.original.encoding import as_utf8
from bulk_provision.results.original.outline import outline
from bulk_provision.results.original.splice import Edit, spliced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from io import BufferedReader

    Content: TypeAlias = bytes | Callable[[IO[bytes]], None]

TYPES = "[Content_Types].xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT_OFFICE = "http://purl.oclc.org/ooxml/officeDocument/relationships"
"""Namespaces of a workbook's elements and of their `id` attributes: transitional, and strict."""
RELATIONS_SPACE = "http://schemas.openxmlformats.org/package/2006/relationships"
TYPES_SPACE = "http://schemas.openxmlformats.org/package/2006/content-types"
_PART_LIMIT = 16 << 20  # bytes of a part that is read whole
_CHUNK = 1 << 18
_MAY_GROW_LARGE = 1 << 29  # from this size on, a changed part might come to need zip64
_ENCRYPTED = 1
_BROKEN = (
    DamagedError,
    expat.ExpatError,
    BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    UnicodeError,
)


@contextmanager
def damage_told() -> Iterator[None]:
    """Tell a workbook that cannot be handled as a ResultsError."""
    try:
        yield
    except _BROKEN as error:
        raise ResultsError(
            f"The workbook cannot be written again with its marks: {error}.",
            "Open it in Excel or LibreOffice, save it as an Excel workbook (.xlsx), and give "
            "that one.",
        ) from error


class Relation(NamedTuple):
    """A part's reference to another one.

    Args:
        identifier: what the part calls it.
        base: of its type, such as `…/officeDocument/2006/relationships`.
        kind: the type's last word, such as `comments`.
        part: the other part's path, as it is written there.
    """

    identifier: str
    base: str
    kind: str
    part: str


class Package:
    """An open workbook, and what shall become of it.

    Args:
        source: the zip file.

    Raises:
        DamagedError: an entry occurs twice, or is encrypted.
        BadZipFile: it is no zip file.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._archive = ZipFile(source)
        self._entries: dict[str, ZipInfo] = {}
        self._changed: dict[str, Content] = {}
        for entry in self._archive.infolist():
            if entry.filename.lower() in self._entries:
                raise DamagedError(f"it holds {entry.filename!r} twice")
            if entry.flag_bits & _ENCRYPTED:
                raise DamagedError("it is encrypted")
            if entry.header_offset < 0:
                raise DamagedError(f"its part {entry.filename!r} begins before the file does")
            self._entries[entry.filename.lower()] = entry

    @property
    def parts(self) -> list[str]:
        """The names of all entries, those of the copy included."""
        return [*(entry.filename for entry in self._entries.values()), *self._new()]

    def find(self, path: str) -> str | None:
        """Return a part's name in the archive, whatever its case and slashes."""
        key = path.replace("\\", "/").lstrip("/").lower()
        if entry := self._entries.get(key):
            return entry.filename
        return next((name for name in self._changed if name.lower() == key), None)

    def open(self, name: str) -> BufferedReader:
        """Open an old part, in UTF-8."""
        entry = self._entries.get(name.lower())
        if entry is None:
            raise DamagedError(f"it has no part {name!r}")
        return as_utf8(self._archive.open(entry))

    def content(self, name: str) -> bytes:
        """Return a part that is read whole, as it is now, in UTF-8."""
        changed = self._changed.get(name)
        if isinstance(changed, bytes):
            return changed
        with self.open(name) as part:
            content = part.read(_PART_LIMIT + 1)
        if len(content) > _PART_LIMIT:
            raise DamagedError(f"its part {name} has more than {_PART_LIMIT >> 20} MiB")
        return content

    def put(self, name: str, content: Content) -> None:
        """Set what a part of the copy holds: bytes, or a function that writes them."""
        self._changed[name] = content

    def unused(self, pattern: str) -> str:
        """Return a name for a new part.

        Args:
            pattern: with `{}` for a number.
        """
        number = 1
        while self.find(pattern.format(number)):
            number += 1
        return pattern.format(number)

    def relations(self, owner: str) -> list[Relation]:
        """Return the parts that a part refers to; that of the package as a whole is ""."""
        path = self.find(_relations_path(owner))
        if path is None:
            return []
        folder = "/" + posixpath.dirname(owner)
        found = []
        for node in outline(self.content(path)).children:
            if node.attributes.get("TargetMode") == "External":
                continue
            base, _, kind = node.attributes.get("Type", "").rpartition("/")
            target = node.attributes.get("Target", "").replace("\\", "/")
            part = posixpath.normpath(posixpath.join(folder, target))
            found.append(Relation(node.attributes.get("Id", ""), base, kind, part))
        return found

    def related(self, owner: str, kind: str) -> str | None:
        """Return the part of a kind that a part refers to, if there is one."""
        parts = (self.find(found.part) for found in self.relations(owner) if found.kind == kind)
        return next(filter(None, parts), None)

    def relate(self, owner: str, base: str, kind: str, part: str) -> str:
        """Let a part refer to another one.

        Returns:
            The relation's id.
        """
        default = _relations_path(owner)
        path = self.find(default) or default
        if not self.find(path):
            self.put(path, _document(f'<Relationships xmlns="{RELATIONS_SPACE}"/>'))
        content = self.content(path)
        root = outline(content)
        taken = {node.attributes.get("Id", "").lower() for node in root.children}
        number = len(taken) + 1
        while f"rid{number}" in taken:
            number += 1
        identifier = f"rId{number}"
        attributes = f'Id="{identifier}" Type="{base}/{kind}" Target="/{part}"'
        relation = f"<{root.prefix}Relationship {attributes}/>".encode()
        self.put(path, spliced(content, root.grown(relation)))
        return identifier

    def declare(self, part: str, content_type: str, *, extension: str = "") -> None:
        """Say what a new part holds.

        Args:
            part: its name.
            content_type: its kind.
            extension: say it for all parts with this one, unless that says something else.
        """
        name = self.find(TYPES)
        if name is None:
            raise DamagedError(f"it has no {TYPES}")
        content = self.content(name)
        root = outline(content)
        defaults = {
            node.attributes.get("Extension", "").lower(): node.attributes.get("ContentType")
            for node in root.all("Default")
        }
        if extension and defaults.get(extension) == content_type:
            return
        key = f'Override PartName="/{part}"'
        if extension and extension not in defaults:
            key = f'Default Extension="{extension}"'
        declared = f'<{root.prefix}{key} ContentType="{content_type}"/>'.encode()
        edits = root.grown(declared)
        if key.startswith("Default") and (first := root.find("Override")):
            edits = [Edit(first.start, first.start, declared)]  # where every program has them
        self.put(name, spliced(content, edits))

    def write(self, target: BinaryIO) -> None:
        """Write the copy; the source's archive is closed then."""
        with self._archive, ZipFile(target, "w", ZIP_DEFLATED) as copy:
            copy.comment = self._archive.comment
            for old in self._entries.values():
                entry = ZipInfo(old.filename, old.date_time)
                entry.compress_type = old.compress_type
                entry.create_system = old.create_system
                entry.external_attr = old.external_attr
                entry.comment = old.comment
                entry.file_size = old.file_size  # known beforehand: zip64 only where it is needed
                if (content := self._changed.get(old.filename)) is not None:
                    _write(copy, entry, content)
                    continue
                with self._archive.open(old) as part, copy.open(entry, "w") as packed:
                    shutil.copyfileobj(part, packed, _CHUNK)
            for name in self._new():
                entry = ZipInfo(name)
                entry.compress_type = ZIP_DEFLATED
                _write(copy, entry, self._changed[name])

    def _new(self) -> list[str]:
        return [name for name in self._changed if name.lower() not in self._entries]


class Place(NamedTuple):
    """Where a worksheet is.

    Args:
        part: its part.
        workbook: the workbook's part.
        namespace: of the workbook's elements.
        base: of the types of the workbook's relations.
    """

    part: str
    workbook: str
    namespace: str
    base: str


def find_sheet(package: Package, name: str) -> Place:
    """Find a worksheet by its name.

    Raises:
        DamagedError: there is no such worksheet.
    """
    workbook = package.related("", "officeDocument")
    if workbook is None:
        raise DamagedError("it has no workbook in it")
    relations = {found.identifier: found for found in package.relations(workbook)}
    root = outline(package.content(workbook))
    for sheet in (sheet for sheets in root.all("sheets") for sheet in sheets.all("sheet")):
        if sheet.attributes.get("name") != name:
            continue
        for key, value in sheet.attributes.items():
            relation = relations.get(value) if key.endswith(":id") else None
            part = package.find(relation.part) if relation else None
            if relation and part and relation.kind == "worksheet":
                return Place(part, workbook, root.namespace, relation.base)
    raise DamagedError(f"it has no worksheet {name!r}")


def _write(copy: ZipFile, entry: ZipInfo, content: Content) -> None:
    if isinstance(content, bytes):
        entry.file_size = len(content)
        with copy.open(entry, "w") as packed:
            packed.write(content)
        return
    large = entry.file_size > _MAY_GROW_LARGE
    with copy.open(entry, "w", force_zip64=large) as packed:
        content(packed)


def _relations_path(owner: str) -> str:
    folder, name = posixpath.split(owner)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def _document(xml: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n{xml}'.encode()
