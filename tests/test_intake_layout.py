"""Where the table is: the sheet, the header, the rows; and results files given back to us."""

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake import RESULT_COLUMNS, open_table
from bulk_provision.model import Outcome, ResultRow
from bulk_provision.results import write_csv, write_workbook
from results_samples import a_run
from workbooks import HEADER, read, row, sheet, text, write_xlsx


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users.xlsx"


def cells(*values):
    return row(*map(text, values))


def users(*names, header=HEADER):
    return sheet(header, *map(cells, names))


def told(path, **options):
    with pytest.raises(SourceError) as told:
        open_table(str(path), **options)
    return f"{told.value.what} {told.value.cure}"


def test_the_header_is_found_below_titles_and_blank_rows(path):
    lines = [
        cells("New starters"),
        row(),
        cells("User", "contact: it@example.com"),
        row(),
        cells("", "", "Username", "Password", "Name"),
        cells("", "", "asha", "Long-enough-9", "Asha"),
        row(),
        cells("", "", "vikram", "", "Vikram"),
    ]
    write_xlsx(path, sheet(*lines))
    found = read(path)
    assert [(one.number, one.username, one.others) for one in found] == [
        (6, "asha", ("Asha",)),
        (8, "vikram", ("Vikram",)),
    ]
    with open_table(str(path)) as table:
        assert table.where(6, "password") == "Users!D6"
        assert table.where(6, "username") == "Users!C6"
        assert table.where(6, "phone") == "Users!6"


def test_a_header_too_far_down_is_not_found(path):
    write_xlsx(path, sheet(*[cells("x")] * 40, HEADER, cells("asha")))
    assert "first 30 rows" in told(path)


def test_the_sheet_whose_header_fits_is_chosen_and_said_so(path):
    write_xlsx(path, {"Read me": sheet(cells("Hello")), "Staff": users("asha"), "Empty": sheet()})
    with open_table(str(path)) as table:
        assert table.sheet == "Staff"
        (note,) = table.notes
    assert (note.kind, note.where) == ("sheet-chosen", "Staff")
    assert 'not read: "Read me"' in note.why


def test_reading_the_first_sheet_is_not_worth_a_note(path):
    write_xlsx(path, {"Empty": sheet(), "Staff": users("asha"), "Read me": sheet(cells("Hello"))})
    with open_table(str(path)) as table:
        assert (table.sheet, table.notes) == ("Staff", ())


def test_several_sheets_that_fit_are_told(path):
    write_xlsx(path, {"Mumbai": users("asha"), "Pune": users("vikram")})
    text = told(path)
    assert '"Mumbai", "Pune"' in text
    assert '--sheet "Mumbai"' in text


@pytest.mark.parametrize("name", ["Pune", "pune", " Pune "])
def test_the_user_decides_the_sheet(path, name):
    write_xlsx(path, {"Mumbai": users("asha"), "Pune": users("vikram")})
    assert [found.username for found in read(path, sheet=name)] == ["vikram"]


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(path):
    write_xlsx(path, {"Mumbai": users("asha"), "Pune": users("vikram")})
    assert '"Mumbai", "Pune"' in told(path, sheet="Goa")


def test_a_text_file_has_no_sheets(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    assert "no sheet" in told(path, sheet="Users")


def test_a_visible_sheet_is_preferred_to_a_hidden_one(path):
    sheets = {"Old": users("asha"), "New": users("vikram")}
    write_xlsx(path, sheets, states={"Old": "hidden"})
    assert [found.username for found in read(path)] == ["vikram"]
    write_xlsx(path, {"Old": users("asha")}, states={"Old": "veryHidden"})
    with open_table(str(path)) as table:
        assert [note.kind for note in table.notes] == ["sheet-chosen"]


def test_a_workbook_without_anything_is_told(path):
    write_xlsx(path, {"One": sheet(), "Two": sheet(row(text(" ")))})
    assert "nothing in it" in told(path)


def test_a_header_alone_is_told(path):
    write_xlsx(path, sheet(HEADER, cells(" ")))
    assert "no users" in told(path)


def test_cells_beside_the_header_travel_along_if_they_are_seen_early(path):
    write_xlsx(path, sheet(cells("username"), cells("asha", "", "call first")))
    with open_table(str(path)) as table:
        assert table.columns == ("column C",)
        assert [found.others for found in table.rows()] == [("call first",)]


def test_cells_beside_the_table_that_turn_up_later_are_warned_of(path):
    late = cells("vikram", "", "", "see me")
    write_xlsx(path, sheet(HEADER, *[cells("asha")] * 300, late))
    problems = read(path)[-1].problems
    assert [(one.kind, one.warning, one.where) for one in problems] == [
        ("row-outside", True, "Users!302")
    ]


RESULTS = [
    ResultRow(4, "asha", "pw-asha-1", "sbc", Outcome.CREATED, "200", "", "", ("Asha",), True),
    ResultRow(5, "vikram", "=1+1", "", Outcome.INVALID, "x", "a: b", "do c", ("'-Vikram",)),
    ResultRow(6, "meera", "'quoted", "", Outcome.FAILED, "420", "=x", "+y", ("=Meera",)),
    ResultRow(7, "", "@home 12345", "", Outcome.IN_DOUBT, "", "", "", ("",)),
    ResultRow(8, "rohan", "-5", "", Outcome.EXISTS, "400", "", "", ("Rohan",)),
]
RUN = a_run(RESULTS, columns=("SIP user",))  # also the name of an own column: no riddle
WANTED = [("vikram", "=1+1", ("'-Vikram",)), ("meera", "'quoted", ("=Meera",))]
WANTED += [("", "@home 12345", ("",))]


def test_of_a_results_workbook_what_failed_is_read(path):
    write_workbook(path, RUN, lambda: RESULTS)
    found = read(path)
    assert [(one.username, one.password, one.others) for one in found] == WANTED
    with open_table(str(path)) as table:
        assert (table.sheet, table.columns) == ("Failed", ("SIP user",))
        assert [note.kind for note in table.notes] == ["sheet-of-results"]


def test_another_sheet_of_a_results_workbook_can_be_named(path):
    write_workbook(path, RUN, lambda: RESULTS)
    assert [one.username for one in read(path, sheet="Credentials")] == ["asha"]


def test_failed_rows_that_go_on_in_next_sheets_are_read_too(path):
    failed = [one for one in RESULTS if one.outcome is Outcome.FAILED] * 5
    write_workbook(path, RUN, lambda: failed, sheet_limit=3)
    with open_table(str(path)) as table:
        found = list(table.rows())
        places = [table.where(one.number, "username") for one in found]
    assert [one.username for one in found] == ["meera"] * 5
    assert len({one.number for one in found}) == 5
    assert places == ["Failed!B2", "Failed!B3", "'Failed 2'!B2", "'Failed 2'!B3", "'Failed 3'!B2"]


def test_a_sheet_of_results_under_another_name_is_no_sheet_of_failures(path):
    write_xlsx(path, {" ": sheet(cells(*RESULT_COLUMNS), cells("4", "asha"))})
    assert "nothing failed" in told(path)
    assert [one.username for one in read(path, sheet=" ")] == ["asha"]


def test_a_results_workbook_without_failures_is_told(path):
    write_workbook(path, RUN, lambda: RESULTS[:1])
    assert "nothing failed" in told(path)


def test_a_results_csv_is_read_with_its_guards_taken_off(tmp_path):
    write_csv(tmp_path / "users", RUN, lambda: RESULTS)
    path = tmp_path / "users-failed.csv"
    assert [(one.username, one.password, one.others) for one in read(path)] == WANTED
    with open_table(str(path)) as table:
        assert table.columns == ("SIP user",)


def test_in_a_results_file_name_and_email_are_known_too(path):
    run = a_run(RESULTS, columns=("E-mail",))
    write_workbook(path, run, lambda: RESULTS)
    with open_table(str(path)) as table:
        assert table.fields == {"username": "username", "password": "password", "email": "E-mail"}


def test_in_a_results_file_map_is_left_aside(tmp_path):
    write_csv(tmp_path / "users", RUN, lambda: RESULTS)
    path = tmp_path / "users-failed.csv"
    with open_table(str(path), mapping={"username": "Kürzel"}) as table:
        assert [note.kind for note in table.notes] == ["map-ignored"]
        assert table.fields["username"] == "username"
