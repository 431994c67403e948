"""Text files: encodings, separators, quotes and ragged lines, as programs and people write them."""

import csv
import io
import tracemalloc

import pytest

from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import open_table
from bulk_provision.intake import source as source_module
from bulk_provision.intake.readers import encodings as encodings_module
from bulk_provision.intake.readers import kinds as kinds_module
from workbooks import read


@pytest.fixture
def write(tmp_path):
    def write(content, name="users.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


def credentials(path, **options):
    return [(found.username, found.password) for found in read(path, **options)]


def kinds(found):
    return [(problem.kind, problem.warning) for problem in found.problems]


USERS = "username,password,name\nasha,Long-enough-9,Zoë Müller\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_files_are_read(write, encoding):
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    path = write(mark + USERS.encode(encoding))
    (found,) = read(path)
    assert (found.username, found.others, found.problems) == ("asha", ("Zoë Müller",), ())
    with open_table(path) as table:
        assert table.notes == ()


PEOPLE = {
    "cp1252": ["Jürgen Müller", "José Ñandú", "François Ébène", "Søren Ågård"],
    "cp1250": ["Dvořák Jiří", "Šárka Nováková", "Gergő Kőszegi"],
    "cp1251": ["Иван Петров", "Ольга Сидорова"],
    "cp1253": ["Γιώργος Παπαδόπουλος", "Μαρία"],
    "cp1254": ["Ayşe Yılmaz", "Çağrı Öztürk", "İbrahim Şahin"],
    "cp932": ["田中太郎", "山田花子"],
    "gb18030": ["王小明", "李雷", "韩梅梅"],
    "big5": ["陳大文", "林志玲"],
}


@pytest.mark.parametrize("encoding", PEOPLE)
def test_other_encodings_are_guessed_and_the_guess_is_told(write, encoding):
    names = PEOPLE[encoding] * 4
    lines = [f"user{place},{name}" for place, name in enumerate(names)]
    path = write("\n".join(["username,name", "first,plain", *lines]).encode(encoding))
    assert [found.others[0] for found in read(path)] == ["plain", *names]
    with open_table(path) as table:
        (note,) = table.notes
    assert (note.kind, note.where, note.warning) == ("encoding-assumed", "line 3", True)
    assert "--encoding" in note.cure


def test_one_letter_alone_is_taken_for_western(write):
    path = write("username,name\nasha,x\nvikram,Zoë\n".encode("cp1252"))
    assert [found.others for found in read(path)] == [("x",), ("Zoë",)]


@pytest.mark.parametrize("encoding", ["cp1250", "iso-8859-2", "UTF-8", "utf-16-le", "Shift_JIS"])
def test_the_user_says_the_encoding_and_is_believed(write, encoding):
    name = "田中" if encoding == "Shift_JIS" else "Łukasz-Žižek"
    path = write(f"username,password\nasha,{name}-12345\n".encode(encoding))
    with open_table(path, encoding=encoding) as table:
        assert table.notes == ()
        (found,) = table.rows()
    assert (found.password, found.problems) == (f"{name}-12345", ())


def test_bytes_that_are_not_of_the_encoding_given_are_told_with_their_line(write):
    path = write(b"username,name\nasha,x\nvikram,\xff\n")
    with pytest.raises(SourceError, match=r"line 3.*UTF-8"):
        open_table(path, encoding="utf-8")


@pytest.mark.parametrize("encoding", ["no-such", "base64", "zip", "rot13", ""])
def test_an_encoding_that_is_none_is_told(write, encoding):
    with pytest.raises(UsageError, match="no such encoding"):
        open_table(write("username\nasha\n"), encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_a_guess(write, encoding):
    path = write("username,name\nasha,Zoë\n".encode(encoding))
    (found,) = read(path)
    assert (found.username, found.others) == ("asha", ("Zoë",))
    with open_table(path) as table:
        assert [note.kind for note in table.notes] == ["encoding-assumed"]


def test_a_guessed_letter_never_gets_into_a_credential(write):
    path = write(
        "username,password\nasha,Geheim-\xe4-123\nj\xf6rg,Long-enough-9\n".encode("latin-1")
    )
    first, second = read(path)
    assert [problem.where for problem in first.problems] == ["row 2, column 'password'"]
    assert kinds(first) == kinds(second) == [("encoding-unsure", False)]


def test_a_cut_utf_8_sequence_at_the_end_is_no_utf_8(write):
    path = write(b"username,name\nasha,Zo\xc3")
    with open_table(path) as table:
        assert [note.kind for note in table.notes] == ["encoding-assumed"]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(write, separator):
    lines = ["username", "password", "name"], ["asha", "a,b;c|d\te", "Rao, Asha; Ms|x"]
    text = io.StringIO()
    csv.writer(text, delimiter=separator).writerows(lines)
    (found,) = read(write(text.getvalue()))
    assert (found.password, found.others) == ("a,b;c|d\te", ("Rao, Asha; Ms|x",))


def test_the_separator_is_found_below_a_title_that_holds_others(write):
    path = write("Users; new, from | May\n\nusername\tpassword\nasha\tLong-enough-9\n")
    assert credentials(path) == [("asha", "Long-enough-9")]


def test_a_sep_line_decides_and_is_no_row(write):
    path = write("sep=;\nusername;name\nasha;Rao, Asha\n")
    (found,) = read(path)
    assert (found.number, found.others) == (2, ("Rao, Asha",))
    assert credentials(write('"sep=|"\r\nusername|name\r\nasha|x\r\n')) == [("asha", "")]


def test_a_single_column_is_a_table(write):
    assert credentials(write("username\nasha\nvikram\n")) == [("asha", ""), ("vikram", "")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_ends_are_understood(write, end):
    path = write(end.join(["username,password", "asha,x1", "", "vikram,x2"]))
    assert [(found.number, found.username) for found in read(path)] == [(2, "asha"), (4, "vikram")]


def test_line_ends_in_quotes_belong_to_the_cell_and_rows_count_as_a_spreadsheet_shows_them(write):
    path = write('username,note\nasha,"one\r\ntwo\nthree"\nvikram,x\n')
    first, second = read(path)
    assert (first.number, first.others) == (2, ("one\r\ntwo\nthree",))
    assert (second.number, second.username) == (3, "vikram")


def test_a_misplaced_quote_makes_its_line_invalid_and_no_other(write):
    path = write('username,name,note\nasha,"Asha "Ash" Rao",x\nvikram,"Vik ""V"" Shah",y\n')
    broken, fine = read(path)
    assert broken.number == 2
    assert kinds(broken) == [("row-quotes", False)]
    assert broken.problems[0].where == "row 2"
    assert (fine.number, fine.others, fine.problems) == (3, ('Vik "V" Shah', "y"), ())


def test_a_misplaced_quote_in_the_only_line_is_a_row_too(write):
    (broken,) = read(write('username,name\nasha,"Asha "Ash" Rao"\n'))
    assert kinds(broken) == [("row-quotes", False)]


@pytest.mark.parametrize("rest", ["\nvikram,x\n" * 3, "\nvikram,x" * 100_000])
def test_a_quote_that_never_closes_stops_the_reading(write, rest):
    path = write('username,password\nasha,"secret' + rest)
    with pytest.raises(SourceError, match="row 2") as told:
        read(path)
    assert "secret" not in told.value.what


def test_a_line_with_more_cells_than_the_header_is_invalid(write):
    path = write("username,password,name\nasha,secret,word-1234,Rao\nvikram,Long-enough-9,,,\n")
    long, padded = read(path)
    assert kinds(long) == [("row-too-long", False)]
    assert padded.problems == ()


def test_a_line_with_fewer_cells_is_read_with_a_warning(write):
    # Excel leaves the separators of trailing blank cells out, in blocks of 16 rows.
    path = write("username,password,name,email\nasha,Long-enough-9\nvikram\n")
    first, second = read(path)
    assert (first.password, first.others) == ("Long-enough-9", ("", ""))
    assert (second.username, second.password) == ("vikram", "")
    assert kinds(first) == kinds(second) == [("row-short", True)]


def test_blank_lines_are_no_rows(write):
    path = write("username,name\n\n,\n  , \nasha,x\n\n")
    assert [found.number for found in read(path)] == [5]


def test_a_line_without_a_username_is_a_row(write):
    (found,) = read(write("username,name\n,Asha Rao\n"))
    assert (found.username, found.others, found.problems) == ("", ("Asha Rao",), ())


def test_the_header_once_more_is_no_user(write):
    header, user = read(write("username,name\nUsername,Name\nusername,name\nasha,x\n"))[1:]
    assert kinds(header) == [("row-is-header", False)]
    assert user.problems == ()


def test_a_wrapper_for_leading_zeros_is_taken_off_with_a_warning(write):
    path = write('username,password\n"=""0042""",="0815-x-4711"\n')
    (found,) = read(path)
    assert (found.username, found.password) == ("0042", "0815-x-4711")
    assert kinds(found) == [("formula-wrapper", True)] * 2


def test_cells_are_taken_byte_for_byte(write):
    cells = [
        " a ",
        "'x",
        "0042",
        "1e5",
        "TRUE",
        "NULL",
        "NaN",
        "#N/A",
        "=1+1",
        "+49",
        "\u00a0",
        "ä",
    ]
    text = io.StringIO()
    csv.writer(text).writerows([["username", "password"], *(["asha", cell] for cell in cells)])
    assert [found.password for found in read(write(text.getvalue()))] == cells


def test_nul_is_a_problem_and_cannot_harm_the_ledger(write):
    filler = "x" * 9000  # beyond the first bytes, where NUL tells a binary file
    path = write(f"username,name\nasha,{filler}\nvik\0ram,a\0b\n")
    found = read(path)[1]
    assert (found.username, found.others) == ("vik\ufffdram", ("a\ufffdb",))
    assert kinds(found) == [("character-impossible", False)]


@pytest.mark.parametrize("content", [b"user\x00\x01\x02", b"\x00" * 9 + b"username\nasha"])
def test_what_is_no_text_is_told(write, content):
    with pytest.raises(SourceError, match="not a text file"):
        read(write(content))


def test_broken_utf_16_is_told(write):
    with pytest.raises(SourceError, match="UTF-16"):
        read(write("username\nasha\n".encode("utf-16") + b"\x00\xd8\x00"))


def test_a_line_without_an_end_is_told_in_bounded_memory(write):
    path = write(b"username," + b"x" * (6 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match="line 1"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_standard_input_is_read(tmp_path):
    with open_table("-", stdin=io.BytesIO(USERS.encode())) as table:
        assert (table.source, table.sheet) == ("-", "")
        assert [found.username for found in table.rows()] == ["asha"]
        assert [found.username for found in table.rows()] == ["asha"]


def test_memory_does_not_grow_with_the_rows(write, monkeypatch):
    for module in (encodings_module, source_module, kinds_module):  # else a chunk outweighs all
        monkeypatch.setattr(module, "_CHUNK", 1 << 12)

    def peak(rows):
        path = write("username,password,name\n" + "asha,Long-enough-9,Asha Rao\n" * rows)
        tracemalloc.start()
        try:
            with open_table(path) as table:
                assert sum(1 for _ in table.rows()) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(8_000) < 1.5 * peak(800)
