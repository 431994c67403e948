"""The textfile: readable by Prometheus' own parser, whole, and true over nights that fail."""

import math
import os
import re
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bulk_provision.errors import LedgerError, UsageError
from bulk_provision.model import Outcome
from bulk_provision.settings import load_settings
from bulk_provision.watch import Watch
from ledger_samples import intent, journal_of
from rounds import NIGHT, START, failed, place, round_of, run_of, trouble, well

ORDER = ("job_name", "account", "outcome")


@pytest.fixture
def ledger_place(empty_ledger, tmp_path):
    return place(empty_ledger, tmp_path)


@pytest.fixture
def told():
    return []


@pytest.fixture
def watch(tmp_path, ledger_place, told):
    return watch_of(tmp_path / "job.prom", ledger_place, told)


def watch_of(path, ledger_place, told, job="nightly", **settings):
    def tell(event, **fields):
        told.append((event, fields))

    return Watch.of(load_settings({"metrics": path, **settings}), job, ledger_place, tell)


def samples(path):
    return {
        (
            sample.name.removeprefix("bulk_provision_"),
            *(sample.labels[name] for name in ORDER if name in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_a_round_in_figures(watch, tmp_path, ledger_place, told):
    rows = [well("ada", Outcome.CREATED), well("bob", Outcome.CREATED), failed("eve")]
    runs = [
        run_of(ledger_place, rows, 1, calls=30),
        run_of(ledger_place, [well("zoe")], 0, appid=2002),
    ]
    watch.ended(round_of(*runs, exit_code=1))
    assert told == []
    found = samples(tmp_path / "job.prom")
    end = START + 5
    assert found["last_run_timestamp_seconds", "nightly"] == end
    assert found["last_success_timestamp_seconds", "nightly"] == 0
    assert found["last_completion_timestamp_seconds", "nightly"] == end
    assert found["exit_code", "nightly"] == 1
    assert found["duration_seconds", "nightly"] == 5
    assert found["runs", "nightly"] == 2
    assert found["troubles", "nightly"] == 0
    assert found["created_endpoints", "nightly"] == 2
    assert found["rows", "nightly", "1001", "created"] == 2
    assert found["rows", "nightly", "1001", "failed"] == 1
    assert found["rows", "nightly", "2002", "failed"] == 0
    assert found["rows", "nightly", "2002", "unchanged"] == 1
    assert found["calls", "nightly", "1001"] == 30
    assert found["configured_calls_per_second", "nightly", "1001"] == 10
    assert found["in_doubt_endpoints", "nightly", "1001"] == 0
    assert sum(name == "rows" for name, *_ in found) == 2 * len(Outcome)


def test_names_and_types_are_as_prometheus_wants_them(watch, tmp_path, ledger_place):
    watch.ended(round_of(run_of(ledger_place, [well("ada")], 0), exit_code=0))
    for family in text_string_to_metric_families((tmp_path / "job.prom").read_text()):
        assert family.type == "gauge"
        assert family.name.startswith("bulk_provision_")
        assert family.documentation
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket", "_milliseconds"))


def test_every_name_is_documented(watch, tmp_path, ledger_place):
    watch.ended(round_of(run_of(ledger_place, [well("ada")], 0), exit_code=0))
    page = (Path(__file__).parents[1] / "docs" / "watching.md").read_text("utf-8")
    families = text_string_to_metric_families((tmp_path / "job.prom").read_text())
    assert {family.name for family in families} == set(
        re.findall(r"^\| `(bulk_\w+)`", page, re.MULTILINE)
    )


def test_everybody_may_read_it_whatever_the_umask(watch, tmp_path, umask_077):
    watch.ended(round_of(exit_code=0))
    assert stat.S_IMODE((tmp_path / "job.prom").stat().st_mode) == 0o644
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.fixture
def umask_077():
    before = os.umask(0o077)
    yield
    os.umask(before)


async def test_the_backlog_of_doubt_is_told_also_when_no_run_could_begin(
    watch, tmp_path, ledger_place
):
    run_of(ledger_place, [well("ada")], 0)
    with ledger_place.open() as ledger:
        book = ledger.book(1001, "https://vendor.example/v1/endpoint")
        run_id = book.begin_run(
            source="people.csv", sheet="", sha256="", columns=(), rate=1.0, job="nightly"
        )
        async with journal_of(book, run_id) as journal:
            await journal.write(intent(book, "eve"))
        book.close_dead_runs()
    watch.ended(round_of(exit_code=2, troubles=[trouble()]))
    found = samples(tmp_path / "job.prom")
    assert found["in_doubt_endpoints", "nightly", "1001"] == 1
    assert found["troubles", "nightly"] == 1
    assert not any(name == "rows" for name, *_ in found)


def test_the_last_success_stays_over_nights_that_fail(watch, tmp_path, ledger_place, told):
    def night(number, exit_code):
        rows = [well("ada")] if exit_code == 0 else [failed("eve")]
        run = run_of(ledger_place, rows, exit_code)
        watch.ended(round_of(run, exit_code=exit_code, night=number))
        found = samples(tmp_path / "job.prom")
        names = ("last_run", "last_success", "last_completion")
        ends = [found[f"{name}_timestamp_seconds", "nightly"] for name in names]
        return [None if not end else round((end - START - 5) / NIGHT) for end in ends]

    assert night(0, 4) == [0, None, None]
    assert night(1, 0) == [1, 1, 1]
    assert night(2, 1) == [2, 1, 2]
    assert night(3, 4) == [3, 1, 2]
    (tmp_path / "job.prom").unlink()  # a reboot; the ledger knows
    assert night(4, 3) == [4, 1, 2]
    ledger_place.gone = LedgerError("The ledger cannot be opened.", "Look at it.")
    watch.ended(round_of(exit_code=2, night=5))  # the textfile knows
    found = samples(tmp_path / "job.prom")
    assert found["last_success_timestamp_seconds", "nightly"] == START + NIGHT + 5
    assert found["last_completion_timestamp_seconds", "nightly"] == START + 2 * NIGHT + 5
    assert [event for event, _ in told] == ["ledger_failed"]


def test_runs_from_before_anything_was_watched_count(watch, tmp_path, ledger_place):
    run_of(ledger_place, [well("ada")], 0)
    run_of(ledger_place, [failed("ada")], 1)
    with ledger_place.open() as ledger:
        ended_at = ledger.run(1).ended_at, ledger.run(2).ended_at
    watch.ended(round_of(exit_code=2))
    found = samples(tmp_path / "job.prom")
    assert found["last_success_timestamp_seconds", "nightly"] == ended_at[0]
    assert found["last_completion_timestamp_seconds", "nightly"] == ended_at[1]


def test_a_success_of_one_account_is_none_of_the_job(watch, tmp_path, ledger_place):
    run_of(ledger_place, [well("ada")], 0)
    run_of(ledger_place, [failed("ada")], 1, appid=2002)
    watch.ended(round_of(exit_code=2))
    assert samples(tmp_path / "job.prom")["last_success_timestamp_seconds", "nightly"] == 0


def test_no_limit_is_infinite(watch, tmp_path, ledger_place):
    run = run_of(ledger_place, [well("ada")], 0)
    with ledger_place.open() as ledger, ledger._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE runs SET rate = NULL")
    watch.ended(round_of(run, exit_code=0))
    found = samples(tmp_path / "job.prom")
    assert math.isinf(found["configured_calls_per_second", "nightly", "1001"])


@pytest.mark.parametrize(
    "junk",
    [b"\xff\xfe\x00", b"not { metrics", b"", b'bulk_provision_exit_code{job_name="nightly"} x'],
)
def test_whatever_lay_there_is_replaced(watch, tmp_path, junk):
    (tmp_path / "job.prom").write_bytes(junk)
    watch.ended(round_of(exit_code=0))
    assert samples(tmp_path / "job.prom")["exit_code", "nightly"] == 0


def test_a_file_that_another_job_uses_is_told(watch, tmp_path, ledger_place, told):
    watch_of(tmp_path / "job.prom", ledger_place, told, job="other").ended(round_of(exit_code=0))
    watch.ended(round_of(exit_code=2))
    assert [(event, fields["used_by"]) for event, fields in told] == [
        ("metrics_of_another_job", "other")
    ]
    assert samples(tmp_path / "job.prom")["last_success_timestamp_seconds", "nightly"] == 0


def test_a_run_without_a_job_is_called_after_its_source(tmp_path, ledger_place, told):
    watch = watch_of(tmp_path / "m.prom", ledger_place, told, job="", source="people.csv")
    watch.ended(round_of(run_of(ledger_place, [well("ada")], 0, job=""), exit_code=0))
    assert samples(tmp_path / "m.prom")["exit_code", "people.csv"] == 0


def test_a_name_that_the_collector_would_pass_over_is_refused(tmp_path, ledger_place, told):
    with pytest.raises(UsageError, match=r"ends with \.prom, not job\.txt"):
        watch_of(tmp_path / "job.txt", ledger_place, told)


def test_what_is_no_file_is_not_waited_for(watch, tmp_path):
    os.mkfifo(tmp_path / "job.prom")
    watch.ended(round_of(exit_code=0))
    assert samples(tmp_path / "job.prom")["exit_code", "nightly"] == 0


@pytest.mark.parametrize("path", ["missing/job.prom", "folder.prom"])
def test_a_file_that_cannot_be_written_is_told_and_no_more(tmp_path, ledger_place, told, path):
    (tmp_path / "folder.prom").mkdir()
    watch_of(tmp_path / path, ledger_place, told).ended(round_of(exit_code=0))
    assert [event for event, _ in told] == ["metrics_failed"]
    assert [path.name for path in tmp_path.glob(".*.part")] == []
