"""The source handed back: its problems by `plan --marked`, its rows by `run --annotate`."""

import shutil

import openpyxl
import pytest
import xlsxwriter
from msoffcrypto.format.ooxml import OOXMLFile

from bulk_provision import (
    Account,
    LedgerPlace,
    Outcome,
    Pace,
    Policy,
    Results,
    Rules,
    Secret,
    Source,
    provision,
)
from bulk_provision.errors import ProvisionError, ResultsError
from bulk_provision.intake import open_table
from bulk_provision.job import plan
from fake_vendor import APPID, SECRET, FakeVendor

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")
GOOD = "kT7-mango-Velvet"


@pytest.fixture
def staff(tmp_path):
    """A workbook as people make them: a title, formats, a chart, a comment, a second sheet."""
    path = tmp_path / "staff.xlsx"
    book = xlsxwriter.Workbook(str(path))
    users = book.add_worksheet("Staff 2026")
    four = book.add_format({"num_format": "0000"})
    users.merge_range("B2:D2", "New phones", book.add_format({"bold": True}))
    users.write_row("B4", ["Extension", "SIP password", "Full name"])
    users.write_row("B5", [101], four)
    users.write_row("C5", [GOOD, "Asha Rao"])
    users.write_row("B6", ["ravi@x", GOOD, "Ravi"])
    users.write_row("B7", [102], four)
    users.write_row("D7", ["Meera"])
    users.write_row("B8", ["", GOOD, "Nobody"])
    users.write_comment("B6", "Ask Ravi")
    chart = book.add_chart({"type": "column"})
    chart.add_series({"values": "='Staff 2026'!$B$5:$B$8"})
    book.add_worksheet("Chart").insert_chart("B2", chart)
    book.close()
    return path


@pytest.fixture
def place(tmp_path, empty_ledger):
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    shutil.copy(f"{empty_ledger}.key", f"{path}.key")
    return str(path)


async def planned(source, place, **problems):
    if not isinstance(source, Source):
        source = Source(str(source))
    staged, _ = await plan(
        source,
        ACCOUNT,
        pace=Pace(),
        policy=Policy(),
        rules=Rules(),
        ledger=LedgerPlace(place),
        problems=Results(**problems),
    )
    return staged


async def run(source, place, vendor=None, **results):
    if not isinstance(source, Source):
        source = Source(str(source))
    sender = vendor or FakeVendor()
    return await provision(source, ACCOUNT, results=Results(**results), ledger=place, sender=sender)


def read(path, **options):
    with open_table(str(path), **options) as table:
        return [(row.number, row.username, row.password) for row in table.rows()], table.notes


async def test_the_problems_stand_as_comments_in_the_source_s_own_workbook(staff, place, tmp_path):
    out = tmp_path / "problems.xlsx"
    await planned(staff, place, path=str(out))
    book = openpyxl.load_workbook(out)
    users = book["Staff 2026"]
    told = {
        cell.coordinate: cell.comment.text
        for row in users.iter_rows()
        for cell in row
        if cell.comment
    }
    assert set(told) == {"B6", "B8"}
    assert told["B6"].startswith("Ask Ravi")
    assert '"@"' in told["B6"]
    assert "There is no username." in told["B8"]
    assert (users["B5"].value, users["B5"].number_format) == (101, "0000")
    assert (
        users["B6"].fill.fgColor.rgb == users["B8"].fill.fgColor.rgb != users["B5"].fill.fgColor.rgb
    )
    assert len(book["Chart"]._charts) == 1
    assert read(out)[0] == read(staff)[0]
    assert out.stat().st_mode & 0o777 == 0o600


async def test_without_a_problem_nothing_is_written(place, tmp_path):
    source, out = tmp_path / "users.csv", tmp_path / "problems.xlsx"
    source.write_text(f"username,password\nasha,{GOOD}\n")
    staged = await planned(source, place, path=str(out))
    assert staged.found == []
    assert not out.exists()


async def test_a_file_that_is_there_is_not_replaced(staff, place, tmp_path):
    out = tmp_path / "problems.xlsx"
    out.write_text("mine")
    with pytest.raises(ResultsError, match="exists already"):
        await planned(staff, place, path=str(out))
    await planned(staff, place, path=str(out), overwrite=True)
    assert openpyxl.load_workbook(out)


async def test_a_text_file_comes_back_as_a_workbook_with_its_rows_at_their_numbers(place, tmp_path):
    source, out = tmp_path / "users.csv", tmp_path / "problems.xlsx"
    source.write_text(f'Title\n\nusername,password,note\n0042,{GOOD},=1+1\nravi@x,{GOOD},"a\nb"\n')
    await planned(source, place, path=str(out))
    users = openpyxl.load_workbook(out)["Users"]
    assert [cell.value for cell in users[4]] == ["0042", GOOD, "=1+1"]
    assert users["C4"].data_type == "s"
    assert users["A5"].comment is not None
    assert [one[:2] for one in read(out)[0]] == [(4, "0042"), (5, "ravi@x")]


@pytest.mark.parametrize(
    "line",
    [
        f"0044,{GOOD},a,b,c\n".encode(),  # more cells than the header
        f'0044,"{GOOD}" oops,a\n'.encode(),  # quotes that cannot be told apart
        "0044,Geheim-ä-12345,a\n".encode("cp1252"),  # a guessed letter
    ],
)
async def test_what_was_refused_stays_refused_in_the_copy(place, tmp_path, line):
    """A text alone does not tell that it was a guess: uncorrected, it must not slip through."""
    source, out = tmp_path / "users.csv", tmp_path / "problems.xlsx"
    source.write_bytes(b"username,password,note\n" + line)
    await planned(source, place, path=str(out))
    again = await planned(out, place, path=str(tmp_path / "again.xlsx"))
    assert again.rows == 1
    assert [problem.warning for _, problem in again.found].count(False) >= 1


async def test_each_row_of_the_source_is_told_what_became_of_it(staff, place, tmp_path):
    vendor = FakeVendor()
    out = tmp_path / "r.xlsx"
    summary = await run(staff, place, vendor, path=str(out), annotate=True)
    assert summary.results == (str(out), str(tmp_path / "r-annotated.xlsx"))
    users = openpyxl.load_workbook(tmp_path / "r-annotated.xlsx")["Staff 2026"]
    rows = [[cell.value for cell in row[1:]] for row in users.iter_rows(min_row=4, max_row=8)]
    header, asha, ravi, meera, nobody = rows
    added = ["outcome", "username", "password", "connect_url", "message"]
    assert header == ["Extension", "SIP password", "Full name", *added]
    held = vendor.vendor.endpoints
    assert asha[:6] == [101, GOOD, "Asha Rao", "created", "0101", GOOD]
    assert meera[3:6] == ["created", "0102", held["0102"]]
    assert ravi[3:5] == ["invalid", "ravi@x"]
    assert (nobody[3], nobody[4]) == ("invalid", None)
    assert users["B5"].number_format == "0000"
    assert all(users.cell(5, column).data_type == "s" for column in range(5, 9))


async def test_an_annotated_source_can_be_run_again(staff, place, tmp_path):
    await run(staff, place, path=str(tmp_path / "r.xlsx"), annotate=True)
    annotated = tmp_path / "r-annotated.xlsx"
    rows, notes = read(annotated)
    assert rows == read(staff)[0]
    assert [note.kind for note in notes] == ["annotation-ignored"]
    summary = await run(annotated, place, path=str(tmp_path / "s.xlsx"), annotate=True)
    assert summary.outcomes[Outcome.UNCHANGED] == 2
    assert read(tmp_path / "s-annotated.xlsx")[0] == rows


async def test_a_source_that_was_changed_during_the_run_is_not_annotated(place, tmp_path):
    source = tmp_path / "users.csv"
    source.write_text(f"username,password\nasha,{GOOD}\n")

    class Meanwhile(FakeVendor):
        async def send(self, *arguments, **options):
            source.write_text(f"username,password\nvikram,{GOOD}\n")
            return await super().send(*arguments, **options)

    summary = await run(source, place, Meanwhile(), path=str(tmp_path / "r.xlsx"), annotate=True)
    assert "was changed since it was read" in summary.reason
    assert summary.outcomes[Outcome.CREATED] == 1
    assert not (tmp_path / "r-annotated.xlsx").exists()


async def test_a_workbook_with_macros_keeps_its_ending(place, tmp_path, staff):
    macros = staff.with_suffix(".xlsm")
    staff.rename(macros)
    await run(macros, place, path=str(tmp_path / "r.xlsx"), annotate=True)
    assert (tmp_path / "r-annotated.xlsm").exists()
    with pytest.raises(ProvisionError, match=r"must end in \.xlsm"):
        await planned(macros, place, path=str(tmp_path / "problems.xlsx"))


async def test_what_comes_of_a_protected_source_is_protected_with_the_same_password(
    staff, place, tmp_path
):
    protected = tmp_path / "protected.xlsx"
    with staff.open("rb") as plain, protected.open("wb") as file:
        OOXMLFile(plain).encrypt("open sesame", file)
    source = Source(str(protected), password=Secret("open sesame"))
    await planned(source, place, path=str(tmp_path / "problems.xlsx"))
    await run(source, place, path=str(tmp_path / "r.xlsx"), annotate=True)
    for name in ("problems.xlsx", "r-annotated.xlsx"):
        assert b"Ravi" not in (tmp_path / name).read_bytes()
        rows, _ = read(tmp_path / name, password=Secret("open sesame"))
        assert rows == read(staff)[0]


async def test_a_place_where_the_copy_cannot_lie_is_told_before_anything_is_called(
    staff, place, tmp_path
):
    (tmp_path / "r-annotated.xlsx").write_text("mine")
    vendor = FakeVendor()
    with pytest.raises(ResultsError, match="exists already"):
        await run(staff, place, vendor, path=str(tmp_path / "r.xlsx"), annotate=True)
    assert vendor.vendor.endpoints == {}
