"""The user's own workbook with marks or columns: what is added, and that nothing else changes."""

from __future__ import annotations

import warnings
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook
from openpyxl.styles import PatternFill

from bulk_provision.errors import ResultsError
from bulk_provision.model import Outcome
from bulk_provision.results.looks import GREEN, RED
from bulk_provision.results.original import (
    Added,
    AddedRow,
    Mark,
    package,
    plain_workbook,
    write_annotated,
)
from originals import (
    FULL_STYLES,
    SHEET,
    STYLES,
    annotated,
    cells,
    changed_parts,
    handmade,
    marked,
    parts,
    read_rows,
    sheet_xml,
)
from workbooks import HEADER, MAIN, row, sheet, text

BAD, DOUBTFUL = "FFFFC7CE", "FFFFEB9C"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)


def rich_workbook():
    """What people have in their sheets: chart, picture, table, rules, rich text, a second sheet."""
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet("Users")
    percent = book.add_format({"num_format": "0%", "bold": True, "bg_color": "#DDEEFF"})
    sheet.write_row(0, 0, ["username", "password", "share"])
    for number in range(1, 9):
        sheet.write_row(number, 0, [f"user{number}", f"Secret-{number}-word"])
        sheet.write_formula(number, 2, f"=ROW()/{number}", percent, 0.25)
    sheet.write_rich_string("A10", "rich", book.add_format({"bold": True}), "bold", " end")
    sheet.add_table(
        "A1:C9", {"columns": [{"header": name} for name in ("username", "password", "share")]}
    )
    sheet.conditional_format("C2:C9", {"type": "data_bar"})
    sheet.data_validation("C2:C9", {"validate": "decimal", "criteria": ">", "value": 0})
    sheet.set_column("A:A", 30)
    sheet.freeze_panes(1, 0)
    sheet.protect("secret")
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Users!$C$2:$C$9"})
    sheet.insert_chart("H2", chart)
    sheet.insert_image("H20", "dot.png", {"image_data": BytesIO(PIXEL)})
    book.add_worksheet("Others").write(0, 0, "untouched")
    book.close()
    return file


class TestEverythingElseStays:
    def test_a_marked_copy_changes_the_sheet_its_styles_and_its_comments_alone(self, tmp_path):
        source = rich_workbook()
        result = marked(source, Mark(3, 0, "wrong"))
        assert changed_parts(source, result) == {
            *("[Content_Types].xml", SHEET, STYLES, "xl/worksheets/_rels/sheet1.xml.rels"),
            *("xl/comments1.xml", "xl/drawings/vmlDrawing1.vml"),
        }
        assert read_rows(result, tmp_path) == read_rows(source, tmp_path)

    def test_an_annotated_copy_changes_the_sheet_and_its_styles_alone(self, tmp_path):
        source = rich_workbook()
        result = annotated(source, [(2, ("created", ""))])
        assert changed_parts(source, result) == {SHEET, STYLES}
        old = [row[:4] for row in read_rows(source, tmp_path)]
        new = [(*row[:3], row.others[:1]) for row in read_rows(result, tmp_path)]
        assert new == old

    def test_without_a_mark_nothing_changes(self):
        source = rich_workbook()
        assert changed_parts(source, marked(source)) == set()

    def test_results_of_formulas_stay(self):
        result = annotated(rich_workbook(), [(2, ("created", ""))])
        assert load_workbook(result, data_only=True)["Users"]["C2"].value == 0.25
        assert load_workbook(result)["Users"]["C2"].value == "=ROW()/1"

    def test_openpyxl_finds_chart_picture_table_and_protection(self):
        for result in (marked(rich_workbook(), Mark(2, 1, "x")), annotated(rich_workbook())):
            shown = load_workbook(result)["Users"]
            assert len(shown._charts) == 1
            assert list(shown.tables) == ["Table1"]
            assert shown.protection.sheet
            assert shown.freeze_panes == "A2"

    def test_entries_keep_order_time_and_compression(self):
        source = BytesIO()
        with ZipFile(handmade(sheet(HEADER))) as old, ZipFile(source, "w") as new:
            new.comment = b"of the archive"
            for place, entry in enumerate(old.infolist()):
                kind = ZIP_STORED if place % 2 else ZIP_DEFLATED
                info = ZipInfo(entry.filename, (2001, 2, 3, 4, 5, 6 + 2 * place))
                info.external_attr = 0o640 << 16
                new.writestr(info, old.read(entry), kind)
        with ZipFile(source) as old, ZipFile(annotated(source)) as new:
            assert new.comment == old.comment
            for before, after in zip(old.infolist(), new.infolist(), strict=True):
                for name in ("filename", "date_time", "compress_type", "external_attr"):
                    assert getattr(before, name) == getattr(after, name)

    def test_a_sheet_that_might_outgrow_an_archive_is_given_room(self, monkeypatch):
        monkeypatch.setattr(package, "_MAY_GROW_LARGE", 0)
        result = annotated(handmade(sheet(HEADER)), [(2, ("x", ""))])
        assert load_workbook(result)["Users"]["D2"].value == "x"

    def test_a_macro_and_a_signature_stay_as_they_are(self):
        odd = {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0", "_xmlsignatures/sig1.xml": "<Signature/>"}
        source = handmade(sheet(HEADER), parts=odd)
        assert changed_parts(source, annotated(source)) == {SHEET, STYLES}


class TestMarks:
    def test_a_marked_cell_keeps_its_look_but_for_the_colour_behind_it(self):
        book = Workbook()
        shown = book.active
        shown.title = "Users"
        for place in ("A2", "B2"):
            shown[place].number_format = "0.000"
            shown[place].fill = PatternFill("solid", fgColor="00FF00")
            shown[place] = 1.5
        source = BytesIO()
        book.save(source)
        shown = load_workbook(marked(source, Mark(2, 0, "is red"), Mark(3, 0, "?", True)))["Users"]
        assert shown["A2"].fill.fgColor.rgb == BAD
        assert shown["A2"].number_format == "0.000"
        assert shown["A2"].comment.text == "is red"
        assert shown["A2"].comment.author == "bulk-provision"
        assert shown["B2"].fill.fgColor.rgb == "0000FF00"
        assert shown["A3"].fill.fgColor.rgb == DOUBTFUL

    def test_two_marks_of_a_cell_become_one_and_red_outdoes_amber(self):
        source = rich_workbook()
        result = marked(source, Mark(2, 0, "doubtful", True), Mark(2, 0, "wrong"))
        cell = load_workbook(result)["Users"]["A2"]
        assert cell.fill.fgColor.rgb == BAD
        assert cell.comment.text == "doubtful\nwrong"

    def test_one_new_style_for_each_that_occurs_however_many_cells(self):
        rows = [row(f'<c s="{n % 3}"><v>{n}</v></c>', number=n) for n in range(1, 301)]
        result = marked(handmade(sheet(*rows)), *[Mark(n, 0, "x") for n in range(1, 301)])
        assert parts(result)[STYLES].count(b"<xf ") == 1 + 3 + 3
        assert b'<cellXfs count="6">' in parts(result)[STYLES]
        assert b'<fills count="3">' in parts(result)[STYLES]
        twins = [cells(result)[f"A{n}"][0] for n in range(1, 7)]
        assert twins == ["3", "4", "5", "3", "4", "5"]

    def test_a_style_keeps_what_is_in_it(self):
        result = marked(handmade(sheet(row('<c s="1"><v>4</v></c>'))), Mark(1, 0, "x"))
        assert (
            "<xf numFmtId='14' fontId='1' fillId='2' borderId='0' xfId='0' applyFill=\"1\">"
            '<alignment horizontal="right"/></xf></cellXfs>'
        ) in parts(result)[STYLES].decode()

    def test_a_style_that_does_not_exist_counts_as_none(self):
        result = marked(handmade(sheet(row('<c s="99"><v>4</v></c>'))), Mark(1, 0, "x"))
        assert cells(result)["A1"][0] == "3"

    def test_a_cell_that_is_not_there_has_the_look_of_its_row_or_its_column(self):
        worksheet = sheet(
            row('<c r="A1"><v>1</v></c>', number=1, attributes=' s="2" customFormat="1"'),
            row('<c r="A2"><v>1</v></c>', number=2),
            before='<cols><col min="2" max="3" style="1"/></cols>',
        )
        result = marked(handmade(worksheet), Mark(1, 1, "x"), Mark(2, 1, "x"), Mark(2, 4, "x"))
        styles = parts(result)[STYLES].decode()
        assert '<xf numFmtId="9" fontId="0" fillId="2"' in styles
        assert "<xf numFmtId='14' fontId='1' fillId='2'" in styles
        found = cells(result)
        assert [found[place][0] for place in ("B1", "B2", "E2")] == ["3", "4", "5"]

    def test_a_mark_outside_of_any_worksheet_is_a_bug_of_the_caller(self):
        for mark in (Mark(0, 0, "x"), Mark(1, -1, "x"), Mark(1, 16_384, "x")):
            with pytest.raises(ValueError, match="no cell"):
                marked(rich_workbook(), mark)


class TestColumns:
    def test_they_stand_right_of_all_cells_of_the_sheet(self):
        worksheet = sheet(
            row(text("username", "A1"), text("password", "B1")),
            row(text("a", "A2"), '<c r="D2" s="1"/>'),
            row(text("b", "A3")),
        )
        rows = [(2, ("created", "done")), (3, ("failed", "refused"))]
        found = cells(annotated(handmade(worksheet), rows))
        added = [(place, text) for place, (_, _, text) in found.items() if place[0] > "D"]
        assert added == [
            *(("E1", "outcome"), ("F1", "message"), ("E2", "created"), ("F2", "done")),
            *(("E3", "failed"), ("F3", "refused")),
        ]

    def test_merged_cells_beside_the_table_are_not_written_into_but_those_above_are_no_matter(self):
        merged = (
            '<mergeCells count="2"><mergeCell ref="A1:Z1"/><mergeCell ref="A4:F4"/></mergeCells>'
        )
        worksheet = sheet(row(text("title", "A1")), row(text("u", "A2"), number=2), after=merged)
        assert "G2" in cells(annotated(handmade(worksheet), header_row=2))

    def test_an_outcome_is_in_its_colour_and_the_header_white_on_blue(self):
        rows = [
            AddedRow(2, ("created", "x"), Outcome.CREATED),
            AddedRow(3, ("invalid", "x"), Outcome.INVALID),
        ]
        shown = load_workbook(annotated(rich_workbook(), rows))["Users"]
        assert shown["D2"].font.color.rgb == f"FF{GREEN}"
        assert shown["D3"].font.color.rgb == f"FF{RED}"
        assert shown["E3"].font.color.theme == 1
        assert (shown["D1"].font.b, shown["D1"].font.color.rgb) == (True, "FFFFFFFF")
        assert shown["D1"].fill.fgColor.rgb == "FF1F3A5F"

    def test_they_are_in_the_workbooks_own_type(self):
        shown = load_workbook(annotated(handmade(sheet(HEADER))))["Users"]
        assert (shown["D1"].font.name, shown["D1"].font.sz) == ("Arial", 9)

    @pytest.mark.parametrize("value", ["=1+1", "+1", "-1", "@x", "0042", "1e5", " x ", "_x0041_"])
    def test_text_stays_text(self, value):
        result = annotated(handmade(sheet(HEADER)), [(2, (value, value))])
        _, kind, _ = cells(result)["D2"]
        assert kind == "inlineStr"
        assert "<f" not in sheet_xml(result)
        shown = load_workbook(result)["Users"]
        assert (shown["D2"].number_format, shown["D2"].data_type) == ("@", "s")
        assert bool(shown["D2"].quotePrefix) == (value[0] in "=+-@")
        assert 'numberStoredAsText="1"' in sheet_xml(result)

    def test_a_text_like_a_formula_is_quoted_even_where_an_outcome_is_expected(self):
        result = annotated(handmade(sheet(HEADER)), [AddedRow(2, ("=1", ""), Outcome.CREATED)])
        assert load_workbook(result)["Users"]["D2"].quotePrefix

    def test_a_blank_text_makes_no_cell(self):
        assert "D2" not in cells(annotated(handmade(sheet(HEADER)), [(2, ("", "x"))]))

    def test_they_are_as_wide_as_their_texts(self):
        shown = load_workbook(annotated(rich_workbook(), [(2, ("x" * 40, ""))]))["Users"]
        widths = shown.column_dimensions
        assert (widths["A"].width > 30, widths["D"].width, widths["E"].width) == (True, 42, 11)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("", "<cols>{ours}</cols>"),
            ("<cols/>", "<cols>{ours}</cols>"),
            (
                '<cols><col min="1" max="2" width="9"/></cols>',
                '<cols><col min="1" max="2" width="9"/>{ours}</cols>',
            ),
            (
                "<cols><col min='1' max='16384' hidden='1'></col></cols>",
                (
                    "<cols><col min='1' max='3' hidden='1'/>{ours}"
                    "<col min='6' max='16384' hidden='1'/></cols>"
                ),
            ),
            (
                '<cols><col min="4" max="4"/><col min="5" max="9"/><col min="10" max="12"/></cols>',
                '<cols>{ours}<col min="6" max="9"/><col min="10" max="12"/></cols>',
            ),
            (
                '<cols><col min="9" max="9" width="3"/></cols>',
                '<cols>{ours}<col min="9" max="9" width="3"/></cols>',
            ),
        ],
    )
    def test_columns_that_are_there_make_room(self, old, new):
        ours = (
            '<col min="4" max="4" width="11" customWidth="1"/>'
            '<col min="5" max="5" width="11" customWidth="1"/>'
        )
        source = handmade(sheet(HEADER, before=f"<sheetFormatPr/>{old}"))
        found = sheet_xml(annotated(source))
        assert f"<sheetFormatPr/>{new.format(ours=ours)}<sheetData>" in found

    def test_a_sheet_without_room_is_refused_with_a_way_out(self):
        source = handmade(sheet(row(text("x", "XFC1"))))
        with pytest.raises(ResultsError, match="column XFC") as error:
            annotated(source)
        assert "--annotate" in error.value.cure

    def test_the_last_columns_can_be_used(self):
        assert "XFD1" in cells(annotated(handmade(sheet(row(text("x", "XFB1"))))))

    @pytest.mark.parametrize("numbers", [(3, 2), (2, 2), (1, 2)])
    def test_rows_that_do_not_rise_are_a_bug_of_the_caller(self, numbers):
        with pytest.raises(ValueError, match="is added after"):
            annotated(handmade(sheet(HEADER)), [(number, ("x", "x")) for number in numbers])

    def test_rows_are_read_once_and_as_they_are_written(self):
        taken = []

        def rows():
            for number in range(2, 1000):
                taken.append(number)
                yield AddedRow(number, ("x", str(number)))

        target = BytesIO()
        write_annotated(handmade(sheet(HEADER)), target, "Users", Added(1, ("a", "b"), rows()))
        assert taken == list(range(2, 1000))
        assert cells(target)["E999"][2] == "999"


class TestRefusals:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"PK\x03\x04 no workbook", "not a zip file"),
            (b"", "not a zip file"),
        ],
    )
    def test_no_zip_file(self, content, words):
        with pytest.raises(ResultsError, match=words) as error:
            marked(BytesIO(content), Mark(1, 0, "x"))
        assert "save it as an Excel workbook" in error.value.cure

    @pytest.mark.parametrize("name", [SHEET, "XL/styles.xml"])
    def test_an_entry_that_occurs_twice(self, name):
        source = handmade(sheet(HEADER))
        with warnings.catch_warnings(), ZipFile(source, "a") as archive:
            warnings.simplefilter("ignore")
            archive.writestr(name, "<worksheet/>")
        with pytest.raises(ResultsError, match="twice"):
            annotated(source)

    def test_a_sheet_that_is_not_there(self):
        with pytest.raises(ResultsError, match="no worksheet 'Nobody'"):
            marked(handmade(sheet(HEADER)), Mark(1, 0, "x"), sheet="Nobody")

    @pytest.mark.parametrize("part", [SHEET, STYLES])
    def test_document_types(self, part):
        evil = '<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
        with pytest.raises(ResultsError, match="entities"):
            annotated(handmade(sheet(HEADER), parts={part: evil}))

    @pytest.mark.parametrize(
        "worksheet",
        [
            "no XML",
            "<worksheet><sheetData><row></sheetData></worksheet>",
            f'<worksheet xmlns="{MAIN}"/>',
            "<chartsheet/>",
            sheet(row(text("x", "A0A1"))),
            sheet(row(number=3), row(number=2)),
        ],
    )
    def test_damage(self, worksheet):
        for write in (annotated, lambda source: marked(source, Mark(1, 9, "x"), Mark(9, 0, "x"))):
            with pytest.raises(ResultsError):
                write(handmade(worksheet))

    def test_a_full_disk_is_not_taken_for_a_damaged_workbook(self):
        class Full(BytesIO):
            def write(self, _):
                raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space"):
            write_annotated(rich_workbook(), Full(), "Users", Added(1, ("a",), []))


class TestStyles:
    def test_a_workbook_without_styles_is_given_some(self):
        source = BytesIO()
        with ZipFile(handmade(sheet(HEADER))) as old, ZipFile(source, "w") as new:
            for entry in old.infolist():
                content = old.read(entry).decode()
                if entry.filename == STYLES:
                    continue
                for gone in ('<Relationship Id="rId900"', '<Override PartName="/xl/styles.xml"'):
                    if gone in content:
                        start = content.index(gone)
                        end = content.index("/>", start) + 2
                        content = content[:start] + content[end:]
                new.writestr(entry, content)
        shown = load_workbook(marked(source, Mark(1, 0, "x")))["Users"]
        assert shown["A1"].fill.fgColor.rgb == BAD
        assert load_workbook(annotated(source))["Users"]["D1"].font.b

    @pytest.mark.parametrize(
        "styles",
        [
            f'<styleSheet xmlns="{MAIN}"/>',
            f'<styleSheet xmlns="{MAIN}"><cellXfs count="0"/></styleSheet>',
            f'<styleSheet xmlns="{MAIN}"><numFmts count="0"/><dxfs count="0"/></styleSheet>',
            (
                f'<x:styleSheet xmlns:x="{MAIN}"><x:fonts><x:font/></x:fonts><x:fills count="0"/>'
                '<x:cellXfs><x:xf fontId="0"/></x:cellXfs></x:styleSheet>'
            ),
            FULL_STYLES.replace("?>", ' encoding="UTF-16"?>').encode("utf-16"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:Workbook contains no default style")
    def test_sparse_style_sheets_are_filled_up(self, styles):
        source = handmade(sheet(HEADER), parts={STYLES: styles})
        shown = load_workbook(marked(source, Mark(1, 0, "x")))["Users"]
        assert shown["A1"].fill.fgColor.rgb == BAD
        shown = load_workbook(annotated(source))["Users"]
        assert (shown["D1"].font.b, shown["D1"].fill.fgColor.rgb) == (True, "FF1F3A5F")
        assert shown["D1"].number_format == "@"


class TestPlainWorkbooks:
    def test_every_cell_is_text_at_its_own_place(self, tmp_path):
        file = BytesIO()
        rows = [(1, ["username", "password", "note"]), (4, ["0042", "", "=1+1"]), (5, [])]
        plain_workbook(file, [("a <b> & 'c'", rows), ("second", [(2, ["x"])])])
        book = load_workbook(file)
        assert book.sheetnames == ["a <b> & 'c'", "second"]
        shown = book.worksheets[0]
        assert [cell.value for cell in shown[4]] == ["0042", None, "=1+1"]
        assert [cell.value for cell in shown[2]] == [None] * 3
        assert (shown["C4"].data_type, shown["C4"].quotePrefix) == ("s", True)
        assert shown["A4"].number_format == "@"
        assert book["second"]["A2"].value == "x"

    def test_it_can_be_marked_and_annotated(self, tmp_path):
        file = BytesIO()
        plain_workbook(file, [("users", [(1, ["username", "password"]), (3, ["a", "b"])])])
        marks = marked(file, Mark(2, 0, "blank"), Mark(3, 1, "weak"), sheet="users")
        both = annotated(marks, [(3, ("invalid", "weak"))], sheet="users")
        shown = load_workbook(both)["users"]
        assert shown["B3"].comment.text == "weak"
        assert [cell.value for cell in shown[3]] == ["a", "b", "invalid", "weak"]
        (only,) = read_rows(both, tmp_path)
        assert (only.number, only.username, only.password) == (3, "a", "b")

    @pytest.mark.parametrize("line", [(1_048_577, ["x"]), (1, ["x"] * 16_385)])
    def test_what_no_worksheet_holds_is_refused(self, line):
        with pytest.raises(ResultsError, match="does not fit"):
            plain_workbook(BytesIO(), [("users", [line])])
