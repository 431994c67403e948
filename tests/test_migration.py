"""A migration in one evening, as a person does it: inspect, rehearse, approve, waves, the way back.

Every step is the real command. After each one the vendor's truth is compared with what was written
down by hand from the export.
"""

import re
from pathlib import Path

import openpyxl

from bulk_provision.sandbox import Sandbox, SandboxOptions
from commands import command

EXPORT = Path(__file__).parent / "exports" / "freepbx.csv"
WANTED = (str(EXPORT), "--from", "freepbx", "--prefix", "in-", "--rate", "0", "--settle", "0.1")
# By hand: 1001, 1002, 0103, 1004 and 1008 have a secret; 1005 has only a hash; 1006 is virtual,
# 1007 speaks IAX, and the last row is a mailbox without a phone.
SECRETS = {
    "1001": "4f1c9e07b2ad8836e55d01c7a9f3be20",
    "1002": "91e62005773418802164905583701946",
    "0103": "d3b07384d113edec49eaa6238ad5ff00",
    "1004": 'Zx,9"q;p!R2',
    "1008": "b7c4d2aa10f94e6d8e00f1a2b3c4d5e6",
}
MIGRATED = {"in-1001", "in-0103", "in-1004", "in-1005", "in-1008"}
THEIRS = {"in-1002": "somebody-elses-1", "in-reception": "somebody-elses-2"}


def rows_of(path):
    """All rows of a results workbook, by their old usernames."""
    book = openpyxl.load_workbook(path)
    rows = {}
    for name in ("Credentials", "Skipped", "Failed"):
        header, *cells = book[name].iter_rows(values_only=True)
        for row in cells:
            one = dict(zip(header, row, strict=True))
            rows[one["old username"]] = one | {"sheet": name}
    return rows


def summary_of(path):
    sheet = openpyxl.load_workbook(path)["Summary"]
    return " ".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)


def number_of(told):
    return re.search(r"^Run (\d+):", told, re.MULTILINE)[1]


def assert_true(rows, truth):
    """What the results say is what the vendor holds, and what the old system had."""
    for old, row in rows.items():
        assert row["username"] == f"in-{old}"
        if row["sheet"] == "Credentials":
            password = row["password"].removeprefix("'")
            assert truth[row["username"]] == password
            assert password == SECRETS.get(old, password), "a phone's password is not changed"


async def test_freepbx_in_one_evening(tmp_path):
    async with Sandbox(SandboxOptions(existing=tuple(THEIRS.items()))) as vendor:
        truth = vendor.vendor.endpoints

        async def run(*arguments, code):
            ran = await command(vendor, tmp_path, *arguments)
            assert ran.code == code, ran.out + ran.err
            assert not any(secret in ran.out + ran.err for secret in SECRETS.values())
            return ran.out + ran.err

        assert "6 users, 5 with a password to use" in await run("inspect", str(EXPORT), code=0)

        # The hash stops everything, until somebody wants new passwords.
        told = await run("run", *WANTED, "-o", "stopped.xlsx", code=2)
        assert "1 user has no password to use" in told
        assert "--generate-passwords" in told
        assert truth == THEIRS
        wanted = (*WANTED, "--generate-passwords")

        await run("run", *wanted, "--rehearse", "-o", "tried.xlsx", code=0)
        assert truth == THEIRS
        rehearsed = rows_of(tmp_path / "tried-rehearsal.xlsx")

        await run("plan", *wanted, "-o", "plan.xlsx", code=0)
        told = await run("run", *wanted, "--lower", "--plan", "plan.xlsx", code=2)
        assert "lower was false, is true" in told
        assert truth == THEIRS

        approved = (*wanted, "--plan", "plan.xlsx")
        told = await run(
            "run", *approved, "--limit", "2", "--canary", "1", "-o", "first.xlsx", code=0
        )
        assert "left for a later wave" in told
        first = number_of(told)
        assert len(truth) <= len(THEIRS) + 2

        second = number_of(await run("run", *approved, "-o", "all.xlsx", code=0))
        assert set(truth) == {*THEIRS, *MIGRATED}
        rows = rows_of(tmp_path / "all.xlsx")
        assert set(rows) == {*SECRETS, "1005"}
        assert_true(rows, truth)
        assert rows["1002"]["outcome"] == "exists"
        assert {old: row["sheet"] for old, row in rehearsed.items()} == {
            old: row["sheet"] for old, row in rows.items()
        }
        summary = summary_of(tmp_path / "all.xlsx")
        for reason in ("virtual extension", "speaks IAX", "no SIP login"):
            assert reason in summary

        assert " 0 calls" in await run("run", *wanted, "-o", "again.xlsx", code=0)

        # The way back: both waves, the later one first.
        for number in (second, first):
            await run("undo", number, "--yes", number, "--rate", "0", code=0)
        assert truth == THEIRS
