"""The wrong file: each is told what it is, where, and what to do."""

import hashlib
import io
import os
import threading
import zipfile
from pathlib import Path

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from workbooks import HEADER, read, row, sheet, text, write_xlsx


def told(path, **options):
    with pytest.raises(SourceError) as told:
        read(path, **options)
    assert str(path) in told.value.what
    assert told.value.cure
    return f"{told.value.what} {told.value.cure}"


def test_a_missing_file_is_told_with_the_name_that_may_be_meant(tmp_path):
    (tmp_path / "users.xlsx").touch()
    assert "Did you mean" in told(tmp_path / "user.xlsx")
    assert "no such file" in told(tmp_path / "other" / "thing.csv")


def test_a_name_that_cannot_be_one_is_told():
    with pytest.raises(SourceError, match="cannot be opened"):
        read("users\0.csv")


def test_standard_input_that_breaks_is_not_left_behind():
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError("gone")

    with pytest.raises(SourceError, match="gone"):
        open_table("-", stdin=Broken())


def test_a_folder_is_told(tmp_path):
    assert "folder" in told(tmp_path)


def test_a_file_without_permission_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    assert "may not read" in told(tmp_path / "users.csv")


@pytest.mark.parametrize("name", ["users.csv", "users.xlsx", "users.xls"])
@pytest.mark.parametrize("content", [b"", b" \n\r\n\t"])
def test_an_empty_file_is_told(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert "empty" in told(path)


def test_a_header_alone_is_told(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username,password\n\n , \n")
    assert "no users" in told(path)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("users.csv", b"PK\x03\x04 and then nothing", "damaged"),
        ("users.csv", b"<html><table><tr><td>username</td></tr></table>", "web page"),
        ("users.xls", b"\xef\xbb\xbf<?xml version='1.0'?><Workbook/>", "XML"),
        ("users.xls", b"<?xml version='1.0'?><ss:Workbook><Table><Row/></Table>", "this is XML"),
        ("users.html", b"username,password\nasha,x\n", "table of text"),
        ("users.csv", b"%PDF-1.7 ...", "Give the spreadsheet that it was made from"),
        ("users.xlsx", b"\x1f\x8b\x08...", "Unpack it"),
        ("users.xlsx", b"username,password\nasha,x\n", "text file"),
        ("users.xlsx", b"<html><table><tr><td>username</td></tr></table>", "text file"),
        ("users.numbers", b"username\nasha\n", ".numbers"),
        ("users", b"", "empty"),
        ("users.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "damaged"),
        ("users.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Rename it"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path, name, content, what):
    path = tmp_path / name
    path.write_bytes(content)
    assert what in told(path)


def test_a_workbook_with_the_name_of_a_text_file_is_told(tmp_path):
    path = tmp_path / "users.csv"
    write_xlsx(path, sheet(HEADER, row(text("asha"))))
    assert ".xlsx" in told(path)


def test_a_workbook_with_the_name_of_another_kind_of_workbook_is_read_as_what_it_is(tmp_path):
    path = tmp_path / "users.xls"
    write_xlsx(path, sheet(HEADER, row(text("asha"))))
    assert [found.username for found in read(path)] == ["asha"]


def test_text_with_the_name_of_an_old_workbook_is_read_and_that_is_told(tmp_path):
    path = tmp_path / "users.xls"
    path.write_bytes(b"username\tpassword\n0042\tLong-enough-9\n")
    with open_table(str(path)) as table:
        assert [found.username for found in table.rows()] == ["0042"]
        assert [note.kind for note in table.notes] == ["xls-is-none"]


def test_another_archive_is_told(tmp_path):
    path = tmp_path / "users.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "archive" in told(path)


def test_a_protected_workbook_is_told(tmp_path):
    path = tmp_path / "users.xlsx"
    directory = "EncryptedPackage".encode("utf-16-le")
    # … also where the name lies across two of the chunks that are read.
    for before in (600, (1 << 20) - 8 - 9):
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(before) + directory)
        assert "password" in told(path)


def test_a_pipe_is_read_as_what_it_holds(tmp_path):
    pipe = tmp_path / "users"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("username\nasha\n",))
    writer.start()
    assert [found.username for found in read(pipe)] == ["asha"]
    writer.join()


def test_a_workbook_on_standard_input_is_read(tmp_path):
    path = tmp_path / "users.xlsx"
    write_xlsx(path, sheet(HEADER, row(text("asha"))))
    with open_table("-", stdin=io.BytesIO(path.read_bytes())) as table:
        assert [found.username for found in table.rows()] == ["asha"]


def test_standard_input_without_anything_is_told():
    with pytest.raises(SourceError, match="standard input"):
        open_table("-", stdin=io.BytesIO(b""))


def test_the_table_knows_the_hash_of_the_bytes(tmp_path):
    content = b"username\nasha\n"
    path = tmp_path / "users.csv"
    path.write_bytes(content)
    wanted = hashlib.sha256(content).hexdigest()
    with open_table(str(path)) as table:
        assert (table.sha256, table.source) == (wanted, str(path))
    with open_table("-", stdin=io.BytesIO(content)) as table:
        assert table.sha256 == wanted
