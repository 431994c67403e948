"""Files that are damaged, that mean harm, or that reach for something outside."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

from books import HEADER, PEOPLE, Formula, Trouble, packed, people, repacked

_SHEET = "xl/worksheets/sheet1.xml"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def _many_rows(path: Path) -> None:
    """Write a million rows with a style and nothing in them, and a dimension as large as can be."""
    workbook = packed(people([]))
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        sheet = archive.read(_SHEET).decode()
    changed = sheet.replace('<dimension ref="A1:D9"/>', '<dimension ref="A1:XFD1048576"/>')
    changed = changed.replace("</sheetData>", '<row s="1"/>' * 1_000_000 + "</sheetData>")
    assert len(changed) > len(sheet) + 12_000_000
    path.write_bytes(repacked(workbook, {_SHEET: changed.encode()}))


def _bomb(path: Path) -> None:
    """Write a workbook with pictures of 3 GB: all of them are the same 10 MB of zeros.

    The list at the end of a ZIP archive says where each part begins; here it names one place 300
    times. An unpacker that trusts it writes 3 GB.
    """
    workbook = repacked(packed(people([])), {"xl/media/image1.png": bytes(10_000_000)})
    end = workbook.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack_from("<HII", workbook, end + 10)
    listed = workbook[start : start + size]
    picture = listed[listed.rindex(b"PK\x01\x02") :]
    copies = [picture.replace(b"image1.", f"image{at}.".encode()) for at in range(2, 302)]
    copies = [
        copy[:28] + struct.pack("<H", len(f"xl/media/image{at}.png")) + copy[30:]
        for at, copy in enumerate(copies, start=2)
    ]
    everything = listed + b"".join(copies)
    total = count + len(copies)
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, total, total, len(everything), start, 0)
    path.write_bytes(workbook[:start] + everything + tail)


def _laughs(path: Path) -> None:
    """Write texts whose entities would grow to a billion words."""
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 10)
    )
    texts = "xl/sharedStrings.xml"
    workbook = repacked(
        packed(people([])), {texts: ("<sst ", f"<!DOCTYPE sst [{entities}]>\n<sst ")}
    )
    path.write_bytes(repacked(workbook, {texts: ("Asha Rao", "&a9;")}))


def _external(path: Path) -> None:
    """Write usernames that are looked up in a workbook on somebody's drive."""
    rows = people([Formula(f"=[1]List!A{at}", row[0]) for at, row in enumerate(PEOPLE[:3], 2)])  # type: ignore[arg-type]
    link = (
        f'<externalLink xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        f'xmlns:r="{_RELATIONS}"><externalBook r:id="rId1"><sheetNames><sheetName val="List"/>'
        "</sheetNames></externalBook></externalLink>"
    )
    target = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="rId1" Type="{_RELATIONS}/externalLinkPath" '
        'Target="file:///S:/Telephony/Extensions.xlsx" TargetMode="External"/></Relationships>'
    )
    part = "externalLinks/externalLink1.xml"
    path.write_bytes(
        repacked(
            packed(rows),
            {
                f"xl/{part}": link.encode(),
                "xl/externalLinks/_rels/externalLink1.xml.rels": target.encode(),
                "xl/_rels/workbook.xml.rels": (
                    "</Relationships>",
                    (
                        f'<Relationship Id="rId99" Type="{_RELATIONS}/externalLink" '
                        f'Target="{part}"/></Relationships>'
                    ),
                ),
                "xl/workbook.xml": (
                    "</sheets>",
                    (
                        '</sheets><externalReferences><externalReference r:id="rId99"/>'
                        "</externalReferences>"
                    ),
                ),
                "[Content_Types].xml": (
                    "</Types>",
                    (
                        f'<Override PartName="/xl/{part}" ContentType="application/'
                        'vnd.openxmlformats-officedocument.spreadsheetml.externalLink+xml"/></Types>'
                    ),
                ),
            },
        )
    )


DANGEROUS = (
    Trouble(
        "copied-halfway.xlsx",
        "A workbook of which only the first half was copied.",
        lambda path: path.write_bytes(packed([HEADER, *PEOPLE])[:3000]),
        code=2,
    ),
    Trouble(
        "a-million-blank-rows.xlsx",
        "Somebody formatted the whole sheet: a million rows with nothing in them, below eight "
        "people; and the sheet says that it fills all of Excel's columns.",
        _many_rows,
        code=0,
    ),
    Trouble(
        "unpacks-to-3-gigabytes.xlsx",
        'A "zip bomb": 20 KB that would fill a disk.',
        _bomb,
        code=2,
    ),
    Trouble(
        "billion-laughs.xlsx",
        "XML entities that grow to a billion words when they are read.",
        _laughs,
        code=2,
    ),
    Trouble(
        "external-link.xlsx",
        "Usernames looked up in another workbook, on somebody's drive. Nothing is fetched.",
        _external,
        code=1,
    ),
)
