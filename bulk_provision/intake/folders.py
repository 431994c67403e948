"""Files that belong together, as one: a folder, or a configuration and what it includes.

They are packed into an unnamed archive: the process that reads sources gets one open file and
nothing else, and one hash stands for all of them. The same files always make the same bytes.
"""

from __future__ import annotations

import os
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from bulk_provision.errors import SourceError

_SUFFIXES = frozenset({".conf", ".xml", ".inc"})
_FILES_LIMIT = 1_000_000
_INCLUDE = re.compile(
    rb'^[ \t]*#(?:try)?include[ \t]+["<]?([^">;\r\n]+?)[">]?[ \t]*(?:;.*)?\r?$', re.MULTILINE
)
_INCLUDES_LIMIT = 10_000
_LINE_LIMIT = 1 << 16  # bytes


def packed_folder(folder: Path) -> BinaryIO:
    """Pack the configuration and XML files of a folder and of those below it.

    Hidden files are left out, and links, which may lead anywhere.

    Raises:
        SourceError: there are none, or too many, or they cannot be read.
    """
    files = sorted(_files_in(folder))
    if not files:
        raise SourceError(
            f"{folder}: there are no files in it that end in {', '.join(sorted(_SUFFIXES))}.",
            "Name the folder that the other system's files were copied to.",
        )
    return _packed(folder, files)


def packed_with_includes(path: Path) -> BinaryIO | None:
    """Pack an Asterisk configuration with the files that it includes; None if there are none.

    Only files in the configuration's own folder, or below it, are taken; what else is included is
    told by the reader, as not there.

    Raises:
        SourceError: a file cannot be read.
    """
    folder = path.parent.resolve()
    first = path.name
    names = [first]
    for name in names:  # it grows
        for included in _included(folder / name):
            if included not in names and len(names) < _INCLUDES_LIMIT:
                names += _inside(folder, included, names)
    return _packed(folder, names) if len(names) > 1 else None


def _included(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            while line := file.readline(_LINE_LIMIT):
                if match := _INCLUDE.match(line):
                    yield os.fsdecode(match[1])
    except OSError:  # whoever opens it says so
        return


def _inside(folder: Path, included: str, known: list[str]) -> list[str]:
    """Return the names, below a folder, of the files that an include means."""
    pattern = included.strip()
    try:
        found = [folder / pattern] if (folder / pattern).is_file() else sorted(folder.glob(pattern))
        inside = [one.resolve() for one in found if one.is_file()]
    except (OSError, ValueError, NotImplementedError):  # an absolute pattern, a NUL
        return []
    names = [str(one.relative_to(folder)) for one in inside if one.is_relative_to(folder)]
    return [name for name in dict.fromkeys(names) if name not in known]


def _files_in(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for name in files:
            path = Path(place) / name
            if (
                path.suffix.lower() in _SUFFIXES
                and not name.startswith(".")
                and not path.is_symlink()
            ):
                yield str(path.relative_to(folder))


def _refuse(error: OSError) -> None:
    raise SourceError(
        f"{error.filename}: it cannot be read ({error.strerror}).", "Check its owner and its mode."
    )


def _packed(folder: Path, names: Iterable[str]) -> BinaryIO:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - the users' reader closes it
    try:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for count, name in enumerate(names):
                _check_count(folder, count)
                _add(archive, folder / name, name)
        file.seek(0)
    except BaseException as error:
        file.close()
        if isinstance(error, OSError):
            raise SourceError(
                f"{folder}: no copy of its files can be made ({error.strerror or error}).",
                f"Check their mode, and the room in {tempfile.gettempdir()}.",
            ) from None
        raise
    return file


def _check_count(folder: Path, count: int) -> None:
    if count == _FILES_LIMIT:
        raise SourceError(f"{folder}: it has more than {count:,} files.", "Split the folder.")


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    with path.open("rb") as file:
        entry = tarfile.TarInfo(name)  # without times and owners: the same files, the same bytes
        entry.size = os.fstat(file.fileno()).st_size
        archive.addfile(entry, file)
