"""The items of the lists in a JSON text, one after the other, with little memory.

A saved answer of a web service is an object round a list; people save several of them one after the
other, one a line, as a list of pages, or within an answer of their own tools. So the text is walked
through to every list of a name, and each item of it is decoded alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import TextIOBase
from typing import Any

from bulk_provision.errors import SourceError

_PIECE = 1 << 18
_VALUE_LIMIT = 16 << 20  # characters of a value that is held whole
_LONGEST_WORD = 16  # characters: an escape (\\ud83d\\ude00) or a word (-Infinity)
_DEPTH_LIMIT = 12  # objects round a list
_BLANK = re.compile(r"[ \t\r\n]*")
_BETWEEN = re.compile(r"[ \t\r\n,\x1e\ufeff]*")  # pages: also after a comma, or a record separator
_EXPORT_AGAIN = "Save the answer again, whole and as it came."


class Doubled(dict[str, Any]):
    """An object in which a key stands twice, somewhere in it: which one is meant is not told."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs) or any(type(value) is Doubled for value in made.values()):
        return Doubled(made)
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


class Items:
    """The items of a text's lists.

    Args:
        text: the JSON.
        name: the file's, for errors.
        key: the name of the lists; a list that is the whole text has none, and is one of them.
    """

    def __init__(self, text: TextIOBase, name: str, key: str) -> None:
        self._file = text
        self._name = name
        self._key = key
        self._text = ""
        self._at = 0
        self._lines = 1
        self._at_end = False
        self.lists = 0
        """How many lists were found."""

    def __iter__(self) -> Iterator[Any]:
        """Read the items.

        Raises:
            SourceError: it is no JSON, or cut off.
        """
        while self._next(_BETWEEN):
            yield from self._value(0)

    def _value(self, depth: int, *, is_list: bool = True) -> Iterator[Any]:
        """Walk through a value.

        Args:
            depth: the objects round it.
            is_list: whether it is one of the lists, if it is a list.
        """
        begin = self._peek()
        if begin == "{" and depth < _DEPTH_LIMIT:
            yield from self._members(depth)
        elif begin == "[" and is_list:
            self.lists += 1
            for item in self._elements():
                pages = item.get(self._key) if isinstance(item, dict) else None
                if depth == 0 and isinstance(pages, list):  # a list of whole pages
                    yield from pages
                else:
                    yield item
        else:
            self._decoded()

    def _members(self, depth: int) -> Iterator[Any]:
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            if self._peek() != '"':
                raise self._damaged("a name in quotation marks should stand there")
            key = self._decoded()
            self._expect(":")
            yield from self._value(depth + 1, is_list=key == self._key)
            if self._expect(",}") == "}":
                return

    def _elements(self) -> Iterator[Any]:
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._decoded()
            if self._expect(",]") == "]":
                return

    def _decoded(self) -> Any:  # noqa: ANN401 - whatever JSON says
        """Decode the value that begins here."""
        self._peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise self._damaged("too many values stand in one another") from None
            except ValueError as error:  # among them a number of too many digits
                if self._is_final(error) or not self._more():
                    said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                    raise self._damaged(said[:1].lower() + said[1:]) from None
                continue
            if end < len(self._text) or not self._more():  # else a number may go on
                self._at = end
                return value

    def _is_final(self, error: ValueError) -> bool:
        """Tell whether more text would not mend it: it is not about the end of what is there."""
        if not isinstance(error, json.JSONDecodeError):
            return True
        is_open = error.msg.startswith("Unterminated string")
        return not is_open and error.pos < len(self._text) - _LONGEST_WORD

    def _peek(self) -> str:
        """Go on to the next character that says something, and return it."""
        if not self._next(_BLANK):
            raise self._damaged("it ends in the middle")
        return self._text[self._at]

    def _next(self, between: re.Pattern[str]) -> bool:
        while True:
            match = between.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if found not in characters:
            raise self._damaged(f"one of {' '.join(characters)} should stand there")
        self._at += 1
        return found

    def _more(self) -> bool:
        if self._at_end:
            return False
        rest = self._text[self._at :]
        if len(rest) > _VALUE_LIMIT:
            raise self._damaged(f"a value has more than {_VALUE_LIMIT >> 20} MiB")
        self._lines += self._text.count("\n", 0, self._at)
        piece = self._file.read(max(_PIECE, len(rest)))
        self._at_end = not piece
        self._text, self._at = rest + piece, 0
        return bool(piece)

    def _damaged(self, why: str) -> SourceError:
        line = self._lines + self._text.count("\n", 0, self._at)
        return SourceError(
            f"{self._name}, line {line}: the JSON is damaged, or cut off: {why}.", _EXPORT_AGAIN
        )
