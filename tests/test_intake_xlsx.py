"""The workbook round the cells: strange but valid packages are read, broken ones are told."""

import tracemalloc
import zipfile

import openpyxl
import pytest
import xlsxwriter

from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from bulk_provision.intake.readers import kinds as kinds_module
from workbooks import (
    HEADER,
    MAIN,
    STRICT,
    number,
    read,
    relation,
    rels,
    row,
    sheet,
    text,
    write_xlsx,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.xlsx"


def usernames(path, **options):
    return [found.username for found in read(path, **options)]


def damage(path):
    with pytest.raises(SourceError) as told:
        read(path)
    assert str(path) in told.value.what
    assert told.value.cure
    return told.value.what


ONE_USER = sheet(HEADER, row(text("asha")))


def test_a_dimension_that_lies_is_not_believed(path):
    lying = sheet(HEADER, row(text("asha"), text("Long-enough-9")), before='<dimension ref="A1"/>')
    write_xlsx(path, lying)
    (found,) = read(path)
    assert (found.username, found.password) == ("asha", "Long-enough-9")


def test_rows_and_cells_need_not_say_where_they_are(path):
    write_xlsx(path, sheet(HEADER, row(text("asha")), row(), row(text("vikram"))))
    assert [(found.number, found.username) for found in read(path)] == [(2, "asha"), (4, "vikram")]


def test_rows_and_cells_are_where_they_say(path):
    lines = [
        row(text("username", "C7"), text("password", "E7"), number=7),
        row(text("Long-enough-9", "E9"), text("asha", "C9"), number=9),
    ]
    write_xlsx(path, sheet(*lines))
    with open_table(str(path)) as table:
        (found,) = table.rows()
        assert (found.number, found.username, found.password) == (9, "asha", "Long-enough-9")
        assert table.where(9, "password") == "Users!E9"
        assert table.columns == ()


def test_strict_workbooks_are_read(path):
    write_xlsx(path, sheet(HEADER, row(text("asha")), namespace=STRICT), namespace=STRICT)
    assert usernames(path) == ["asha"]


def test_a_namespace_prefix_is_understood(path):
    prefixed = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData>'
        '<x:row><x:c t="s"><x:v>0</x:v></x:c></x:row><x:row><x:c><x:v>7</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    strings = f'<x:sst xmlns:x="{MAIN}"><x:si><x:t>username</x:t></x:si></x:sst>'
    parts = {"xl/sharedStrings.xml": strings}
    write_xlsx(path, prefixed, strings="", parts=parts)
    assert usernames(path) == ["7"]


def test_part_names_match_whatever_their_case_and_slashes(path):
    moved = rels(relation("rId1", "worksheet", "/XL\\Worksheets\\Sheet1.xml"))
    write_xlsx(path, ONE_USER, parts={"xl/_rels/workbook.xml.rels": moved})
    assert usernames(path) == ["asha"]


def test_hidden_columns_are_read_and_said_so(path):
    hidden = '<cols><col min="2" max="3" hidden="1"/></cols>'
    write_xlsx(path, sheet(HEADER, row(text("asha")), before=hidden))
    with open_table(str(path)) as table:
        (note,) = table.notes
    assert (note.kind, note.where, note.seen) == ("column-hidden", "Users", "B, C")


def test_days_are_counted_from_1904_where_the_workbook_says_so(path):
    header = row(text("username"), text("since"))
    write_xlsx(
        path,
        sheet(header, row(text("asha"), number(43538, style=1))),
        formats=["yyyy-mm-dd"],
        workbook='<workbookPr date1904="1"/>',
    )
    assert read(path)[0].others == ("2023-03-15",)


def test_built_in_formats_are_known_by_their_number(path):
    styles = (
        f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
        '<xf numFmtId="49"/><xf numFmtId="3"/><xf numFmtId="57"/></cellXfs></styleSheet>'
    )
    cells = [row(number(45000, style=style)) for style in (1, 2, 3, 4)]
    write_xlsx(path, sheet(HEADER, *cells), parts={"xl/styles.xml": styles})
    date, as_text, grouped, east_asian = read(path)
    assert [problem.kind for problem in date.problems] == ["cell-date"]
    assert (as_text.username, as_text.problems) == ("45000", ())
    assert [problem.kind for problem in grouped.problems] == ["number-thousands"]
    assert [problem.kind for problem in east_asian.problems] == ["cell-date"]


def test_what_stands_after_the_cells_is_no_cell(path):
    after = '<extLst><ext><row r="9"><c r="A9"><v>9</v></c></row></ext></extLst>'
    write_xlsx(path, sheet(HEADER, row(text("asha")), after=after))
    assert usernames(path) == ["asha"]


def test_a_workbook_of_openpyxl_is_read(path):
    workbook = openpyxl.Workbook()
    workbook.active.append(["Username", "Password"])
    workbook.active.append(["asha", "Long-enough-9"])
    workbook.save(path)
    assert usernames(path) == ["asha"]


def test_a_macro_workbook_is_read_without_its_macros(tmp_path):
    path = tmp_path / "users.xlsm"
    write_xlsx(path, ONE_USER, parts={"xl/vbaProject.bin": b"\x00\x01"})
    assert usernames(path) == ["asha"]


@pytest.mark.parametrize(
    "rows",
    [
        [row(text("asha"), number=5), row(text("vikram"), number=5)],
        [row(text("asha"), number=1_048_577)],
        [row(text("asha"), number="x")],
        [row(text("asha", "XFE2"))],
        [row(text("asha", "AAAA2"))],
        [row('<c t="s"><v>7</v></c>')],
        [row('<c t="s"><v>-1</v></c>')],
        [row('<c t="s"><v>x</v></c>')],
        [row('<c t="what"><v>7</v></c>')],
        [row('<c s="x"><v>7</v></c>')],
        ["<row><c>"],
    ],
    ids=lambda rows: rows[0][:40],
)
def test_a_damaged_worksheet_is_told_and_not_guessed_at(path, rows):
    write_xlsx(path, sheet(HEADER, *rows), strings="<si><t>x</t></si>")
    assert "damaged" in damage(path)


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/styles.xml"])
@pytest.mark.parametrize("content", ["", "no XML", "<a/>", "<a>"])
def test_a_damaged_part_is_told(path, part, content):
    write_xlsx(path, ONE_USER, parts={part: content})
    if (part, content) == ("xl/styles.xml", "<a/>"):  # no styles at all: nothing to misread
        assert usernames(path) == ["asha"]
    else:
        damage(path)


def test_a_missing_part_is_told(path):
    write_xlsx(path, ONE_USER)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    del parts["xl/worksheets/sheet1.xml"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    damage(path)


def test_a_file_cut_short_is_told(path):
    write_xlsx(path, ONE_USER)
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in damage(path)


def test_a_file_with_flipped_bytes_is_told(path):
    lines = [row(text(f"user{place}")) for place in range(2000)]
    write_xlsx(path, sheet(HEADER, *lines))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    damage(path)


@pytest.mark.parametrize(
    ("module", "limit"), [("shared_strings", "_STRINGS_LIMIT"), ("xlsx", "_PART_LIMIT")]
)
def test_a_part_beyond_all_measure_is_refused(path, monkeypatch, module, limit):
    write_xlsx(path, ONE_USER, strings="<si/>" * 9)
    monkeypatch.setattr(f"bulk_provision.intake.readers.{module}.{limit}", 8)
    assert "more than" in damage(path)


def test_a_package_without_a_workbook_is_told(path):
    write_xlsx(path, ONE_USER, parts={"_rels/.rels": rels("")})
    assert "officeDocument" in damage(path)


BILLION_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
)


@pytest.mark.parametrize(
    "part",
    ["xl/workbook.xml", "xl/styles.xml", "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"],
)
def test_entities_that_could_blow_up_are_refused(path, part):
    write_xlsx(path, ONE_USER, strings="", parts={part: BILLION_LAUGHS})
    damage(path)


def test_an_external_entity_is_not_fetched(path, tmp_path):
    (tmp_path / "secret.txt").write_text("do-not-read")
    reference = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{tmp_path}/secret.txt">]>'
    hostile = sheet(HEADER, row("<c t='inlineStr'><is><t>&a;</t></is></c>"))
    hostile = hostile.replace('<?xml version="1.0"?>', reference)
    write_xlsx(path, hostile)
    assert "do-not-read" not in damage(path)


def test_a_workbook_that_unpacks_into_too_much_is_refused_before_it_is_unpacked(path, monkeypatch):
    monkeypatch.setattr(kinds_module, "_UNPACKED_LIMIT", 1 << 20)
    write_xlsx(path, sheet(HEADER, row(text("asha"))) + " " * (2 << 20))
    assert path.stat().st_size < 10_000
    assert "unpacked" in damage(path)


def test_a_cell_of_absurd_length_is_refused(path):
    write_xlsx(path, sheet(HEADER, row(text("a" * 2_000_000))))
    assert "more than" in damage(path)


def test_empty_styled_rows_cost_no_memory(path):
    empty = "".join(f'<row r="{place}"><c r="A{place}" s="1"/></row>' for place in range(3, 40_000))
    write_xlsx(path, sheet(HEADER, row(text("asha"), number=2), empty), formats=["@"])
    tracemalloc.start()
    try:
        assert usernames(path) == ["asha"]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_memory_does_not_grow_with_the_rows(tmp_path):
    def peak(rows):
        path = tmp_path / f"{rows}.xlsx"
        workbook = xlsxwriter.Workbook(str(path), {"constant_memory": True})
        users = workbook.add_worksheet()
        users.write_row(0, 0, ["username", "password", "name"])
        for place in range(1, rows):
            users.write_row(place, 0, [f"user{place}", "Long-enough-9", "Asha Rao"])
        workbook.close()
        tracemalloc.start()
        try:
            with open_table(str(path)) as table:
                assert sum(1 for _ in table.rows()) == rows - 1
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)  # imports
    assert peak(6_000) < 1.5 * peak(600)


def merged(*areas):
    return (
        "<mergeCells>" + "".join(f'<mergeCell ref="{area}"/>' for area in areas) + "</mergeCells>"
    )


def merged_rows(path, *areas, rows):
    write_xlsx(path, sheet(HEADER, *rows, after=merged(*areas)))
    return [
        (
            one.username,
            one.password,
            one.others,
            [(found.kind, found.where) for found in one.problems],
        )
        for one in read(path)
    ]


def test_a_password_merged_over_two_users_is_neither_blank_nor_certain(path):
    """Taken as blank, a password would be generated for the second one."""
    rows = [row(text("asha"), text("Shared-pass-9")), row(text("vikram"))]
    assert merged_rows(path, "B2:B3", rows=rows) == [
        ("asha", "Shared-pass-9", ("",), []),
        ("vikram", "Shared-pass-9", ("",), [("cell-merged", "Users!B3")]),
    ]


def test_a_text_merged_over_many_rows_travels_with_each(path):
    rows = [row(text("asha"), text(""), text("Sales")), row(text("vikram")), row(text("meera"))]
    found = merged_rows(path, "C2:C4", rows=rows)
    assert [(others, problems) for _, _, others, problems in found] == [(("Sales",), [])] * 3


def test_cells_merged_from_left_to_right_have_one_value(path):
    rows = [row(text("asha")), row(text("vikram"))]
    assert merged_rows(path, "A2:B2", rows=rows)[0] == (
        "asha",
        "",
        ("",),
        [("cell-merged-across", "Users!B2")],
    )


def test_what_lies_hidden_under_a_merged_cell_is_no_credential(path):
    rows = [row(text("asha"), text("Seen-by-all-9")), row(text("vikram"), text("Seen-by-none-9"))]
    assert merged_rows(path, "B2:B3", rows=rows)[1][3] == [("cell-merged", "Users!B3")]


def test_a_row_with_nothing_but_a_merged_cell_is_no_row(path):
    rows = [row(text("asha"), number=2), row(number=3), row(text("vikram"), number=4)]
    assert [one[0] for one in merged_rows(path, "A2:A3", rows=rows)] == ["asha", "vikram"]


def test_a_title_merged_over_the_table_is_no_header(path):
    write_xlsx(path, sheet(row(text("Users")), HEADER, row(text("asha")), after=merged("A1:C1")))
    assert usernames(path) == ["asha"]


def test_a_million_merged_areas_are_no_harm(path):
    areas = [f"A{place}:B{place + 5}" for place in range(10, 100_000, 3)]
    found = merged_rows(path, *areas, rows=[row(text("asha"))])
    assert [one[0] for one in found] == ["asha"]
