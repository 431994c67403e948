"""A plan that people approve, and a run that keeps to it."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import openpyxl
import pytest
from pydantic import Field

from bulk_provision import Account, LedgerPlace, Outcome, Pace, Policy, Rules, Secret, Source
from bulk_provision.approval import Approved, Binding, PlanFile
from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake import open_table
from bulk_provision.intake.pages import page
from bulk_provision.job import Control, Watcher, plan, provision
from bulk_provision.ledger import PlannedRow
from bulk_provision.places import Results
from bulk_provision.plan import Plan
from bulk_provision.results import read_plan, write_plan
from bulk_provision.results.plan_words import HASH, Planned
from bulk_provision.rounds import Orders, Routes, go
from bulk_provision.setting_up import check_job, in_words
from bulk_provision.settings import Served, Settings, bound_options, load_settings
from bulk_provision.settings.binding import BOUND, FREE
from bulk_provision.staged import Staged
from commands import command
from fake_vendor import APPID, SECRET, FakeVendor, Luck
from virtual_time import on_virtual_time

BASE = "https://vendor.example/v1/endpoint"
ACCOUNT = Account(APPID, Secret(SECRET), BASE)
GOOD = "kT7-mango-Velvet"
OPTIONS = {"prefix": '"in-"', "sheet": "not set"}


@pytest.fixture
def place(tmp_path, empty_ledger):
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    shutil.copy(f"{empty_ledger}.key", f"{path}.key")
    return str(path)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "users.csv"
    lines = [f"asha,{GOOD},=Asha", "bob,,Bob", f"a b,{GOOD},C", "asha,,Again", "vik,tiny,V"]
    path.write_text("\n".join(["username,password,name", *lines, ""]))
    return path


async def planned(source, place, path, options=OPTIONS, **keys):
    await plan(
        Source(str(source)),
        ACCOUNT,
        pace=Pace(rate=10),
        policy=Policy(),
        rules=Rules(),
        ledger=LedgerPlace(place),
        file=PlanFile(path, options, **keys),
    )
    return path


async def run(source, place, path, vendor, options=OPTIONS, account=ACCOUNT, **more):
    binding, by = read_plan(str(path))
    return await provision(
        source,
        account,
        approved=Approved("plan.xlsx", binding, options, by),
        ledger=place,
        sender=vendor,
        results=Results(csv=True),
        **more,
    )


def sheets(path):
    """Sheet → its rows, without the empty cells at their ends."""
    book = openpyxl.load_workbook(path)
    found = {}
    for sheet in book:
        rows = [list(row) for row in sheet.iter_rows(values_only=True)]
        for row in rows:
            while row and row[-1] is None:
                row.pop()
        found[sheet.title] = rows
    return found


def facts(path):
    return {row[1]: row[2] for row in sheets(path)["Plan"] if len(row) == 3}


async def test_the_plan_tells_what_would_happen_and_what_it_is_bound_to(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    told = facts(path)
    assert (told["Source"], told["App id"], told["Base URL"]) == (str(source), str(APPID), BASE)
    with open_table(str(source)) as table:
        assert told["SHA-256 of the source"] == table.sha256
        binding = Binding.to(table.sha256, ACCOUNT, OPTIONS)
    assert (told["prefix"], told["sheet"]) == ('"in-"', "not set")
    assert (told["Rows"], told["To create"], told["Invalid: refused"]) == (5, 3, 2)
    assert told["Calls, when every answer is clear"] == 3
    assert told["Duration at the rate"] == "0.3 s"
    assert told[HASH] == binding.hash
    assert "@" in told["Made by"]
    assert [row[1] for row in sheets(path)["Plan"][-3:]] == ["Approved by", "On", "Remarks"]
    assert read_plan(str(path)) == (binding, "")
    assert path.stat().st_mode & 0o777 == 0o600


async def test_every_row_stands_in_it_in_words_and_no_password(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    header, *rows = sheets(path)["Rows"]
    assert header == ["row", "username", "what would happen", "why", "tip", "name"]
    happens = {row[0]: (row[1], row[2], row[5]) for row in rows}
    assert happens == {
        2: ("asha", "create with the source's password", "=Asha"),
        3: ("bob", "create with a generated password", "Bob"),
        4: ("a b", "nothing: it is invalid", "C"),
        5: ("asha", "nothing: it is invalid", "Again"),
        6: ("vik", "create with the source's password", "V"),
    }
    assert "as in row 2" in rows[3][3]
    assert "fewer than 8 characters" in rows[4][3]
    everything = str(sheets(path))
    assert GOOD not in everything
    assert "tiny" not in everything
    cell = openpyxl.load_workbook(path)["Rows"]["F2"]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)  # a text, whatever it looks like


async def test_problems_are_told_once_with_their_count_and_row_by_row(source, place, tmp_path):
    rows = sheets(await planned(source, place, tmp_path / "plan.xlsx"))["Problems"]
    second = rows.index(["row", "username", "what would happen", "why", "tip"])
    told = {row[1]: (row[0], row[2]) for row in rows[1:second] if row}
    assert told["username-characters"] == (1, "row 4, column 'username' (a b)")
    assert told["warning: password-short"] == (1, "row 6, column 'password'")
    assert [row[0] for row in rows[second + 1 :]] == [4, 5, 6]


@on_virtual_time
async def test_what_an_earlier_run_did_needs_no_call_or_is_settled_first(source, place, tmp_path):
    await provision(
        source,
        ACCOUNT,
        ledger=place,
        sender=FakeVendor([Luck.FINE, *[Luck.LOST_AFTER] * 50], existing={"vik": "theirs"}),
        results=Results(csv=True),
        pace=Pace(concurrency=1),
    )
    path = await planned(source, place, tmp_path / "plan.xlsx")
    happens = {row[0]: row[2] for row in sheets(path)["Rows"][1:]}
    assert happens[2] == "nothing: an earlier run created it"
    assert happens[3].startswith("ask TeleCMI what became of an earlier request")
    assert facts(path)["Created by an earlier run: nothing to do"] == 1


@on_virtual_time
async def test_a_run_with_its_plan_goes_and_may_be_continued(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    vendor = FakeVendor()
    first = await run(source, place, path, vendor, pace=Pace(rate=5))
    counts = {outcome: count for outcome, count in first.outcomes.items() if count}
    assert counts == {Outcome.CREATED: 3, Outcome.INVALID: 2}
    again = await run(source, place, path, vendor, pace=Pace(rate=50, concurrency=3))
    assert (again.outcomes[Outcome.UNCHANGED], again.calls) == (3, 0)
    moved = tmp_path / "renamed.csv"
    shutil.move(source, moved)
    assert (await run(moved, place, path, vendor)).outcomes[Outcome.UNCHANGED] == 3


async def test_a_run_of_anything_else_is_refused_and_says_what_differs(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    vendor = FakeVendor()
    with pytest.raises(UsageError) as refused:
        await run(source, place, path, vendor, {"prefix": '""', "lower": "true"})
    assert 'prefix was "in-", is ""' in refused.value.what
    assert "sheet was not set, is not known" in refused.value.what
    assert "lower was not known, is true" in refused.value.what
    assert "content" not in refused.value.what
    other = Account(APPID + 1, Secret(SECRET), BASE)
    with pytest.raises(UsageError, match=f"account .it was {APPID} at .*, is {APPID + 1} at"):
        await run(source, place, path, vendor, account=other)
    with source.open("a") as file:
        file.write("new,,N\n")
    with pytest.raises(UsageError, match="the source's content") as refused:
        await run(source, place, path, vendor)
    assert "prefix" not in refused.value.what
    assert vendor.requests == []
    with LedgerPlace(place).open() as ledger:
        assert ledger.runs() == []


def edited(path, change):
    book = openpyxl.load_workbook(path)
    change(book)
    book.save(path)  # as a spreadsheet program does: with shared strings, and styles of its own


def put(label, value):
    def change(book):
        cells = [row for row in book["Plan"].iter_rows() if row[1].value == label]
        cells[0][2].value = value

    return change


async def test_people_may_write_who_approved_it_and_save_it(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    binding, _ = read_plan(str(path))
    edited(path, put("Approved by", "M. Rao"))
    edited(path, put("On", "2026-11-25"))
    edited(path, put("Remarks", "not before 18:00"))
    assert read_plan(str(path)) == (binding, "M. Rao, 2026-11-25")


@pytest.mark.parametrize(
    ("label", "value"),
    [
        *(
            ("prefix", '""'),
            ("prefix", None),
            ("App id", "7"),
            ("Base URL", "https://evil.example"),
        ),
        *(("SHA-256 of the source", "0" * 64), (HASH, "0" * 64), (HASH, None)),
    ],
)
async def test_a_plan_that_was_edited_is_refused(source, place, tmp_path, label, value):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    edited(path, put(label, value))
    with pytest.raises(UsageError, match="changed after it was made"):
        read_plan(str(path))


async def test_what_is_no_plan_is_refused(source, place, tmp_path):
    with pytest.raises(UsageError, match="there is no such file"):
        read_plan(str(tmp_path / "plan.xlsx"))
    with pytest.raises(UsageError, match="is no plan"):
        read_plan(str(source))
    path = await planned(source, place, tmp_path / "plan.xlsx")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(str(path))
    path.write_bytes(whole)
    edited(path, lambda book: book.remove(book["Plan"]))
    with pytest.raises(UsageError, match="is no plan"):
        read_plan(str(path))


async def test_a_plan_is_no_source(source, place, tmp_path):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    with pytest.raises(SourceError, match="this is a plan"):
        open_table(str(path))
    edited(path, lambda _: None)
    with pytest.raises(SourceError, match="this is a plan"):
        open_table(str(path))


def test_a_plan_of_many_rows_goes_on_in_a_next_sheet(tmp_path):
    made = Planned(
        Binding("0" * 64, "1", BASE, {}),
        Staged("u.csv"),
        Plan(0, {}, {}, 0, None),
        ("n",),
        0.0,
        "me@here",
    )
    rows = (
        PlannedRow(n, f"u{n}", "generated", "create", None, "", "", "", ("x",)) for n in range(25)
    )
    write_plan(tmp_path / "plan.xlsx", made, lambda: rows, sheet_limit=11)
    found = sheets(tmp_path / "plan.xlsx")
    assert list(found) == ["Plan", "Rows", "Problems", "Rows 2", "Rows 3"]
    headers = {tuple(found[title][0]) for title in ("Rows", "Rows 2", "Rows 3")}
    assert headers == {("row", "username", "what would happen", "why", "tip", "n")}
    numbers = [row[0] for title in ("Rows", "Rows 2", "Rows 3") for row in found[title][1:]]
    assert numbers == list(range(25))


def test_every_setting_is_bound_or_free_and_none_is_both():
    """A new one must be put into one of the two sets, by whoever knows what it does."""
    assert BOUND.isdisjoint(FREE)
    assert set(Settings.model_fields) == BOUND | FREE


def test_a_setting_that_was_forgotten_is_bound(tmp_path):
    class Later(Settings):
        names: Path | None = None
        lower: bool = Field(default=False)

    bound = bound_options(Later())
    assert (bound["names"], bound["lower"]) == ("not set", "false")
    names = tmp_path / "names.csv"
    names.write_text("a,b\n")
    first = bound_options(Later(names=names))["names"]
    copy = tmp_path / "copy.csv"
    shutil.copy(names, copy)
    assert bound_options(Later(names=copy))["names"] == first  # a file counts by its content
    copy.write_text("a,c\n")
    assert bound_options(Later(names=copy))["names"] != first
    with pytest.raises(UsageError, match="cannot be read"):
        bound_options(Later(names=tmp_path / "gone.csv"))


@pytest.mark.parametrize(
    "flags",
    [
        *({"sheet": "B"}, {"encoding": "cp1250"}, {"map": ["username=B"]}, {"recheck": True}),
        *({"allow_username": "@"}, {"weak_passwords": "allow"}, {"on_exists": "reset"}),
        *({"password_length": 25}, {"password_alphabet": "abcdefghijklmnopqrstuvw"}),
    ],
    ids=str,
)
def test_options_that_decide_what_is_made_are_bound(flags):
    plain, other = bound_options(load_settings({})), bound_options(load_settings(flags))
    assert {name for name in plain if plain[name] != other[name]} == set(flags)


@pytest.mark.parametrize(
    "flags",
    [
        *({"rate": 99}, {"concurrency": 3}, {"limit": 5}, {"canary": 2}, {"deadline": "3h"}),
        *({"output": "x.xlsx"}, {"ledger": "x.db"}, {"source": "y.csv"}, {"ignore_limits": True}),
        *({"appid": 7}, {"secret_file": "s"}, {"log_folder": "logs"}, {"plan": "plan.xlsx"}),
    ],
    ids=str,
)
def test_options_that_do_not_are_free(flags):
    assert bound_options(load_settings(flags)) == bound_options(load_settings({}))


def test_the_account_of_rows_that_name_none_is_bound_and_else_its_name_is_not():
    accounts = {"accounts": {"main": {"appid": 1, "secret_env": "S"}}}
    named = bound_options(load_settings({**accounts, "account": "main"}))
    assert named == bound_options(load_settings({"appid": 1}))
    column = {**accounts, "account_column": "Account"}
    assert bound_options(load_settings({**column, "account": "main"}))["account"] == '"main"'
    assert bound_options(load_settings(column))["account"] == "not set"


def test_only_the_first_rows_of_a_sheet_are_read(source):
    assert page(str(source), "", 2) == [["username", "password", "name"], ["asha", GOOD, "=Asha"]]


def test_a_job_may_name_its_plan(tmp_path):
    job = tmp_path / "migration.toml"
    job.write_text('source = "users.csv"\nplan = "plan.xlsx"\nlimit = 50\nappid = 1\n')
    settings = load_settings({}, job)
    assert settings.plan == tmp_path / "plan.xlsx"  # beside the job file
    told = dict(in_words(settings))
    assert told["reads"].endswith(f"users.csv, and keeps to the plan {tmp_path / 'plan.xlsx'}")
    assert "after 50 rows that need calls" in told["stops"]
    (missing,) = [one for one in check_job(job).findings if one.key == "plan"]
    assert (missing.is_warning, "there is no file" in missing.what) == (True, True)


class Told:
    """Nobody hears of the round."""

    @contextmanager
    def watcher(self, _account, _source):
        yield Watcher()

    def note(self, event, **fields):
        pass


@pytest.mark.parametrize("several", ["files", "accounts"])
async def test_a_plan_is_of_one_run_alone(source, place, tmp_path, several):
    path = await planned(source, place, tmp_path / "plan.xlsx")
    binding, _ = read_plan(str(path))
    shutil.copy(source, tmp_path / "users-2.csv")
    served = Served("main", ACCOUNT, Pace())
    orders = Orders(
        source=Source(str(tmp_path / "users*.csv")),
        account=served,
        results=Results(csv=True),
        policy=Policy(),
        rules=Rules(),
        ledger=LedgerPlace(place),
        takes_all=True,
        approved=Approved("plan.xlsx", binding, OPTIONS),
    )
    if several == "accounts":
        routes = Routes("name", frozenset({"=Asha", "Bob"}), lambda _: served)
        orders = replace(orders, source=Source(str(source)), account=None, routes=routes)
    round_ = await go(orders, Told(), Control())
    (trouble,) = round_.troubles
    assert (round_.exit_code, round_.runs) == (2, ())
    assert "plan.xlsx is the plan of one run, and these would be 2" in trouble.what


async def test_the_commands_plan_and_run_keep_to_each_other(source, tmp_path):
    """Nothing listens at this address: a run that is not refused would stop with 4."""
    env = {
        "BULK_PROVISION_APPID": "1234567",
        "BULK_PROVISION_SECRET": "x",
        "BULK_PROVISION_BASE_URL": "http://127.0.0.1:9/v1/endpoint",
    }
    made = await command(None, tmp_path, "plan", "users.csv", "-o", "plan.xlsx", **env)
    assert (made.code, made.out.splitlines()[-1]) == (1, "Plan: plan.xlsx")
    options = ("--plan", "plan.xlsx", "--password-length", "24", "--rate", "3")
    refused = await command(None, tmp_path, "run", "users.csv", *options, **env)
    assert refused.code == 2
    assert "password_length was 20, is 24" in refused.err
    assert "rate" not in refused.err.partition("What differs:")[2]
    assert not list(tmp_path.glob("*-results-*"))
