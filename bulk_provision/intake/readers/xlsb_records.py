"""What python-calamine does not tell of an .xlsb worksheet: failed formulas and merged cells.

A worksheet part is a sequence of records, each with a type, a length and a payload ([MS-XLSB]
2.1.4). Without them a cell that shows #N/A would look blank, and get a generated password.
"""

from __future__ import annotations

import io
import posixpath
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, cast

from xlrd.biffh import error_text_from_code

from bulk_provision.intake.readers.merged import Area
from bulk_provision.intake.readers.xml_parts import DamagedError

_ROW, _ERROR, _FORMULA_ERROR, _BUNDLE, _MERGE = 0, 3, 11, 156, 176
_RECORD_LIMIT = 1 << 24  # bytes; a text of 32,767 characters takes 64 KiB
_PART_LIMIT = 1 << 20  # bytes of a list of relations


@dataclass(slots=True)
class Hints:
    """What is to be known of a worksheet beside its values.

    Args:
        errors: the text of each failed cell, by row number (from 1) and column (from 0).
        merged: the merged areas.
    """

    errors: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)


def parts_of(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the part of each worksheet, by the sheet's name.

    Raises:
        DamagedError: the workbook's list of sheets cannot be read.
    """
    from defusedxml.ElementTree import fromstring  # noqa: PLC0415 - few workbooks are .xlsb

    with archive.open("xl/_rels/workbook.bin.rels") as part:
        root = fromstring(part.read(_PART_LIMIT), forbid_dtd=True)
    targets = {one.get("Id", ""): one.get("Target", "") for one in root}
    parts = {}
    with archive.open("xl/workbook.bin") as part:
        for kind, payload in _records(part):
            if kind == _BUNDLE:  # BrtBundleSh, 2.4.314
                relation, end = _wide(payload, 8)
                name, _ = _wide(payload, end)
                parts[name] = posixpath.normpath(posixpath.join("xl", targets.get(relation, "")))
    return parts


def hints_of(part: IO[bytes]) -> Hints:
    """Read a worksheet part for what is not told of it otherwise.

    Raises:
        DamagedError: it is no such part.
    """
    hints = Hints()
    row = 0
    for kind, payload in _records(part):
        if kind == _ROW:
            row = _numbers(payload, 1)[0] + 1
        elif kind in (_ERROR, _FORMULA_ERROR):
            (column,) = _numbers(payload, 1)
            code = payload[8] if len(payload) > 8 else -1
            hints.errors.setdefault(row, {})[column] = error_text_from_code.get(code, "#ERROR")
        elif kind == _MERGE:  # BrtMergeCell, 2.4.689
            top, bottom, left, right = _numbers(payload, 4)
            hints.merged.append(Area(top + 1, bottom + 1, left, right))
    return hints


def _records(part: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    stream = cast(
        "IO[bytes]", io.BufferedReader(cast("io.RawIOBase", part))
    )  # byte by byte, so buffered
    while (kind := _varying(stream, 2)) is not None:
        size = _varying(stream, 4)
        if size is None or size > _RECORD_LIMIT:
            raise DamagedError("one of its records has no sensible length")
        payload = stream.read(size)
        if len(payload) < size:
            raise DamagedError("it ends in the middle of a record")
        yield kind, payload


def _varying(stream: IO[bytes], most: int) -> int | None:
    """Read a number of which each byte has seven bits, and one that says whether more follow."""
    value = 0
    for place in range(most):
        byte = stream.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << (7 * place)
        if byte[0] < 0x80:
            break
    return value


def _numbers(payload: bytes, count: int) -> tuple[int, ...]:
    if len(payload) < 4 * count:
        raise DamagedError("one of its records is too short")
    return struct.unpack_from(f"<{count}I", payload)


def _wide(payload: bytes, start: int) -> tuple[str, int]:
    """Read a text with its length in front (XLWideString, 2.5.169); return it and its end."""
    if len(payload) < start + 4:
        raise DamagedError("one of its records is too short")
    end = start + 4 + 2 * int(struct.unpack_from("<I", payload, start)[0])
    return payload[start + 4 : end].decode("utf-16-le", "replace"), end
