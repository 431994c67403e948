"""Files that are not what their names say, and one that needs a password."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import msoffcrypto.format.ooxml

from books import PEOPLE, Trouble, book, dated, packed, people

PASSWORD = "Pongal-2026"  # noqa: S105 - it stands in README.md: of protected.xlsx
_CSV = "username,password,name,department\r\n" + "".join(
    ",".join(map(str, row)) + "\r\n" for row in PEOPLE
)


def _bytes(content: bytes | str) -> Callable[[Path], object]:
    if isinstance(content, str):
        content = content.encode()
    return lambda path: path.write_bytes(content)


def _page() -> str:
    """Return a table as a web page, with what a system calls .xls mostly has round it."""
    lines = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in people([])
    )
    return (
        '<html xmlns:x="urn:schemas-microsoft-com:office:excel">\n<head><meta charset="utf-8">'
        "<title>Export</title></head>\n<body>\n<table border=1>\n"
        + lines
        + "</table>\n</body></html>\n"
    )


def _xml_spreadsheet() -> str:
    rows = "".join(
        "<Row>"
        + "".join(f'<Cell><Data ss:Type="String">{cell}</Data></Cell>' for cell in row)
        + "</Row>\n"
        for row in people([])
    )
    names = "urn:schemas-microsoft-com:office:spreadsheet"
    return (
        '<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?>\n'
        f'<Workbook xmlns="{names}" xmlns:ss="{names}">\n<Worksheet ss:Name="Users"><Table>\n'
        f"{rows}</Table></Worksheet>\n</Workbook>\n"
    )


def _ods(path: Path) -> None:
    """Write an OpenDocument spreadsheet in which 41 and 107 are shown as 0041 and 0107."""

    def text(shown: str) -> str:
        return (
            f'<table:table-cell office:value-type="string"><text:p>{shown}</text:p>'
            "</table:table-cell>"
        )

    def number(value: int) -> str:
        return (
            f'<table:table-cell table:style-name="ce1" office:value-type="float" '
            f'office:value="{value}"><text:p>{value:04}</text:p></table:table-cell>'
        )

    rows = [
        text("Extension") + text("Room"),
        *(number(value) + text(room) for value, room in ((41, "Cauvery"), (107, "Boardroom"))),
    ]
    table = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    named = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
        for name, space in (
            ("office", "office"),
            ("table", "table"),
            ("text", "text"),
            ("style", "style"),
            ("number", "datastyle"),
        )
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-content {named} '
        'office:version="1.3"><office:automatic-styles><number:number-style style:name="N100">'
        '<number:number number:decimal-places="0" number:min-decimal-places="0" '
        'number:min-integer-digits="4"/>'
        '</number:number-style><style:style style:name="ce1" style:family="table-cell" '
        'style:parent-style-name="Default" '
        'style:data-style-name="N100"/></office:automatic-styles><office:body><office:spreadsheet>'
        f'<table:table table:name="Users">{table}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    listed = (
        f'<manifest:manifest xmlns:manifest="{manifest}" manifest:version="1.3">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        first = dated("mimetype")
        first.compress_type = zipfile.ZIP_STORED  # so that the kind stands in the first bytes
        archive.writestr(first, kind)
        archive.writestr(dated("content.xml"), content)
        archive.writestr(dated("META-INF/manifest.xml"), listed)


def _protected(path: Path) -> None:
    """Write a workbook that needs a password; its bytes are other ones each time."""
    into = io.BytesIO()
    plain = msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(packed(people([]))))
    plain.encrypt(PASSWORD, into)
    path.write_bytes(into.getvalue())


def _macros(path: Path) -> None:
    """Write an .xlsm whose macros are a stand-in: nothing looks at them, not even here."""
    workbook = packed(
        people([]), lambda book, _: book.add_vba_project(io.BytesIO(b"no macros"), is_stream=True)
    )
    path.write_bytes(workbook)


NAMES = (
    Trouble(
        "workbook-called.csv",
        "An Excel workbook that somebody renamed to .csv.",
        book(people([])),
        code=2,
    ),
    Trouble(
        "text-called.xlsx",
        "A CSV file that somebody renamed to .xlsx.",
        _bytes(_CSV),
        code=2,
    ),
    Trouble(
        "web-page.xls",
        "A web page called .xls, as many systems export.",
        _bytes(_page()),
        code=0,
    ),
    Trouble(
        "text.xls",
        "Text with tabs called .xls, as some others do.",
        _bytes(_CSV.replace(",", "\t")),
        code=0,
    ),
    Trouble(
        "xml-spreadsheet.xls",
        'Saved as "XML Spreadsheet 2003" by an old Excel.',
        _bytes(_xml_spreadsheet()),
        code=2,
    ),
    Trouble(
        "printed.xlsx",
        "A PDF of the list, renamed.",
        _bytes(
            b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
        ),
        code=2,
    ),
    Trouble(
        "users.json",
        "Not a spreadsheet.",
        _bytes('[{"username": "asha.rao", "name": "Asha Rao"}]\n'),
        code=2,
    ),
    Trouble(
        "formatted-number.ods",
        "LibreOffice's own format, with 41 shown as 0041.",
        _ods,
        code=0,
    ),
    Trouble(
        "macros.xlsm",
        "A workbook with macros (here a stand-in). Nothing runs or reads them.",
        _macros,
        code=0,
    ),
)
PROTECTED = (
    Trouble(
        "protected.xlsx",
        f"A workbook that opens with a password. It is `{PASSWORD}`.",
        _protected,
        code=2,
        is_random=True,
    ),
    Trouble(
        "protected.xlsx",
        "The same, with the password.",
        None,
        code=0,
        options="--source-password-env SHEET_PASSWORD",
        variables=f"SHEET_PASSWORD={PASSWORD}",
    ),
    Trouble(
        "protected.xlsx",
        "The same, with another password.",
        None,
        code=2,
        options="--source-password-env SHEET_PASSWORD",
        variables="SHEET_PASSWORD=Onam-2025",
    ),
)
