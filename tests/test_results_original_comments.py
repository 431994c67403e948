"""Comments on marked cells: new ones, beside old ones, and where nobody may add any."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise
from xml.etree.ElementTree import fromstring

import pytest
import xlsxwriter
from openpyxl import load_workbook

from bulk_provision.errors import ResultsError
from bulk_provision.results.original import Mark
from bulk_provision.results.original.vml import BLANK, Box, with_boxes
from originals import KIND, SHEET, STYLES, changed_parts, handmade, marked, parts, sheet_xml
from workbooks import HEADER, MAIN, OFFICE, rels, row, sheet, text

COMMENTS = "xl/comments1.xml"
VML = "xl/drawings/vmlDrawing1.vml"
SHEET_RELS = "xl/worksheets/_rels/sheet1.xml.rels"
SHAPES = "{urn:schemas-microsoft-com:vml}"
EXCEL = "{urn:schemas-microsoft-com:office:excel}"


def shapes(file, part=VML):
    """Id, row and column of each comment's box."""
    found = []
    for shape in fromstring(parts(file)[part]).iter(f"{SHAPES}shape"):
        place = [int(next(shape.iter(f"{EXCEL}{name}")).text) for name in ("Row", "Column")]
        found.append((shape.get("id"), *place))
    return found


def comments(file):
    """Cell → text, as openpyxl reads them."""
    cells = [cell for row in load_workbook(file)["Users"].iter_rows() for cell in row]
    return {cell.coordinate: cell.comment.text for cell in cells if cell.comment}


def with_comments(*, others=False):
    """A workbook with two comments on the sheet, and perhaps some on another one."""
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Users")
    sheet.write_row(0, 0, ["username", "password"])
    sheet.write_row(1, 0, ["a", "b"])
    sheet.write_comment("A2", "old note", {"author": "Anita", "visible": True})
    sheet.write_comment("B1", "another")
    if others:
        other = book.add_worksheet("Others")
        for line in range(1500):
            other.write_comment(line, 0, "x")
    book.close()
    return file


def related(comments_xml, *, worksheet="", more="", parts_=None):
    """A handmade workbook with a part of comments, and no drawing unless `more` has one."""
    relation = f'<Relationship Id="rId7" Type="{OFFICE}/comments" Target="../comments1.xml"/>'
    return handmade(
        worksheet or sheet(HEADER, row(text("a"))),
        parts={COMMENTS: comments_xml, SHEET_RELS: rels(relation + more), **(parts_ or {})},
    )


class TestNewComments:
    def test_what_a_sheet_without_comments_is_given(self):
        source = handmade(sheet(HEADER))
        result = marked(source, Mark(1, 1, "wrong <so>"))
        assert changed_parts(source, result) == {
            *("[Content_Types].xml", SHEET, STYLES, SHEET_RELS, COMMENTS, VML),
        }
        assert f'<legacyDrawing xmlns:r="{OFFICE}" r:id="rId2"/></worksheet>' in sheet_xml(result)
        assert comments(result) == {"B1": "wrong <so>"}
        assert shapes(result) == [("_x0000_s1025", 0, 1)]
        assert b'<o:idmap v:ext="edit" data="1"/>' in parts(result)[VML]
        assert b"visibility:hidden" in parts(result)[VML]

    def test_their_kinds_are_declared_once(self):
        types = parts(marked(handmade(sheet(HEADER)), Mark(1, 1, "x")))["[Content_Types].xml"]
        vml = b'ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
        assert types.count(b'<Default Extension="vml" ' + vml) == 1
        assert types.index(b'Extension="vml"') < types.index(b"<Override")
        assert (
            types.count(f'PartName="/{COMMENTS}" ContentType="{KIND}.comments+xml"'.encode()) == 1
        )

    def test_an_extension_that_means_something_else_is_left_to_it(self):
        types = '<Types xmlns="x"><Default Extension="VML" ContentType="text/x"/></Types>'
        source = handmade(sheet(HEADER), parts={"[Content_Types].xml": types})
        found = parts(marked(source, Mark(1, 1, "x")))["[Content_Types].xml"].decode()
        assert f'<Override PartName="/{VML}"' in found
        assert found.lower().count('extension="vml"') == 1

    def test_names_and_ids_that_are_taken_are_not_used(self):
        taken = {
            "XL/Comments1.xml": "<x/>",
            "xl/drawings/vmldrawing1.vml": BLANK.replace(b'data=""', b'data="1,5"'),
            SHEET_RELS: rels(
                '<Relationship Id="RID2" Type="x/y" Target="http://x" TargetMode="External"/>'
            ),
        }
        result = marked(handmade(sheet(HEADER), parts=taken), Mark(1, 1, "x"))
        assert "xl/comments2.xml" in parts(result)
        assert shapes(result, "xl/drawings/vmlDrawing2.vml") == [(f"_x0000_s{6 * 1024 + 1}", 0, 1)]
        assert re.findall('Id="([^"]*)"', parts(result)[SHEET_RELS].decode()) == [
            "RID2",
            "rId3",
            "rId4",
        ]

    def test_thousands_of_them_have_ids_of_their_own_in_blocks_that_are_named(self):
        rows = [row(text("x"), number=number) for number in range(1, 2501)]
        marks = [Mark(number, 0, "x") for number in range(1, 2501)]
        result = marked(handmade(sheet(*rows)), *marks)
        ids = [int(name.removeprefix("_x0000_s")) for name, _, _ in shapes(result)]
        assert len(set(ids)) == 2500
        assert {number // 1024 for number in ids} == {1, 2, 3}
        assert 0 not in {number % 1024 for number in ids}
        assert b'data="1,2,3"' in parts(result)[VML]

    def test_white_space_and_what_xml_cannot_hold(self):
        result = marked(handmade(sheet(HEADER)), Mark(1, 0, " two\nlines \x01"))
        assert ' xml:space="preserve"> two\nlines _x0001_<' in parts(result)[COMMENTS].decode()

    @pytest.mark.parametrize("place", [(0, 0), (1_048_575, 16_383), (1_048_575, 0), (0, 16_383)])
    def test_a_box_lies_on_the_sheet(self, place):
        for words in ("x", "word " * 1000, "\n" * 50):
            drawing = with_boxes(BLANK, [Box(*place, words)], [1]).decode()
            anchor = re.search("<x:Anchor>(.*)</x:Anchor>", drawing)[1]
            left, _, top, _, right, _, bottom, _ = map(int, anchor.split(", "))
            assert 0 <= left < right <= 16_383
            assert 0 <= top < bottom <= 1_048_575
            assert 3 <= bottom - top <= 14


class TestBesideOldOnes:
    def test_old_ones_stay_and_new_ones_follow(self):
        result = marked(with_comments(), Mark(1, 0, "new"))
        assert comments(result) == {"A2": "old note", "B1": "another", "A1": "new"}
        authors = [element.text for element in fromstring(parts(result)[COMMENTS])[0]]
        assert authors[-1] == "bulk-provision"
        assert load_workbook(result)["Users"]["A2"].comment.author == "Anita"
        names = [name for name, _, _ in shapes(result)]
        assert len(set(names)) == 3
        assert sheet_xml(result).count("<legacyDrawing ") == 1

    def test_what_was_there_is_only_added_to(self):
        source = with_comments()
        old, new = parts(source), parts(marked(source, Mark(1, 0, "new"), Mark(2, 0, "more")))
        for part in (COMMENTS, VML):
            pieces = re.split(rb"(?=<)", old[part])
            at = 0
            for piece in pieces:  # in the same order, though not without others between
                if b"idmap" not in piece:
                    at = new[part].index(piece, at) + len(piece)

    def test_a_comment_that_is_there_goes_on(self):
        result = marked(with_comments(), Mark(2, 0, "wrong"))
        assert comments(result)["A2"] == "old note\n\nbulk-provision: wrong"
        assert len(shapes(result)) == 2

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("<text/>", "<text>{run}</text>"),
            ("<text></text>", "<text>{run}</text>"),
            ("<text><t>a</t></text>", "<text><r><t>a</t></r>{run}</text>"),
            (
                "<text><r><t>a</t></r><r><t/></r></text>",
                "<text><r><t>a</t></r><r><t/></r>{run}</text>",
            ),
            (
                "<text><t>a</t><phoneticPr/></text>",
                "<text><r><t>a</t></r>{run}<phoneticPr/></text>",
            ),
        ],
    )
    def test_a_text_of_any_kind_goes_on(self, old, new):
        listed = (
            f'<comments xmlns="{MAIN}"><authors><author>A</author></authors><commentList>'
            f'<comment ref="A2" authorId="0">{old}</comment></commentList></comments>'
        )
        found = parts(marked(related(listed), Mark(2, 0, "x")))[COMMENTS].decode()
        run = '<r><t xml:space="preserve">\n\nbulk-provision: x</t></r>'
        assert found == listed.replace(old, new.format(run=run))

    def test_blocks_of_ids_are_not_those_of_other_sheets(self):
        result = marked(with_comments(others=True), Mark(1, 0, "new"))
        ids = [
            int(found)
            for name, content in parts(result).items()
            if name.endswith(".vml")
            for found in re.findall(rb'<v:shape id="_x0000_s(\d+)"', content)
        ]
        assert len(ids) == len(set(ids)) == 1503
        assert all(first != second for first, second in pairwise(sorted(ids)))

    def test_comments_without_a_drawing_are_given_one(self):
        listed = f'<comments xmlns="{MAIN}"><authors/><commentList/></comments>'
        result = marked(related(listed), Mark(2, 0, "x"))
        assert comments(result) == {"A2": "x"}
        assert "<legacyDrawing" in sheet_xml(result)

    def test_a_drawing_without_comments_such_as_of_buttons_is_used(self):
        drawing = (
            b'<xml xmlns:v="urn:schemas-microsoft-com:vml"><v:shape id="_x0000_s1030"><br>'
            b"</v:shape></xml>\n"
        )
        relation = (
            f'<Relationship Id="rId1" Type="{OFFICE}/vmlDrawing" Target="../drawings/b.vml"/>'
        )
        before = f'<legacyDrawing xmlns:r="{OFFICE}" r:id="rId1"/>'
        source = handmade(
            sheet(HEADER, after=before),
            parts={"xl/drawings/b.vml": drawing, SHEET_RELS: rels(relation)},
        )
        result = marked(source, Mark(1, 0, "x"))
        found = parts(result)["xl/drawings/b.vml"]
        assert found.startswith(drawing.removesuffix(b"</xml>\n"))
        assert found.endswith(b"</v:shape></xml>\n")
        assert b'<v:shapetype xmlns:o="urn:schemas-microsoft-com:office:office"' in found
        assert b'id="_x0000_s2049"' in found
        assert sheet_xml(result).count("legacyDrawing") == 1

    def test_a_cell_with_a_conversation_is_coloured_alone(self):
        listed = (
            f'<comments xmlns="{MAIN}"><authors><author>tc={{1}}</author></authors><commentList>'
            '<comment ref="A2" authorId="0"><text><t>[Threaded comment]</t></text></comment>'
            "</commentList></comments>"
        )
        kind = "http://schemas.microsoft.com/office/2017/10/relationships/threadedComment"
        more = f'<Relationship Id="rId8" Type="{kind}" Target="../threadedComments/t1.xml"/>'
        threads = '<ThreadedComments><threadedComment ref="A2"/></ThreadedComments>'
        source = related(listed, more=more, parts_={"xl/threadedComments/t1.xml": threads})
        assert changed_parts(source, marked(source, Mark(2, 0, "x"))) == {SHEET, STYLES}
        result = marked(source, Mark(2, 0, "x"), Mark(2, 1, "y"))
        assert set(comments(result)) == {"A2", "B2"}
        assert "[Threaded comment]</t></text>" in parts(result)[COMMENTS].decode()


class TestRefusals:
    @pytest.mark.parametrize(
        "listed",
        [
            f'<comments xmlns="{MAIN}"/>',
            '<comments><authors/><commentList><comment ref="A2"/></commentList></comments>',
            "no XML",
            '<!DOCTYPE x [<!ENTITY a "b">]><comments/>',
        ],
    )
    def test_damaged_comments(self, listed):
        with pytest.raises(ResultsError):
            marked(related(listed), Mark(2, 0, "x"))

    @pytest.mark.parametrize("drawing", [None, b"", b"<xml/>", b"<svg></svg>"])
    def test_a_damaged_drawing(self, drawing):
        relation = (
            f'<Relationship Id="rId1" Type="{OFFICE}/vmlDrawing" Target="../drawings/b.vml"/>'
        )
        given = {SHEET_RELS: rels(relation)}
        if drawing is not None:
            given["xl/drawings/b.vml"] = drawing
        element = f'<legacyDrawing xmlns:r="{OFFICE}" r:id="rId1"/>'
        with pytest.raises(ResultsError, match="drawing"):
            marked(handmade(sheet(HEADER, after=element), parts=given), Mark(1, 0, "x"))
