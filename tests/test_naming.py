"""Username rules: what users are called at the vendor, made from what the source calls them."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from bulk_provision import (
    Account,
    Naming,
    Pace,
    Policy,
    Results,
    Rules,
    Secret,
    Source,
    provision,
    undo,
)
from bulk_provision.chosen import Chosen, chosen
from bulk_provision.cli import cli
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import RESULT_COLUMNS, open_table
from bulk_provision.job import LedgerPlace, plan
from bulk_provision.ledger import Ledger
from bulk_provision.model import ExitCode, Outcome, WeakPasswords
from bulk_provision.naming import names_in, parts_of
from bulk_provision.provisioning import Provisioning
from bulk_provision.sandbox import Sandbox
from bulk_provision.selection import Where
from bulk_provision.shares import Route
from bulk_provision.shares import names_in as names_of_accounts
from commands import command
from fake_vendor import APPID, SECRET, FakeVendor
from truth import assert_true, read_results
from virtual_time import run
from workbooks import row, sheet, text, write_xlsx

USERS = """SIP user,password,Desk,Domain,Full name
ada,Secret-Of-Ada-1,1001,North,Ada L
Bob,,1002,South,Bob M
"""


def cells(*texts):
    return row(*map(text, texts))


@pytest.fixture
def write(tmp_path):
    def written(text, name="users.csv"):
        (tmp_path / name).write_text(text, "utf-8")
        return str(tmp_path / name)

    return written


def named(path, **rules):
    """What the users of a file come to be called, and why not."""
    with chosen(open_table(path), Naming(**rules), None) as users:
        return [(row.username, [one.kind for one in row.problems]) for row in users.rows()]


def usernames(path, **rules):
    return [username for username, _ in named(path, **rules)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"template": "{username}-{domain}"}, ["ada-North", "Bob-South"]),
        ({"template": "{DESK}"}, ["1001", "1002"]),
        ({"template": "{sip user}.{full  name}"}, ["ada.Ada L", "Bob.Bob M"]),
        ({"template": "{name}"}, ["Ada L", "Bob M"]),  # the column of names, whatever its header
        ({"template": "{{{username}}}"}, ["{ada}", "{Bob}"]),
        ({"prefix": "acme-"}, ["acme-ada", "acme-Bob"]),
        ({"lower": True}, ["ada", "bob"]),
        (
            {"template": "{username}@{domain}", "prefix": "X-", "lower": True},
            ["x-ada@north", "x-bob@south"],
        ),
    ],
)
def test_what_the_rules_make(write, rules, expected):
    assert usernames(write(USERS), **rules) == expected


def test_the_old_username_is_the_first_of_the_further_columns(write):
    with chosen(open_table(write(USERS)), Naming(prefix="x"), None) as users:
        assert users.columns == ("old username", "Desk", "Domain", "Full name")
        assert [row.others[0] for row in users.rows()] == ["ada", "Bob"]


def test_a_column_of_that_name_gives_way(write):
    path = write("username,old username,note\nada,Ada,x\n")
    with chosen(open_table(path), Naming(prefix="x-"), None) as users:
        assert users.columns == ("old username", "old username (2)", "note")
        assert next(users.rows()).others == ("ada", "Ada", "x")


@pytest.mark.parametrize(
    "template",
    [
        "", "acme", "{", "}", "{}", "{ }", "{username", "{username!r}", "{username:>10}",
        "{username:{domain}}", "{{username}}", "x" * 501,
    ],
)  # fmt: skip
def test_a_template_is_texts_and_columns_in_braces_and_nothing_else(template):
    with pytest.raises(UsageError, match="--username-template"):
        Naming(template=template)


@pytest.mark.parametrize(
    "name", ["domian", "username.__class__", "username[0]", "0", "password", "Password"]
)
def test_a_name_that_is_no_column_is_refused_with_the_columns_there_are(write, name):
    with pytest.raises(UsageError, match="--username-template names") as refused:
        named(write(USERS), template=f"{{{name}}}")
    assert "username, Desk, Domain, Full name" in refused.value.cure


def test_standard_input_is_the_sources():
    with pytest.raises(UsageError, match="--names"):
        Naming(names="-")


def test_what_a_template_is_made_of():
    assert parts_of("a{b}{{c}}{ d e }") == (("a", "b"), ("{", None), ("c}", None), ("", " d e "))


def test_a_blank_cell_makes_no_username_and_the_row_says_which(write):
    path = write("username,domain\nada,north\nbob, \n,south\n")
    made = named(path, template="{username}-{domain}", prefix="x-")
    assert made == [("x-ada-north", []), ("", ["template-blank"]), ("", [])]
    with chosen(open_table(path), Naming(template="{username}-{domain}"), None) as users:
        _, bob, _ = users.rows()
    assert (bob.problems[0].field, bob.problems[0].seen) == ("username", "bob")
    assert "'domain' is blank" in bob.problems[0].why


def test_of_a_cell_that_is_not_known_for_certain_no_username_is_made(tmp_path):
    """A date, or digits that a spreadsheet program has lost: that is refused as ever."""
    rows = [cells("username", "domain"), row('<c t="b"><v>1</v></c>', text("north"))]
    write_xlsx(tmp_path / "u.xlsx", {"Users": sheet(*rows)})
    ((username, kinds),) = named(str(tmp_path / "u.xlsx"), template="{domain}")
    assert (username, kinds) == ("", ["cell-boolean"])


# -- the file of names --


def test_names_that_are_decided_are_final_and_the_rules_make_the_others(write):
    names = write("old,new\nada,Ada.Lovelace\n", "names.csv")
    path = write(USERS)
    assert usernames(path, names=names) == ["Ada.Lovelace", "Bob"]
    assert usernames(path, names=names, prefix="x-", lower=True) == ["Ada.Lovelace", "x-bob"]


def test_names_may_stand_in_a_workbook(write, tmp_path):
    rows = [cells("New", "Why", "Old"), cells("1001-north", "twice", "ada")]
    write_xlsx(tmp_path / "names.xlsx", {"Names": sheet(*rows)})
    assert names_in(str(tmp_path / "names.xlsx")) == {"ada": "1001-north"}
    assert usernames(write(USERS), names=str(tmp_path / "names.xlsx")) == ["1001-north", "Bob"]


def test_names_that_no_user_has_are_warned_of_with_their_count(write):
    names = write("old,new\nada,a\nADA,b\neve,c\nBob,d\n", "names.csv")
    for where in (None, Where('domain == "North"')):  # Bob is in another wave, and no mistake
        with chosen(open_table(write(USERS)), Naming(names=names), where) as users:
            list(users.rows())
            told = {one.kind: one for one in users.left_out}["names-unmatched"]
        assert told.why.startswith("2 of the 4 old names")
        assert told.seen == "ADA, eve"
        assert told.warning


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("before,after\nada,x\n", "cannot be used"),
        ("old,now\nada,x\n", "cannot be used"),
        ("former,new\nada,x\n", "there is no column old"),
        ("old,new\n,x\n", "row 2: there is no old name"),
        ("old,new\nada,\nbob,b\n", "row 2: there is no new name"),
        ("old,new\nada,x\nada,y\n", "row 3: ada has another new name in an earlier row"),
        ("old,new\n" + "ada,\n" * 9, "and 6 more"),
    ],
)
def test_a_file_of_names_that_makes_no_sense_is_refused_as_a_whole(write, text, what):
    with pytest.raises(SourceError) as refused:
        usernames(write(USERS), names=write(text, "names.csv"))
    assert what in refused.value.what
    assert "names.csv" in refused.value.what
    assert "old" in refused.value.cure


def test_a_new_name_that_a_spreadsheet_program_damaged_is_refused(tmp_path):
    rows = [cells("old", "new"), row(text("ada"), '<c t="b"><v>1</v></c>')]
    write_xlsx(tmp_path / "names.xlsx", {"Names": sheet(*rows)})
    with pytest.raises(SourceError, match="Names!B2"):
        names_in(str(tmp_path / "names.xlsx"))


def test_a_file_of_names_that_is_not_there_is_told_by_its_name(tmp_path):
    with pytest.raises(SourceError, match=r"names\.csv"):
        names_in(str(tmp_path / "names.csv"))


# -- runs --

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")


class Place:
    """A vendor, a ledger and a folder, through several runs."""

    def __init__(self, folder):
        self.folder = folder
        self.vendor = FakeVendor()

    def source(self, source="users.csv", where=None, **rules):
        where = None if where is None else Where(where)
        return Source(str(self.folder / source), naming=Naming(**rules), where=where)

    def run(self, source, rules=None, *, csv=True, **results):
        return run(
            provision(
                source,
                ACCOUNT,
                pace=Pace(rate=50),
                rules=rules,
                results=Results(csv=csv, folder=self.folder / "results", **results),
                ledger=str(self.folder / "ledger.db"),
                sender=self.vendor,
            )
        )

    def plan(self, source):
        return run(
            plan(
                source,
                ACCOUNT,
                pace=Pace(),
                policy=Policy(),
                rules=Rules(),
                ledger=LedgerPlace(str(self.folder / "ledger.db")),
            )
        )


@pytest.fixture
def place(tmp_path, ledger):
    return Place(tmp_path)


TWICE = "username,domain\n1001,north\n1002,north\n1001,south\n1001,east\n1002,\n1003,north\n"


class AnExport:
    """A stand-in for another system's export: a table that says it is one."""

    is_export = True
    spreadsheet = None

    def __init__(self, table):
        self._table = table

    def __getattr__(self, name):
        return getattr(self._table, name)


def staged(book, users):
    work = Provisioning(users, Policy(), Rules())
    run_id = work.begin(book, Pace(), job="", only_planned=True)
    return work.stage(book, run_id, lambda: False), run_id


def outcomes(ledger, run_id):
    return [(row.number, row.outcome, row.code) for row in ledger.result_rows(run_id)]


def test_in_an_export_a_login_of_several_users_is_nobodys(write, ledger, book):
    with chosen(AnExport(open_table(write(TWICE))), Naming(), None) as users:
        assert users.columns == ("old username", "domain")
        found, run_id = staged(book, users)
    (stop,) = found.stops
    assert "2 usernames come out more than once" in stop.what
    assert "1001 (row 2, row 4, row 5), 1002 (row 3, row 6)" in stop.what
    assert "--username-template '{username}-{domain}'" in stop.cure
    refused = {number: code for number, outcome, code in outcomes(ledger, run_id) if code}
    assert refused == dict.fromkeys([2, 3, 4, 5, 6], "username-collision")


def test_the_template_that_is_proposed_keeps_them_apart(write, book):
    path = write(TWICE.replace("1002,\n", "1002,south\n"))
    naming = Naming("{username}-{domain}")
    with chosen(AnExport(open_table(path)), naming, None) as users:
        found, _ = staged(book, users)
    assert (found.stops, found.rows) == ([], 6)


def test_in_a_spreadsheet_the_first_row_of_equal_usernames_counts_as_ever(write, book):
    with chosen(open_table(write(TWICE)), Naming(), None) as users:
        found, _ = staged(book, users)
    assert found.stops == []
    assert [tally.problem.kind for tally in found.tallies] == ["username-duplicate"]


def test_a_row_that_is_refused_for_another_reason_is_still_the_other_one(write, ledger, book):
    """Corrected, it would have the same username: whoever was created would be the wrong one."""
    path = write("username,password\nada,****\nAda,Good-Password-7\n")
    with chosen(open_table(path), Naming(lower=True), None) as users:
        found, run_id = staged(book, users)
    assert "ada (row 2, row 3)" in found.stops[0].what
    assert [code for _, _, code in outcomes(ledger, run_id)] == [
        "password-masked",
        "username-collision",
    ]


def test_a_collision_calls_nothing_and_the_run_is_closed(write, place, ledger):
    write("username\nada\nADA\nbob\n")
    with pytest.raises(
        SourceError, match=r"1 username comes out more than once: ada \(row 2, row 3\)"
    ):
        place.run(place.source(lower=True))
    assert not place.vendor.requests
    record = ledger.run(1)
    assert (record.state, record.exit_code) == ("stopped", ExitCode.USAGE)
    assert record.outcomes[Outcome.INVALID] == 2
    assert record.outcomes[Outcome.UNPROCESSED] == 1


def test_many_collisions_are_counted_and_the_first_few_are_named(write, book):
    lines = [f"u{number}\nU{number}" for number in range(1200)]
    with chosen(
        open_table(write("\n".join(["username", *lines]))), Naming(lower=True), None
    ) as users:
        found, _ = staged(book, users)
    assert "1,200 usernames come out" in found.stops[0].what
    assert found.stops[0].what.endswith("u2 (row 6, row 7), and 1,197 more.")
    (tally,) = found.tallies
    assert (tally.problem.kind, tally.count) == ("username-collision", 2400)


def test_a_plan_lists_collisions_as_problems(write, place):
    write("username\nada\nADA\nbob\n")
    found, planned = place.plan(place.source(lower=True))
    assert planned.remembered == {Outcome.INVALID: 2}
    assert len(found.stops) == 1


def test_the_command_plan_says_that_a_run_would_call_nothing(write, tmp_path):
    arguments = ["plan", write("username\nada\nADA\n"), "--lower", "--appid", "1"]
    arguments += ["--ledger", str(tmp_path / "ledger.db")]
    told = CliRunner().invoke(cli, arguments)
    assert told.exit_code == 1
    assert "A run would call nothing: " in told.output
    assert "1 username comes out more than once: ada (row 2, row 3)." in told.output
    (stop,) = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).output)["stops"]
    assert stop["what"].endswith("ada (row 2, row 3).")


def test_the_same_username_in_two_accounts_is_no_collision(write, book):
    path = write("username,team,domain\nada,x,north\nADA,y,north\nbob,y,south\n")
    with chosen(open_table(path), Naming(lower=True), Where('domain == "north"')) as users:
        assert names_of_accounts(users, "Team", "", spaces=False) == {"x": 1, "y": 1}
        share = Route("team", "y", "", frozenset("xy"), False, users.sha256).share_of(users)
        work = Provisioning(users, Policy(), Rules(), share)
        found = work.stage(book, work.begin(book, Pace(), job="", only_planned=True), bool)
    assert (found.rows, found.stops) == (1, [])


def test_an_undo_tells_the_old_username_too(write, place, ledger):
    write(USERS)
    renamed = place.run(place.source(prefix="x-"))
    undone = run(
        undo(
            renamed.run_id,
            ACCOUNT,
            pace=Pace(rate=50),
            results=Results(str(place.folder / "undone.xlsx")),
            ledger=str(place.folder / "ledger.db"),
            sender=place.vendor,
        )
    )
    assert undone.outcomes[Outcome.REMOVED] == 2
    rows = list(load_workbook(undone.results[0])["Removed"].iter_rows(values_only=True))
    assert rows[0][:3] == ("row", "old username", "username")
    assert [row[1:3] for row in rows[1:]] == [("ada", "x-ada"), ("Bob", "x-Bob")]


def test_the_results_have_old_and_new_names_side_by_side(write, place, tmp_path):
    write(USERS)
    summary = place.run(place.source(template="{username}-{domain}", lower=True), csv=False)
    sheets = read_results(tmp_path / "results" / summary.results[0])
    assert_true(sheets, place.vendor.vendor.endpoints, place.vendor.vendor.created, rows=2)
    header = list(sheets.credentials[0])
    assert header[:4] == ["row", "old username", "username", "password"]
    assert header[-3:] == ["Desk", "Domain", "Full name"]
    assert {row["old username"]: row["username"] for row in sheets.credentials} == {
        "ada": "ada-north",
        "Bob": "bob-south",
    }


def test_the_second_run_of_the_same_source_makes_no_call(write, place):
    write(USERS)
    source = place.source(template="{username}-{domain}")
    place.run(source)
    calls = len(place.vendor.requests)
    again = place.run(source)
    assert again.outcomes[Outcome.UNCHANGED] == 2
    assert len(place.vendor.requests) == calls


@pytest.mark.parametrize("as_csv", [True, False])
def test_a_corrected_results_file_has_final_names_and_no_rule_is_applied_twice(
    write, place, as_csv
):
    write("username,domain,note\nada,north,x\nbo b,south,=y\ncyd,,z\n")
    rules = {"template": "{username}-{domain}", "prefix": "x-"}
    first = place.run(place.source(**rules), csv=as_csv)
    failed = next(name for name in first.results if not as_csv or "failed" in name)
    with open_table(failed) as table:
        assert table.is_results
        assert table.columns == ("old username", "domain", "note")
        assert [(row.username, row.others) for row in table.rows()] == [
            ("x-bo b-south", ("bo b", "south", "=y")),
            ("", ("cyd", "", "z")),
        ]
    with chosen(open_table(failed), Naming(**rules), Where("`old username` != 'cyd'")) as users:
        assert users.columns == ("old username", "domain", "note")
        assert [row.username for row in users.rows()] == ["x-bo b-south"]
        assert "names-ignored" in {one.kind for one in users.notes}
        assert not users.is_renamed


def test_an_annotated_source_has_its_own_names_and_rows_where_they_were(write, place):
    write(USERS)
    source = replace(place.source(prefix="x-"), where=Where('domain == "South"'))
    summary = place.run(source, annotate=True)
    (annotated,) = [name for name in summary.results if name.endswith("-annotated.xlsx")]
    with chosen(open_table(annotated), Naming(prefix="x-"), None) as users:
        assert [row.username for row in users.rows()] == ["x-ada", "x-Bob"]
    rows = list(load_workbook(annotated).active.iter_rows(values_only=True))
    assert rows[0][-5:-3] == ("outcome", "username")
    assert [row[-5:-3] for row in rows[1:]] == [(None, None), ("created", "x-Bob")]


def test_weak_passwords_are_replaced_once_and_for_all(write, place, ledger):
    write("username,password\nada,1234\nbob,Strong-Enough-7\n")
    rules = Rules(weak_passwords=WeakPasswords.REPLACE)
    first = place.run(place.source(), rules)
    made = dict(place.vendor.vendor.endpoints)
    assert (len(made["ada"]), made["bob"]) == (20, "Strong-Enough-7")
    ada, _ = ledger.result_rows(first.run_id)
    assert ada.password == made["ada"]
    assert "a new one is made" in ada.message
    calls = len(place.vendor.requests)
    again = place.run(place.source(), rules)
    assert len(place.vendor.requests) == calls
    assert again.outcomes[Outcome.UNCHANGED] == 2
    assert next(iter(ledger.result_rows(again.run_id))).password == made["ada"]


def test_results_without_an_old_username_begin_as_ever(write, place):
    write(USERS)
    summary = place.run(place.source())
    created = Path(next(one for one in summary.results if "created" in one))
    with created.open(encoding="utf-8-sig") as file:
        assert tuple(next(csv.reader(file))[:8]) == RESULT_COLUMNS


def test_whoever_is_renamed_is_a_source_of_users_too(write):
    """What the rooms above the intake work with is there, whatever stands between."""
    with open_table(write(USERS)) as table, Chosen(table, Naming(prefix="x"), None) as users:
        for name in ("source", "sheet", "sha256", "fields", "spreadsheet", "notes", "is_export"):
            assert getattr(users, name) == getattr(table, name), name
        assert users.where(2, "username") == table.where(2, "username")
        assert (users.is_renamed, users.selection) == (True, "")


async def test_the_command_renames_a_wave_and_does_nothing_the_second_time(tmp_path, write):
    write(USERS.replace("Bob,,", "Bob,1234,"))
    write("old,new\nnobody,Somebody\n", "names.csv")
    job = tmp_path / "job.toml"
    job.write_text(
        'source = "users.csv"\nusername_template = "{username}-{domain}"\nnames = "names.csv"\n'
        'prefix = "x-"\nlower = true\nwhere = \'domain == "South"\'\n'
        'weak_passwords = "replace"\nledger = "ledger.db"\n'
    )
    fast = ("--job", "job.toml", "--rate", "0", "--json")
    async with Sandbox() as sandbox:
        first = await command(sandbox, tmp_path, "run", *fast, "-o", "1.xlsx")
        calls = len(sandbox.vendor.arrivals)
        again = await command(sandbox, tmp_path, "run", *fast, "-o", "2.xlsx")
        assert len(sandbox.vendor.arrivals) == calls
    assert (first.code, again.code) == (0, 0), first.err + again.err
    assert (first.json["rows"], first.json["outcomes"]["created"]) == (1, 1)
    assert again.json["outcomes"]["unchanged"] == 1
    assert list(sandbox.vendor.endpoints) == ["x-bob-south"]
    logged = [json.loads(line)["event"] for line in first.err.splitlines()]
    assert {"rows-not-selected", "names-unmatched", "password-short"} <= {*logged}
    for name in ("1.xlsx", "2.xlsx"):
        (row,) = read_results(tmp_path / name).credentials
        assert (row["old username"], row["username"]) == ("Bob", "x-bob-south")
        assert row["password"] == sandbox.vendor.endpoints["x-bob-south"]
    with Ledger(str(tmp_path / "ledger.db")) as ledger:
        assert ledger.run(1).selection == 'domain == "South"'
