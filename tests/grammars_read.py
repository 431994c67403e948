"""Reads exports that are no tables, for their tests."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

from bulk_provision.intake.exports.export import File, Shape
from bulk_provision.intake.exports.grammars import GRAMMARS

SAMPLES = Path(__file__).parent / "exports"

SHAPES = {".json": Shape.JSON, ".sql": Shape.SQL, ".xml": Shape.XML, ".conf": Shape.TEXT,
          ".txt": Shape.TEXT}  # fmt: skip


class Entry(NamedTuple):
    """A record, its further cells by name; blank ones are left out."""

    number: int
    remarks: str
    login: str
    password: str
    further: dict
    doubts: tuple


def reader(name, shape=None):
    """Return a reader by its name; of several with that name, the one of a shape."""
    of_name = [one for one in GRAMMARS if one.name == name]
    if shape is None:
        return of_name[0]
    kinds = {Shape.SQL: "SQL dump", Shape.TEXT: "db_text"}
    return next(one for one in of_name if kinds[shape] in one.title)


def file(name, content):
    data = content if isinstance(content, bytes) else content.encode()
    return File(name, lambda: io.BytesIO(data))


def sample(name):
    return file(name, (SAMPLES / name).read_bytes())


def read(one, *files, tell=None):
    """Read files to the end; a warning is one that the test expects."""
    warnings = [] if tell is None else tell
    entries = []
    for number, (remarks, login, password, *further), doubts in one.records(
        iter(files), warnings.append
    ):
        assert len(further) == len(one.further)
        named = {key: cell for key, cell in zip(one.further, further, strict=True) if cell}
        entries.append(Entry(number, remarks, login, password, named, doubts))
    numbers = [entry.number for entry in entries]
    assert numbers == sorted(set(numbers))
    assert tell is not None or not warnings, warnings
    return entries


def user(number, login, password, **further):
    return Entry(number, "", login, password, further, ())


def told(number, remarks, login, password="", **further):
    return Entry(number, remarks, login, password, further, ())
