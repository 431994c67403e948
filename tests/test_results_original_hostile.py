"""Hostile workbooks, marked and annotated: handled or refused, in bounded time and memory."""

import time
from io import BytesIO
from zipfile import ZipFile

import openpyxl
import pytest

from bulk_provision.errors import ResultsError
from bulk_provision.results.original import Mark
from bulk_provision.results.original import outline as outline_module
from bulk_provision.results.original.outline import NODES_LIMIT
from mutations import mutated
from originals import STYLES, annotated, handmade, marked, parts
from workbooks import HEADER, OFFICE, relation, rels, row, sheet, text

MARK = Mark(2, 0, "wrong")
SECONDS = 15
ROWS = (HEADER, row(text("asha"), number=2))


def refused(source, words):
    began = time.monotonic()
    for write in (lambda: marked(source, MARK), lambda: annotated(source, [(2, ("a", "b"))])):
        with pytest.raises(ResultsError, match=words) as told:
            write()
        assert told.value.cure
    assert time.monotonic() - began < SECONDS


def handled(source):
    began = time.monotonic()
    for made in (marked(source, MARK), annotated(source, [(2, ("a", "b"))])):
        assert openpyxl.load_workbook(made)["Users"]["A2"].value == "asha"
    assert time.monotonic() - began < SECONDS


def commented(comments="", drawing=None, more=""):
    """A workbook whose sheet has comments, or a drawing."""
    given = relation("rId1", "comments", "../comments1.xml") if comments else ""
    added = {"xl/comments1.xml": comments} if comments else {}
    after = ""
    if drawing is not None:
        after = f'<legacyDrawing xmlns:r="{OFFICE}" r:id="rId2"/>'
        given += relation("rId2", "vmlDrawing", "../drawings/d.vml")
        added["xl/drawings/d.vml"] = drawing
    added["xl/worksheets/_rels/sheet1.xml.rels"] = rels(given + more)
    return handmade(sheet(*ROWS, after=after), parts=added)


def test_styles_of_more_elements_than_memory_should_hold(monkeypatch):
    assert NODES_LIMIT <= 400_000  # each takes half a kilobyte
    monkeypatch.setattr(outline_module, "NODES_LIMIT", 20_000)
    styles = f"<styleSheet>{'<x/>' * 20_000}</styleSheet>"
    refused(handmade(sheet(*ROWS), parts={STYLES: styles}), "elements")


def test_a_style_sheet_with_two_lists_of_styles():
    styles = parts(handmade(sheet(*ROWS)))[STYLES].decode()
    twice = styles.replace("<cellXfs", '<cellXfs count="0"/><cellXfs')
    refused(handmade(sheet(*ROWS), parts={STYLES: twice}), "more than one list")


def test_a_row_whose_tag_is_nearly_all_spaces():
    source = handmade(sheet(HEADER, row(text("asha"), number=2, attributes=" " * 300_000)))
    handled(source)


def test_a_tag_of_mebibytes():
    long = sheet(HEADER, row(text("asha"), number=2, attributes=f' x="{"y" * (2 << 20)}"'))
    refused(handmade(long), "a tag or a comment")


def test_an_encoding_that_nobody_knows():
    styles = '<?xml version="1.0"' + " " * 300 + 'encoding="x-none"?><styleSheet/>'
    refused(handmade(sheet(*ROWS), parts={STYLES: styles}), "encoding")


def test_rows_in_rows():
    inner = row(text("asha"), number=2)
    nested = sheet(HEADER, row(inner, number=3))
    for write in (lambda: marked(handmade(nested), MARK), lambda: annotated(handmade(nested))):
        try:
            write()
        except ResultsError as error:
            assert error.cure  # noqa: PT017 - either is well


@pytest.mark.parametrize(
    "drawing",
    [
        "<xml " + "<o:idmap " * 200_000 + "</xml>",
        '<xml><o:idmap data="' + "9" * 5000 + '"/></xml>',
        '<xml x="</xml>',
        "<xml" + " " * 500_000 + "></xml>",
        "",
    ],
)
def test_drawings_that_are_none_or_long_to_look_through(drawing):
    began = time.monotonic()
    try:
        marked(commented(drawing=drawing), MARK)
    except ResultsError as error:
        assert error.cure  # noqa: PT017 - either is well
    assert time.monotonic() - began < SECONDS


def test_conversations_named_a_thousand_times_are_read_once():
    threads = "<ThreadedComments>" + "<x/>" * 50_000 + "</ThreadedComments>"
    named = "".join(
        relation(f"rId{place}", "threadedComment", "../t.xml") for place in range(10, 1010)
    )
    source = commented(more=named)
    with ZipFile(source, "a") as archive:
        archive.writestr("xl/t.xml", threads)
    began = time.monotonic()
    marked(source, MARK)
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../../../../etc/passwd", "http://127.0.0.1:9/", "sheet1.xml", ""]
)
def test_relations_that_point_elsewhere(target):
    source = commented(more=relation("rId7", "comments", target))
    try:
        marked(source, MARK)
    except ResultsError as error:
        assert error.cure  # noqa: PT017 - either is well


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "C:\\evil", "a\\..\\b"])
def test_parts_with_names_that_lead_out_are_only_copied(name):
    source = handmade(sheet(*ROWS), parts={name: "x"})
    assert len(parts(marked(source, MARK))) >= len(parts(source))
    handled(source)


def test_a_part_that_begins_before_the_file_does():
    content = bytearray(handmade(sheet(*ROWS)).getvalue())
    end = content.rindex(b"PK\5\6")
    start = int.from_bytes(content[end + 16 : end + 20], "little") + 100_000
    content[end + 16 : end + 20] = start.to_bytes(4, "little")
    refused(BytesIO(content), "before the file")


@pytest.mark.parametrize("seed", range(60))
def test_mutated_workbooks_are_handled_or_refused(seed):
    book = openpyxl.Workbook()
    book.active.title = "Users"
    book.active.append(["username", "password"])
    book.active.append(["asha", 42])
    book.active["A2"].comment = openpyxl.comments.Comment("hello", "me")
    book.active["B2"].number_format = "0000"
    plain = BytesIO()
    book.save(plain)
    source = BytesIO(mutated(plain.getvalue(), seed))
    for write in (lambda: marked(source, MARK), lambda: annotated(source, [(2, ("a", "b"))])):
        try:
            write()
        except ResultsError as error:
            assert error.cure  # noqa: PT017 - either is well
