"""What passes between the reading process and ours: a frame for each message.

Texts and numbers alone, so that whatever a hostile file may do to the process that reads it,
nothing but texts and numbers comes back; and each message is looked at before it is believed.
Most messages are JSON. Records are plain text where they can be: that takes less than half of the
time, and they are nearly all that is sent.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

from bulk_provision.intake.cells import Doubt, DoubtfulText
from bulk_provision.intake.exports.export import Certainty, Told
from bulk_provision.intake.records import SHEET_COLUMNS, SHEETS_LIMIT, TEXT_ROWS, Record
from bulk_provision.model import Problem

FRAME_LIMIT = 16 << 20
"""Bytes of a message. Python makes some twenty times as much of the densest JSON."""

BATCH_ROWS = 1000
BATCH_WEIGHT = 1 << 20
"""Of the records of a message: as soon as they weigh that much, no further one is added."""

CELL_WEIGHT = 8
"""What a cell weighs beside its characters: a blank one takes memory, too."""

_CELLS = BATCH_WEIGHT // CELL_WEIGHT + SHEET_COLUMNS
_LENGTH = struct.Struct(">I")
HEAD = _LENGTH.size + 1
"""Bytes of a frame's head: its length, and a letter that tells which kind of message it is."""

_JSON, _PLAIN, _PLAIN_END = b"J", b"P", b"E"
_UNIT, _RECORD = "\x1f", "\x1e"  # ASCII's own separators; a cell that holds one goes as JSON
_NOTHING: tuple[Doubt, ...] = ()


class FrameTooLongError(ValueError):
    """A message is longer than any should be."""


class NonsenseError(ValueError):
    """A message is none that the reading process would send."""


class SheetTold(NamedTuple):
    """What is told of a sheet beforehand."""

    name: str
    hidden: bool
    ragged: bool


class Failure(NamedTuple):
    """Why the source cannot be read.

    Args:
        what: happened, and where.
        cure: what to do about it.
        is_no_export: whether it is just no export of users that is known.
    """

    what: str
    cure: str
    is_no_export: bool


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
    doubts = _Doubts()
    packed = [_packed(record, doubts) for record in records]
    return framed({"records": packed, "doubts": doubts.listed, "more": more})


class _Doubts:
    """The doubts of a message, each of them told once."""

    def __init__(self) -> None:
        self.listed: list[tuple[str, str, str, bool]] = []
        self._places: dict[int, int] = {}  # by identity: comparing takes longer than all the rest

    def place(self, doubt: Doubt) -> int:
        """Return the doubt's place in the list."""
        place = self._places.get(id(doubt))
        if place is None:
            place = self._places[id(doubt)] = len(self.listed)
            self.listed.append((doubt.kind, doubt.why, doubt.cure, doubt.warning))
        return place


def _is_special(record: Record) -> bool:
    _, cells, doubts = record
    return bool(doubts) or not set(map(type, cells)) <= {str}


def is_plain(frame: bytes) -> bool:
    """Say whether a frame holds records without any doubt."""
    return frame[HEAD - 1 : HEAD] != _JSON


def _frame(kind: bytes, content: bytes) -> bytes:
    if len(content) > FRAME_LIMIT:
        raise FrameTooLongError
    return _LENGTH.pack(len(content)) + kind + content


def _packed(record: Record, doubts: _Doubts) -> list[Any]:
    """Return a record as JSON has it: `[number, cells]`, and for a doubtful one what is doubtful.

    That is two lists more: the doubts about the record; and, by turns, the column of a doubtful
    cell and its doubt. Each doubt is a place in the message's list: a column of dates has the same
    one in each row.
    """
    number, cells, about = record
    doubtful: list[int] = []
    for column, cell in enumerate(cells):
        if isinstance(cell, DoubtfulText):
            doubtful += (column, doubts.place(cell.doubt))
    if not doubtful and not about:
        return [number, cells]
    return [number, cells, [doubts.place(doubt) for doubt in about], doubtful]


def length_of(head: bytes) -> int:
    """Return how many bytes follow a frame's head.

    Raises:
        FrameTooLongError: more than `FRAME_LIMIT`.
    """
    length: int = _LENGTH.unpack(head[:-1])[0]
    if length > FRAME_LIMIT:
        raise FrameTooLongError
    return length


class Message:
    """A frame that was received: whoever asks for its meaning says what it should be.

    Args:
        head: of the frame.
        content: what followed.

    Raises:
        ValueError: it is no message.
    """

    def __init__(self, head: bytes, content: bytes) -> None:
        self._kind = head[-1:]
        self._text = content.decode()
        self._value: dict[str, Any] = {}
        if self._kind == _JSON:
            self._value = _checked(_parsed(self._text), dict)

    @property
    def failure(self) -> Failure | None:
        """The error that it tells; None if it is another message.

        Raises:
            NonsenseError: it is no such message.
        """
        if "error" not in self._value:
            return None
        wrong: bool = _checked(self._value.get("no_export"), bool)
        return Failure(_text_in(self._value, "error"), _text_in(self._value, "cure"), wrong)

    def sheets(self) -> list[SheetTold]:
        """Return the sheets of a book.

        Raises:
            NonsenseError: it is no such message.
        """
        told = _checked(self._value.get("sheets"), list)
        if len(told) > SHEETS_LIMIT:
            raise NonsenseError
        return [
            SheetTold(
                _text_in(sheet, "name"),
                _checked(sheet.get("hidden"), bool),
                _checked(sheet.get("ragged"), bool),
            )
            for sheet in (_checked(one, dict) for one in told)
        ]

    def told(self) -> Told | None:
        """Return whose export a book is; None for a table of nobody's.

        Raises:
            NonsenseError: it is no such message.
        """
        told = self._value.get("export")
        if told is None:
            return None
        fields = _checked(told, dict)
        certainty = fields.get("certainty")
        left = _checked(fields.get("left"), dict)
        _check_texts([*left, *(_text_in(left, name) for name in left)])
        return Told(
            name=_text_in(fields, "name"),
            title=_text_in(fields, "title"),
            certainty=None if certainty is None else Certainty(_checked(certainty, int)),
            login=_text_in(fields, "login"),
            password=_text_in(fields, "password"),
            left=left,
            further=_texts_in(fields, "further"),
            counted=_text_in(fields, "counted"),
            others=_texts_in(fields, "others"),
        )

    def notes(self) -> list[Problem]:
        """Return what is worth a warning.

        Raises:
            NonsenseError: it is no such message.
        """
        notes = [_checked(note, list) for note in _checked(self._value.get("notes"), list)]
        for note in notes:
            if list(map(type, note)) != [str, str, str, str, str, bool, str]:
                raise NonsenseError
            _check_texts([*note[:5], note[6]])
        return [Problem(*note) for note in notes]

    def records(self, last: int) -> tuple[list[Record], bool]:
        """Return records, and whether more follow.

        Args:
            last: the number of the record before them.

        Raises:
            ValueError: it is no such message; or there is a cell that is no text, a row that has
                too many, a number that does not rise or is beyond what is read.
        """
        if self._kind == _JSON:
            more: bool = _checked(self._value.get("more"), bool)
            records = _unpacked(self._value)
        else:
            more = self._kind == _PLAIN
            records = self._plain()
        if len(records) > BATCH_ROWS or (more and not records):
            raise NonsenseError
        for number, cells, _ in records:
            if not last < number <= TEXT_ROWS or len(cells) > SHEET_COLUMNS:
                raise NonsenseError
            last = number
        return records, more

    def _plain(self) -> list[Record]:
        text = self._text
        if "\x00" in text or text.count(_UNIT) > _CELLS or text.count(_RECORD) >= BATCH_ROWS:
            raise NonsenseError
        lines = [line.split(_UNIT) for line in text.split(_RECORD)]
        return [(int(cells.pop()), cells, _NOTHING) for cells in lines]


def _unpacked(message: dict[str, Any]) -> list[Record]:
    doubts = [_doubt(one) for one in _checked(message.get("doubts"), list)]
    return [_record(one, doubts) for one in _checked(message.get("records"), list)]


def _record(told: object, doubts: Sequence[Doubt]) -> Record:
    record = _checked(told, list)
    if len(record) not in (2, 4):
        raise NonsenseError
    number, cells = _checked(record[0], int), _checked(record[1], list)
    if not set(map(type, cells)) <= {str}:
        raise NonsenseError
    _check_texts(cells)
    if len(record) == 2:
        return number, cells, _NOTHING
    about, doubtful = _places(record[2]), _places(record[3])
    columns, reasons = doubtful[::2], doubtful[1::2]
    if max(columns, default=-1) >= len(cells) or max([*about, *reasons], default=-1) >= len(doubts):
        raise NonsenseError
    if len(columns) != len(reasons):
        raise NonsenseError
    for column, reason in zip(columns, reasons, strict=True):
        cells[column] = DoubtfulText(cells[column], doubts[reason])
    return number, cells, tuple(doubts[place] for place in about)


def _places(value: object) -> list[int]:
    places: list[int] = _checked(value, list)
    if not set(map(type, places)) <= {int} or min(places, default=0) < 0:
        raise NonsenseError
    return places


def _doubt(told: object) -> Doubt:
    fields = _checked(told, list)
    if list(map(type, fields)) != [str, str, str, bool]:
        raise NonsenseError
    _check_texts(fields[:3])
    return Doubt(*fields)


def _parsed(text: str) -> object:
    try:
        value: object = json.loads(text)
    except RecursionError:
        raise NonsenseError from None
    return value


def _checked(value: object, kind: type) -> Any:  # noqa: ANN401 - of that kind, then
    if type(value) is not kind:  # exactly: a truth value is no number
        raise NonsenseError
    return value


def _text_in(message: dict[str, Any], key: str) -> str:
    text: str = _checked(message.get(key), str)
    _check_texts([text])
    return text


def _texts_in(message: dict[str, Any], key: str) -> tuple[str, ...]:
    texts: list[str] = _checked(message.get(key), list)
    if not set(map(type, texts)) <= {str}:
        raise NonsenseError
    _check_texts(texts)
    return tuple(texts)


def _check_texts(texts: Sequence[str]) -> None:
    """Refuse what no database and no request can carry; a reader has told it as a doubt."""
    joined = "".join(texts)
    if "\x00" in joined:
        raise NonsenseError
    joined.encode()  # half of a surrogate pair is a ValueError
