"""A small part as a tree whose elements know where they stand in the bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bulk_provision.intake.readers.xml_parts import DamagedError, safe_parser
from bulk_provision.results.original.splice import Edit
from bulk_provision.results.original.tags import (
    closes_itself,
    closing,
    opened,
    tag_at,
    with_attribute,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


NODES_LIMIT = 400_000
"""Elements of a part that is read whole: they take some 200 MB. Excel's 65,490 cell styles with two
elements each are a third of that."""


@dataclass(slots=True)
class Node:
    """An element.

    Args:
        name: as it stands in the file, with its prefix.
        attributes: likewise.
        start: where its start tag begins, in bytes.
        tag: the start tag as it stands in the file.
        end_tag: where its end tag begins; behind the start tag if it closes itself.
        end: behind all of it.
        children: the elements in it.
    """

    name: str
    attributes: dict[str, str]
    start: int
    tag: bytes
    end_tag: int = 0
    end: int = 0
    children: list[Node] = field(default_factory=list)

    @property
    def local(self) -> str:
        """The name without its prefix."""
        return self.name.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        """The prefix with its colon; mostly empty."""
        return self.name.removesuffix(self.local)

    @property
    def namespace(self) -> str:
        """The namespace, if it is declared on the element itself."""
        prefix = self.prefix.removesuffix(":")
        return self.attributes.get(f"xmlns:{prefix}" if prefix else "xmlns", "")

    def find(self, local: str) -> Node | None:
        """Return the first child of a name."""
        return next(self.all(local), None)

    def only(self, local: str) -> Node | None:
        """Return the child of a name of which there can be one alone.

        Raises:
            DamagedError: there are more: programs differ in which one counts.
        """
        found = list(self.all(local))
        if len(found) > 1:
            raise DamagedError(f"it has more than one list called {local}")
        return found[0] if found else None

    def all(self, local: str) -> Iterator[Node]:
        """Yield the children of a name."""
        return (child for child in self.children if child.local == local)

    def source(self, content: bytes) -> bytes:
        """Return all of it as it stands in the file."""
        return content[self.start : self.end]

    def grown(self, more: bytes, count: int | None = None) -> list[Edit]:
        """Append to what it holds.

        Args:
            more: XML.
            count: its attribute of this name is set to that, if given.
        """
        if not more:
            return []
        tag = self.tag if count is None else with_attribute(self.tag, "count", count)
        if closes_itself(self.tag):
            return [Edit(self.start, self.end, opened(tag) + more + closing(tag))]
        edits = [Edit(self.end_tag, self.end_tag, more)]
        if tag != self.tag:
            edits.append(Edit(self.start, self.start + len(self.tag), tag))
        return edits


def outline(content: bytes) -> Node:
    """Read a part that fits into memory.

    Args:
        content: UTF-8.

    Returns:
        The root.

    Raises:
        DamagedError: it declares a document type, or has too many elements.
        expat.ExpatError: it is no XML.
    """
    parser = safe_parser()
    parser.buffer_text = False
    open_ones: list[Node] = []
    roots: list[Node] = []
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > NODES_LIMIT:
            raise DamagedError(f"one of its parts has more than {NODES_LIMIT:,} elements")
        at = parser.CurrentByteIndex
        node = Node(name, attributes, at, tag_at(content, at))
        (open_ones[-1].children if open_ones else roots).append(node)
        open_ones.append(node)

    def end(_: str) -> None:
        node = open_ones.pop()
        if closes_itself(node.tag):
            node.end_tag = node.end = node.start + len(node.tag)
        else:
            node.end_tag = parser.CurrentByteIndex
            node.end = content.index(b">", node.end_tag) + 1

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(content, True)
    except LookupError as error:  # what Python's parser raises for an unknown encoding
        raise DamagedError(str(error)) from None
    return roots[0]
