"""Web pages that call themselves workbooks: their tables, as a browser shows them."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.errors import SourceError
from bulk_provision.intake.readers import html, html_table
from bulk_provision.intake.readers.html import HtmlBook
from open_books import opened, shown_rows


def open_html(path):
    return opened(HtmlBook, path)


@pytest.fixture
def page(tmp_path):
    """Write a page; its path."""

    def write(content, encoding="utf-8"):
        path = tmp_path / "export.html"
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def tables(page):
    """The tables of a page: for each one, number → cells."""

    def read(content, encoding="utf-8"):
        with open_html(page(content, encoding)) as book:
            return [shown_rows(sheet) for sheet in book.sheets]

    return read


@pytest.fixture
def see(tables):
    """What a cell shows, that holds this."""

    def one(inside, attributes=""):
        (rows,) = tables(f"<table><tr><td{attributes}>{inside}</td></tr></table>")
        return rows[1][0] if rows else ""

    return one


def test_a_table_is_read(tables):
    assert tables(
        "<html><head><title>Users</title></head><body><h1>Users</h1><table><thead>"
        "<tr><th>username</th><th>password</th></tr></thead><tbody>"
        "<tr><td>asha</td><td>0042</td></tr></tbody></table></body></html>"
    ) == [{1: ["username", "password"], 2: ["asha", "0042"]}]


def test_end_tags_may_be_missing(tables):
    assert tables(
        "<TABLE><TR><TH>username<TH>password<TR><TD>asha<TD>x<TBODY><TD>ben<TD>y</TABLE>"
    ) == [{1: ["username", "password"], 2: ["asha", "x"], 3: ["ben", "y"]}]
    assert tables("<table><tr><td>a<table>")[0] == {1: [("a", "cell-more-than-text")]}
    assert tables("<table><tr><td>a</td></tr><table><tr><td>b") == [{1: ["a"]}, {1: ["b"]}]


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        ("  asha \r\n\t rao  ", "asha rao"),
        ("a&nbsp;b", "a\xa0b"),
        ("&nbsp;asha", "\xa0asha"),
        ("&lt;b&gt; &amp;amp; &#233;&eacute;&#x1F600;", "<b> &amp; éé😀"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("a <br> b", "a\nb"),
        ("a<br>", "a"),
        ("<br>a", "\na"),
        ("<p>asha</p>", "asha"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<ul><li>b<li>c</ul>", "a\nb\nc"),
        ("<b>as</b><i>ha</i>", "asha"),
        ('<a href="mailto:x">asha@example.com</a>', "asha@example.com"),
        ("as<!-- a remark -->ha", "asha"),
        ("as<!-- <td>x</td> -->ha", "asha"),
        ("asha<script>if (a < b) { '<td>' }</script><style>td {}</style>", "asha"),
        ('<span style="display: none">20240101</span>1 January', "1 January"),
        ("<span hidden>x</span>asha", "asha"),
        ("<div style='DISPLAY:NONE'>a<table><tr><td>b</td></tr></table></div>asha", "asha"),
        ("=1+1", "=1+1"),
        ("1 < 2 & 3", "1 < 2 & 3"),
        ('<input type="hidden" value="7">asha', "asha"),
    ],
)
def test_a_text_is_what_a_browser_shows(see, inside, seen):
    assert see(inside) == seen


@pytest.mark.parametrize("inside", ["", "  ", "&nbsp;", "<p>&nbsp;</p>", "<b></b>", "<br>"])
def test_a_cell_with_nothing_to_see_is_blank(see, inside):
    assert see(inside) == ""


@pytest.mark.parametrize(
    ("attributes", "seen"),
    [
        (' x:num="42"', "0042"),
        (' x:num="42.000001"', "0042"),
        (r""" style='mso-number-format:"0000"'""", "0042"),
        (' class="xl65" align=right x:str', "0042"),
    ],
)
def test_the_text_counts_and_not_what_excel_is_told_of_it(see, attributes, seen):
    assert see("0042", attributes) == seen


def test_a_table_in_a_cell_is_a_doubt_about_that_cell(tables):
    inner = "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"
    assert tables(f"<table><tr><td>x</td><td>{inner}</td><td>y</td></tr><tr><td>z</table>") == [
        {1: ["x", ("a b\nc", "cell-more-than-text"), "y"], 2: ["z"]}
    ]


@pytest.mark.parametrize("field", ["<input value=x>", "<select></select>", "<textarea></textarea>"])
def test_a_field_in_a_cell_is_a_doubt(see, field):
    assert see(f"asha {field}")[1] == "cell-more-than-text"


@pytest.mark.parametrize(
    ("inside", "seen"),
    [
        ('a<span style="mso-spacerun:yes">&nbsp; </span>b', "a\xa0 b"),
        ("<pre>a  b</pre>", "a b"),
        ("<pre>a\nb</pre>", "a b"),
    ],
)
def test_spaces_that_programs_count_differently_are_a_doubt(see, inside, seen):
    assert see(inside) == (seen, "spaces-unsure")


def test_preformatted_text_without_such_spaces_is_certain(see):
    assert see("<pre>asha rao</pre>") == "asha rao"


def test_every_table_with_rows_is_a_sheet(page):
    path = page(
        "<table></table><table><tr><td>1</table><p>x<table><caption>c</caption><tr><td>2</table>"
        "<table style='display:none'><tr><td>3</table><!-- <table><tr><td>4</table> -->"
        "<script>'<table><tr><td>5</table>'</script><table><tr></table>"
    )
    with open_html(path) as book:
        assert [(sheet.name, sheet.hidden, shown_rows(sheet)) for sheet in book.sheets] == [
            ("Table 1", False, {1: ["1"]}),
            ("Table 2", False, {1: ["2"]}),
            ("Table 3", True, {1: ["3"]}),
            ("Table 4", False, {}),
        ]


def test_tables_can_be_read_in_turns(page):
    path = page("<table><tr><td>1<tr><td>2</table><table><tr><td>3</table>")
    with open_html(path) as book:
        first, second = (sheet.records() for sheet in book.sheets)
        assert next(first)[1] == ["1"]
        assert next(second)[1] == ["3"]
        assert next(first)[1] == ["2"]


def test_rows_are_counted_in_their_table(tables):
    assert tables("<table><tr><tr><td>&nbsp;<tr><td>x<tr><th></table>") == [{3: ["x"]}]


def test_cells_merged_across(tables):
    assert tables("<table><tr><td colspan=2>title<td>x<tr><td>a<td>b<td>c</table>") == [
        {1: ["title", ("", "cell-merged-across"), "x"], 2: ["a", "b", "c"]}
    ]


def test_cells_merged_downwards_push_the_others_aside(tables):
    assert tables("<table><tr><td rowspan=2>asha<td>x<tr><td>y<tr><td>a<td>b</table>") == [
        {1: ["asha", "x"], 2: [("asha", "cell-merged"), "y"], 3: ["a", "b"]}
    ]
    assert tables("<table><tr><td>x<td rowspan=0>asha<tr><td>y<td>z<tr><td>v</table>") == [
        {
            1: ["x", "asha"],
            2: ["y", ("asha", "cell-merged"), "z"],
            3: ["v", ("asha", "cell-merged")],
        }
    ]


@pytest.mark.parametrize("span", ["0", "", "x", "-3", "1.5", "+1"])
def test_spans_that_make_no_sense_are_one(tables, span):
    assert tables(f"<table><tr><td colspan='{span}'>a<td>b</table>") == [{1: ["a", "b"]}]


def test_spans_of_any_size_are_bounded(tables):
    (rows,) = tables("<table><tr><td>x<td colspan=999999999 rowspan=999999999>a<tr><td>b</table>")
    assert [len(cells) for cells in rows.values()] == [1001, 1001]
    with pytest.raises(SourceError, match="16,384 cells"):
        tables(f"<table><tr>{'<td colspan=1000>a' * 18}</table>")


def test_hidden_rows_are_told(page):
    path = page('<table><tr style="display:none"><td>a</tr><tr hidden><td>b<tr><td>c</table>')
    with open_html(path) as book:
        told = {number: len(doubts) for number, _, doubts in book.sheets[0].records()}
    assert told == {1: 1, 2: 1, 3: 0}


def test_hidden_columns_that_are_read_are_told(page):
    path = page(
        "<table><col><col span=2 width=0 style='display:none'><col>"
        "<tr><td>a<td>b<td>c<td style='display:none'>d</table>"
    )
    with open_html(path) as book:
        (sheet,) = book.sheets
        assert list(shown_rows(sheet).values()) == [["a", "b", "c", "d"]]
        (note,) = book.notes(sheet, [1], [0, 3])
        assert (note.kind, note.seen) == ("column-hidden", "B, D")
        assert book.notes(sheet, [0], []) == []


def test_what_excel_writes_is_read(tables):
    assert tables(
        '<html xmlns:o="urn:schemas-microsoft-com:office:office" '
        'xmlns:x="urn:schemas-microsoft-com:office:excel">\r\n<head>\r\n<meta charset=utf-8>\r\n'
        "<!--[if gte mso 9]><xml><x:ExcelWorkbook><table><tr><td>no</xml><![endif]-->\r\n"
        "<style>\r\n<!--table {mso-displayed-decimal-separator:'\\.';}\r\n-->\r\n</style>\r\n"
        "<body link=blue>\r\n<table border=0 width=64>\r\n <col width=64 style='width:48pt'>\r\n"
        " <tr height=20>\r\n  <td height=20 class=xl65 align=right>0042</td>\r\n </tr>\r\n"
        " <![if supportMisalignedColumns]>\r\n <tr height=0 style='display:none'>\r\n"
        "  <td width=64></td>\r\n </tr>\r\n <![endif]>\r\n</table>\r\n</body>\r\n</html>"
    ) == [{1: ["0042"]}]


CELL = "<table><tr><td>Zoë €</td><td>asha</td></tr></table>"


@pytest.mark.parametrize(
    ("encoding", "before"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("utf-8", "<meta charset=windows-1252>"),
        ("cp1252", '<meta charset="windows-1252">'),
        ("cp1252", "<META HTTP-EQUIV=Content-Type CONTENT='text/html; charset=iso-8859-1'>"),
        ("gb18030", "<meta charset=gb2312>"),
    ],
)
def test_an_encoding_that_is_known_is_certain(tables, encoding, before):
    assert tables(before + CELL, encoding) == [{1: ["Zoë €", "asha"]}]


@pytest.mark.parametrize(
    "before", ["", "<meta charset=utf-8>", "<meta charset=zip>", "<meta charset=klingon>"]
)
def test_an_encoding_that_is_not_known_is_a_guess(page, before):
    with open_html(page(before + CELL, "cp1252")) as book:
        (sheet,) = book.sheets
        assert shown_rows(sheet) == {1: [("Zoë €", "encoding-unsure"), "asha"]}
        assert [note.kind for note in book.notes(sheet, [0], [])] == ["encoding-assumed"]


def test_a_letter_that_got_lost_is_a_doubt(tables):
    broken = b"<meta charset=shift_jis><table><tr><td>a\x81</td><td>b</td></tr></table>"
    assert tables(broken)[0][1] == [("a\ufffd", "encoding-unsure"), "b"]
    assert tables("<table><tr><td>&#xD800;</table>") == [{1: [("\ufffd", "encoding-unsure")]}]


@pytest.mark.parametrize("content", ["<html><p>no table", "<table></table>", "<", "<!--"])
def test_a_page_without_any_table_is_told(tables, content):
    with pytest.raises(SourceError, match="a web page without any table") as told:
        tables(content)
    assert ".xlsx" in told.value.cure


@pytest.mark.parametrize("nonsense", ["<![foo", "<![foo]>", "<!x>", "</>", "<?php ?>", "&#;&"])
def test_nonsense_is_passed_over_as_a_browser_does(tables, nonsense):
    (rows,) = tables(f"<table><tr><td>x</td></tr></table>{nonsense}")
    assert rows == {1: ["x"]}


def test_a_cell_of_over_a_million_characters_is_refused(tables):
    with pytest.raises(SourceError, match="1,048,576 characters"):
        tables(f"<table><tr><td>{'x' * 1_100_000}</table>")


def test_a_tag_that_does_not_end_is_refused(tables, monkeypatch):
    monkeypatch.setattr(html_table, "PENDING_LIMIT", 1000)
    with pytest.raises(SourceError, match="1,000 characters"):
        tables("<table><tr><td>a</table><!-- " + "x" * 2000)


def test_a_page_is_read_no_further_than_is_needed(page, monkeypatch):
    monkeypatch.setattr(html, "_CHUNK", 1000)
    row, gap = "<tr><td>x</td></tr>", f"<!-- {'x' * 5000} -->"
    with open_html(page(f"<table>{row}{gap}{row}</table>{gap}")) as book:
        records = book.sheets[0].records()
        places = [(number, book._file.tell()) for number, _, _ in records]  # how far it was read
        assert places == [(1, 1000), (2, 6000)]
        assert book._file.tell() == 6000


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufffd")))
def test_any_text_comes_back_with_its_spaces_collapsed(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "any.xls"
    path.write_text(f"<table><tr><td>x<td>{escape(value)}</table>", "utf-8", newline="")
    words = [word for word in value.translate(dict.fromkeys(b"\t\n\f\r", " ")).split(" ") if word]
    expected = " ".join(words)
    with open_html(path) as book:
        assert shown_rows(book.sheets[0]) == {1: ["x", expected] if expected.strip() else ["x"]}


PIECES = [
    *"ab &<>'\"=/!-",
    *("<table>", "<tr>", "<td>", "</table>", "</tr>", "<td colspan=3>", "<td rowspan=2>", "<br>"),
    *("<p hidden>", "<!--", "-->", "<script>", "</script>", "<head>", "<![if x]>", "&nbsp;"),
]


@given(st.lists(st.sampled_from(PIECES)))
def test_any_page_is_read_or_told(tmp_path_factory, pieces):
    path = tmp_path_factory.getbasetemp() / "any.xls"
    path.write_text("<table><tr><td>x</td></tr>" + "".join(pieces), "utf-8")
    with open_html(path) as book:
        rows = [shown_rows(sheet) for sheet in book.sheets]
    assert rows[0][1]


@pytest.mark.parametrize(("name", "notes"), [("a.html", []), ("a.xls", ["xls-is-none"])])
def test_a_page_with_the_name_of_a_workbook_is_told(tmp_path, name, notes):
    path = tmp_path / name
    path.write_text("<table><tr><td>username</td></tr></table>")
    with open_html(path) as book:
        assert [note.kind for note in book.notes(book.sheets[0], [0], [])] == notes


def test_a_note_of_libreoffice_is_no_part_of_its_cell(see):
    note = '<a class="comment-indicator"></a><comment>Ask Ravi</comment>'
    assert see(f"{note}<font>Plum-rivet-42</font>") == "Plum-rivet-42"


@pytest.mark.parametrize(
    "rule",
    [
        ".sort { display: none }",
        "td > span.sort {color:red; DISPLAY:none}",
        "#k,.sort{visibility:hidden}",
    ],
)
def test_what_a_rule_of_the_page_may_hide_makes_its_cell_doubtful(tables, rule):
    """Else a hidden key for sorting would become part of a username."""
    style = f"<style>body {{ color: black }} {rule}</style>"
    cells = '<td><span class="sort">0001</span>asha</td><td><span class="x">vikram</span></td>'
    (rows,) = tables(f"<html><head>{style}</head><table><tr>{cells}</tr></table>")
    assert rows == {1: [("0001asha", "cell-more-than-text"), "vikram"]}


def test_elements_that_nobody_knows_make_their_cell_doubtful(see):
    assert see("<my-key>7</my-key>asha") == ("7asha", "cell-more-than-text")
    assert see("<b><i>as</i></b><span>ha</span>") == "asha"
