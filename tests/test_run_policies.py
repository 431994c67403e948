"""`run` with its choices: existing usernames, answer shapes, corrected results, job files."""

import itertools
import sys

import openpyxl
import pytest

from bulk_provision.sandbox import CodeForm, CodeIn, FaultPlan, Sandbox, SandboxOptions
from commands import command
from truth import assert_true, read_results

FAST = ("--rate", "0", "--settle", "0.1", "--json")
THEIRS = (("eve", "eves-password"), ("frank", "franks-password"))


def write_source(path, text):
    path.write_text("username,password\n" + text)


@pytest.mark.parametrize(("code_in", "code_form"), list(itertools.product(CodeIn, CodeForm)))
async def test_every_shape_of_the_vendors_answers_is_understood(tmp_path, code_in, code_form):
    write_source(tmp_path / "u.csv", "ada,\neve,\nbob,\n")
    options = SandboxOptions(existing=THEIRS, code_in=code_in, code_form=code_form)
    async with Sandbox(options) as sandbox:
        result = await command(sandbox, tmp_path, "run", "u.csv", "-o", "r.xlsx", *FAST)
    assert result.json["outcomes"] | {"created": 2, "exists": 1} == result.json["outcomes"]
    # A status alone could be a gateway's own: whether eve exists is looked into.
    assert result.json["calls"] == (4 if code_in is CodeIn.STATUS else 3)
    sheets = read_results(tmp_path / "r.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=3)


async def test_compare_says_whether_the_password_is_the_sheets_and_gives_the_url(tmp_path):
    write_source(tmp_path / "u.csv", "eve,eves-password\nfrank,Another-One\n")
    async with Sandbox(SandboxOptions(existing=THEIRS)) as sandbox:
        arguments = ("run", "u.csv", "--on-exists", "compare", *FAST)
        result = await command(sandbox, tmp_path, *arguments, "-o", "r.xlsx")
        calls = len(sandbox.vendor.arrivals)
        again = await command(sandbox, tmp_path, *arguments, "-o", "2.xlsx")
        assert len(sandbox.vendor.arrivals) == calls
    assert (result.code, again.code) == (0, 0)
    for name in ("r.xlsx", "2.xlsx"):
        eve, frank = read_results(tmp_path / name).skipped
        assert "its password is the source's" in eve["message"]
        assert eve["password"] == "eves-password"
        assert eve["connect_url"]
        assert "is not the source's" in frank["message"]
        assert frank["password"] == ""


async def test_reset_sets_the_password_and_hands_it_over_but_creates_nothing(tmp_path):
    write_source(tmp_path / "u.csv", "eve,Chosen-For-Eve-1\nfrank,\nada,\n")
    async with Sandbox(SandboxOptions(existing=THEIRS)) as sandbox:
        arguments = ("run", "u.csv", "--on-exists", "reset", "--yes", *FAST)
        result = await command(sandbox, tmp_path, *arguments, "-o", "r.xlsx")
        calls = len(sandbox.vendor.arrivals)
        again = await command(sandbox, tmp_path, *arguments, "-o", "r.xlsx")
        assert len(sandbox.vendor.arrivals) == calls
    assert result.json["outcomes"]["exists"] == again.json["outcomes"]["exists"] == 2
    handed_over = {
        row["username"]: row["password"] for row in read_results(tmp_path / "r.xlsx").credentials
    }
    assert handed_over == dict(sandbox.vendor.endpoints)
    assert handed_over["eve"] == "Chosen-For-Eve-1"


async def test_reset_without_a_terminal_wants_yes(tmp_path):
    write_source(tmp_path / "u.csv", "eve,\n")
    async with Sandbox(SandboxOptions(existing=THEIRS)) as sandbox:
        result = await command(sandbox, tmp_path, "run", "u.csv", "--on-exists", "reset", *FAST)
        assert not sandbox.vendor.arrivals
    assert result.code == 2
    assert "--yes" in result.err


async def test_a_changed_password_of_our_own_endpoint_is_told_and_set_only_on_request(tmp_path):
    async with Sandbox() as sandbox:
        write_source(tmp_path / "u.csv", "ada,First-Password-1\n")
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "1.xlsx", *FAST)
        write_source(tmp_path / "u.csv", "ada,Second-Password-2\n")
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "2.xlsx", *FAST)
        (kept,) = read_results(tmp_path / "2.xlsx").credentials
        assert kept["password"] == "First-Password-1" == sandbox.vendor.endpoints["ada"]
        assert "--on-exists reset" in kept["tip"]
        arguments = ("--on-exists", "reset", "--yes", *FAST)
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "3.xlsx", *arguments)
        (changed,) = read_results(tmp_path / "3.xlsx").credentials
    assert changed["password"] == "Second-Password-2" == sandbox.vendor.endpoints["ada"]
    assert changed["outcome"] == "unchanged"


async def test_recheck_creates_again_what_was_removed_at_the_vendor(tmp_path):
    write_source(tmp_path / "u.csv", "ada,\nbob,\neve,\n")
    async with Sandbox(SandboxOptions(existing=THEIRS)) as sandbox:
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "1.xlsx", *FAST)
        sandbox.vendor.remove_sip("ada")
        sandbox.vendor.remove_sip("eve")
        result = await command(
            sandbox, tmp_path, "run", "u.csv", "-o", "2.xlsx", "--recheck", *FAST
        )
    assert result.json["outcomes"] | {"created": 2, "unchanged": 1} == result.json["outcomes"]
    sheets = read_results(tmp_path / "2.xlsx")
    handed_over = {row["username"]: row["password"] for row in sheets.credentials}
    assert handed_over.items() <= dict(sandbox.vendor.endpoints).items()


async def test_a_corrected_failed_sheet_is_given_to_run_as_it_is(tmp_path):
    (tmp_path / "u.csv").write_text(
        "SIP user,password,Department\nada,,Sales\nbad user,Chosen-Pass-1,Support\n"
    )
    async with Sandbox() as sandbox:
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "r.xlsx", *FAST)
        book = openpyxl.load_workbook(tmp_path / "r.xlsx")
        book["Failed"]["B2"] = "good.user"
        book.save(tmp_path / "r.xlsx")
        result = await command(sandbox, tmp_path, "run", "r.xlsx", "-o", "2.xlsx", *FAST)
    assert result.code == 0, result.err
    (row,) = read_results(tmp_path / "2.xlsx").credentials
    assert row["username"] == "good.user"
    assert row["password"] == "Chosen-Pass-1" == sandbox.vendor.endpoints["good.user"]
    assert row["Department"] == "Support"


async def test_the_vendors_own_limit_is_obeyed_and_everything_is_created(tmp_path):
    write_source(tmp_path / "u.csv", "".join(f"user{n},\n" for n in range(40)))
    async with Sandbox(SandboxOptions(limit=10)) as sandbox:
        result = await command(sandbox, tmp_path, "run", "u.csv", "-o", "r.xlsx", *FAST)
    assert result.code == 0
    assert result.json["outcomes"]["created"] == 40
    refused = sum(arrival.status == 429 for arrival in sandbox.vendor.arrivals)
    assert 0 < refused <= 40


async def test_a_job_file_gives_source_and_settings_and_flags_override_it(tmp_path):
    (tmp_path / "jobs").mkdir()
    write_source(tmp_path / "jobs" / "u.csv", "ada,\n")
    (tmp_path / "jobs" / "night.toml").write_text(
        'source = "u.csv"\nrate = 0\noutput = "from-job.xlsx"\ncsv = true\n'
    )
    async with Sandbox() as sandbox:
        result = await command(
            sandbox, tmp_path, "run", "--job", "jobs/night.toml", "-o", "flag.xlsx", "--json"
        )
    assert result.code == 0, result.err
    assert result.json["outcomes"]["created"] == 1
    assert result.json["results"][0] == "flag-created.csv"


async def test_a_template_that_is_filled_in_can_be_run(tmp_path):
    async with Sandbox() as sandbox:
        await command(None, tmp_path, "template", "t.xlsx")
        book = openpyxl.load_workbook(tmp_path / "t.xlsx")
        header = [cell.value for cell in book["Users"][1]]
        book["Users"].cell(2, header.index("username") + 1).value = "0042"
        book.save(tmp_path / "t.xlsx")
        result = await command(sandbox, tmp_path, "run", "t.xlsx", "-o", "r.xlsx", *FAST)
    assert result.code == 0, result.err
    assert list(sandbox.vendor.endpoints) == ["0042"]


@pytest.mark.parametrize("fault", ["420@once", "html-500@1-3", "no-code@p:0.3", "cut@p:0.3"])
async def test_the_results_are_true_over_real_sockets_too(tmp_path, fault):
    fault = fault.replace("@once", "@7")
    write_source(tmp_path / "u.csv", "".join(f"user{n},\n" for n in range(25)))
    options = SandboxOptions(existing=(("user3", "x-x-x-x"),), faults=FaultPlan.parse(fault))
    async with Sandbox(options) as sandbox:
        await command(sandbox, tmp_path, "run", "u.csv", "-o", "r.xlsx", *FAST)
        sheets = read_results(tmp_path / "r.xlsx")
        assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=25)
        sandbox.faults = FaultPlan()
        result = await command(sandbox, tmp_path, "run", "u.csv", "-o", "2.xlsx", *FAST)
    assert result.code == 0
    sheets = read_results(tmp_path / "2.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=25)


async def test_help_answers_without_importing_anything_heavy(tmp_path):
    import asyncio

    program = (
        "import sys\nfrom bulk_provision.cli import cli\n"
        "for name in cli.list_commands(None): cli.get_command(None, name)\n"
        "heavy = {'pandas', 'numpy', 'aiohttp', 'sqlalchemy', 'openpyxl', 'pydantic', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
    )
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"
