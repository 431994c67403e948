"""Worksheets as other programs write them: whatever the XML looks like, its places are found."""

from __future__ import annotations

import re
from io import BytesIO
from itertools import pairwise
from xml.etree.ElementTree import canonicalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk_provision.results.ooxml import element_text
from bulk_provision.results.original import Mark, scan
from bulk_provision.results.original.cells import text_element
from bulk_provision.results.original.outline import outline
from bulk_provision.results.original.splice import Edit, splice, spliced
from bulk_provision.results.original.tags import with_attribute, without_attribute
from originals import (
    FULL_STYLES,
    SHEET,
    STYLES,
    annotated,
    cells,
    changed_parts,
    children,
    handmade,
    letters,
    marked,
    parts,
    read_rows,
    sheet_xml,
)
from workbooks import HEADER, MAIN, STRICT, row, sheet, text

ORDER = scan._ORDER


def prefixed(xml, prefix="x"):
    """The same XML with a prefix for its namespace."""
    xml = re.sub(r"<(/?)(?=[A-Za-z])", rf"<\1{prefix}:", xml)
    return xml.replace("xmlns=", f"xmlns:{prefix}=")


class TestShapes:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("<row r='2' spans='1:3' ht=\"20\"/>", "<row r='2' ht=\"20\">{cells}</row>"),
            ('<row  r="2"  />', '<row  r="2"  >{cells}</row>'),
            ('<row r="2"></row>', '<row r="2">{cells}</row>'),
            ('<row r="2"\r\n spans="1:9"\r\n>\r\n</row >', '<row r="2"\r\n>\r\n{cells}</row >'),
            ('<row r="2"><c r="A2"/></row>', '<row r="2"><c r="A2"/>{cells}</row>'),
            ("<row><c/><c/></row>", "<row><c/><c/>{cells}</row>"),
            ('<row a=">" b=\'/>\' r="2"/>', '<row a=">" b=\'/>\' r="2">{cells}</row>'),
            ("", '<row r="2">{cells}</row>'),
            ('<row r="3"><c/></row>', '<row r="2">{cells}</row><row r="3"><c/></row>'),
        ],
    )
    def test_cells_are_added_to_any_row(self, old, new):
        source = handmade(sheet(HEADER, old))
        added = "".join(
            f'<c r="{place}2" s="4" t="inlineStr"><is><t>{words}</t></is></c>'
            for place, words in (("D", "yes"), ("E", "why"))
        )
        found = sheet_xml(annotated(source, [(2, ("yes", "why"))]))
        assert found.split("</row>", 1)[1].partition("</sheetData>")[0] == new.format(cells=added)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('<row r="2"><c r="B2" s="1"/></row>', '<row r="2"><c r="B2" s="3"/></row>'),
            ("<row><c/><c s='1'/><c/></row>", "<row><c/><c s='3'/><c/></row>"),
            ("<row><c/><c /></row>", '<row><c/><c s="3"/></row>'),
            ("<row><c/><c><v>1</v></c></row>", '<row><c/><c s="3"><v>1</v></c></row>'),
            ("<row><c/></row>", '<row><c/><c r="B2" s="3"/></row>'),
            (
                '<row spans="1:1"><c/><c r="D2"/><c/></row>',
                '<row><c/><c r="B2" s="3"/><c r="D2"/><c/></row>',
            ),
            ('<row r="2" spans="1:1"/>', '<row r="2"><c r="B2" s="3"/></row>'),
            (
                '<row r="4"/>',
                '<row r="2"><c r="B2" s="3"/></row><row r="4"/>',
            ),
            ("", '<row r="2"><c r="B2" s="3"/></row>'),
            (
                '<row r="2"><c r="D2"/><c r="A2"/></row>',  # cells in no order
                '<row r="2"><c r="B2" s="3"/><c r="D2"/><c r="A2"/></row>',
            ),
        ],
    )
    def test_a_cell_is_marked_wherever_it_is(self, old, new):
        result = marked(handmade(sheet(HEADER, old)), Mark(2, 1, "x"))
        found = sheet_xml(result)
        assert found.split("</row>", 1)[1].partition("</sheetData>")[0] == new

    def test_marks_of_one_row_stand_in_the_order_of_their_columns(self):
        source = handmade(sheet(row('<c r="C1"/>', '<c r="E1"/>')))
        result = marked(source, *[Mark(1, column, "x") for column in (5, 3, 1, 0, 2, 6)])
        assert list(cells(result)) == ["A1", "B1", "C1", "D1", "E1", "F1", "G1"]

    def test_rows_behind_the_last_one(self):
        for result in (
            marked(handmade(sheet(HEADER)), Mark(7, 0, "x"), Mark(5, 0, "x")),
            annotated(handmade(sheet(HEADER)), [(5, ("x", "")), (7, ("x", ""))]),
        ):
            assert re.findall(r'<row r="(\d+)"', sheet_xml(result)) == ["5", "7"]

    @pytest.mark.parametrize("data", ["<sheetData/>", "<sheetData />", "<sheetData></sheetData>"])
    def test_a_sheet_without_rows(self, data):
        worksheet = f'<worksheet xmlns="{MAIN}"><dimension ref="A1"/>{data}</worksheet>'
        assert list(cells(marked(handmade(worksheet), Mark(2, 1, "x")))) == ["B2"]
        result = annotated(handmade(worksheet), [(2, ("x", "y"))])
        assert list(cells(result)) == ["A1", "B1", "A2", "B2"]
        assert children(result) == ["dimension", "cols", "sheetData", "ignoredErrors"]
        assert "<row" not in sheet_xml(result).partition("<ignoredErrors>")[2]

    def test_nothing_is_changed_beside_what_is_added(self):
        worksheet = sheet(
            HEADER, before="<!-- <row> -->", after="<?keep <sheetData> ?><x>&amp;</x>"
        )
        result = sheet_xml(marked(handmade(worksheet), Mark(1, 0, "x")))
        back = result.replace(' s="3"', "")
        assert re.sub("<legacyDrawing [^>]*>", "", back) == worksheet

    def test_the_dimension_grows_with_the_cells(self):
        worksheet = sheet(HEADER, row(number=9), before='<dimension ref="A1:C9"/>')
        assert '<dimension ref="A1:E9"/>' in sheet_xml(annotated(handmade(worksheet)))
        result = marked(handmade(worksheet), Mark(12, 5, "x"))
        assert '<dimension ref="A1:F12"/>' in sheet_xml(result)
        result = marked(handmade(worksheet), Mark(1, 1, "x"))
        assert '<dimension ref="A1:C9"/>' in sheet_xml(result)

    def test_ignored_errors_that_are_there_are_kept(self):
        for old, new in [
            ("<ignoredErrors/>", "<ignoredErrors>{}</ignoredErrors>"),
            ("<ignoredErrors><x/></ignoredErrors>", "<ignoredErrors>{}<x/></ignoredErrors>"),
        ]:
            ours = '<ignoredError sqref="D1:E1" numberStoredAsText="1"/>'
            result = annotated(handmade(sheet(HEADER, after=old)))
            assert new.format(ours) in sheet_xml(result)


class TestOrder:
    """ECMA-376 part 1, 18.3.1.99: Excel refuses a worksheet whose elements are in another one."""

    @given(st.sets(st.sampled_from(ORDER)))
    @settings(max_examples=60, deadline=None)
    def test_what_is_added_stands_where_it_must(self, names):
        names = [name for name in ORDER if name in names or name == "sheetData"]
        names = [name for name in names if name != "legacyDrawing"]
        worksheet = (
            f'<worksheet xmlns="{MAIN}">{"".join(f"<{name}/>" for name in names)}</worksheet>'
        )
        for result in (
            annotated(handmade(worksheet)),
            marked(handmade(worksheet), Mark(1, 0, "x")),
        ):
            ranks = [ORDER.index(name) for name in children(result)]
            assert all(first < second for first, second in pairwise(ranks))
            assert set(children(result)) >= set(names)

    def test_an_alternative_stands_for_what_is_in_it(self):
        controls = (
            '<mc:AlternateContent xmlns:mc="urn:mc"><mc:Choice Requires="x14"><controls>'
            "<mc:AlternateContent/></controls></mc:Choice></mc:AlternateContent>"
        )
        worksheet = sheet(HEADER, after=f"<drawing/>{controls}<tableParts/>")
        result = marked(handmade(worksheet), Mark(1, 0, "x"))
        assert children(result)[1:] == [
            "drawing",
            "legacyDrawing",
            "AlternateContent",
            "tableParts",
        ]


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "iso-8859-1"])
    def test_a_part_in_any_encoding_that_a_workbook_may_have(self, encoding, tmp_path):
        declared = {"utf-8-sig": "UTF-8", "iso-8859-1": "ISO-8859-1"}.get(encoding, "UTF-16")
        worksheet = sheet(HEADER, row(text("zoë" * 9), text("Long-enough-9")))
        worksheet = worksheet.replace("?>", f' encoding="{declared}"?>\r\n', 1)
        source = handmade(worksheet, parts={SHEET: worksheet.encode(encoding)})
        for result in (marked(source, Mark(2, 0, "ü")), annotated(source, [(2, ("ü", ""))])):
            assert "zoë" in sheet_xml(result)
            assert 'encoding="UTF-8"' in sheet_xml(result)
            (only,) = read_rows(result, tmp_path)
            assert only.username == "zoë" * 9

    def test_utf_8_stays_as_it_is_with_its_mark(self):
        worksheet = sheet(HEADER).encode("utf-8-sig")
        result = parts(annotated(handmade("", parts={SHEET: worksheet})))[SHEET]
        assert result.startswith(worksheet[:60])


class TestNamespaces:
    def test_a_prefix(self, tmp_path):
        worksheet = prefixed(sheet(HEADER, row(text("a", "A2"), number=2), row(number=3)))
        worksheet = worksheet.replace("<x:?xml", "<?xml")
        styles = prefixed(FULL_STYLES)
        source = handmade(worksheet, parts={STYLES: styles})
        result = annotated(source, [(2, ("yes", "")), (4, ("no", ""))])
        assert re.findall(r"<(?!/?x:|\?)", sheet_xml(result)) == []
        assert cells(result)["D2"][2] == "yes"
        result = marked(source, Mark(2, 0, "x"), Mark(9, 9, "x"))
        assert re.findall(r"<(?!/?x:|\?)", sheet_xml(result)) == []
        assert re.findall(r"<(?!/?x:|\?)", parts(result)[STYLES].decode()) == []
        assert read_rows(result, tmp_path) == read_rows(source, tmp_path)

    def test_strict_open_xml(self, tmp_path):
        source = handmade(
            sheet(HEADER, row(text("a"), text("Long-enough-9")), namespace=STRICT),
            namespace=STRICT,
            parts={STYLES: FULL_STYLES.replace(MAIN, STRICT)},
        )
        result = marked(source, Mark(2, 0, "x"))
        assert "http://purl.oclc.org/ooxml/officeDocument/relationships" in sheet_xml(result)
        assert STRICT in parts(result)["xl/comments1.xml"].decode()
        assert read_rows(result, tmp_path) == read_rows(source, tmp_path)
        assert cells(annotated(source, [(2, ("x", ""))]))["D2"][2] == "x"


class TestTags:
    @pytest.mark.parametrize(
        ("tag", "new"),
        [
            ("<c/>", '<c s="9"/>'),
            ("<c />", '<c s="9"/>'),
            ("<c r='A1' s='1' t=\"s\">", "<c r='A1' s='9' t=\"s\">"),
            ("<c x=' s=\"1\"'>", '<c x=\' s="1"\' s="9">'),
            ("<c xs='1'\n s = '2'/>", "<c xs='1'\n s = '9'/>"),
        ],
    )
    def test_an_attribute_is_set_and_taken_away(self, tag, new):
        assert with_attribute(tag.encode(), "s", 9).decode() == new
        assert with_attribute(new.encode(), "s", 9).decode() == new
        assert b"9" not in without_attribute(new.encode(), "s")


class TestTexts:
    @given(st.text(st.sampled_from(" \n_x0041&<>\"'ab=\x01é\ud800"), max_size=9))
    @settings(max_examples=300, deadline=None)
    def test_the_short_way_for_usual_texts_writes_what_the_long_one_does(self, words):
        written = text_element("x:", words)
        kept = ' xml:space="preserve"' if words != words.strip() or "\n" in words else ""
        assert written == f"<x:t{kept}>{element_text(words)}</x:t>"

    def test_what_no_cell_holds_is_cut(self):
        assert "[cut: 40,000 characters]" in text_element("", "x" * 40_000)


class TestSplicing:
    @given(st.binary(max_size=40), st.data())
    @settings(deadline=None)
    def test_taking_the_edits_back_gives_the_old_bytes(self, old, data):
        places = data.draw(st.lists(st.integers(0, len(old)), max_size=8).map(sorted))
        edits = [
            Edit(start, end, data.draw(st.binary(max_size=5)))
            for start, end in zip(places[::2], places[1::2], strict=False)
        ]
        new = spliced(old, edits)
        back, moved = [], 0
        for start, end, put in edits:
            back.append(Edit(start + moved, start + moved + len(put), old[start:end]))
            moved += len(put) - (end - start)
        assert spliced(new, back) == old

    def test_a_change_behind_the_end_is_told(self):
        with pytest.raises(EOFError):
            splice(BytesIO(b"abc"), [Edit(9, 9, b"x")], BytesIO())

    def test_an_outline_knows_the_places(self):
        xml = b"<a>\n<b x='>'/><c>t<d/></c ></a>"
        root = outline(xml)
        b, c = root.children
        assert [node.source(xml) for node in (b, c, c.children[0])] == [
            *(b"<b x='>'/>", b"<c>t<d/></c >", b"<d/>"),
        ]
        assert xml[c.end_tag :].startswith(b"</c >")


ROWS = st.lists(
    st.tuples(
        st.integers(1, 3),  # rows further than the one before
        st.lists(
            st.tuples(st.integers(1, 3), st.integers(0, 2), st.text("ab<&é", max_size=3)),
            max_size=4,
        ),
        st.sampled_from(["", ' spans="1:4"', " ht='20' "]),
    ),
    max_size=6,
)


def drawn(rows, *, named, quote):
    """A worksheet of such rows; without names where a cell or a row needs none."""
    written, number = [], 0
    for skip, parts_, attributes in rows:
        number += skip
        column, inside = 0, ""
        for further, style, words in parts_:
            column += further
            place = f" r={quote}{letters(column)}{number}{quote}" if named or further > 1 else ""
            shown = words.replace("&", "&amp;").replace("<", "&lt;")
            inside += f'<c{place} s="{style}" t="inlineStr"><is><t>{shown}</t></is></c>'
        place = f" r={quote}{number}{quote}" if named or skip > 1 else ""
        written.append(
            f"<row{place}{attributes}>{inside}</row>" if inside else f"<row{place}{attributes}/>"
        )
    return sheet(*written)


class TestAnySheet:
    """Small sheets of every shape, read in pieces of every size."""

    @given(ROWS, st.booleans(), st.sampled_from("'\""), st.integers(1, 40), st.data())
    @settings(max_examples=150, deadline=None)
    def test_marks_change_styles_and_add_blank_cells_and_nothing_else(
        self, rows, named, quote, chunk, data
    ):
        places = data.draw(st.sets(st.tuples(st.integers(1, 14), st.integers(0, 9)), min_size=1))
        source = handmade(drawn(rows, named=named, quote=quote))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scan, "CHUNK", chunk)
            result = marked(source, *[Mark(*place, "x") for place in places])
        old, new = cells(source), cells(result)
        wanted = {f"{letters(column + 1)}{number}" for number, column in places}
        assert set(new) == set(old) | wanted
        for place, (style, kind, words) in new.items():
            assert (kind, words) == old.get(place, (None, None, ""))[1:]
            assert (int(style) >= 3) == (place in wanted)
        order = [(int(place.strip("ABCDEFGHIJKLMNO")), len(place), place) for place in new]
        assert order == sorted(order)

    @given(ROWS, st.booleans(), st.sampled_from("'\""), st.integers(1, 40), st.data())
    @settings(max_examples=150, deadline=None)
    def test_without_what_was_added_the_sheet_is_the_old_one(self, rows, named, quote, chunk, data):
        numbers = data.draw(st.sets(st.integers(2, 14)).map(sorted))
        source = handmade(drawn(rows, named=named, quote=quote))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scan, "CHUNK", chunk)
            result = annotated(source, [(number, (f"t{number}", "=x")) for number in numbers])
        old, new = cells(source), cells(result)
        first = max((ord(place[0]) for place in old), default=64) + 1
        added = {place: cell for place, cell in new.items() if ord(place[0]) >= first}
        assert {place: cell for place, cell in new.items() if place not in added} == old
        wanted = {f"{chr(first)}1": "outcome", f"{chr(first + 1)}1": "message"}
        for number in numbers:
            wanted |= {f"{chr(first)}{number}": f"t{number}", f"{chr(first + 1)}{number}": "=x"}
        assert {place: text for place, (_, _, text) in added.items()} == wanted
        assert canonicalize(self.without(result, added)) == canonicalize(
            self.without(source, set())
        )
        assert changed_parts(source, result) == {SHEET, STYLES}

    def without(self, file, places):
        """A worksheet's XML without certain cells, rows that hold nothing, and `spans`."""
        xml = sheet_xml(file)
        for place in places:
            xml = re.sub(rf'<c r="{place}" .*?</c>', "", xml)
        xml = re.sub('<cols>.*</cols>|<ignoredErrors>.*</ignoredErrors>| spans="1:4"', "", xml)
        return re.sub(r"<row[^>]*(?:/>|></row>)", "", xml)
