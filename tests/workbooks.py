"""Input files for the tests of intake: workbooks from raw XML, so that any cell can be had."""

from __future__ import annotations

from zipfile import ZIP_DEFLATED, ZipFile

from bulk_provision.intake import open_table

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"


def text(value, reference=""):
    """A cell of text, as its own string."""
    place = f' r="{reference}"' if reference else ""
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f'<c{place} t="inlineStr"><is><t xml:space="preserve">{escaped}</t></is></c>'


def row(*cells, number=None, attributes=""):
    place = f' r="{number}"' if number else ""
    return f"<row{place}{attributes}>{''.join(cells)}</row>"


def number(value, style=0):
    return f'<c s="{style}"><v>{value}</v></c>'


HEADER = row(text("username"), text("password"), text("note"))


def sheet(*rows, before="", after="", namespace=MAIN):
    return (
        f'<?xml version="1.0"?><worksheet xmlns="{namespace}">{before}'
        f"<sheetData>{''.join(rows)}</sheetData>{after}</worksheet>"
    )


def write_xlsx(
    path,
    sheets,
    *,
    strings=None,
    formats=(),
    workbook="",
    states=None,
    namespace=MAIN,
    parts=None,
):
    """Write a workbook.

    Args:
        path: where to.
        sheets: the sheet's XML, or name → XML.
        strings: the XML inside `sst`.
        formats: number format codes: the first one is style 1, and so on.
        workbook: XML that stands before the list of sheets (`workbookPr`).
        states: sheet name → "hidden".
        namespace: of the workbook and its styles.
        parts: further parts, or parts to replace: name → content.
    """
    if isinstance(sheets, str):
        sheets = {"Users": sheets}
    listed = relations = ""
    for number, name in enumerate(sheets, start=1):
        state = (states or {}).get(name, "visible")
        listed += f'<sheet name="{name}" sheetId="{number}" state="{state}" r:id="rId{number}"/>'
        relations += relation(f"rId{number}", "worksheet", f"worksheets/sheet{number}.xml")
    relations += relation("rId900", "styles", "styles.xml")
    files = {
        "[Content_Types].xml": f'<Types xmlns="{TYPES}"/>',
        "_rels/.rels": rels(relation("rId1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": (
            f'<workbook xmlns="{namespace}" xmlns:r="{OFFICE}">{workbook}'
            f"<sheets>{listed}</sheets></workbook>"
        ),
        "xl/styles.xml": styles(formats, namespace),
    }
    if strings is not None:
        relations += relation("rId901", "sharedStrings", "sharedStrings.xml")
        files["xl/sharedStrings.xml"] = f'<sst xmlns="{namespace}">{strings}</sst>'
    files["xl/_rels/workbook.xml.rels"] = rels(relations)
    for number, content in enumerate(sheets.values(), start=1):
        files[f"xl/worksheets/sheet{number}.xml"] = content
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in {**files, **(parts or {})}.items():
            archive.writestr(name, content)
    return str(path)


def relation(identifier, kind, target):
    return f'<Relationship Id="{identifier}" Type="{OFFICE}/{kind}" Target="{target}"/>'


def rels(relations):
    return f'<Relationships xmlns="{RELATIONS}">{relations}</Relationships>'


def styles(codes, namespace=MAIN):
    def attribute(code):
        return code.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")

    formats = "".join(
        f'<numFmt numFmtId="{164 + place}" formatCode="{attribute(code)}"/>'
        for place, code in enumerate(codes)
    )
    cells = "".join(f'<xf numFmtId="{164 + place}"/>' for place in range(len(codes)))
    return (
        f'<styleSheet xmlns="{namespace}"><numFmts>{formats}</numFmts>'
        f'<cellXfs><xf numFmtId="0"/>{cells}</cellXfs></styleSheet>'
    )


def read(path, **options):
    """All rows of a source."""
    with open_table(str(path), **options) as table:
        return list(table.rows())


def read_cell(path, cell, **options):
    """The row that a username cell makes, in a workbook with nothing else."""
    write_xlsx(path, sheet(HEADER, row(cell, text("Long-enough-9"))), **options)
    (only,) = read(path)
    return only
