"""What a job tells the world, put together: nothing that goes wrong in it reaches the job."""

import pytest

from bulk_provision.settings import load_settings
from bulk_provision.watch import Watch
from listening import listening
from rounds import failed, place, round_of, run_of, trouble


@pytest.fixture
def ledger_place(empty_ledger, tmp_path):
    return place(empty_ledger, tmp_path)


@pytest.fixture
def told():
    return []


def watch_of(ledger_place, told, **settings):
    def tell(event, **fields):
        told.append((event, fields))

    return Watch.of(load_settings(settings), "nightly", ledger_place, tell)


def test_who_asks_for_nothing_is_told_nothing_and_no_ledger_is_opened(ledger_place, told):
    ledger_place.gone = AssertionError("it was opened")
    watch = watch_of(ledger_place, told)
    watch.started()
    watch.ended(round_of(exit_code=0))
    assert told == []


def test_everything_fails_at_once_and_each_is_told_without_its_secrets(
    tmp_path, ledger_place, told, monkeypatch
):
    with listening() as server:
        (tmp_path / "notify").write_text(server.url("the-token", "json"))
        monkeypatch.setattr("bulk_provision.watch.healthcheck._TRIES", 1)
        watch = watch_of(
            ledger_place,
            told,
            report=tmp_path / "no" / "r.json",
            metrics=tmp_path / "no" / "m.prom",
            healthcheck=server.url("the-uuid"),
            notify_file=tmp_path / "notify",
        )
    ledger_place.gone = RuntimeError("json://the-token")  # the server is gone, too
    watch.started()
    watch.ended(round_of(exit_code=2, troubles=[trouble()]))
    nobody = {"host": "127.0.0.1", "why": "no connection: Connection refused"}
    assert told == [
        ("healthcheck_failed", nobody),
        ("ledger_failed", {"why": "RuntimeError"}),
        ("report_failed", {"why": "No such file or directory"}),
        ("metrics_failed", {"why": "No such file or directory"}),
        ("notice_not_sent", {"address": "line 1 (json)", "why": "it was not taken"}),
        ("healthcheck_failed", nobody),
    ]


def test_the_pings_body_names_nobody(ledger_place, told):
    run = run_of(ledger_place, [failed("eve-the-unlucky")], 1, reason="a reason")
    with listening() as server:
        watch_of(ledger_place, told, healthcheck=server.url("hc")).ended(
            round_of(run, exit_code=1, troubles=[trouble()])
        )
    (heard,) = server.heard
    assert "1 failed" in heard.body
    assert "Stopped early: A reason." in heard.body
    assert "there is no such file" in heard.body
    assert "eve" not in heard.body
