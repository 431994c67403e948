"""A ledger opens, or says before any call why it does not; nothing of anybody else's is touched."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from bulk_provision.errors import LedgerError, LedgerWriteError
from bulk_provision.ledger import Ledger, opening
from bulk_provision.ledger.opening import ledger_url

NOBODY = 65_534


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def sql(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return [connection.execute(statement).fetchall() for statement in statements]


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.1)


# -- where it is --


def test_a_path_is_taken_from_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ledger_url("some/ledger.db").database == str(tmp_path / "some" / "ledger.db")


def test_a_tilde_is_the_home_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    assert ledger_url("~/ledger.db").database == "/home/ada/ledger.db"


@pytest.mark.parametrize("url", ["sqlite:////srv/ledger.db", "sqlite+pysqlite:////srv/ledger.db"])
def test_a_url_names_a_file(url):
    assert ledger_url(url).database == "/srv/ledger.db"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_ledger_in_memory_is_refused(url):
    with pytest.raises(LedgerError, match="in memory"):
        ledger_url(url)


def test_a_database_that_is_not_known_is_refused_without_its_password():
    with pytest.raises(LedgerError, match="not known: oracle") as caught:
        ledger_url("oracle://ada:marked-secret@host/db")
    assert "marked-secret" not in str(caught.value)


def test_a_url_that_cannot_be_read_is_refused_without_repeating_it():
    with pytest.raises(LedgerError, match="cannot be read") as caught:
        ledger_url("://marked-secret@host")
    assert "marked-secret" not in str(caught.value)


# -- a new one --


def test_a_new_ledger_and_its_folder_are_its_owners_alone(tmp_path):
    path = tmp_path / "a" / "b" / "ledger.db"
    with Ledger(str(path)) as ledger:
        ledger.book(1, "https://a")
        files = {file.name: mode(file) for file in path.parent.iterdir()}
        assert mode(path.parent) == 0o700
    assert set(files.values()) == {0o600}
    assert {"ledger.db", "ledger.db-wal", "ledger.db.key"} <= set(files)


def test_what_is_committed_survives_a_power_cut(ledger):
    with ledger._engine.connect() as connection:  # asks the connections that are really used
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
    }


def test_many_may_open_a_new_ledger_at_once(tmp_path):
    path = str(tmp_path / "ledger.db")

    def open_it(_):
        with Ledger(path) as ledger:
            return ledger.book(1, "https://a").vault.mark("ada", "x")

    with ThreadPoolExecutor(4) as pool:
        marks = set(pool.map(open_it, range(8)))
    assert len(marks) == 1


def test_neither_a_new_ledger_nor_an_old_one_waits_for_alembic(tmp_path):
    program = (
        "import sys; from bulk_provision.ledger import Ledger\n"
        "for _ in range(2): Ledger(sys.argv[1]).close()\n"
        "print('alembic' in sys.modules)"
    )
    asked = [sys.executable, "-c", program, str(tmp_path / "ledger.db")]
    assert subprocess.run(asked, capture_output=True, check=True).stdout == b"False\n"


# -- not a ledger --


def assert_refused_untouched(path, match):
    before = path.read_bytes()
    with pytest.raises(LedgerError, match=match) as caught:
        Ledger(str(path))
    assert str(path) in str(caught.value)
    assert caught.value.cure
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.key"))


def test_a_database_of_another_program_is_refused_and_not_touched(tmp_path):
    path = tmp_path / "other.db"
    sql(path, "CREATE TABLE songs (title TEXT)")
    assert_refused_untouched(path, "a database of another program")
    assert sql(path, "PRAGMA journal_mode") == [[("delete",)]]


def test_a_database_of_another_program_that_uses_alembic_is_told_from_a_ledger(tmp_path):
    path = tmp_path / "other.db"
    sql(
        path,
        "CREATE TABLE accounts (id INTEGER)",
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO alembic_version VALUES ('0001')",
    )
    assert_refused_untouched(path, "a database of another program")


@pytest.mark.parametrize("content", [b"username,password\n" * 100, b"\x00" * 5000])
def test_a_file_that_is_no_database_is_refused_and_not_touched(content, tmp_path):
    path = tmp_path / "users.csv"
    path.write_bytes(content)
    assert_refused_untouched(path, "not a database")


def test_a_damaged_ledger_is_refused(ledger):
    ledger.close()
    damaged = bytearray(ledger.path.read_bytes())
    damaged[100:4096] = b"\xff" * 3996
    ledger.path.write_bytes(damaged)
    with pytest.raises(LedgerError, match=r"ledger\.db cannot be used: .*malformed") as caught:
        Ledger(str(ledger.path))
    assert "backup" in caught.value.cure


def test_a_ledger_of_a_newer_version_is_refused(ledger):
    ledger.close()
    sql(ledger.path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match=r"newer version.*schema 9999") as caught:
        Ledger(str(ledger.path))
    assert "Update bulk-provision" in caught.value.cure


# -- cannot be written --


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="cannot be opened for writing: Is a directory"):
        Ledger(str(tmp_path))


def test_a_file_in_the_folders_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="cannot be opened for writing: "):
        Ledger(str(tmp_path / "file" / "ledger.db"))


@pytest.fixture
def not_ours(empty_ledger):
    """A ledger in a folder that may be read and not written, even if root runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ledger.db").write_bytes(empty_ledger.read_bytes())
        (folder / "ledger.db.key").write_bytes(Path(f"{empty_ledger}.key").read_bytes())
        for file in folder.iterdir():
            file.chmod(0o444)
        folder.chmod(0o555)
        is_root = os.geteuid() == 0
        if is_root:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)
            folder.chmod(0o700)


@pytest.mark.parametrize("name", ["ledger.db", "new.db"])
def test_a_ledger_that_may_not_be_written_is_refused(name, not_ours):
    with pytest.raises(LedgerError, match=f"{name} cannot be opened for writing: Permission"):
        Ledger(str(not_ours / name))


def test_a_folder_that_has_no_room_for_the_log_is_refused(not_ours):
    as_root = os.geteuid() != os.getuid()
    if as_root:
        os.seteuid(0)
    (not_ours / "ledger.db").chmod(0o666)
    if as_root:
        os.seteuid(NOBODY)
    with pytest.raises(LedgerError, match=r"ledger\.db cannot be used: ") as caught:
        Ledger(str(not_ours / "ledger.db"))
    assert caught.value.cure


# -- locked --


def test_a_new_ledger_that_another_program_locks_is_refused_soon(tmp_path, impatient):
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        with pytest.raises(LedgerError, match="cannot be used: database is locked") as caught:
            Ledger(str(path))
    assert time.monotonic() - began < 5
    assert "Another program holds it" in caught.value.cure


def test_a_ledger_that_another_program_locks_cannot_be_written(ledger, impatient):
    with (
        Ledger(str(ledger.path)) as impatient_one,
        closing(sqlite3.connect(ledger.path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerWriteError, match="database is locked"):
            impatient_one.book(7, "https://new.example")


def test_a_lock_that_ends_in_time_is_waited_for(ledger):
    with closing(
        sqlite3.connect(ledger.path, isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(1) as pool:
            opened = pool.submit(ledger.book, 7, "https://new.example")
            other.execute("COMMIT")
            assert opened.result(10).account_id


# -- accounts --


def test_an_account_is_known_by_its_id_and_its_address(ledger):
    asked = [(1, "https://a"), (2, "https://a"), (1, "https://b"), (1, "https://a")]
    first, *others, again = [ledger.book(*one).account_id for one in asked]
    assert again == first
    assert len({first, *others}) == 3
