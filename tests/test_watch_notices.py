"""Notices, sent by Apprise to a real server: what they say, and what no one ever gets to read."""

import asyncio
import json
import subprocess
import sys
import time

import pytest

from bulk_provision.errors import LedgerError, UsageError
from bulk_provision.job import LedgerPlace, provision
from bulk_provision.model import (
    Account,
    ExitCode,
    Outcome,
    Pace,
    RoundSummary,
    Secret,
)
from bulk_provision.sandbox import FaultPlan, Sandbox, SandboxOptions
from bulk_provision.settings import load_settings
from bulk_provision.watch import Watch, addresses
from bulk_provision.watch.addresses import Addresses
from bulk_provision.watch.findings import Job, look
from bulk_provision.watch.message import Message, message_of
from bulk_provision.watch.occasions import Occasion
from listening import listening
from rounds import Row, failed, place, round_of, run_of, trouble, warned, well

TOKEN = "a-token-nobody-may-read"


@pytest.fixture
def ledger_place(empty_ledger, tmp_path):
    return place(empty_ledger, tmp_path)


@pytest.fixture
def server():
    with listening() as listener:
        yield listener


@pytest.fixture
def told():
    return []


def addressed(folder, *lines):
    path = folder / "notify"
    path.write_text("\n".join(lines) + "\n")
    return path


def watch_of(ledger_place, told, job="nightly", **settings):
    def tell(event, **fields):
        told.append((event, fields))

    return Watch.of(load_settings(settings), job, ledger_place, tell)


# -- what is said --


def message(ledger_place, round_, occasion=Occasion.ROWS):
    job = Job("nightly")
    with ledger_place.open() as ledger:
        return message_of(job, round_, look(ledger, job, round_), occasion)


def test_few_failing_rows_are_told_one_by_one(ledger_place):
    rows = [
        well("ada", Outcome.CREATED),
        failed("eve"),
        Row("", Outcome.INVALID, "username-empty", "Users!A9: the username is empty."),
        Row("zoe", Outcome.IN_DOUBT, "", "A request left."),
    ]
    run = run_of(ledger_place, rows, 1, calls=4, warnings=(warned(),))
    assert message(ledger_place, round_of(run, exit_code=1)) == Message(
        "bulk-provision nightly: 1 row failed, 1 row invalid, 1 row in doubt",
        """\
nightly began at 2027-01-15 08:00 UTC, took 5.0 s and ended with exit code 1.
4 rows: 1 created, 1 failed, 1 in_doubt, 1 invalid.

Run 1, account 1001, people.csv:
  1 created, 1 failed, 1 in_doubt, 1 invalid; 4 calls
  Warning (3 times, first at Users!B17): usernames seem to have lost leading zeros
  Results: results-1.xlsx

What somebody should look at:
  row 3, eve: TeleCMI refused it.
  row 4, no username: Users!A9: the username is empty.
  row 5, zoe: A request left.
""",
        "warning",
    )


def test_many_failing_rows_are_told_in_groups(ledger_place):
    rows = [failed(f"user{number}") for number in range(30)]
    rows += [Row(f"x{number}", Outcome.INVALID, "space", "A space.") for number in range(50)]
    text = message(ledger_place, round_of(run_of(ledger_place, rows, 1), exit_code=1)).body
    assert text.endswith(
        "  50 rows invalid (space), first row 32: A space.\n"
        "  30 rows failed (502), first row 2: TeleCMI refused it.\n"
    )


def test_a_hundred_ways_to_fail_are_cut(ledger_place):
    rows = [
        failed(f"user{number}", code=f"code{number}", message="x" * 999) for number in range(99)
    ]
    text = message(ledger_place, round_of(run_of(ledger_place, rows, 1), exit_code=1)).body
    assert text.endswith("\n  … and 79 further rows\n")
    assert len(text) < 20 * 450


def test_why_it_stopped_and_what_to_do(ledger_place):
    run = run_of(
        ledger_place,
        [Row("ada", Outcome.UNPROCESSED)],
        6,
        reason="9 of 10 rows are new (allowed: 5 %)",
    )
    text = message(ledger_place, round_of(run, exit_code=6), Occasion.STOPPED)
    assert text.title == "bulk-provision nightly: stopped by a limit, nothing was called"
    assert text.kind == "failure"
    assert "  Stopped early: 9 of 10 rows are new (allowed: 5 %).\n" in text.body
    assert "run the job again with --ignore-limits." in text.body


def test_troubles_are_told_with_their_cures(ledger_place):
    round_ = round_of(exit_code=2, troubles=[trouble()])
    text = message(ledger_place, round_, Occasion.STOPPED)
    assert text.title == "bulk-provision nightly: a run could not begin"
    assert (
        "account 1001, people.csv: people.csv: there is no such file.\n  Put it there." in text.body
    )


@pytest.mark.parametrize("code", ExitCode)
def test_every_exit_code_has_words(ledger_place, code):
    text = message(ledger_place, round_of(exit_code=code), Occasion.STOPPED)
    assert code in (0, 1) or "exit code" not in text.title


@pytest.mark.parametrize(
    ("occasion", "exit_code", "outcome", "headline", "kind"),
    [
        (Occasion.WELL, 0, Outcome.UNCHANGED, "all is well again", "success"),
        (Occasion.CREATED, 0, Outcome.CREATED, "1 endpoint created", "success"),
        (Occasion.ROUTINE, 0, Outcome.UNCHANGED, "nothing to do", "success"),
        (Occasion.ROUTINE, 7, Outcome.UNPROCESSED, "the deadline passed", "info"),
        (Occasion.ROUTINE, 1, Outcome.INVALID, "1 row invalid", "warning"),
    ],
)
def test_titles(ledger_place, occasion, exit_code, outcome, headline, kind):
    run = run_of(ledger_place, [Row("ada", outcome)], exit_code)
    text = message(ledger_place, round_of(run, exit_code=exit_code), occasion)
    assert (text.title, text.kind) == (f"bulk-provision nightly: {headline}", kind)


def test_nothing_in_a_source_can_break_a_line(ledger_place):
    rows = [failed("eve\r\nBcc: everybody@example.com\x1b[31m", message="a\nb")]
    text = message(ledger_place, round_of(run_of(ledger_place, rows, 1), exit_code=1))
    assert "eve<U+000D><U+000A>Bcc: everybody@example.com<U+001B>[31m: a<U+000A>b" in text.body


# -- when it is said: over nights, with the ledger's memory --


@pytest.fixture
def sent(monkeypatch):
    """What would have been sent; `sent.refused` makes nobody take it."""

    class Sent(list):
        refused = False

    sent = Sent()

    def send(self, message, tell):
        sent.append(message.title.removeprefix("bulk-provision nightly: "))
        return not sent.refused

    monkeypatch.setattr(Addresses, "send", send)
    monkeypatch.setattr(Addresses, "of", lambda settings: Addresses([]))
    return sent


def test_a_month_of_nights_makes_little_noise(ledger_place, told, sent):
    nights = []

    def night(exit_code, *rows):
        run = run_of(ledger_place, rows, exit_code)
        watch_of(ledger_place, told).ended(round_of(run, exit_code=exit_code, night=len(nights)))
        nights.append(sent[:])
        sent.clear()

    night(0, well("ada", Outcome.CREATED))
    for _ in range(3):
        night(0, well("ada"))
    night(1, well("ada"), failed("eve"))
    night(1, failed("eve"), well("ada"))  # moved: it is the same person
    night(1, well("ada"), failed("eve"), failed("bob"))
    night(1, well("ada"), failed("eve"), failed("bob", code="400"))
    night(4, well("ada"))
    night(4, well("ada"))
    night(0, well("ada"), well("eve"))
    night(0, well("ada"), well("eve"))
    night(5)
    night(5)
    night(0, well("ada"))
    night(5)
    night(7, Row("ada", Outcome.UNPROCESSED))
    night(0, well("ada"))
    assert nights == [
        [],
        *[[]] * 3,
        ["1 row failed"],
        [],
        ["2 rows failed"],
        ["2 rows failed"],
        ["stopped early"],
        ["stopped early"],
        ["all is well again"],
        [],
        [],  # somebody is at work on the account
        ["the account is busy"],  # … and still is
        ["all is well again"],
        [],
        [],
        [],
    ]
    assert told == []


def test_what_nobody_took_is_told_the_next_time(ledger_place, told, sent):
    run = run_of(ledger_place, [failed("eve")], 1)
    sent.refused = True
    for _ in range(2):
        watch_of(ledger_place, told).ended(round_of(run, exit_code=1))
    sent.refused = False
    for _ in range(2):
        watch_of(ledger_place, told).ended(round_of(run, exit_code=1))
    assert sent == ["1 row failed"] * 3


def test_two_jobs_of_one_ledger_are_apart(ledger_place, told, sent):
    run = run_of(ledger_place, [failed("eve")], 1)
    watch_of(ledger_place, told).ended(round_of(run, exit_code=1))
    watch_of(ledger_place, told, job="other").ended(round_of(run, exit_code=1))
    assert len(sent) == 2


def test_no_username_stands_in_what_is_remembered(ledger_place, told, sent):
    run = run_of(ledger_place, [failed("eve-the-unlucky")], 1)
    watch_of(ledger_place, told).ended(round_of(run, exit_code=1))
    with ledger_place.open() as ledger, ledger._engine.connect() as connection:
        (state,) = connection.exec_driver_sql("SELECT state FROM notices").one()
    assert "eve" not in state
    assert len(json.loads(state)["told"]) == 64


def test_without_a_ledger_somebody_is_told_to_act(ledger_place, told, sent):
    ledger_place.gone = LedgerError("The ledger cannot be opened.", "Look at it.")
    watch_of(ledger_place, told).ended(round_of(exit_code=2, troubles=[trouble()]))
    watch_of(ledger_place, told).ended(round_of(exit_code=0))
    assert sent == ["a run could not begin"]
    assert [event for event, _ in told] == ["ledger_failed"] * 2


def test_a_ledger_that_can_only_be_read_is_told_and_all_else_is_done(
    ledger_place, told, sent, tmp_path
):
    run = run_of(ledger_place, [failed("eve")], 1)
    with ledger_place.open() as ledger, ledger._engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON notices "
            "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
    watch = watch_of(ledger_place, told, report=tmp_path / "r.json", metrics=tmp_path / "m.prom")
    watch.ended(round_of(run, exit_code=1))
    assert sent == ["1 row failed"]
    assert (tmp_path / "r.json").exists()
    assert (tmp_path / "m.prom").exists()
    assert [event for event, _ in told] == ["ledger_failed", "notices_failed"]


@pytest.mark.parametrize("state", ["", "[]", "{", '{"told": 5, "of a newer version": 1}'])
def test_a_memory_that_makes_no_sense_is_no_reason_to_be_silent(ledger_place, told, sent, state):
    with ledger_place.open() as ledger, ledger._engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO notices VALUES ('nightly', ?, 1.0)", (state,))
    watch_of(ledger_place, told).ended(round_of(exit_code=4))
    watch_of(ledger_place, told).ended(round_of(exit_code=0))
    assert sent == ["stopped early", "all is well again"]
    assert told == []


# -- how it is sent --


def test_apprise_sends_it(tmp_path, ledger_place, server, told):
    path = addressed(
        tmp_path, "# the team", "", server.url(f"a?x={TOKEN}", "json"), server.url("b", "json")
    )
    run = run_of(ledger_place, [failed("eve <b>&amp; *co*")], 1)
    watch_of(ledger_place, told, notify_file=path).ended(round_of(run, exit_code=1))
    assert sorted(server.paths) == ["/a", "/b"]
    for heard in server.heard:
        notice = json.loads(heard.body)
        assert notice["title"] == "bulk-provision nightly: 1 row failed"
        assert notice["type"] == "warning"
        assert "row 2, eve <b>&amp; *co*: TeleCMI refused it." in notice["message"]
    assert told == []


def test_an_address_that_does_not_take_it_is_told_by_its_line(
    tmp_path, ledger_place, server, told, capfd
):
    server.statuses = [500]
    path = addressed(tmp_path, "# the team", server.url(f"{TOKEN}/hook", "json"))
    watch_of(ledger_place, told, notify_file=path).ended(round_of(exit_code=4))
    assert told == [("notice_not_sent", {"address": "line 2 (json)", "why": "it was not taken"})]
    assert capfd.readouterr() == ("", "")
    with ledger_place.open() as ledger:
        assert ledger.noted("nightly").told == ""


def test_a_redirect_is_not_followed(tmp_path, server, told):
    server.statuses = [302, 307]
    watch = Addresses.of(
        load_settings({"notify_file": addressed(tmp_path, server.url("x", "json"))})
    )
    assert not watch.send(Message("t", "b", "info"), lambda *_, **__: None)
    assert server.paths == ["/x"]


def test_a_server_that_never_answers_holds_nobody_up(tmp_path, server, told, monkeypatch):
    server.silent.set()
    settings = load_settings({"notify_file": addressed(tmp_path, server.url("x?rto=60", "json"))})
    sending = Addresses.of(settings)
    sending._seconds = 0.2
    began = time.monotonic()
    assert not sending.send(
        Message("t", "b", "info"), lambda event, **fields: told.append((event, fields["why"]))
    )
    assert time.monotonic() - began < 10
    assert told == [("notice_not_sent", "no answer in time")]


def test_an_apprise_that_hangs_is_ended(tmp_path, server, told, monkeypatch):
    settings = load_settings({"notify_file": addressed(tmp_path, server.url("x", "json"))})
    sending = Addresses.of(settings)
    monkeypatch.setattr(addresses, "_COURIER", ["-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(addresses, "_TO_START", 0.1)
    sending._seconds = 0.0
    assert not sending.send(
        Message("t", "b", "info"), lambda event, **fields: told.append((event, fields["why"]))
    )
    assert told == [("notice_not_sent", "no answer in time")]


# -- what is refused before the run --


def test_addresses_that_make_no_sense_are_named_by_their_lines(tmp_path):
    path = addressed(
        tmp_path,
        "json://fine.example/",
        "# slack",
        f"slack://{TOKEN}",
        TOKEN,
        f"nosuch://{TOKEN}",
    )
    with pytest.raises(UsageError) as refused:
        Addresses.of(load_settings({"notify_file": path}))
    assert str(refused.value) == (
        "Of the addresses for notices, line 3 (slack): Apprise does not understand it; "
        "line 4: Apprise does not understand it; line 5 (nosuch): Apprise does not understand it."
    )
    assert TOKEN not in refused.value.cure


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ("# nobody\n", "There is no address"),
        ("json://a.example/\n" * 300, "too long"),
    ],
)
def test_files_without_a_use(tmp_path, content, problem):
    (tmp_path / "notify").write_text(content)
    with pytest.raises(UsageError, match=problem):
        Addresses.of(load_settings({"notify_file": tmp_path / "notify"}))


def test_a_file_that_is_not_there(tmp_path, ledger_place, told):
    with pytest.raises(UsageError, match="addresses for notices cannot be read"):
        watch_of(ledger_place, told, notify_file=tmp_path / "gone")
    watch_of(ledger_place, told, notify_file=tmp_path / "gone", notify_when="never")


def test_addresses_from_a_variable_or_a_command(monkeypatch, server, tmp_path):
    monkeypatch.setenv("TEAM", server.url("env", "json"))
    assert Addresses.of(load_settings({"notify_env": "TEAM"})) is not None
    path = addressed(tmp_path, server.url("command", "json"))
    assert Addresses.of(load_settings({"notify_command": f"cat {path}"})) is not None
    assert Addresses.of(load_settings({})) is None


def test_without_apprise_the_cure_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(addresses.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as refused:
        Addresses.of(load_settings({"notify_file": addressed(tmp_path, "json://a.example/")}))
    assert "pip install 'bulk-provision[notify]'" in refused.value.cure


def test_apprise_is_never_imported_into_the_job(tmp_path):
    code = "import sys, bulk_provision.watch; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# -- passwords --


async def test_no_password_is_ever_told(tmp_path, server, told, capfd):
    """A real run, with rows that end in every way that can be had, and all its outputs searched."""
    passwords = [f"Marked-Pass-{number}" for number in range(11)]
    names = ["ada", "bob", "eve", "zoe", "", "bad@@name", "eve", "dot", "kim", "lee", "mia"]
    lines = [f"{name},{password}" for name, password in zip(names, passwords, strict=True)]
    (tmp_path / "people.csv").write_text("\n".join(["username,password", *lines, "gen,"]) + "\n")
    faults = FaultPlan.parse("json-502@user:ada", "drop-after-commit@user:bob", "garbage@user:kim")
    settings = load_settings(
        {
            "notify_file": addressed(tmp_path, server.url("notice", "json")),
            "healthcheck": server.url("hc"),
            "metrics": tmp_path / "m.prom",
            "report": tmp_path / "r.json",
            "ledger": str(tmp_path / "ledger.db"),
            "notify_when": "always",
        }
    )
    watch = Watch.of(
        settings, "nightly", LedgerPlace.of(settings), lambda *a, **f: told.append((a, f))
    )
    async with Sandbox(SandboxOptions(faults=faults, existing=(("zoe", "theirs-1"),))) as sandbox:
        account = Account(sandbox.options.appid, Secret(sandbox.options.secret), sandbox.base_url)
        summary = await provision(
            tmp_path / "people.csv",
            account,
            pace=Pace(rate=None, attempts=1, settle=0.0, timeout=1.0),
            results=tmp_path / "r.xlsx",
            ledger=LedgerPlace.of(settings),
            job="nightly",
        )
        passwords += [*sandbox.vendor.endpoints.values(), sandbox.options.secret]
    found = {outcome for outcome, count in summary.outcomes.items() if count}
    assert found >= {Outcome.CREATED, Outcome.EXISTS, Outcome.FAILED, Outcome.INVALID}
    round_ = RoundSummary("nightly", 0.0, 1.0, (summary,), (), summary.exit_code)
    await asyncio.to_thread(watch.started)
    await asyncio.to_thread(watch.ended, round_)
    assert server.paths == ["/hc/start", "/notice", "/hc"]
    outputs = [one.body for one in server.heard]
    outputs += [(tmp_path / name).read_text() for name in ("m.prom", "r.json")]
    outputs += [repr(told), *capfd.readouterr()]
    assert "What somebody should look at:" in server.heard[1].body
    for password in passwords:
        assert password not in "\n".join(outputs)
