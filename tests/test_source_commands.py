"""What `plan` and `run` say of sources, and do with them, through the real command."""

import os

import openpyxl
import pytest
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

from bulk_provision.model import Secret
from commands import command
from workbooks import HEADER, read, row, sheet, text, write_xlsx

GOOD = "kT7-mango-Velvet"


def written(path, *lines, encoding="utf-8"):
    path.write_bytes("\n".join(lines).encode(encoding))
    return str(path)


async def plan(tmp_path, source, *options, **env):
    """Plan for an account of which nothing is known."""
    return await command(None, tmp_path, "plan", source, "--appid", "1234567", *options, **env)


async def test_the_same_problem_is_told_once_with_its_count_and_what_was_seen(tmp_path):
    lines = [f"user{place}@home,{GOOD}" for place in range(100)]
    source = written(tmp_path / "users.csv", "username,password", *lines, f"asha,{GOOD}")
    ended = await plan(tmp_path, source)
    assert (ended.code, ended.err) == (1, "")
    (line,) = [line for line in ended.out.splitlines() if "Invalid" in line]
    assert "Invalid, 100 times" in line
    assert "row 2, column 'username' (user0@home)" in ended.out
    assert "and 97 more" in ended.out
    assert GOOD not in ended.out
    told = (await plan(tmp_path, source, "--json")).json
    (problem,) = [one for one in told["problems"] if not one["warning"]]
    assert (problem["kind"], problem["count"]) == ("username-characters", 100)
    assert problem["seen"] == ["user0@home", "user1@home", "user2@home"]


async def test_errors_are_told_before_warnings(tmp_path):
    source = written(tmp_path / "users.csv", "username,password", "asha,short", f"a b,{GOOD}")
    ended = await plan(tmp_path, source)
    assert ended.out.index("Invalid") < ended.out.index("Warning")


async def test_problems_are_marked_in_a_copy_that_can_be_corrected_and_sent_again(tmp_path):
    path = tmp_path / "users.xlsx"
    with xlsxwriter.Workbook(path) as book:
        users = book.add_worksheet("Users")
        for place, cells in enumerate([["username", "password"], ["asha@home", GOOD], ["vikram"]]):
            users.write_row(place, 0, cells)
    ended = await plan(tmp_path, str(path), "--marked", "problems.xlsx")
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "Problems: problems.xlsx")
    marked = tmp_path / "problems.xlsx"
    book = openpyxl.load_workbook(marked)
    assert "@" in book["Users"]["A2"].comment.text
    book["Users"]["A2"].value = "asha"
    book.save(marked)
    assert (await plan(tmp_path, str(marked))).code == 0
    refused = await plan(tmp_path, str(path), "--marked", "problems.xlsx")
    assert refused.code == 2
    assert "exists already" in refused.err
    assert (await plan(tmp_path, str(path), "--marked", "problems.xlsx", "--yes")).code == 1


async def test_without_problems_no_copy_is_written(tmp_path):
    source = written(tmp_path / "users.csv", "username", "asha")
    ended = await plan(tmp_path, source, "--marked", "problems.xlsx")
    assert ended.code == 0
    assert "problems.xlsx was not written" in ended.out
    assert not (tmp_path / "problems.xlsx").exists()


async def test_the_encoding_is_guessed_and_said_or_given(tmp_path):
    lines = ["username,name", "0042,Łukasz Żółw", "0043,Žižek Přemysl"]
    source = written(tmp_path / "users.csv", *lines, encoding="cp1250")
    ended = await plan(tmp_path, source)
    assert "Windows-1250, which is a guess" in ended.out
    assert "Warning" not in (await plan(tmp_path, source, "--encoding", "cp1250")).out
    wrong = await plan(tmp_path, source, "--encoding", "utf-8")
    assert (wrong.code, wrong.out) == (2, "")
    assert "line 2" in wrong.err
    assert "no such encoding" in (await plan(tmp_path, source, "--encoding", "utf-99")).err


async def test_lost_zeros_are_warned_of_and_shown(tmp_path):
    source = written(tmp_path / "users.csv", "username", "0101", "0102", "0103", "42")
    ended = await plan(tmp_path, source)
    assert ended.code == 0
    assert "(42, not 0042)" in ended.out


@pytest.fixture
def protected(tmp_path):
    plain, path = tmp_path / "plain.xlsx", tmp_path / "users.xlsx"
    filler = {"xl/theme/theme1.xml": os.urandom(5000).hex()}  # see test_intake_reading
    write_xlsx(plain, sheet(HEADER, row(text("a b"), text(GOOD))), parts=filler)
    with plain.open("rb") as source, path.open("wb") as file:
        OOXMLFile(source).encrypt("open sesame", file)
    return str(path)


async def test_a_protected_source_opens_with_the_password_of_a_variable(tmp_path, protected):
    without = await plan(tmp_path, protected)
    assert without.code == 2
    assert "--source-password-env" in without.err
    named = ("--source-password-env", "SHEET")
    unset = await plan(tmp_path, protected, *named)
    assert (unset.code, "is not set" in unset.err) == (2, True)
    wrong = await plan(tmp_path, protected, *named, SHEET="shut sesame")
    assert (wrong.code, "not the one" in wrong.err) == (2, True)
    assert "sesame" not in wrong.err
    right = await plan(
        tmp_path, protected, *named, "--marked", "problems.xlsx", SHEET="open sesame"
    )
    assert right.code == 1
    (found,) = read(tmp_path / "problems.xlsx", password=Secret("open sesame"))
    assert found.username == "a b"


async def test_a_source_that_cannot_be_read_is_one_clear_error(tmp_path):
    broken = tmp_path / "users.xlsx"
    broken.write_bytes(b"PK\x03\x04 and then nothing")
    ended = await plan(tmp_path, str(broken))
    assert (ended.code, ended.out) == (2, "")
    assert "damaged" in ended.err
    assert "Traceback" not in ended.err


async def test_standard_input_may_be_a_workbook(tmp_path):
    path = tmp_path / "users.xlsx"
    write_xlsx(path, sheet(HEADER, row(text("asha"))))
    options = ("plan", "-", "--appid", "1234567")
    ended = await command(None, tmp_path, *options, stdin=path.read_bytes())
    assert (ended.code, "1 to create" in ended.out) == (0, True)
