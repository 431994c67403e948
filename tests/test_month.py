"""A month of nights: the real command from its job file, against a vendor that has bad nights, too.

Every night is compared with what it should be: exit code, metrics, pings, notices, the results that
were written, and what the vendor holds. Nothing but the wall clock is not real.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bulk_provision.ledger import Ledger
from bulk_provision.sandbox import Sandbox, SandboxOptions
from commands import command
from listening import listening
from tcp_proxy import Pass, Refuse, TcpProxy
from truth import read_results

DAY = 86_400
CLOCK = str(Path(__file__).with_name("shifted_clock"))
JOB = """
source = "export/people-*.csv"
account = "main"
rate = 0
settle = 0.1
patience = 1
attempts = 2
canary = 1
stop_if_new = "30%"
stop_if_vanished = "10%"
ledger = "ledger.db"
results_folder = "results"
results_rows = "changed"
log_folder = "log"
report = "report.json"
metrics = "nightly.prom"
healthcheck = "{ping}"
notify_file = "notify"
keep_results_days = 9.5
keep_logs_days = 9.5
keep_rows_days = 9.5
forget_after_days = 20.5

[accounts.main]
appid = {appid}
secret_file = "secret"
base_url = "{base_url}"
"""


class Night(NamedTuple):
    """What is special in a night, and what must come of it."""

    code: int = 0
    rows: str = "whole"  # or "truncated", "wrong header", "one invalid"
    vendor_is_dead: bool = False
    killed_at: str = ""
    notice: str = ""  # in the title; "" when nobody is told


QUIET = Night()
NIGHTS = {
    8: Night(6, "truncated", notice="stopped"),
    9: Night(notice="well"),
    13: Night(4, vendor_is_dead=True, notice="stopped"),
    14: Night(notice="well"),
    17: Night(-9, killed_at="answer-received"),  # of the canary: nobody wrote down that it exists
    22: Night(2, "wrong header", notice="not"),
    23: Night(notice="well"),
    26: Night(1, "one invalid", notice="1 row"),
    27: Night(1, "one invalid"),
    28: Night(notice="well"),
}


class Month:
    """The world in which the job lives: its folder, its vendor, and who hears of it."""

    def __init__(self, folder, sandbox, proxy, listener):
        self.folder = folder
        self.sandbox = sandbox
        self.proxy = proxy
        self.listener = listener
        self.people = [f"user{number:03}" for number in range(30)]
        self.succeeded_at = 0.0
        self.unsettled = set()  # created in a night that was killed

    def export(self, night, rows):
        """What the other system writes that night; the day before's file stays where it is."""
        names = self.people[: len(self.people) // 2] if rows == "truncated" else self.people
        header = "Personalnummer" if rows == "wrong header" else "username"
        more = ["no good"] if rows == "one invalid" else []
        path = self.folder / "export" / f"people-{night:02}.csv"
        path.write_text("\n".join([f"{header},name", *(f"{name},N. N." for name in names)]) + "\n")
        with path.open("a") as file:
            file.writelines(f"{name},N. N.\n" for name in more)

    async def run(self, night, killed_at):
        return await command(
            *(None, self.folder, "run", "--job", "nightly.toml"),
            PYTHONPATH=CLOCK,
            SHIFTED_CLOCK_SECONDS=str(night * DAY),
            **({"BULK_PROVISION_FAIL_AT": killed_at} if killed_at else {}),
        )

    def metrics(self):
        text = (self.folder / "nightly.prom").read_text()
        return {
            (sample.name.removeprefix("bulk_provision_"), sample.labels.get("outcome", "")): (
                sample.value
            )
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }


@pytest.mark.timeout(400)  # thirty times the whole command
async def test_a_month_of_nights(tmp_path):
    (tmp_path / "export").mkdir()
    async with Sandbox(SandboxOptions(existing=(("reception", "theirs-1"),))) as sandbox:
        async with TcpProxy("127.0.0.1", sandbox.port) as proxy:
            with listening() as listener:
                month = Month(tmp_path, sandbox, proxy, listener)
                write_job(month)
                for number in range(1, 31):
                    month.people += [f"new{number:02}x{n}" for n in range(number % 3)]
                    await one_night(month, number, NIGHTS.get(number, QUIET))
                the_end_of_the_month(month)


def write_job(month):
    (month.folder / "secret").write_text(month.sandbox.options.secret)
    (month.folder / "notify").write_text(month.listener.url("notices", scheme="json") + "\n")
    text = JOB.format(
        ping=month.listener.url("ping"),
        appid=month.sandbox.options.appid,
        base_url=f"http://127.0.0.1:{month.proxy.port}/v1/endpoint",
    )
    (month.folder / "nightly.toml").write_text(text)


async def one_night(month, number, night):
    month.export(number, night.rows)
    month.proxy.plan = Refuse() if night.vendor_is_dead else Pass()
    await month.proxy.listen()
    month.listener.heard.clear()
    before = set(month.sandbox.vendor.created)
    calls = len(month.sandbox.vendor.arrivals)
    results = set((month.folder / "results").glob("*")) if number > 1 else set()
    result = await month.run(number, night.killed_at)
    assert result.code == night.code, (number, result.err)
    new = set(month.people) - before
    created = set(month.sandbox.vendor.created) - before
    assert set(month.sandbox.vendor.created.values()) <= {1}, "nobody is created twice"
    if night.code in (0, 1):
        assert created == new, number
        made = set((month.folder / "results").glob("*")) - results
        new |= month.unsettled
        check_results(month, made, new, invalid=night.rows == "one invalid")
        month.unsettled = set()
        if not new:
            assert len(month.sandbox.vendor.arrivals) == calls, "nothing to do, and nothing called"
    elif night.killed_at:
        assert len(created) == 1 < len(new)
        month.unsettled = created
    else:
        assert len(month.sandbox.vendor.arrivals) == calls, number
    check_what_was_told(month, number, night, len(new))


def check_results(month, made, new, *, invalid):
    """A results file comes when something happened, and what it hands over works."""
    assert len(made) == (1 if new or invalid else 0)
    for path in made:
        sheets = read_results(path)
        handed_over = {row["username"]: row["password"] for row in sheets.credentials}
        assert handed_over.keys() == new
        for username, password in handed_over.items():
            assert month.sandbox.vendor.endpoints[username] == password
        assert len(sheets.failed) == invalid


def check_what_was_told(month, number, night, new):
    pings = [path for path in month.listener.paths if path.startswith("/ping")]
    notices = [json.loads(one.body) for one in month.listener.heard if one.path == "/notices"]
    metrics = month.metrics()
    if night.killed_at:  # nobody was left to tell anything: that is what the missing ping tells
        assert (pings, notices) == (["/ping/start"], [])
        assert metrics["last_success_timestamp_seconds", ""] == month.succeeded_at
        return
    assert pings == ["/ping/start", "/ping" if night.code in (0, 1) else "/ping/fail"]
    assert [night.notice in one["title"] for one in notices] == [True] * bool(night.notice), (
        number,
        notices,
    )
    tonight = time.time() + number * DAY
    assert abs(metrics["last_run_timestamp_seconds", ""] - tonight) < 600
    if night.code == 0:
        month.succeeded_at = metrics["last_run_timestamp_seconds", ""]
    assert metrics["last_success_timestamp_seconds", ""] == month.succeeded_at
    assert metrics["exit_code", ""] == night.code
    report = json.loads((month.folder / "report.json").read_text())
    assert report["exit_code"] == night.code
    if night.code in (0, 1):
        assert metrics["rows", "created"] == metrics["created_endpoints", ""] == new
        assert metrics["rows", "invalid"] == night.code
        assert metrics["in_doubt_endpoints", ""] == 0


def the_end_of_the_month(month):
    """What is older than it is to be kept is gone; what is younger is there; the truth remains."""
    logs = list((month.folder / "log").iterdir())
    assert len(logs) == 10
    with Ledger(str(month.folder / "ledger.db")) as ledger:
        records = {record.run_id: record for record in ledger.runs(limit=99)}
        assert len(records) == 29, "the night of the wrong header has no run"
        kept = {run_id for run_id, record in records.items() if record.has_rows}
        assert max(records) in kept
        assert len(kept) == 9, "of the nights whose logs are kept, one has no run"
        first = records[1]
        assert (first.rows, sum(first.outcomes.values())) == (31, 31), "its counts stay"
        newest = list(ledger.result_rows(max(records)))
    assert {row.username for row in newest} == set(month.people)
    passwords = {row.username: row.password for row in newest}
    for username, password in passwords.items():  # old ones are forgotten, the others work
        night = int(username[3:5]) if username.startswith("new") else 1
        assert password == ("" if night < 10 else month.sandbox.vendor.endpoints[username]), (
            username
        )
    assert set(month.sandbox.vendor.endpoints) == {"reception", *month.people}
    assert month.sandbox.vendor.endpoints["reception"] == "theirs-1"
    assert len(list((month.folder / "export").iterdir())) == 30, "sources are not ours to remove"
