"""Pings by Healthchecks' convention, against a real server: on time, paired, and never for long."""

import socket
import time

import pytest

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret
from bulk_provision.settings import load_settings
from bulk_provision.watch.healthcheck import Healthcheck
from listening import listening
from rounds import round_of


@pytest.fixture
def check():
    with listening() as listener:
        yield listener


def pinged(listener, path="ping/the-secret-uuid", **limits):
    return Healthcheck(Secret(listener.url(path)), pause=0.001, **limits)


def test_start_and_end_are_paired(check):
    healthcheck = pinged(check)
    assert healthcheck.started() == ""
    assert healthcheck.ended(round_of(exit_code=0), "9 rows: 9 created") == ""
    assert check.paths == ["/ping/the-secret-uuid/start", "/ping/the-secret-uuid"]
    start, end = check.heard
    assert start.query == end.query
    assert len(start.query["rid"][0]) == 36
    assert (start.body, end.body) == ("", "9 rows: 9 created")
    assert pinged(check)._rid != healthcheck._rid


@pytest.mark.parametrize(
    ("exit_code", "path"),
    [(code, "/hc") for code in (0, 1, 7)]
    + [(code, "/hc/fail") for code in (2, 3, 4, 5, 6, 70, 130, 143)],
)
def test_what_is_a_success(check, exit_code, path):
    pinged(check, "hc").ended(round_of(exit_code=exit_code), "")
    assert check.paths == [path]


def test_an_address_keeps_its_own_query(check):
    pinged(check, "key/slug/?create=1").started()
    (heard,) = check.heard
    assert heard.path == "/key/slug/start"
    assert heard.query["create"] == ["1"]


def test_a_long_body_is_cut(check):
    pinged(check).ended(round_of(exit_code=4), "x" * 1_000_000)
    assert len(check.heard[0].body) == 4000


@pytest.mark.parametrize(
    ("statuses", "problem", "tries"),
    [
        ([503, 500], "", 3),
        ([500, 502, 503], "it answers 503", 3),
        ([404], "it answers 404", 1),
        ([302], "it answers 302", 1),  # a redirect is not followed
    ],
)
def test_what_is_tried_again(check, statuses, problem, tries):
    check.statuses = statuses
    assert pinged(check).started() == problem
    assert check.paths == ["/ping/the-secret-uuid/start"] * tries


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    healthcheck = Healthcheck(Secret(f"http://127.0.0.1:{port}/the-secret-uuid"), pause=0.001)
    assert healthcheck.started() == "no connection: Connection refused"


def test_a_server_that_does_not_answer_holds_nobody_up(check):
    check.silent.set()
    began = time.monotonic()
    assert pinged(check, total=0.1).started() == "no answer in time"
    assert time.monotonic() - began < 5
    assert len(check.heard) == 3


def test_the_address_may_come_from_a_file(tmp_path, check):
    (tmp_path / "hc").write_text(check.url("from-file") + "\n")
    healthcheck = Healthcheck.of(load_settings({"healthcheck_file": tmp_path / "hc"}))
    assert healthcheck.host == "127.0.0.1"
    healthcheck.started()
    assert check.paths == ["/from-file/start"]


def test_none_is_asked_for():
    assert Healthcheck.of(load_settings({})) is None


def test_a_flag_goes_before_the_job_files_healthcheck_file(tmp_path):
    (tmp_path / "job.toml").write_text('healthcheck_file = "hc"\n')
    flags = {"healthcheck": "https://flag.example/x"}
    assert Healthcheck.of(load_settings(flags, tmp_path / "job.toml")).host == "flag.example"


@pytest.mark.parametrize(
    "content",
    ["", "ftp://hc/the-secret-uuid", "the-secret-uuid", "http://", "http://a:b/the-secret-uuid"],
)
def test_nonsense_is_refused_before_the_run_and_not_quoted(tmp_path, content):
    (tmp_path / "hc").write_text(content)
    with pytest.raises(UsageError) as refused:
        Healthcheck.of(load_settings({"healthcheck_file": tmp_path / "hc"}))
    assert "secret-uuid" not in f"{refused.value} {refused.value.cure}"
    with pytest.raises(UsageError, match="cannot be read"):
        Healthcheck.of(load_settings({"healthcheck_file": tmp_path / "gone"}))
