"""Exports that are JSON: what a web service answers when it is asked for its users."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bulk_provision.errors import SourceError
from bulk_provision.intake.cells import Doubt, storable
from bulk_provision.intake.exports.entries import no_user, user, without_password
from bulk_provision.intake.exports.export import (
    Certainty,
    File,
    Likeness,
    Remark,
    Seen,
    Shape,
    Tell,
    cells_of,
)
from bulk_provision.intake.exports.json_items import Doubled, Items
from bulk_provision.intake.records import Record

Item = Mapping[str, Any]
"""An object of JSON."""

_TWICE = Doubt(
    "key-twice",
    "a name stands in it more than once, and it cannot be told which value is meant",
    "Take the wrong one away, or save the answer again.",
)
_SEEN_ITEMS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonExport:
    """A service that lists its users.

    Args:
        name: what `--from` calls it.
        title: the system and the kind of export, for people.
        key: the name of the list; a list without any name round it is read, too.
        signs: keys of a user: each group is one kind of user, and all of its keys are there.
        hints: further keys that make it certain.
        login: the key of the SIP login, for people.
        password: the key of the SIP password; "" when there is none.
        left: key → what it is, of what looks like a login or password and is none.
        further: the names of the further cells.
        entry: makes a record's cells out of a user.
        check: says of a user with all signs whether it is one of this service after all.
    """

    name: str
    title: str
    key: str
    signs: tuple[frozenset[str], ...]
    hints: frozenset[str]
    login: str
    password: str
    left: Mapping[str, str] = field(default_factory=dict)
    further: tuple[str, ...]
    entry: Callable[[Item], list[str]]
    check: Callable[[Item], bool] = lambda item: True  # noqa: ARG005
    shape: Shape = field(default=Shape.JSON, init=False)
    counted: str = field(default="user", init=False)

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well JSON fits, by its first users."""
        if seen.shape is not self.shape:
            return None
        items = Items(io.StringIO(seen.text), "", self.key)
        with suppress(SourceError):  # the beginning ends somewhere
            for item in islice(items, _SEEN_ITEMS):
                if isinstance(item, dict) and self._is_user(item):
                    found = len(self.hints & item.keys())
                    certainty = Certainty.CERTAIN if found else Certainty.LIKELY
                    return Likeness(certainty, 2 + found)
        return None

    def _is_user(self, item: Item) -> bool:
        return any(signs <= item.keys() for signs in self.signs) and self.check(item)

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:  # noqa: ARG002
        """Read the users; a record's number is its place among them, over all files."""
        number = lists = 0
        name = ""
        for file in files:
            name = file.name
            with file.open() as opened:
                start = opened.read(4)
                opened.seek(0)
                codec = json.detect_encoding(start)
                text = io.TextIOWrapper(opened, codec)
                items = Items(text, file.name, self.key)
                try:
                    for item in items:
                        number += 1
                        if not isinstance(item, dict):
                            yield number, cells_of("", "", (Remark.NO_LOGIN,), self._blank), ()
                        else:
                            doubts = (_TWICE,) if isinstance(item, Doubled) else ()
                            yield number, self.entry(item), doubts
                except UnicodeError:
                    raise SourceError(
                        f"{file.name}: the text is not {codec}, as JSON should be.",
                        "Save the answer again, as it came.",
                    ) from None
                finally:
                    if not opened.closed:
                        text.detach()
                lists += items.lists
        if not lists:
            raise SourceError(
                f'{name}: this cannot be read as {self.title}: there is no list "{self.key}" '
                "in it.",
                "Save the service's answer to a request for its list, whole and as it came.",
            )

    @property
    def _blank(self) -> tuple[str, ...]:
        return ("",) * len(self.further)


def text_of(item: Item, key: str) -> str:
    """Return a value as text: of a number its digits; "" when it is none of both."""
    value = item.get(key)
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def is_false(item: Item, key: str) -> bool:
    """Tell whether a value says no: not when it is missing."""
    return item.get(key) is False or text_of(item, key).lower() in ("false", "0", "no", "inactive")


def is_true(item: Item, key: str) -> bool:
    """Tell whether a value says yes."""
    return item.get(key) is True or text_of(item, key).lower() in ("true", "1", "yes")


def inner(item: Item, key: str) -> Item:
    """Return an object in another; an empty one when there is none."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def user_or_none(
    login: str,
    password: str,
    further: tuple[str, ...],
    *,
    why: Remark = Remark.MISSING,
    disabled: bool = False,
) -> list[str]:
    """Return an entry's cells; without a login it is no user.

    Args:
        login: the login.
        password: the password; "" when there is none that could be used.
        further: the further cells.
        why: why there is no password, if there is none.
        disabled: whether the user is switched off.
    """
    if not login.strip():
        return no_user("", Remark.NO_LOGIN, further)
    if password:
        return user(login, password, further, disabled=disabled)
    return without_password(login, why, further, disabled=disabled)
