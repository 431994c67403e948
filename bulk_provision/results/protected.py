"""Workbooks that open with a password, and the way there: no plain byte touches the disk.

Office Open XML under a password is an encrypted zip file in an OLE container ([MS-OFFCRYPTO]
2.3.4.10, "agile": AES-256, SHA-512, 100,000 rounds). The zip file is made in memory; what is
spooled on the way to it, is spooled encrypted.
"""

from __future__ import annotations

import os
from io import BytesIO
from struct import calcsize, pack, pack_into, unpack_from
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, BinaryIO, cast
from zipfile import ZipFile

from bulk_provision.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bulk_provision.model import Secret

    Spool = Callable[[], BinaryIO]
    """Makes a private temporary file; whoever calls it closes it."""

PASSWORD_LIMIT = 255
"""UTF-16 code units that Excel takes ("Excel specifications and limits", Microsoft)."""

_SMALL = 4096  # bytes
_NO_MORE = 0xFFFFFFFF
_END = 0xFFFFFFFE


def check_protection(password: Secret | None, *, csv: bool = False) -> None:
    """Refuse a password with which nobody could open the workbook.

    Args:
        password: is never quoted from; None when it is not known yet.
        csv: CSV files are to be written instead; they cannot have a password.

    Raises:
        UsageError: says why.
    """
    if csv:
        raise UsageError(
            "CSV files cannot be protected with a password.",
            "Leave --csv or --protect away (BULK_PROVISION_PROTECT=false puts it out).",
        )
    text = "unknown" if password is None else password.reveal()
    if not text:
        wrong = "is empty"
    elif any("\ud800" <= one <= "\udfff" for one in text):  # bytes that are not UTF-8
        wrong = "is not text"
    elif not text.isprintable():
        wrong = "holds a character that cannot be typed, such as a line end or a TAB"
    elif len(text.encode("utf-16-le")) > 2 * PASSWORD_LIMIT:
        wrong = f"has more than the {PASSWORD_LIMIT} characters that Excel takes"
    else:
        return
    raise UsageError(f"The password for the results {wrong}.", "Choose another one.")


def fill(
    file: BinaryIO,
    build: Callable[[BinaryIO, Spool], None],
    *,
    folder: Path,
    protect: Secret | None,
) -> None:
    """Have a workbook built into a file that was opened by `place.placed`, encrypted if need be.

    This is the one way for workbooks into their place; whoever builds one need not know whether it
    is protected.

    Args:
        file: where the workbook's bytes go.
        build: writes the zip file into the file that it is given, which can be sought, and takes
            its temporary files from the spool that it is given, and from nowhere else.
        folder: where temporary files lie: beside the results, as private as they are, and there
            is room for both or for neither.
        protect: the password to open it with; None: none is needed. A protected workbook is held
            in memory, several times over: it needs some four times its size.
    """
    if protect is None:
        build(file, lambda: TemporaryFile(dir=folder))  # noqa: SIM115 - the builder closes it
        return

    def sealed() -> BinaryIO:
        from bulk_provision.results.sealed_spool import SealedSpool  # noqa: PLC0415 - see below

        return cast("BinaryIO", SealedSpool(folder))

    with BytesIO() as plain:
        build(plain, sealed)
        _encrypt(plain, protect, file)


def _encrypt(plain: BinaryIO, password: Secret, file: BinaryIO) -> None:
    # Imported here, since few runs protect their results.
    from msoffcrypto.format.ooxml import OOXMLFile  # noqa: PLC0415

    _lengthen(plain)
    with BytesIO() as container:
        OOXMLFile(plain).encrypt(password.reveal(), container)
        with container.getbuffer() as whole:
            _end_the_sector_list(whole)
            file.write(whole)


def _lengthen(plain: BinaryIO) -> None:
    """Make a small zip file larger by a comment, which programs skip.

    A container keeps streams of up to 4,096 bytes in a place of their own, and msoffcrypto 6.0 puts
    an encrypted workbook of that size nowhere that it could be found again.
    """
    if plain.seek(0, os.SEEK_END) < _SMALL:
        with ZipFile(plain, "a") as archive:
            archive.comment = b" " * _SMALL


def _end_the_sector_list(container: memoryview) -> None:
    """Put right what msoffcrypto 6.0 gets wrong in containers of over 6.8 MiB.

    The header names the first 109 sectors of the allocation table, a chain of further sectors
    names the rest. [MS-CFB] 2.5 wants unused places there to say so, and the last sector's last
    place to end the chain; msoffcrypto names a sector too much, and leaves the end open.
    """
    shift, tables = unpack_from("<H", container, 30)[0], unpack_from("<I", container, 44)[0]
    first, sectors = unpack_from("<II", container, 68)
    if not sectors:
        return
    places = (1 << shift) // calcsize("<I") - 1
    last = 512 + ((first + sectors - 1) << shift)
    used = tables - 109 - (sectors - 1) * places
    container[last + 4 * used : last + 4 * places] = pack("<I", _NO_MORE) * (places - used)
    pack_into("<I", container, last + 4 * places, _END)
