"""Files changed at random, the same way for the same seed: for tests of what reads them."""

from __future__ import annotations

import re
from io import BytesIO
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile

_ODD = [
    *(b"-1", b"0", b"1048577", b"99999999999999999999", b"16385", b"ZZZZ1", b"XFD1048576", b"A1"),
    *(b"", b'"', b">", b"<", b"&#0;", b"&x;", b"\xff", b"\0", b"1e999", b"NaN", b"_xD800_"),
    *(b"_x0000_", b"true", b"5" * 5000, b"a" * 70_000, b"1_0", b"../../x", b"/etc/passwd"),
    *(b"s", b"str", b"inlineStr", b"d", b"e", b"b"),
]


def mutated(content: bytes, seed: int) -> bytes:
    """Change a file; of an archive, mostly one of its parts."""
    random = Random(seed)
    if not content.startswith(b"PK"):
        change = _markup if b"<" in content[:1000] and random.random() < 0.6 else _bytes
        return change(content, random)
    if random.random() < 0.15:
        return _bytes(content, random)
    changed = BytesIO()
    with ZipFile(BytesIO(content)) as archive, ZipFile(changed, "w", ZIP_DEFLATED) as copy:
        chosen = random.choice(archive.namelist())
        for name in archive.namelist():
            part = archive.read(name)
            if name == chosen:
                if random.random() < 0.03:
                    continue
                part = (_bytes if name.endswith(".bin") else _markup)(part, random)
            copy.writestr(name, part)
    return changed.getvalue()


def _bytes(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 4, 16])):
        if not changed:
            break
        at, size = random.randrange(len(changed)), random.choice([1, 2, 4, 8, 64, 512])
        match random.randrange(5):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                del changed[at : at + size]
            case 2:
                changed[at:at] = changed[at : at + size] * random.choice([1, 2, 50])
            case 3:
                changed[at : at + size] = random.choice([b"\xff", b"\0", b"<", b"9"]) * size
            case _ if random.random() < 0.2:
                del changed[at:]
    return bytes(changed)


def _markup(content: bytes, random: Random) -> bytes:
    """Change attributes, texts and tags."""
    for _ in range(random.choice([1, 1, 2, 3])):
        kind = random.randrange(5)
        pattern = (rb'"([^"]*)"', rb">([^<]*)<", rb"(<[^>]*>)", rb"(<[^>]*>)", rb"(.)")[kind]
        found = list(re.finditer(pattern, content))
        if not found:
            continue
        one = random.choice(found)
        before, behind = content[: one.start(1)], content[one.end(1) :]
        if kind <= 1:
            content = before + random.choice(_ODD) + behind
        elif kind == 2:
            content = before + one[1] * random.choice([2, 3, 100]) + behind
        elif kind == 3:
            content = before + behind
        else:
            content = _bytes(content, random)
    return content
