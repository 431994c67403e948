"""What a job removes when its time is over, and what it never touches."""

import time

import pytest
import sqlalchemy as sa

from bulk_provision.job import LedgerPlace
from bulk_provision.ledger import Ledger
from bulk_provision.ledger.schema import files, rows, runs
from bulk_provision.model import ExitCode, Outcome
from bulk_provision.rounds import Keeping, clean_up, note_log

DAY = 86_400


@pytest.fixture
def place(ledger, tmp_path):
    return LedgerPlace(str(tmp_path / "ledger.db"))


@pytest.fixture
def notes():
    return []


def cleaned(place, notes, job="nightly", **days):
    def note(event, **fields):
        notes.append((event, fields))

    clean_up(place, job, Keeping(**days), note)
    return [event for event, _ in notes]


def wrote(ledger, path, days, job="nightly", kind="results"):
    """A file that the job wrote so many days ago."""
    path.write_text("what it wrote")
    ledger.note_file(job, kind, path)
    with ledger._engine.begin() as connection:
        connection.execute(
            sa.update(files)
            .where(files.c.path == str(path))
            .values(written_at=time.time() - days * DAY)
        )


def test_only_what_is_old_and_its_own_goes(ledger, place, notes, tmp_path):
    wrote(ledger, tmp_path / "old.xlsx", 31)
    wrote(ledger, tmp_path / "new.xlsx", 29)
    wrote(ledger, tmp_path / "theirs.xlsx", 31, job="another")
    wrote(ledger, tmp_path / "old.jsonl", 31, kind="log")
    (tmp_path / "users-results-20200101T000000.000Z.xlsx").write_text("named like ours")
    assert cleaned(place, notes, results=30) == ["removed"]
    assert notes[0][1]["file"] == str(tmp_path / "old.xlsx")
    left = {path.name for path in tmp_path.iterdir() if "ledger" not in path.name}
    assert left == {
        *("new.xlsx", "theirs.xlsx", "old.jsonl"),
        "users-results-20200101T000000.000Z.xlsx",
    }
    assert cleaned(place, [], results=30) == [], "it is told once"


def test_a_file_that_somebody_worked_in_is_left_alone_and_said_once(ledger, place, notes, tmp_path):
    path = tmp_path / "old.xlsx"
    wrote(ledger, path, 31)
    path.write_text("my own notes")
    assert cleaned(place, notes, results=30) == ["left_alone"]
    assert path.read_text() == "my own notes"
    assert cleaned(place, [], results=30) == []


def test_a_log_that_went_on_after_it_was_written_down_goes_all_the_same(
    ledger, place, notes, tmp_path
):
    path = tmp_path / "log.jsonl"
    path.write_text("")
    note_log(place, "nightly", path)
    path.write_text("more lines")
    with ledger._engine.begin() as connection:
        connection.execute(sa.update(files).values(written_at=time.time() - 9 * DAY))
    assert cleaned(place, notes, logs=8) == ["removed"]
    assert not path.exists()


def test_a_file_that_is_gone_is_forgotten_and_one_that_cannot_go_is_tried_again(
    ledger, place, notes, tmp_path
):
    wrote(ledger, tmp_path / "gone.xlsx", 31)
    (tmp_path / "gone.xlsx").unlink()
    wrote(ledger, tmp_path / "folder", 31)
    (tmp_path / "folder").unlink()
    (tmp_path / "folder").mkdir()
    told = (tmp_path / "folder").lstat()
    with ledger._engine.begin() as connection:
        connection.execute(sa.update(files).values(size=told.st_size, modified_ns=told.st_mtime_ns))
    assert cleaned(place, notes, results=30) == ["not_removed"]
    assert cleaned(place, [], results=30) == ["not_removed"], "and told again"


def test_a_link_is_removed_and_not_what_it_leads_to(ledger, place, notes, tmp_path):
    path, target = tmp_path / "old.xlsx", tmp_path / "precious"
    target.write_text("precious")
    wrote(ledger, path, 31)
    path.unlink()
    path.symlink_to(target)
    assert cleaned(place, notes, results=30) == ["left_alone"]
    assert (target.read_text(), path.is_symlink()) == ("precious", True)


def run_of(ledger, book, days, *names, job="nightly", outcome=Outcome.UNCHANGED, code=0):
    """A run of the job that ended so many days ago."""
    run_id = book.begin_run(source="p.csv", sheet="", sha256="", columns=(), rate=1.0, job=job)
    moment = time.time() - days * DAY
    with ledger._engine.begin() as connection:
        for seq, name in enumerate(names, 1):
            row = {"run_id": run_id, "seq": seq, "number": seq, "username": name, "cells": "[]"}
            connection.execute(sa.insert(rows).values(**row, outcome=outcome))
        connection.execute(
            sa.update(runs)
            .where(runs.c.id == run_id)
            .values(state="done", ended_at=moment, staged_at=moment, exit_code=code)
        )
    return run_id


def test_rows_of_old_runs_go_their_counts_stay_and_the_last_one_is_kept(ledger, book, place, notes):
    old = run_of(ledger, book, 40, "ada", "bob")
    other = run_of(ledger, book, 40, "ada", job="another")
    doubt = run_of(ledger, book, 39, "ada", outcome=Outcome.IN_DOUBT)
    last = run_of(ledger, book, 35, "ada", "bob", "cyd")
    before = ledger.run(old)
    assert cleaned(place, notes, rows=30) == ["rows_removed"]
    after = ledger.run(old)
    assert (after.rows, after.outcomes, after.calls) == (2, before.outcomes, before.calls)
    assert not after.has_rows
    assert all(ledger.run(one).has_rows for one in (other, doubt, last))
    assert cleaned(place, [], rows=30) == []


def test_the_run_that_the_next_one_is_compared_with_is_kept_however_many_were_stopped_since(
    ledger, book, place, notes
):
    measure = run_of(ledger, book, 60, "ada", "bob")
    for days in (50, 40, 31):
        run_of(ledger, book, days, "ada", outcome=Outcome.UNPROCESSED, code=ExitCode.LIMIT_PASSED)
    assert cleaned(place, notes, rows=30) == ["rows_removed"]
    assert notes[0][1]["runs"] == 3
    assert ledger.run(measure).has_rows
    tonight = run_of(ledger, book, 0, "ada")
    assert book.change_since_last(tonight).last_run == measure
    assert book.change_since_last(tonight).vanished == 1


def test_nothing_is_done_without_a_job_and_nothing_fails_without_a_ledger(tmp_path, notes):
    nowhere = LedgerPlace(str(tmp_path / "file" / "ledger.db"))
    (tmp_path / "file").write_text("")
    assert cleaned(nowhere, notes, job="", rows=1) == []
    assert cleaned(nowhere, notes) == []
    assert cleaned(nowhere, notes, rows=1) == ["clean_up_failed"]
    note_log(nowhere, "nightly", tmp_path / "log.jsonl")


def test_passwords_of_the_jobs_own_runs_are_forgotten(ledger, book, place, notes, tmp_path):
    with Ledger(str(tmp_path / "ledger.db")) as opened:
        assert opened.forget(older_than=0, job="nightly").credentials == 0
    assert cleaned(place, notes, passwords=30) == [], "nothing is said where nothing was erased"
