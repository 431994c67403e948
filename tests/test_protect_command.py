"""`--protect`, by the real command: where the password comes from, and where it never goes."""

import json
from contextlib import asynccontextmanager

import pytest
from openpyxl import load_workbook

from bulk_provision.cli.protecting import key_of
from bulk_provision.errors import UsageError
from bulk_provision.sandbox import Sandbox
from bulk_provision.settings import load_settings
from commands import command
from results_samples import opened
from terminal import at_a_terminal

KEY = "Mark3d results-key"
RUN = ("run", "u.csv", "-o", "r.xlsx", "--rate", "0")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "u.csv").write_text("username,password\nada,hT7-own-password\nbob,\n")
    return tmp_path


@asynccontextmanager
async def vendor():
    async with Sandbox() as sandbox:
        yield sandbox


def users(path, key=KEY):
    return [row[1] for row in load_workbook(opened(path, key))["Credentials"].values][1:]


def leaks(folder, key=KEY):
    return [path for path in folder.rglob("*") if path.is_file() and has(path, key)]


def has(path, key):
    content = path.read_bytes()
    return key.encode() in content or key.encode("utf-16-le") in content


async def test_the_password_of_a_variable_opens_the_results_and_is_nowhere_else(folder):
    async with vendor() as sandbox:
        result = await command(
            sandbox, folder, *RUN, "--json", "--protect-password-env", "KEY", KEY=KEY
        )
    assert result.code == 0, result.err
    assert users(folder / "r.xlsx") == ["ada", "bob"]
    assert result.json["results"] == ["r.xlsx"]
    assert KEY not in result.out + result.err
    assert leaks(folder) == []


async def test_the_first_line_of_a_file_is_the_password_and_export_knows_it_too(folder):
    (folder / "jobs").mkdir()
    (folder / "jobs" / "key").write_text(f"\ufeff {KEY} \r\nmore\n", "utf-8")
    (folder / "jobs" / "job.toml").write_text('protect_password_file = "key"\n')
    async with vendor() as sandbox:
        ran = await command(sandbox, folder, *RUN, "--job", "jobs/job.toml")
        again = await command(
            sandbox, folder, "export", "1", "-o", "again.xlsx",
            BULK_PROVISION_PROTECT="true", BULK_PROVISION_PROTECT_PASSWORD_FILE="jobs/key",
        )  # fmt: skip
    assert (ran.code, again.code) == (0, 0), ran.err + again.err
    assert users(folder / "r.xlsx") == users(folder / "again.xlsx") == ["ada", "bob"]
    assert leaks(folder) == [folder / "jobs" / "key"]


@pytest.mark.parametrize(
    ("arguments", "env", "says"),
    [
        (["--protect"], {}, ["no terminal", "--protect-password-env", "--protect-password-file"]),
        (["--csv"], {"BULK_PROVISION_PROTECT": "1"}, ["CSV", "Leave --csv or --protect away"]),
        (["--protect-password-file", "binary"], {}, ["is not text"]),
        (["--protect-password-env", "KEY"], {"KEY": KEY * 20}, ["255"]),
    ],
)
async def test_what_is_wrong_is_told_before_anything_is_called(folder, arguments, env, says):
    (folder / "binary").write_bytes(b"\xff\xfe" + KEY.encode("utf-16-le"))
    async with vendor() as sandbox:
        result = await command(sandbox, folder, *RUN, *arguments, **env)
        assert sandbox.vendor.arrivals == []
    assert result.code == 2
    assert not [text for text in says if text not in result.err]
    assert KEY not in result.out + result.err
    assert not (folder / "r.xlsx").exists()


@pytest.mark.parametrize(
    ("flags", "csv", "says"),
    [
        ({"protect": True}, True, "CSV"),
        ({"protect_password_env": "KEY"}, True, "CSV"),
        ({"protect_password_env": "NONE"}, False, "is not set"),
        ({"protect_password_env": "EMPTY"}, False, "is empty"),
        ({"protect_password_env": KEY}, False, "name of an environment variable"),
        ({"protect_password_env": ""}, False, "name of an environment variable"),
        ({"protect_password_file": "none"}, False, "none with .* No such file"),
        ({"protect_password_file": "."}, False, "cannot be read"),
        ({"protect_password_file": "empty"}, False, "is empty"),
        ({"protect_password_file": "long"}, False, "255"),
    ],
)
def test_a_password_that_is_not_to_be_had_or_used_is_refused(folder, monkeypatch, flags, csv, says):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KEY", KEY)
    monkeypatch.setenv("EMPTY", "")
    (folder / "empty").write_text(" \n\n")
    (folder / "long").write_text(KEY * 100_000)
    with pytest.raises(UsageError, match=says) as error:
        key_of(load_settings(flags), csv=csv, has_terminal=False)
    assert KEY not in f"{error.value.what} {error.value.cure}"


async def test_the_way_that_goes_first_says_where_the_password_comes_from(folder):
    (folder / "key").write_text("of the file")
    (folder / "job.toml").write_text('protect_password_file = "key"\n')
    arguments = ("--job", "job.toml")
    async with vendor() as sandbox:
        flag = await command(
            sandbox, folder, *RUN, *arguments, "--protect-password-env", "KEY", KEY=KEY
        )
        off = await command(
            sandbox, folder, *RUN, *arguments, "--yes", "-o", "open.xlsx",
            BULK_PROVISION_PROTECT="false",
        )  # fmt: skip
    assert (flag.code, off.code) == (0, 0), flag.err + off.err
    assert users(folder / "r.xlsx") == ["ada", "bob"]
    assert load_workbook(folder / "open.xlsx").sheetnames[0] == "Summary"


ASKS, ASKS_AGAIN = "Password for the results", "The same password again"


async def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(folder):
    async with vendor() as sandbox, at_a_terminal(sandbox, folder, *RUN, "--protect") as terminal:
        for times, second in [(1, "a slip"), (2, KEY)]:
            await terminal.asks(ASKS, times=times)
            terminal.type(KEY)
            await terminal.asks(ASKS_AGAIN, times=times)
            terminal.type(second)
        result = await terminal.ended()
    assert result.code == 0, result.err
    assert users(folder / "r.xlsx") == ["ada", "bob"]
    assert "two different passwords" in result.err
    assert KEY not in result.out + result.err
    assert leaks(folder) == []


@pytest.mark.parametrize("more", [["--json"], ["--quiet"], []], ids=["json", "quiet", "talking"])
async def test_an_empty_answer_is_given_a_good_one_which_is_shown_once_at_the_end(folder, more):
    async with (
        vendor() as sandbox,
        at_a_terminal(sandbox, folder, *RUN, "--protect", *more) as terminal,
    ):
        await terminal.asks(ASKS)
        terminal.type("")
        result = await terminal.ended()
    assert result.code == 0, result.err
    _, _, shown = result.err.partition("The results open with this password: ")
    key = shown.split()[0]
    assert len(key) == 24
    assert set(key).isdisjoint("Il1Oo0")
    assert result.err.count(key) == 1
    assert key not in result.out
    assert users(folder / "r.xlsx", key) == ["ada", "bob"]
    assert leaks(folder, key) == []
    if more == ["--json"]:
        assert json.loads(result.out)["results"] == ["r.xlsx"]


async def test_export_asks_too_and_shows_nothing_when_it_fails(folder):
    async with vendor() as sandbox:
        await command(sandbox, folder, *RUN)
        for place, code in [("again.xlsx", 0), ("no/folder.xlsx", 2)]:
            arguments = ("export", "1", "-o", place, "--protect")
            async with at_a_terminal(sandbox, folder, *arguments) as terminal:
                await terminal.asks(ASKS)
                terminal.type("")
                result = await terminal.ended()
            assert result.code == code
            assert ("open with this password" in result.err) == (code == 0)
