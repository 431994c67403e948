"""OpenDocument spreadsheets: what each cell shows, from the XML that LibreOffice writes."""

import tracemalloc
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers.ods import OdsBook
from bulk_provision.intake.records import SHEET_ROWS
from open_books import opened, shown, shown_rows

XMLNS = "urn:oasis:names:tc:opendocument:xmlns"
CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"


def cell(inside="", **attributes):
    """A cell; attributes as `office_value="42"` for `office:value="42"`."""
    written = "".join(
        f' {name.replace("__", ":").replace("_", "-")}="{escape(str(value), {chr(34): "&quot;"})}"'
        for name, value in attributes.items()
    )
    return f"<table:table-cell{written}>{inside}</table:table-cell>"


def text(value, **attributes):
    return cell(f"<text:p>{value}</text:p>", office__value_type="string", **attributes)


def value(kind, stored, seen, **attributes):
    name = {"date": "date_value", "time": "time_value", "boolean": "boolean_value"}.get(
        kind, "value"
    )
    inside = f"<text:p>{seen}</text:p>" if seen is not None else ""
    stated = {"office__value_type": kind, f"office__{name}": stored}
    return cell(inside, **stated, **attributes)


def row(*cells, attributes=""):
    return f"<table:table-row{attributes}>{''.join(cells)}</table:table-row>"


def table(*inside, name="Users", attributes=""):
    return f'<table:table table:name="{name}"{attributes}>{"".join(inside)}</table:table>'


def write_ods(path, *tables, styles="", before="", manifest=""):
    spaces = "".join(
        f' xmlns:{name}="{XMLNS}:{name}:1.0"'
        for name in ("office", "table", "text", "style", "drawing")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}'
        f'<office:document-content{spaces} xmlns:draw="{XMLNS}:drawing:1.0" xmlns:calcext="{CALC}">'
        f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>"
        f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body>"
        "</office:document-content>"
    )
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
    return path


def open_ods(path):
    return opened(OdsBook, path)


@pytest.fixture
def read(tmp_path):
    """The rows of a document of one sheet: number → cells."""

    def rows(*inside, **options):
        with open_ods(write_ods(tmp_path / "users.ods", table(*inside), **options)) as book:
            return shown_rows(book.sheets[0])

    return rows


@pytest.fixture
def see(read):
    """What a single cell shows."""

    def one(cell):
        found = read(row(cell))
        return found[1][0] if found else ""

    return one


def test_texts_are_read_as_they_stand(read):
    assert read(row(text("username"), text("password")), row(text("asha"), text("0042 x"))) == {
        1: ["username", "password"],
        2: ["asha", "0042 x"],
    }


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        ("<text:p>a<text:s/>b</text:p>", "a b"),
        ('<text:p>a <text:s text:c="3"/>b</text:p>', "a    b"),
        ("<text:p>a<text:tab/>b</text:p>", "a\tb"),
        ("<text:p>a<text:line-break/>b</text:p>", "a\nb"),
        ("<text:p>a</text:p><text:p>b</text:p>", "a\nb"),
        ("<text:p/><text:p>b</text:p>", "\nb"),
        ('<text:p>a<text:span text:style-name="T1">sh</text:span>a</text:p>', "asha"),
        ("<text:p><text:a>asha@example.com</text:a></text:p>", "asha@example.com"),
        ("<text:p> asha </text:p>", " asha "),
        ("<text:p>a&amp;b&#160;&lt;c</text:p>", "a&b\xa0<c"),
    ],
)
def test_paragraphs_are_put_together_as_they_are_shown(see, inside, seen):
    assert see(cell(inside, office__value_type="string")) == seen


@pytest.mark.parametrize("inside", ["a  b", "\n  asha\n", "a\tb", "a <text:span> b</text:span>"])
def test_spaces_that_programs_count_differently_are_a_doubt(see, inside):
    assert see(text(inside))[1] == "spaces-unsure"


@pytest.mark.parametrize(
    "beside",
    [
        "<office:annotation><text:p>a remark</text:p></office:annotation>",
        "<draw:frame><draw:text-box><text:p>a box</text:p></draw:text-box></draw:frame>",
        "<draw:frame><table:table><table:table-row/><text:p>x</text:p></table:table></draw:frame>",
    ],
)
def test_what_lies_on_a_cell_is_not_its_text(see, beside):
    assert see(cell(beside + "<text:p>asha</text:p>", office__value_type="string")) == "asha"
    assert see(cell(f"<text:p>as{beside}ha</text:p>", office__value_type="string")) == "asha"
    assert see(cell(beside)) == ""


def test_a_text_under_a_format_is_what_was_shown(see):
    # LibreOffice keeps what was typed in an attribute, when the format `"ext-"@` adds to it.
    assert see(text("ext-42", office__string_value="42")) == "ext-42"
    assert see(cell(office__value_type="string", office__string_value="42")) == "42"


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        *[("42", "42"), ("42", "0042"), ("42.0", "42"), ("4.2E1", "42"), ("0", "0"), ("0", "000")],
        *[("1234", "12-34"), ("7", "+7"), ("42", "ext-42"), ("-42", "-42"), ("42", "42 kg")],
        ("123456789012345", "123456789012345"),
    ],
)
def test_a_whole_number_is_certain_as_it_was_shown(see, stored, seen):
    assert see(value("float", stored, seen)) == seen


@pytest.mark.parametrize(
    ("stored", "seen", "kind"),
    [
        ("4.5", "4,5", "number-decimal"),
        ("4.5", "5", "number-decimal"),
        ("42", "42.00", "number-decimal"),
        ("0", "0,00", "number-decimal"),
        ("1234", "1,234", "number-thousands"),
        ("1234", "1.234", "number-thousands"),
        ("1234", "1\u202f234", "number-thousands"),
        ("1234", "1’234", "number-thousands"),
        ("1234567", "12,34,567", "number-thousands"),
        ("1200", "1.2E+03", "number-scientific"),
        ("0.42", "42%", "number-percent"),
        ("1234567890123456", "1234567890123456", "number-too-long"),
        ("1.23E+020", "1.23E+20", "number-too-long"),
        ("42", "###", "number-format-unknown"),
        ("42", "41", "number-format-unknown"),
        ("1200", "1", "number-format-unknown"),
        ("42", "٤٢", "number-format-unknown"),
        ("0", "none", "number-format-unknown"),
        ("42", "42 ", "number-format-unknown"),
        ("forty", "40", "number-unreadable"),
        ("NaN", "40", "number-unreadable"),
        ("1E+999999999", "1", "number-unreadable"),
    ],
)
def test_a_number_that_looks_different_elsewhere_is_a_doubt(see, stored, seen, kind):
    assert see(value("float", stored, seen))[1] == kind


def test_the_best_guess_for_a_doubtful_number_is_what_was_shown(see):
    assert see(value("float", "4.5", "4,50"))[0] == "4,50"
    assert see(value("float", "42", "###"))[0] == "42"
    assert see(value("float", "42", None)) == ("42", "number-format-unknown")
    assert see(value("float", "0", "")) == ("0", "number-format-unknown")


@pytest.mark.parametrize(
    ("kind", "stored", "seen", "doubt"),
    [
        ("date", "2024-05-06", "06.05.24", "cell-date"),
        ("time", "PT10H30M00S", "10:30", "cell-date"),
        ("boolean", "true", "WAHR", "cell-boolean"),
        ("percentage", "0.5", "50 %", "number-percent"),
        ("currency", "1234", "1.234 €", "number-thousands"),
        ("currency", "42.5", "42,50 €", "number-decimal"),
        ("currency", "42", "42 €", "number-format-unknown"),
    ],
)
def test_other_kinds_of_value_are_a_doubt(see, kind, stored, seen, doubt):
    assert see(value(kind, stored, seen)) == (seen, doubt)


def test_a_value_without_a_text_is_told_as_it_is_stored(see):
    assert see(value("date", "2024-05-06", None)) == ("2024-05-06", "cell-date")
    assert see(value("boolean", "true", None)) == ("TRUE", "cell-boolean")


@pytest.mark.parametrize("seen", ["#N/A", "#DIV/0!", "#NAME?", "#WERT!", "Err:502"])
def test_an_error_is_told(see, seen):
    # As LibreOffice writes it, and as programs do that do not know calcext.
    new = text(seen, table__formula="of:=X()", calcext__value_type="error")
    old = value("float", "0", seen, table__formula="of:=X()")
    assert see(new) == see(old) == (seen, "cell-error")
    assert see(text(seen)) == seen  # somebody typed it
    assert see(text("#Nice", table__formula='of:="#"&[.A1]')) == "#Nice"


def test_a_formula_shows_its_result(see):
    assert see(text("asha.rao", table__formula='of:=[.A1]&"."&[.B1]')) == "asha.rao"
    assert see(value("float", "42", "0042", table__formula="of:=6*7")) == "0042"
    assert (
        see(cell(office__value_type="string", office__string_value="", table__formula="=A1")) == ""
    )


@pytest.mark.parametrize(
    "kind", [{}, {"office__value_type": "string"}, {"office__value_type": "float"}]
)
def test_a_formula_that_nobody_calculated_is_told(see, kind):
    assert see(cell(table__formula="of:=[.A1]&1", **kind)) == ("=[.A1]&1", "formula-without-value")


@pytest.mark.parametrize("formula", ["RAND()*9", "TODAY()", "NOW()", "RANDBETWEEN(1;9)"])
def test_a_formula_that_changes_is_told(see, formula):
    assert see(value("float", "42", "42", table__formula=f"of:={formula}")) == (
        "42",
        "formula-changes",
    )


def test_cells_written_once_with_a_count_are_many(read):
    assert read(
        row(cell(table__number_columns_repeated=2), text("x", table__number_columns_repeated=3)),
        row(cell(table__number_columns_repeated=16384)),
        row(text("y"), cell(table__number_columns_repeated=16383), attributes=""),
    ) == {1: ["", "", "x", "x", "x"], 3: ["y"]}


def test_rows_written_once_with_a_count_are_many(read):
    twice = ' table:number-rows-repeated="2"'
    assert read(row(attributes=twice), row(text("x"), attributes=twice), row(text("y"))) == {
        3: ["x"],
        4: ["x"],
        5: ["y"],
    }


def test_equal_rows_do_not_share_their_cells(tmp_path):
    path = tmp_path / "users.ods"
    write_ods(path, table(row(text("x"), attributes=' table:number-rows-repeated="2"')))
    with open_ods(path) as book:
        first, second = book.sheets[0].records()
    first[1].append("more")
    assert second[1] == ["x"]


def test_a_million_empty_rows_with_a_style_cost_nothing(tmp_path):
    many = f' table:number-rows-repeated="{SHEET_ROWS - 1}" table:style-name="ro1"'
    empty = cell(table__style_name="ce1", table__number_columns_repeated=16384)
    path = write_ods(tmp_path / "users.ods", table(row(text("x")), row(empty, attributes=many)))
    tracemalloc.start()
    try:
        with open_ods(path) as book:
            assert shown_rows(book.sheets[0]) == {1: ["x"]}
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


def test_more_rows_or_cells_than_a_sheet_can_hold_are_damage(read):
    with pytest.raises(SourceError, match="1,048,576 rows"):
        read(row(text("x"), attributes=f' table:number-rows-repeated="{SHEET_ROWS + 1}"'))
    with pytest.raises(SourceError, match="16,384 cells"):
        read(row(text("x", table__number_columns_repeated=16385)))
    with pytest.raises(SourceError, match="number-columns-repeated is 0"):
        read(row(text("x", table__number_columns_repeated=0)))


def covered(inside=""):
    return cell(inside).replace("table-cell", "covered-table-cell")


def test_cells_merged_downwards_show_the_first_ones_text_in_doubt(read):
    first = text("asha", table__number_rows_spanned=2, table__number_columns_spanned=1)
    assert read(row(first, text("a")), row(covered(), text("b")), row(text("c"), text("d"))) == {
        1: ["asha", "a"],
        2: [("asha", "cell-merged"), "b"],
        3: ["c", "d"],
    }


def test_cells_merged_across_show_nothing_in_doubt(read):
    first = text("A title", table__number_columns_spanned=2, table__number_rows_spanned=1)
    twice = ' table:number-rows-repeated="2"'
    assert read(row(first, covered(), text("x"), attributes=twice)) == {
        1: ["A title", ("", "cell-merged-across"), "x"],
        2: ["A title", ("", "cell-merged-across"), "x"],
    }


def test_a_text_under_a_merged_cell_is_seen_by_nobody(read):
    first = text("asha", table__number_columns_spanned=2)
    assert read(row(first, covered("<text:p>left over</text:p>"))) == {
        1: ["asha", ("left over", "cell-merged-across")]
    }


def test_cells_below_a_blank_merged_cell_are_blank_in_doubt(read):
    first = cell(table__number_rows_spanned=2)
    assert read(row(first), row(covered(), text("b"))) == {2: [("", "cell-merged"), "b"]}


@pytest.mark.parametrize(
    ("how", "hidden"), [("collapse", True), ("filter", True), ("visible", False)]
)
def test_hidden_rows_are_told(tmp_path, how, hidden):
    path = tmp_path / "users.ods"
    write_ods(path, table(row(text("x"), attributes=f' table:visibility="{how}"')))
    with open_ods(path) as book:
        ((_, _, doubts),) = book.sheets[0].records()
    assert [doubt.kind for doubt in doubts] == ["row-hidden"] * (how != "visible")


def test_hidden_columns_that_are_read_are_told(tmp_path):
    columns = (
        '<table:table-column table:number-columns-repeated="2"/><table:table-column-group>'
        '<table:table-column table:visibility="collapse"/></table:table-column-group>'
        '<table:table-column table:number-columns-repeated="16381" table:visibility="filter"/>'
    )
    path = write_ods(tmp_path / "users.ods", table(columns, row(text("x"))))
    with open_ods(path) as book:
        (sheet,) = book.sheets
        assert book.notes(sheet, [2], []) == []  # nothing was read yet
        list(sheet.records())
        list(sheet.records())
        (note,) = book.notes(sheet, [2], [0, 1, 5])
        assert (note.kind, note.seen, note.warning) == ("column-hidden", "C, F", True)
        assert book.notes(sheet, [0], [1]) == []


def test_sheets_are_listed_and_hidden_ones_known(tmp_path):
    styles = (
        '<style:style style:name="ta1" style:family="table"><style:table-properties '
        'table:display="true"/></style:style><style:style style:name="ta2" style:family="table">'
        '<style:table-properties table:display="false"/></style:style>'
    )
    path = tmp_path / "users.ods"
    write_ods(
        path,
        table(row(text("1")), name="First", attributes=' table:style-name="ta1"'),
        table(row(text("2")), name="Büro &amp; Lager", attributes=' table:style-name="ta2"'),
        table(name="Third"),
        styles=styles,
    )
    with open_ods(path) as book:
        assert [(sheet.name, sheet.hidden) for sheet in book.sheets] == [
            ("First", False),
            ("Büro & Lager", True),
            ("Third", False),
        ]
        assert [shown_rows(sheet) for sheet in book.sheets] == [{1: ["1"]}, {1: ["2"]}, {}]


def test_header_rows_and_groups_of_rows_are_rows(read):
    assert read(
        f"<table:table-header-rows>{row(text('username'))}</table:table-header-rows>",
        f"<table:table-row-group>{row(text('asha'))}</table:table-row-group>",
    ) == {1: ["username"], 2: ["asha"]}


def test_tables_in_shapes_are_no_sheets_and_no_rows(tmp_path):
    shape = f"<table:shapes><draw:frame>{table(row(text('x')))}</draw:frame></table:shapes>"
    with open_ods(write_ods(tmp_path / "users.ods", table(shape, row(text("y"))))) as book:
        (sheet,) = book.sheets
        assert shown_rows(sheet) == {1: ["y"]}


def test_the_prefixes_of_names_do_not_matter(tmp_path):
    path = tmp_path / "users.ods"
    write_ods(path, table(row(text("asha"))))
    with ZipFile(path) as archive:
        content = archive.read("content.xml").decode()
    for before, after in ((":table=", ":t="), ("<table:", "<t:"), ("</table:", "</t:")):
        content = content.replace(before, after)
    content = content.replace(" table:", " t:")
    with ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)
    with open_ods(path) as book:
        assert shown_rows(book.sheets[0]) == {1: ["asha"]}


def test_a_protected_document_is_told(tmp_path):
    path = tmp_path / "users.ods"
    write_ods(path, manifest="<manifest:file-entry><manifest:encryption-data/>")
    with pytest.raises(SourceError, match="protected with a password") as told:
        with open_ods(path):
            pass
    assert "take the password off" in told.value.cure


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<office:document-content>",
        "<html/>",
        '<!DOCTYPE x [<!ENTITY a "b">]><x/>',
        f'<o:document-content xmlns:o="{XMLNS}:office:1.0"/>',
    ],
)
def test_a_damaged_document_is_told(tmp_path, content):
    path = tmp_path / "users.ods"
    with ZipFile(path, "w") as archive:
        archive.writestr("content.xml", content)
    with pytest.raises(SourceError, match="damaged") as told:
        with open_ods(path):
            pass
    assert ".xlsx" in told.value.cure


def test_a_document_without_content_is_told(tmp_path):
    path = tmp_path / "users.ods"
    with ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(SourceError, match="damaged"):
        with open_ods(path):
            pass


def test_entities_are_refused(tmp_path):
    entity = '<!DOCTYPE office:document-content [<!ENTITY a "aaaaaaaaaa">]>'
    path = write_ods(tmp_path / "users.ods", table(row(text("&a;"))), before=entity)
    with pytest.raises(SourceError, match="entities"):
        with open_ods(path):
            pass


@pytest.mark.parametrize("inside", ["x" * 1_100_000, '<text:s text:c="999999999999"/>'])
def test_a_cell_of_over_a_million_characters_is_refused(read, inside):
    with pytest.raises(SourceError, match="1,048,576 characters"):
        read(row(text(inside)))


def as_libreoffice_writes(value):
    """A text's paragraphs: each space after a first one, and each at the start, is an element."""
    paragraphs = []
    for line in value.split("\n"):
        written = ""
        for place, character in enumerate(line):
            spaced = place == 0 or line[place - 1] == " "
            if character == " " and spaced:
                written += "<text:s/>"
            elif character == "\t":
                written += "<text:tab/>"
            else:
                written += escape(character)
        paragraphs.append(f"<text:p>{written}</text:p>")
    return "".join(paragraphs)


@given(st.text(st.sampled_from("ab0 \t\né€𝄞&<>'\"")))
def test_any_text_comes_back_as_it_was_written(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.ods"
    written = cell(as_libreoffice_writes(value), office__value_type="string")
    write_ods(path, table(row(text("first"), written)))
    with open_ods(path) as book:
        ((_, cells, _),) = book.sheets[0].records()
    assert [shown(one) for one in cells] == (["first", value] if value else ["first"])


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, 6))
def test_any_whole_number_is_certain_with_any_leading_zeros(tmp_path_factory, number, zeros):
    path = tmp_path_factory.getbasetemp() / "any.ods"
    seen = f"{'-' * (number < 0)}{'0' * zeros}{abs(number)}"
    write_ods(path, table(row(value("float", number, seen))))
    with open_ods(path) as book:
        assert shown_rows(book.sheets[0]) == {1: [seen]}
