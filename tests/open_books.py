"""Books opened by their own class, and what their cells show."""

from __future__ import annotations

from contextlib import closing, contextmanager

from bulk_provision.intake.cells import DoubtfulText
from bulk_provision.intake.source import Source


@contextmanager
def opened(book, path):
    """Open a file as a book, whatever the kind of the file is taken for elsewhere."""
    with path.open("rb") as file:
        with closing(book(Source(str(path), file, "", path.suffix))) as made:
            yield made


def shown(cell):
    """A cell that is certain as its text; any other as its text and the kind of its doubt."""
    return (str(cell), cell.doubt.kind) if isinstance(cell, DoubtfulText) else cell


def shown_rows(sheet):
    """Row number → what its cells show."""
    return {number: [shown(cell) for cell in cells] for number, cells, _ in sheet.records()}
