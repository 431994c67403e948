"""Start tags as the bytes that stand in the file: changed without touching the rest of them.

`<c r='B2'  s="3"/>` keeps its quotes and its spaces, whatever program wrote it.
"""

from __future__ import annotations

import re

_TAG = re.compile(rb"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_ATTRIBUTE = re.compile(rb"""(?<!\s)\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")


def tag_at(content: bytes | bytearray, start: int) -> bytes:
    """Return the start tag that begins at a place where a parser has found one.

    Raises:
        ValueError: there is none, so the place is wrong: a bug of ours.
    """
    found = _TAG.match(content, start)
    if found is None:
        raise ValueError(f"no tag begins at {start}")
    return bytes(found[0])


def closes_itself(tag: bytes) -> bool:
    """Say whether the element is empty: `<c/>`."""
    return tag.endswith(b"/>")


def opened(tag: bytes) -> bytes:
    """Return the tag for an element that shall hold something."""
    return tag[:-2] + b">" if closes_itself(tag) else tag


def closing(tag: bytes) -> bytes:
    """Return the end tag that belongs to a start tag."""
    name = re.match(rb"<([^\s/>]+)", tag)
    assert name is not None
    return b"</" + name[1] + b">"


def with_attribute(tag: bytes, name: str, value: str | int) -> bytes:
    """Return the tag with an attribute set; one that is not there is added at the end.

    Args:
        tag: a start tag.
        name: with its prefix, if it has one.
        value: without any of `&<"'`.
    """
    wanted, new = name.encode(), str(value).encode()
    for found in _ATTRIBUTE.finditer(tag):
        if found[1] == wanted:
            return tag[: found.start(2) + 1] + new + tag[found.end(2) - 1 :]
    end = len(tag) - (2 if closes_itself(tag) else 1)
    return tag[:end].rstrip() + b" " + wanted + b'="' + new + b'"' + tag[end:]


def without_attribute(tag: bytes, name: str) -> bytes:
    """Return the tag without an attribute, if it has it."""
    wanted = name.encode()
    for found in _ATTRIBUTE.finditer(tag):
        if found[1] == wanted:
            return tag[: found.start()] + tag[found.end() :]
    return tag
