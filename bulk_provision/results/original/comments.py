"""Comments ("notes") on cells of a worksheet, beside those that are there already.

A comment is two things: its text, in the part `comments` (ECMA-376 part 1, 18.7), and the box
that shows it, in a drawing of the old kind, VML (`vml`). The worksheet names the drawing, in its
element `legacyDrawing` (18.3.1.54). Conversations ("threaded comments", Microsoft's [MS-XLSX]
2.6.205) are left alone: Excel writes a comment for each of them that nobody may change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bulk_provision.intake.readers.xml_parts import DamagedError
from bulk_provision.intake.records import column_letter
from bulk_provision.results.original import vml
from bulk_provision.results.original.cells import text_element
from bulk_provision.results.original.outline import Node, outline
from bulk_provision.results.original.package import OFFICE, STRICT, STRICT_OFFICE
from bulk_provision.results.original.splice import Edit, spliced
from bulk_provision.results.original.tags import closes_itself, closing, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bulk_provision.results.original.package import Package, Place
    from bulk_provision.results.original.scan import SheetScan

_AUTHOR = "bulk-provision"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.comments+xml"
_BLANK = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<comments xmlns="{namespace}"><authors/><commentList/></comments>'
)


class Note(NamedTuple):
    """A comment to be.

    Args:
        row: the cell's row, from 1.
        column: its column, from 0.
        text: what it says.
    """

    row: int
    column: int
    text: str

    @property
    def reference(self) -> str:
        """The cell, such as `B2`."""
        return f"{column_letter(self.column)}{self.row}"


def add_notes(package: Package, place: Place, scan: SheetScan, notes: Sequence[Note]) -> list[Edit]:
    """Put comments on a worksheet's cells.

    Args:
        package: is given the comments and their drawing.
        place: the worksheet.
        scan: what was found in it.
        notes: one for each cell.

    Returns:
        What the worksheet itself needs.
    """
    spoken_of = _threaded(package, place.part)
    notes = [note for note in notes if note.reference not in spoken_of]
    if not notes:
        return []
    part = package.related(place.part, "comments")
    if part is None:
        part = package.unused("xl/comments{}.xml")
        package.put(part, _BLANK.format(namespace=place.namespace).encode())
        package.declare(part, _TYPE)
        package.relate(place.part, place.base, "comments", part)
    content, new = _with_notes(package.content(part), notes)
    package.put(part, content)
    return _draw(package, place, scan, new) if new else []


def _threaded(package: Package, part: str) -> set[str]:
    """Return the cells that have a conversation."""
    named = {
        package.find(relation.part)
        for relation in package.relations(part)
        if relation.kind == "threadedComment"
    }
    cells: set[str] = set()
    for found in filter(None, named):
        threads = outline(package.content(found)).children
        cells.update(thread.attributes.get("ref", "") for thread in threads)
    return cells


def _with_notes(content: bytes, notes: Sequence[Note]) -> tuple[bytes, list[Note]]:
    """Add notes to a part.

    Returns:
        The part, and the notes on cells that had none: those need a box.
    """
    root = outline(content)
    authors, listed = root.only("authors"), root.only("commentList")
    if authors is None or listed is None:
        raise DamagedError("it has comments without authors, or without a list of them")
    p = root.prefix
    old = {comment.attributes.get("ref", ""): comment for comment in listed.all("comment")}
    author = len(list(authors.all("author")))
    edits, new, xml = [], [], ""
    for note in notes:
        if comment := old.get(note.reference):
            edits += _longer(comment, p, note.text)
            continue
        new.append(note)
        xml += (
            f'<{p}comment ref="{note.reference}" authorId="{author}"><{p}text><{p}r>'
            f"{text_element(p, note.text)}</{p}r></{p}text></{p}comment>"
        )
    if new:
        edits += authors.grown(f"<{p}author>{_AUTHOR}</{p}author>".encode())
        edits += listed.grown(xml.encode())
    return spliced(content, edits), new


def _longer(comment: Node, prefix: str, text: str) -> list[Edit]:
    """Let a comment say something more, behind what it says."""
    p = prefix
    words = comment.find("text")
    if words is None:
        raise DamagedError("it has a comment without a text")
    more = text_element(p, f"\n\n{_AUTHOR}: {text}")
    run = f"<{p}r>{more}</{p}r>".encode()
    if closes_itself(words.tag):
        return [Edit(words.start, words.end, opened(words.tag) + run + closing(words.tag))]
    edits = []
    at = words.start + len(words.tag)
    if plain := words.find("t"):  # a text without runs becomes the first run: one kind alone
        edits.append(Edit(plain.start, plain.start, f"<{p}r>".encode()))
        run = f"</{p}r>".encode() + run
        at = plain.end
    for runs in words.all("r"):
        at = runs.end
    return [*edits, Edit(at, at, run)]


def _draw(package: Package, place: Place, scan: SheetScan, notes: Sequence[Note]) -> list[Edit]:
    """Draw the boxes of new comments."""
    boxes = [vml.Box(note.row - 1, note.column, note.text) for note in notes]
    blocks = vml.free_blocks(package, len(boxes))
    if (element := scan.found.get("legacyDrawing")) is not None:
        named = (value for key, value in element.attributes.items() if key.endswith(":id"))
        relations = {found.identifier: found.part for found in package.relations(place.part)}
        part = package.find(relations.get(next(named, ""), ""))
        if part is None:
            raise DamagedError("it has a drawing that is missing")
        package.put(part, vml.with_boxes(package.content(part), boxes, blocks))
        return []
    part = package.unused("xl/drawings/vmlDrawing{}.vml")
    package.put(part, vml.with_boxes(vml.BLANK, boxes, blocks))
    package.declare(part, vml.TYPE, extension="vml")
    identifier = package.relate(place.part, place.base, "vmlDrawing", part)
    space = STRICT_OFFICE if place.namespace == STRICT else OFFICE
    tag = f'<{scan.prefix}legacyDrawing xmlns:r="{space}" r:id="{identifier}"/>'
    at = scan.places["legacyDrawing"]
    return [Edit(at, at, tag.encode())]
