"""`forget` and `rekey`: what leaves the ledger, what must stay, and what a crash may do."""

import base64
import os
import shutil
import signal

import pytest

from bulk_provision.errors import AccountBusyError, KeyMismatchError
from bulk_provision.ledger import Intent, Ledger, StagedRow
from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from commands import command
from conftest import APPID, BASE_URL
from truth import read_results

FAST = ("--rate", "0", "--settle", "0.1", "--json")


async def run(sandbox, folder, *arguments, source="ada,Marked-Ada-1\nbob,\n"):
    (folder / "u.csv").write_text("username,password\n" + source)
    return await command(
        sandbox, folder, "run", "u.csv", "--yes", "-o", "r.xlsx", *FAST, *arguments
    )


def ledger_bytes(folder):
    files = (folder / "data" / "bulk-provision").glob("ledger.db*")
    return b"".join(path.read_bytes() for path in files if not path.name.endswith(".key"))


async def test_forget_leaves_nothing_of_the_passwords_in_the_ledgers_files(tmp_path):
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path)
    ledger = tmp_path / "data" / "bulk-provision" / "ledger.db"
    with Ledger(str(ledger)) as opened:
        book = opened.book(sandbox.options.appid, sandbox.base_url)
        sealed = [book.known(["ada", "bob"])[name].sealed for name in ("ada", "bob")]
    assert all(one.encode() in ledger_bytes(tmp_path) for one in sealed)
    result = await command(None, tmp_path, "forget", "--run", "1", "--yes")
    assert "the passwords of 2 endpoints" in result.out
    assert not any(one.encode() in ledger_bytes(tmp_path) for one in sealed)


async def test_a_forgotten_run_is_still_known_and_costs_no_call(tmp_path):
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path)
        await command(None, tmp_path, "forget", "--run", "1", "--yes")
        calls = len(sandbox.vendor.arrivals)
        again = await run(sandbox, tmp_path, "--recheck")
        assert len(sandbox.vendor.arrivals) == calls
    assert again.json["outcomes"]["unchanged"] == 2
    rows = read_results(tmp_path / "r.xlsx").credentials
    assert [row["password"] for row in rows] == ["", ""]
    assert all("erased" in row["tip"] for row in rows)


async def test_forget_keeps_the_password_of_what_is_in_doubt(tmp_path):
    faults = FaultPlan.parse("add_sip:drop-after-commit@user:ada", "get_sip:html-502")
    async with Sandbox(SandboxOptions(faults=faults)) as sandbox:
        first = await run(sandbox, tmp_path, "--attempts", "1")
        assert first.json["outcomes"]["in_doubt"] == 1
        result = await command(None, tmp_path, "forget", "--older-than", "0", "--yes")
        assert "Kept: 1 password" in result.out
        sandbox.faults = FaultPlan()
        again = await run(sandbox, tmp_path)
    assert again.json["outcomes"] | {"created": 1, "unchanged": 1} == again.json["outcomes"]
    held = {row["username"]: row["password"] for row in read_results(tmp_path / "r.xlsx")[0]}
    assert held["ada"] == sandbox.vendor.endpoints["ada"]


async def test_forget_asks_first_and_says_that_it_cannot_be_undone(tmp_path):
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path)
    result = await command(None, tmp_path, "forget", "--run", "1")
    assert result.code == 2
    assert "cannot be undone" in result.err
    assert (await command(None, tmp_path, "forget", "--yes")).code == 2
    assert (await command(None, tmp_path, "forget", "--run", "99", "--yes")).code == 2


async def test_rekey_makes_the_old_key_useless_and_keeps_every_password(tmp_path):
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path)
        key_file = tmp_path / "data" / "bulk-provision" / "ledger.db.key"
        old_key = key_file.read_text().strip()
        result = await command(None, tmp_path, "rekey")
        assert result.code == 0, result.err
        assert "3 passwords" in result.out  # two endpoints, and a cell of the source
        assert key_file.read_text().strip() != old_key
        refused = await command(None, tmp_path, "show", "1", BULK_PROVISION_KEY=old_key)
        assert refused.code == 2
        await command(None, tmp_path, "export", "1", "-o", "again.xlsx")
    rows = read_results(tmp_path / "again.xlsx").credentials
    assert {row["username"]: row["password"] for row in rows} == dict(sandbox.vendor.endpoints)


async def test_rekey_with_keys_from_the_environment(tmp_path):
    old, new = (base64.urlsafe_b64encode(os.urandom(32)).decode() for _ in range(2))
    async with Sandbox() as sandbox:
        (tmp_path / "u.csv").write_text("username\nada\n")
        await command(sandbox, tmp_path, "run", "u.csv", *FAST, BULK_PROVISION_KEY=old)
        half = await command(None, tmp_path, "rekey", BULK_PROVISION_KEY=old)
        assert half.code == 2
        both = {"BULK_PROVISION_KEY": old, "BULK_PROVISION_NEW_KEY": new}
        assert (await command(None, tmp_path, "rekey", **both)).code == 0
        assert (await command(None, tmp_path, "show", "1", BULK_PROVISION_KEY=old)).code == 2
        assert (await command(None, tmp_path, "show", "1", BULK_PROVISION_KEY=new)).code == 0


def test_a_rekey_that_was_killed_before_its_commit_changes_nothing(ledger, tmp_path):
    key_file = tmp_path / "ledger.db.key"
    before = key_file.read_text()
    (tmp_path / "ledger.db.key.next").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    ledger.close()
    Ledger(str(tmp_path / "ledger.db")).close()
    assert key_file.read_text() == before


def test_a_rekey_that_was_killed_after_its_commit_is_finished_by_whoever_comes_next(
    ledger, tmp_path
):
    key_file, next_file = tmp_path / "ledger.db.key", tmp_path / "ledger.db.key.next"
    old = key_file.read_text()
    ledger.rekey()
    shutil.move(key_file, next_file)  # as it was between the commit and the renaming
    key_file.write_text(old)
    ledger.close()
    Ledger(str(tmp_path / "ledger.db")).close()
    assert key_file.read_text() != old
    assert not next_file.exists()


def test_rekey_is_refused_while_a_run_holds_an_account(ledger, book):
    with book.lease(wait=0), pytest.raises(AccountBusyError):
        ledger.rekey()


async def test_a_run_that_waited_through_a_rekey_writes_nothing_under_the_old_key(
    ledger, book, tmp_path
):
    with Ledger(str(tmp_path / "ledger.db")) as other:
        other.rekey()
    with pytest.raises(KeyMismatchError, match="while this run waited"):
        ledger.confirm_key()


async def test_earlier_passwords_are_resealed_too(ledger, book):
    run_id = book.begin_run(source="x", sheet="", sha256="", columns=(), rate=None)
    with book.lease(wait=0) as lease:
        journal = book.journal(run_id, lease.token)
        first, second = book.vault.seal("ada", "first"), book.vault.seal("ada", "second")
        await journal.write(Intent("ada", first, doubted=True, purpose="create"))
        await journal.write(Intent("ada", second, doubted=True, purpose="create", earlier=first))
        await journal.close()
    assert ledger.rekey() == 2
    fresh = ledger.book(APPID, BASE_URL)
    assert sorted(fresh.passwords_sent("ada")) == ["first", "second"]


async def test_a_killed_forget_or_rekey_leaves_a_ledger_that_opens(tmp_path):
    async with Sandbox() as sandbox:
        await run(sandbox, tmp_path)
        for point in ("erased", "resealed"):
            name = {"erased": ("forget", "--run", "1", "--yes"), "resealed": ("rekey",)}[point]
            killed = await command(None, tmp_path, *name, BULK_PROVISION_FAIL_AT=point)
            assert killed.code == -signal.SIGKILL
            assert (await command(None, tmp_path, "show", "1")).code == 0
        assert (await run(sandbox, tmp_path)).json["outcomes"]["unchanged"] == 2


def test_of_two_rekeys_at_once_one_is_refused_and_no_key_is_lost(ledger, tmp_path):
    path = str(tmp_path / "ledger.db")
    with Ledger(path) as other:
        ledger.rekey()
        with pytest.raises(KeyMismatchError, match="just been changed"):
            other.rekey()
    Ledger(path).close()


def test_forgetting_what_is_old_reaches_runs_that_were_killed_too(ledger, book):
    run_id = book.begin_run(source="x", sheet="", sha256="", columns=(), rate=None)
    book.stage(run_id, [StagedRow(1, 2, "ada", book.vault.seal("ada", "secret"), ())])
    assert ledger.forget(older_than=0).cells == 1


def test_forgetting_is_refused_while_a_run_needs_its_passwords(ledger, book):
    with book.lease(wait=0), pytest.raises(AccountBusyError):
        ledger.forget(older_than=0)
