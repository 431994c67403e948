"""What stands below a table: totals and notes are left out and told, users never are."""

import csv

import pytest

from bulk_provision.intake import open_table
from workbooks import row, sheet, text, write_xlsx

USERS = [["asha", "Long-enough-9", "Asha Rao", "asha@x.example"], ["0042", "", "Ravi", ""]]


def split(tmp_path, *lines, header=("username", "password", "name", "email")):
    """The usernames read from a CSV file, and what was left out of it."""
    path = tmp_path / "users.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    with open_table(str(path)) as table:
        found = [one.username for one in table.rows()]
        assert all(problem.warning for problem in table.left_out)
        assert {problem.kind for problem in table.left_out} <= {"line-below-table"}
        return found, [(problem.where, problem.seen) for problem in table.left_out]


@pytest.mark.parametrize(
    "line",
    [
        ["Total", "", "", ""],
        ["TOTAL:", "", "2", ""],
        ["Total: 2 users", "", "", ""],
        ["Grand total", "", "", ""],
        ["Gesamt", "", "2,00", ""],
        ["Summe", "", "", ""],
        ["count", "", "2", ""],
    ],
)
def test_a_total_in_the_last_line_is_no_user(tmp_path, line):
    assert split(tmp_path, *USERS, line) == (["asha", "0042"], [("row 4", line[0])])


@pytest.mark.parametrize(
    "line",
    [
        ["total", "Long-enough-9", "", ""],  # a user has a password …
        ["total", "", "", "total@x.example"],  # … or an address …
        ["total", "", "Total Motors", ""],  # … or a name
        ["totally", "", "", ""],
        ["summer", "", "", ""],
    ],
)
def test_a_user_who_is_called_like_a_total_stays_one(tmp_path, line):
    assert split(tmp_path, *USERS, line) == (["asha", "0042", line[0]], [])


def test_a_total_between_users_is_a_row(tmp_path):
    found, left_out = split(tmp_path, USERS[0], ["Total", "", "", ""], USERS[1])
    assert (found, left_out) == (["asha", "Total", "0042"], [])


def test_notes_below_a_blank_line_are_no_users(tmp_path):
    notes = [["Please send back by Friday", "", "", ""], ["", "", "as of 1 May", ""]]
    found, left_out = split(tmp_path, *USERS, ["", "", "", ""], *notes)
    assert found == ["asha", "0042"]
    assert left_out == [("row 5", "Please send back by Friday"), ("row 6", "as of 1 May")]


def test_notes_below_a_total_need_no_blank_line(tmp_path):
    lines = [["Total", "", "", ""], ["made by HR", "", "", ""]]
    assert split(tmp_path, *USERS, *lines)[0] == ["asha", "0042"]


@pytest.mark.parametrize(
    "line",
    [
        ["vikram", "", "", ""],  # a login alone
        ["vikram shah", "", "Vikram Shah", "v@x.example"],  # a user with a bad username
        ["vikram shah", "Long-enough-9", "", ""],
        ["", "", "Vikram Shah", "v@x.example"],  # a user without a username
    ],
)
def test_below_a_blank_line_users_are_users(tmp_path, line):
    assert split(tmp_path, *USERS, ["", "", "", ""], line) == (["asha", "0042", line[0]], [])


def test_without_a_blank_line_what_is_no_total_is_a_row(tmp_path):
    assert split(tmp_path, *USERS, ["", "", "Vikram Shah", ""])[0] == ["asha", "0042", ""]
    assert split(tmp_path, *USERS, ["vikram shah", "", "", ""])[0][-1] == "vikram shah"


def test_notes_that_users_follow_are_rows(tmp_path):
    lines = [["", "", "", ""], ["New from May on", "", "", ""], ["vikram", "", "", ""]]
    found, left_out = split(tmp_path, *USERS, *lines)
    assert (found, left_out) == (["asha", "0042", "New from May on", "vikram"], [])


def test_more_lines_than_any_footer_has_are_rows(tmp_path):
    lines = [["", "", "", ""], *[[f"no user {place}", "", "", ""] for place in range(50)]]
    found, left_out = split(tmp_path, *USERS, *lines)
    assert len(found) + len(left_out) == 52
    assert len(left_out) < 10


def test_a_single_column_has_footers_too(tmp_path):
    lines = [["asha"], ["0042"], [""], ["as of 1 May"]]
    assert split(tmp_path, *lines, header=["username"]) == (
        ["asha", "0042"],
        [("row 5", "as of 1 May")],
    )


def test_in_a_workbook_a_missing_row_is_a_gap(tmp_path):
    path = tmp_path / "users.xlsx"
    users = [row(text("username"), text("name")), row(text("asha"), text("Asha"))]
    write_xlsx(path, sheet(*users, row(text("made by HR"), number=9)))
    with open_table(str(path)) as table:
        assert [one.username for one in table.rows()] == ["asha"]
        assert [problem.where for problem in table.left_out] == ["Users!9"]


def test_where_usernames_may_have_spaces_a_lone_one_is_a_user(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username,name\nasha,Asha\n\nfront desk,\n")
    with open_table(str(path)) as table:
        assert [one.username for one in table.rows()] == ["asha"]
        assert [one.username for one in table.rows(spaces=True)] == ["asha", "front desk"]
        assert table.left_out == ()
