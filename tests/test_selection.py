"""`--where`: which rows of a source belong to a run."""

from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bulk_provision import Account, Naming, Pace, Results, Secret, Source, Where, provision
from bulk_provision.chosen import chosen
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import open_table
from bulk_provision.ledger.drift import last_sources
from bulk_provision.limits import limits_passed
from bulk_provision.model import Caution, ExitCode, Limit, Outcome, Row
from bulk_provision.selection import LENGTH_LIMIT
from fake_vendor import APPID, SECRET, FakeVendor
from ledger_samples import row
from virtual_time import run

STAFF = """username,password,Department,Extension,Work Phone,Größe
ada,Secret-Of-Ada-1,Sales,1001,+91 44 1,5
bob,,Support,0042,+49 30 2,n/a
cyd,,sales ,1.5,+91 44 3,
dan,,,1002,,12
"""


@pytest.fixture
def staff(tmp_path):
    (tmp_path / "staff.csv").write_text(STAFF, "utf-8")
    with open_table(str(tmp_path / "staff.csv")) as table:
        yield table


def selected(table, expression):
    matches = Where(expression).over(table)
    return "".join(row.username[0] for row in table.rows() if matches(row))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # texts: exactly, but for spaces at the ends, which nobody sees
        ('department == "Sales"', "a"),
        ('department == "sales"', "c"),
        ('department != "Sales"', "bcd"),
        ('lower(department) == "sales"', "ac"),
        ('upper(Department) == "SALES"', "ac"),
        ('department in ("Sales", "Support")', "ab"),
        ('department not in ["Sales", "Support"]', "cd"),
        ('"44" in `Work Phone`', "ac"),
        ('contains(`work  phone`, "44")', "ac"),
        ('startswith(`Work Phone`, "+49")', "b"),
        ('endswith(department, "rt")', "b"),
        ('matches(extension, "100?")', "ad"),
        ('matches(`Work Phone`, "+91*")', "ac"),
        # a column alone: whether there is anything in it
        ("department", "abc"),
        ("not department", "d"),
        # a number beside it: as numbers, as far as the cell is one
        ("extension == 42", "b"),
        ('extension == "42"', ""),
        ('extension == "0042"', "b"),
        ("extension > 1000", "ad"),
        ("extension < 1.6", "c"),
        ("1000 < extension <= 1001", "a"),
        ("extension in (42, 1002)", "bd"),
        ("größe >= 5", "ad"),
        ("größe != 5", "bcd"),
        ("größe > -1", "ad"),
        ("number(größe) < number(extension)", "ad"),
        ('extension < "1001"', "bc"),  # two texts: as in a dictionary
        # the row and the username
        ("row <= 3", "ab"),
        ('username == "dan" or row == 2', "ad"),
        ('not (username == "dan" or row == 2)', "bc"),
        ('department == "Sales"\n  and extension == 1001', "a"),
        ('department == "it\'s `not` a column" or row == 5', "d"),
    ],
)
def test_what_an_expression_selects(staff, expression, expected):
    assert selected(staff, expression) == expected


@pytest.mark.parametrize(
    ("expression", "place", "why"),
    [
        ('department = "Sales"', 12, "a single = compares nothing"),
        ('department == "Sales', 15, "does not belong here"),
        ("department ==", 14, "something is missing"),
        ("`Work Phone == 1", 1, "a backtick has no partner"),
        ("`Work Phone` == 1 and (", 23, "does not belong here"),
        ("`` == 1", 1, "no name between the backticks"),
        ('größe == "ü" and department is größe', 18, "write == or !="),
        ('department == "Sales" or "Support"', 26, "the same for every row"),
        ("True", 1, "the same for every row"),
        ("department == None", 15, "neither a column"),
        ("5 in extension", 6, "a list is written"),
        ("department in ()", 15, "nothing is in an empty list"),
        ("lower(department, extension) == 'x'", 1, "lower takes 1 value"),
        ("startswith(department)", 1, "startswith takes 2 values"),
        ("matches(department, extension)", 21, "the pattern is a text"),
        ("lower(department)", 1, "cannot be called here"),
        # what would be a way out of the row's texts, and is not in the grammar
        ('__import__("os").system("true")', 1, "cannot be called here"),
        ('department.upper() == "SALES"', 1, "cannot be called here"),
        ("department.__class__ == 'x'", 1, "a point means nothing"),
        ("department[0] == 'S'", 1, "neither a column"),
        ("[x for x in department]", 1, "neither a column"),
        ("(lambda: 1)()", 1, "cannot be called here"),
        ("department == f'{extension}'", 15, "neither a column"),
        ("department == 'a' * 9999999999", 15, "neither a column"),
        ("extension == 9 ** 9 ** 9", 14, "neither a column"),
        ("(department := 'x') == 'x'", 2, "neither a column"),
        ("department == lower == extension == str(1)", 37, "cannot be called here"),
        ("not " * 40 + "department", 121, "too deep"),
        ("lower(" * 40 + "department" + ")" * 40 + " == 'x'", 175, "too deep"),
    ],
)
def test_what_is_no_expression_is_refused_before_a_row_is_read(expression, place, why):
    with pytest.raises(UsageError, match=r"^--where cannot be understood at character") as refused:
        Where(expression)
    assert f"at character {place}," in refused.value.what
    assert why in refused.value.what


@pytest.mark.parametrize(
    "expression",
    ["", "  ", "x" * (LENGTH_LIMIT + 1), "(" * 900 + "x" + ")" * 900, "x == '\ud800'", "x\0"],
)
def test_what_cannot_even_be_read_is_refused(expression):
    with pytest.raises(UsageError):
        Where(expression)


WORDS = (
    *(
        "a",
        "`c d`",
        "row",
        "username",
        '"x"',
        "''",
        "1",
        "-2.5",
        "(",
        ")",
        "[",
        "]",
        ",",
        "==",
        "!=",
    ),
    *("<", "<=", "in", "not", "not in", "and", "or", "lower(", "number(", "contains(", "matches("),
    *(
        "is",
        "=",
        "`",
        '"',
        ".",
        "if",
        "else",
        "for",
        "lambda",
        "None",
        "*",
        "\\",
        "ꙮ0_",
        "__import__(",
    ),
)
SOURCE = SimpleNamespace(source="s.csv", columns=("a", "c d"), fields={"username": "username"})
ROWS = (Row(2, "ada", "Secret-Of-Ada-1", ("x", "")), Row(3, "", "", ("-2.5", "1" * 5000)))


@settings(max_examples=300)
@given(st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join), st.text(max_size=40)))
@example("a in [1, 'x'] and number(a) < 1")
@example("not number(`c d`) == row")
def test_any_text_is_refused_or_tells_of_every_row_whether_it_matches(text):
    with suppress(UsageError):
        matches = Where(text).over(SOURCE)
        assert all(matches(row) in (True, False) for row in ROWS)


def test_a_name_that_is_no_column_is_told_with_the_columns_there_are(staff):
    with pytest.raises(UsageError, match="names 'departement'") as refused:
        Where('departement == "Sales"').over(staff)
    assert "username, Department, Extension, Work Phone, Größe" in refused.value.cure


@pytest.mark.parametrize("name", ["lower", "__builtins__", "ꙮ0_"])
def test_a_function_or_what_python_knows_is_no_column(staff, name):
    with pytest.raises(UsageError, match=f"names '{name}'"):
        Where(f'department == "x" or {name} == "x"').over(staff)


@pytest.mark.parametrize("name", ["password", "PASSWORD", "`Password`"])
def test_no_expression_reaches_a_password(staff, name):
    with pytest.raises(UsageError, match="passwords can be used for nothing") as refused:
        Where(f'startswith({name}, "S")').over(staff)
    assert "Secret-Of-Ada-1" not in refused.value.what + refused.value.cure


def test_headers_that_differ_by_case_alone_are_told_apart_by_it(tmp_path):
    (tmp_path / "u.csv").write_text("username,Team,team\nada,x,y\nbob,y,x\n")
    with open_table(str(tmp_path / "u.csv")) as table:
        assert selected(table, 'team == "x"') == "b"
        with pytest.raises(UsageError, match="several columns that may be meant: 'Team', 'team'"):
            Where('TEAM == "x"').over(table)


# -- a run of some rows --

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")


class Place:
    """A vendor, a ledger and a source, through several runs."""

    def __init__(self, folder):
        self.folder = folder
        self.vendor = FakeVendor()

    def run(self, where, source="staff.csv", caution=None, **options):
        reading = Source(
            str(self.folder / source), where=None if where is None else Where(where), **options
        )
        return run(
            provision(
                reading,
                ACCOUNT,
                pace=Pace(rate=50),
                caution=caution,
                results=Results(csv=True, folder=self.folder / "results"),
                ledger=str(self.folder / "ledger.db"),
                sender=self.vendor,
            )
        )

    @property
    def created(self):
        return set(self.vendor.vendor.endpoints)


@pytest.fixture
def place(tmp_path, ledger):
    (tmp_path / "staff.csv").write_text(STAFF, "utf-8")
    return Place(tmp_path)


def test_rows_that_do_not_match_are_no_part_of_the_run_and_are_told(place, ledger):
    summary = place.run('lower(department) == "sales"')
    assert place.created == {"ada", "cyd"}
    assert (summary.rows, summary.outcomes[Outcome.CREATED]) == (2, 2)
    (warning,) = [one.text for one in summary.warnings if "--where" in one.text]
    assert warning.startswith("2 of 4 rows do not match --where")
    record = ledger.run(summary.run_id)
    assert record.selection == 'lower(department) == "sales"'
    assert [row.number for row in ledger.result_rows(summary.run_id)] == [2, 4]


def test_the_next_wave_goes_on_and_the_whole_source_brings_the_rest(place):
    place.run('department == "Sales"')
    place.run('department == "Support"')
    calls = len(place.vendor.requests)
    whole = place.run(None)
    assert whole.outcomes[Outcome.UNCHANGED] == whole.outcomes[Outcome.CREATED] == 2
    assert len(place.vendor.requests) == calls + 2


def test_a_run_of_no_row_at_all_is_a_mistake_and_calls_nothing(place, ledger):
    with pytest.raises(SourceError, match=r"none of the rows in it \(4\) matches") as refused:
        place.run('department == "SALES"')
    assert "upper and lower case" in refused.value.cure
    assert not place.vendor.requests
    assert (ledger.run(1).state, ledger.run(1).exit_code) == ("stopped", ExitCode.USAGE)


def test_a_wave_is_no_truncated_source(place):
    careful = Caution(vanished=Limit(percent=10.0))
    assert place.run(None).exit_code is ExitCode.DONE
    assert place.run('department == "Sales"', caution=careful).exit_code is ExitCode.DONE
    assert place.run(None, caution=careful).exit_code is ExitCode.DONE


def test_a_truncated_wave_is_one(place):
    careful = Caution(vanished=Limit(percent=10.0))
    assert place.run("row > 1", caution=careful).exit_code is ExitCode.DONE
    (place.folder / "staff.csv").write_text("\n".join(STAFF.splitlines()[:3]) + "\n", "utf-8")
    stopped = place.run("row > 1", caution=careful)
    assert stopped.exit_code is ExitCode.LIMIT_PASSED
    assert "2 of the 4 users of run 1" in stopped.reason


def test_reconcile_without_a_source_knows_all_waves(place, ledger):
    """The newest run of each selection is a source, until the whole source was run after it."""
    book = ledger.book(APPID, ACCOUNT.base_url)

    def last():
        with ledger._engine.connect() as connection:
            return sorted(last_sources(connection, book.account_id))

    for where in ('department == "Sales"', 'department == "Support"', 'department == "Sales"'):
        place.run(where)
    assert last() == [2, 3]
    place.run(None)
    assert last() == [4]
    place.run("row == 2")
    assert last() == [4, 5]


def test_a_row_whose_cells_may_be_other_ones_is_in_every_wave(tmp_path):
    """It is refused anyway; left out for what seems to stand in it, nobody would hear of it."""
    (tmp_path / "u.csv").write_text("username,team\nada,x\nbob,y,z\ncyd,y\n")
    with chosen(open_table(str(tmp_path / "u.csv")), Naming(), Where('team == "x"')) as users:
        assert [row.username for row in users.rows()] == ["ada", "bob"]


def test_what_is_left_out_is_counted_anew_by_each_reading(staff):
    users = chosen(staff, Naming(), Where('department == "Sales"'))
    for _ in range(2):
        assert len(list(users.rows())) == 1
        (told,) = users.left_out
        assert told.why.startswith("3 of 4 rows")


def test_a_selection_that_takes_every_row_needs_no_telling(staff):
    users = chosen(staff, Naming(), Where("username"))
    assert len(list(users.rows())) == 4
    assert users.left_out == ()


def test_a_source_of_which_nothing_is_wanted_is_left_as_it_is(staff):
    assert chosen(staff, Naming(), None) is staff


def test_a_source_that_is_refused_is_closed(staff):
    with pytest.raises(UsageError):
        chosen(staff, Naming(), Where("nobody"))
    with pytest.raises((SourceError, ValueError)):
        list(staff.rows())


def test_the_rows_of_the_last_run_of_each_selection_are_kept(ledger, place):
    """`keep_rows_days` must not take away what the next wave is compared with."""
    book = ledger.book(APPID, ACCOUNT.base_url)

    def a_run(selection, name):
        run_id = book.begin_run(
            source="p.csv", sheet="", sha256="", columns=(), rate=1.0, job="j", selection=selection
        )
        book.stage(run_id, [row(book, 1, name, outcome=Outcome.UNCHANGED)])
        book.all_staged(run_id)
        book.end_run(run_id, state="done", reason="", exit_code=0, rows_read=1, warnings=())
        return run_id

    old, wave, whole = a_run("", "ada"), a_run("row < 9", "bob"), a_run("", "ada")
    assert ledger.remove_rows("j", 0) == 1
    assert [ledger.run(one).has_rows for one in (old, wave, whole)] == [False, True, True]
    tonight = a_run("row < 9", "cyd")
    assert book.change_since_last(tonight).last_run == wave
    assert limits_passed(book, tonight, Caution(vanished=Limit(rows=0))).startswith("1 of the 1")
