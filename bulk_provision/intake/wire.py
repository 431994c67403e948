"""What passes between the reading process and ours: a frame for each message.

Texts and numbers alone, so that whatever a hostile file may do to the process that reads it,
nothing but texts and numbers comes back. Most messages are JSON. Records are plain text where they
can be: that takes less than half of the time, and they are nearly all that is sent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from bulk_provision.intake.cells import Doubt, DoubtfulText
from bulk_provision.intake.records import Record

FRAME_LIMIT = 64 << 20
"""Bytes of a message: a row of 16,384 long cells has less."""

_LENGTH = struct.Struct(">I")
HEAD = _LENGTH.size
"""Bytes of a frame's head."""


_LENGTH = struct.Struct(">I")
HEAD = _LENGTH.size + 1
"""Bytes of a frame's head: its length, and a letter that tells which kind of message it is."""

_JSON, _PLAIN, _PLAIN_END = b"J", b"P", b"E"
_UNIT, _RECORD = "\x1f", "\x1e"  # ASCII's own separators; a cell that holds one goes as JSON


class FrameTooLongError(ValueError):
    """A message is longer than any should be."""


def framed(message: object) -> bytes:
    """Return a message as a frame.

    Raises:
        FrameTooLongError: it is longer than `FRAME_LIMIT`.
    """
    return _frame(_JSON, json.dumps(message, separators=(",", ":")).encode())


def framed_records(records: Sequence[Record], *, more: bool) -> bytes:
    """Return records as a frame; as plain text if they are as plain as they mostly are.

    Raises:
        FrameTooLongError: it is longer than `FRAME_LIMIT`.
    """
    if records and not any(_is_special(record) for record in records):
        text = _RECORD.join([_UNIT.join([*cells, str(number)]) for number, cells, _ in records])
        units = sum([len(cells) for _, cells, _ in records])
        if text.count(_UNIT) == units and text.count(_RECORD) == len(records) - 1:
            return _frame(_PLAIN if more else _PLAIN_END, text.encode())
    return framed({"records": [_packed(record) for record in records], "more": more})


def _is_special(record: Record) -> bool:
    _, cells, doubts = record
    return bool(doubts) or not set(map(type, cells)) <= {str}


def _frame(kind: bytes, content: bytes) -> bytes:
    if len(content) > FRAME_LIMIT:
        raise FrameTooLongError
    return _LENGTH.pack(len(content)) + kind + content


def length_of(head: bytes) -> int:
    """Return how many bytes follow a frame's head.

    Raises:
        FrameTooLongError: more than `FRAME_LIMIT`.
    """
    length: int = _LENGTH.unpack(head[:-1])[0]
    if length > FRAME_LIMIT:
        raise FrameTooLongError
    return length


def message_of(head: bytes, content: bytes) -> dict[str, Any]:
    """Return the message that a frame holds; records as `unpacked` takes them.

    Raises:
        ValueError: it is none.
    """
    kind = head[-1:]
    if kind == _JSON:
        message: dict[str, Any] = json.loads(content)
        return message
    lines = [line.split(_UNIT) for line in content.decode().split(_RECORD)]
    return {"records": [(int(cells.pop()), cells) for cells in lines], "more": kind == _PLAIN}


def _packed(record: Record) -> list[Any]:
    """Return a record as JSON has it: `[number, cells]`, and for a doubtful one what is doubtful.

    That is two lists more: the doubts about the record, and `[column, doubt]` for doubtful cells.
    """
    number, cells, doubts = record
    doubtful = [
        [column, _fields(cell.doubt)]
        for column, cell in enumerate(cells)
        if isinstance(cell, DoubtfulText)
    ]
    if not doubtful and not doubts:
        return [number, cells]
    return [number, cells, [_fields(doubt) for doubt in doubts], doubtful]


def unpacked(records: Sequence[Sequence[Any]]) -> Iterator[Record]:
    """Yield the records of a message."""
    nothing: tuple[Doubt, ...] = ()
    for record in records:
        if len(record) == 2:
            yield record[0], record[1], nothing
            continue
        number, cells, doubts, doubtful = record
        for column, doubt in doubtful:
            cells[column] = DoubtfulText(cells[column], Doubt(*doubt))
        yield number, cells, tuple(Doubt(*doubt) for doubt in doubts)


def _fields(doubt: Doubt) -> list[str | bool]:
    return [doubt.kind, doubt.why, doubt.cure, doubt.warning]
