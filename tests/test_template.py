"""The spreadsheet to fill in: explained, formatted as text, and nothing in it by accident."""

import openpyxl
import pytest

from bulk_provision.checks import USERNAME_LIMIT, Rules, check
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import open_table
from bulk_provision.intake.template import write_template
from bulk_provision.model import User
from bulk_provision.passwords import LENGTH_LIMIT
from workbooks import read


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users.xlsx"
    write_template(path)
    return path


def test_unfilled_it_has_no_users(path):
    with pytest.raises(SourceError, match=r'sheet "Users": no users in it'):
        open_table(str(path))


def test_filled_in_it_is_read_and_what_looks_like_a_number_stays_text(path):
    workbook = openpyxl.load_workbook(path)
    users = workbook["Users"]
    for column, value in enumerate(["0042", "", "Asha Rao", "asha@example.com", "Sales"], start=1):
        users.cell(2, column, value)
    workbook.save(path)
    with open_table(str(path)) as table:
        assert table.sheet == "Users"
        assert list(table.fields) == ["username", "password", "name", "email"]
        assert table.columns == ("name", "email", "department")
        (row,) = table.rows()
        assert check(row, Rules(), table.where) == User(
            2, "0042", "", ("Asha Rao", "asha@example.com", "Sales")
        )


def test_every_column_is_explained_wide_enough_and_text_all_the_way_down(path):
    users = openpyxl.load_workbook(path)["Users"]
    assert [cell.value for cell in users[1]] == [
        "username",
        "password",
        "name",
        "email",
        "department",
    ]
    assert users.freeze_panes == "A2"
    for cell in users[1]:
        assert cell.font.bold
        assert cell.comment.text
        dimension = users.column_dimensions[cell.column_letter]
        assert dimension.number_format == "@"
        assert dimension.width > len(cell.value)


def test_the_examples_would_pass_the_checks(path):
    guide = openpyxl.load_workbook(path)["How to fill in"]
    table = {row[0]: row[2:4] for row in guide.iter_rows(values_only=True) if row[2]}
    usernames = table["Column A: username"]
    passwords = ["" if cell == "(blank)" else cell for cell in table["Column B: password"]]
    from bulk_provision.model import Row

    for number, pair in enumerate(zip(usernames, passwords, strict=True)):
        checked = check(Row(number, *pair, ()), Rules(), lambda number, field: field)
        assert isinstance(checked, User)
        assert checked.warnings == ()


def test_the_limits_it_tells_are_the_limits_that_are_checked(path):
    users = openpyxl.load_workbook(path)["Users"]
    assert f"at most {USERNAME_LIMIT}" in users["A1"].comment.text
    assert f"at most {LENGTH_LIMIT} characters" in users["B1"].comment.text


def test_a_file_that_is_there_is_kept_unless_told_otherwise(path):
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="already"):
        write_template(path)
    assert path.read_bytes() == b"mine"
    write_template(path, overwrite=True)
    with pytest.raises(SourceError, match="no users"):
        read(path)


def test_it_must_be_an_excel_workbook(tmp_path):
    with pytest.raises(UsageError, match="Excel workbook"):
        write_template(tmp_path / "users.csv")


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        write_template(tmp_path / "none" / "users.xlsx")
