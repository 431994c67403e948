"""Bytes copied with a few of them changed: the one way in which a part is written again."""

from __future__ import annotations

import shutil
from io import BytesIO
from typing import IO, TYPE_CHECKING, NamedTuple

from bulk_provision.intake.readers.xml_parts import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable

_CHUNK = 1 << 18


class Edit(NamedTuple):
    """New bytes in the place of old ones.

    Args:
        start: where the old ones begin, in bytes from the part's beginning.
        end: where they end; the same as `start` to insert and take nothing out.
        new: what stands there instead.
    """

    start: int
    end: int
    new: bytes


def splice(part: IO[bytes], edits: Iterable[Edit], target: IO[bytes]) -> None:
    """Copy a part with its edits; only the bytes between two edits are held at a time.

    Args:
        part: the old bytes, from their beginning.
        edits: in the order of their places, and none over another one.
        target: takes the new bytes.

    Raises:
        DamagedError: two edits are over each other: a valid part leads to none that are.
    """
    gathered = _Gathered(target)
    position = 0
    for start, end, new in edits:
        if start < position:
            raise DamagedError("its elements stand where they cannot")
        _copy(part, start - position, gathered)
        if end > start:
            part.read(end - start)
        gathered.write(new)
        position = end
    gathered.flush()
    shutil.copyfileobj(part, target, _CHUNK)


def spliced(content: bytes, edits: Iterable[Edit]) -> bytes:
    """Return a small part with its edits, given in any order.

    At one place, what is inserted goes before what is replaced, and the first one given first.
    """
    target = BytesIO()
    splice(BytesIO(content), sorted(edits, key=lambda edit: edit[:2]), target)
    return target.getvalue()


class _Gathered:
    """Hands small pieces on as large ones: each write to an archive costs."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._pieces: list[bytes] = []
        self._size = 0

    def write(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        self._target.write(b"".join(self._pieces))
        self._pieces.clear()
        self._size = 0


def _copy(part: IO[bytes], size: int, target: _Gathered) -> None:
    while size > 0:
        chunk = part.read(min(size, _CHUNK))
        if not chunk:
            raise EOFError("a part ended before its last change")
        target.write(chunk)
        size -= len(chunk)
