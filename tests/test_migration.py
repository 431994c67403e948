"""A migration in one evening, as a person does it: inspect, rehearse, approve, waves, the way back.

Every step is the real command. After each one the vendor's truth is compared with what was written
down by hand from the export.
"""

from pathlib import Path

import openpyxl

from bulk_provision.sandbox import Sandbox, SandboxOptions
from commands import command

EXPORT = Path(__file__).parent / "exports" / "freepbx.csv"
FROM = ("--from", "freepbx", "--rate", "0", "--settle", "0.1")
# By hand: 1001, 1002, 0103, 1004 and 1008 have a secret; 1005 has only a hash; 1006 is virtual,
# 1007 speaks IAX, and the last row is a mailbox without a phone.
SECRETS = {
    "1001": "4f1c9e07b2ad8836e55d01c7a9f3be20",
    "1002": "91e62005773418802164905583701946",
    "0103": "d3b07384d113edec49eaa6238ad5ff00",
    "1004": 'Zx,9"q;p!R2',
    "1008": "b7c4d2aa10f94e6d8e00f1a2b3c4d5e6",
}
THEIRS = {"in-1002": "somebody-elses-1", "in-reception": "somebody-elses-2"}


def sheet(path, name):
    rows = openpyxl.load_workbook(path)[name].iter_rows(values_only=True)
    header = next(rows)
    return [dict(zip(header, row, strict=True)) for row in rows]


async def test_freepbx_in_one_evening(tmp_path):
    options = SandboxOptions(existing=tuple(THEIRS.items()))
    async with Sandbox(options) as vendor:

        async def run(*arguments, code):
            ran = await command(vendor, tmp_path, *arguments)
            assert ran.code == code, ran.out + ran.err
            for secret in SECRETS.values():
                assert secret not in ran.out + ran.err
            return ran.out + ran.err

        truth = vendor.vendor.endpoints
        source, names = str(EXPORT), ("--prefix", "in-")

        assert "6 users, 5 with a password to use" in await run("inspect", source, code=0)

        # The hash stops everything, until somebody wants new passwords.
        told = await run("run", source, *FROM, *names, "-o", "stopped.xlsx", code=2)
        assert "1 user has no password to use" in told
        assert "--generate-passwords" in told
        assert truth == THEIRS
        assert not (tmp_path / "stopped.xlsx").exists()
        wanted = (source, *FROM, *names, "--generate-passwords")

        await run("run", *wanted, "--rehearse", "-o", "tried.xlsx", code=0)
        assert truth == THEIRS
        rehearsed = sheet(tmp_path / "tried-rehearsal.xlsx", "All rows")

        await run("plan", *wanted, "-o", "plan.xlsx", code=0)
        approved = ("--plan", "plan.xlsx")
        told = await run("run", *wanted, "--lower", *approved, code=2)
        assert "lower was false, is true" in told
        assert truth == THEIRS

        told = await run(
            "run", *wanted, *approved, "--limit", "2", "--canary", "1", "-o", "first.xlsx", code=0
        )
        assert "left for a later wave" in told
        assert set(truth) - set(THEIRS) == {"in-1001", "in-0103"}, "1002 exists already"

        await run("run", *wanted, *approved, "-o", "all.xlsx", code=0)
        results = sheet(tmp_path / "all.xlsx", "All rows")
        ours = {name: password for name, password in truth.items() if name not in THEIRS}
        assert {f"in-{name}" for name in (*SECRETS, "1005")} - {"in-1002"} == set(ours)
        for row in results:
            old, new = row["old username"], row["username"]
            assert new == f"in-{old}"
            if row["outcome"] in ("created", "unchanged"):
                assert row["password"].removeprefix("'") == ours[new]
                assert old == "1005" or ours[new] == SECRETS[old]
        outcomes = {row["old username"]: row["outcome"] for row in results}
        assert outcomes == {
            "1001": "unchanged", "1002": "exists", "0103": "unchanged", "1004": "created",
            "1005": "created", "1008": "created",
        }  # fmt: skip
        as_first = {
            name: "created" if one == "unchanged" else one for name, one in outcomes.items()
        }
        assert {row["old username"]: row["outcome"] for row in rehearsed} == as_first
        handed_over = sheet(tmp_path / "all.xlsx", "Credentials")
        assert {row["username"] for row in handed_over} == set(ours)
        assert all("old username" in row for row in handed_over)
        summary = openpyxl.load_workbook(tmp_path / "all.xlsx")["Summary"]
        said = " ".join(str(cell) for row in summary.iter_rows(values_only=True) for cell in row)
        for reason in ("virtual extension", "speaks IAX", "no SIP login"):
            assert reason in said

        told = await run("run", *wanted, "-o", "again.xlsx", code=0)
        assert " 0 calls" in told

        # The way back: both waves, the later one first.
        for number in await runs_of(vendor, tmp_path):
            secret = {"BULK_PROVISION_SECRET": vendor.options.secret}
            undone = await command(
                None, tmp_path, "undo", number, "--yes", number, "--rate", "0", **secret
            )
            assert undone.code == 0, undone.out + undone.err
        assert truth == THEIRS


async def runs_of(vendor, home):
    """The numbers of the runs that created something, the newest first."""
    listed = await command(vendor, home, "runs", "--json")
    created = [one for one in listed.json if one["outcomes"].get("created")]
    return [str(one["run_id"]) for one in sorted(created, key=lambda one: -one["run_id"])]
