"""`doctor`: looks at everything a job needs, says what is wrong and what to do, changes nothing."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate

import pytest
from aiohttp import web

from bulk_provision.doctor import Health, examined, network, results
from bulk_provision.doctor.network import Place, way_to
from bulk_provision.ledger import HEAD, Ledger
from bulk_provision.sandbox import Sandbox, SandboxOptions
from bulk_provision.settings import load_settings
from certificates import Authority
from commands import command

OK, WARNING, FAILED, SKIPPED = Health
SECRET = "marked-secret"
PEOPLE = "SIP user,Password,Team\nada,marked-password,sales\n"


@pytest.fixture
async def sandbox():
    options = SandboxOptions(secret=SECRET, existing=(("ada", "marked-password"),))
    async with Sandbox(options) as opened:
        yield opened


@pytest.fixture
def job(tmp_path, sandbox):
    """Write a job for the sandbox's account; further lines replace those of the same key."""
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "secret").chmod(0o600)

    def write(**more):
        settings = {
            "source": "people.csv",
            "appid": sandbox.options.appid,
            "base_url": sandbox.base_url,
            "secret_file": "secret",
            "ledger": "l.db",
        }
        lines = [f"{key} = {json.dumps(value)}" for key, value in (settings | more).items()]
        (tmp_path / "nightly.toml").write_text("\n".join(lines))
        return load_settings({}, tmp_path / "nightly.toml")

    return write


async def looked(settings, **options):
    """All that was found; nothing secret is ever told."""
    found = [result async for result in examined(settings, **options)]
    assert "marked" not in repr(found)
    return found


def of(found, name):
    """What was found of one thing: how it is, and what is said."""
    (only,) = [result for result in found if result.name.startswith(name)]
    return only


def calls(sandbox):
    """The calls that the vendor has seen; the clock was asked for without one."""
    return [one.call for one in sandbox.vendor.arrivals if not one.call.startswith("HEAD")]


async def test_all_is_well_and_nothing_is_changed(job, tmp_path, sandbox):
    before = sorted(tmp_path.iterdir())
    found = await looked(job(results_folder="results", metrics="n.prom"))
    assert {result.health for result in found if result.name not in ("user", "TLS")} == {OK}
    assert "username in 'SIP user', password in 'Password'" in of(found, "source").what
    assert "there is none yet" in of(found, "ledger").what
    assert calls(sandbox) == ["list_sip"]
    assert sorted([*before, tmp_path / "nightly.toml"]) == sorted(tmp_path.iterdir())


async def test_the_command_tells_it_line_by_line_or_as_json(job, tmp_path):
    job()
    result = await command(None, tmp_path, "doctor", "--job", "nightly.toml")
    assert result.code == 0, result.out
    assert result.out.startswith("ok       settings     they make sense\n")
    (tmp_path / "secret").unlink()
    result = await command(None, tmp_path, "doctor", "--job", "nightly.toml", "--json")
    assert (result.code, result.json["exit_code"]) == (1, 1)
    (failed, _) = [one for one in result.json["checks"] if one["health"] == "failed"]
    assert failed["name"] == "secret"
    assert "cannot be read: No such file" in failed["what"]
    result = await command(None, tmp_path, "doctor", "--job", "none.toml")
    assert (result.code, result.out) == (2, "")


# -- secrets --


async def test_a_secret_that_others_may_read_is_a_warning(job, tmp_path):
    settings = job()
    (tmp_path / "secret").chmod(0o644)
    told = of(await looked(settings), "secret")
    assert (told.health, told.cure) == (WARNING, f"chmod 600 {tmp_path / 'secret'}")


async def test_a_secret_that_systemd_passes_on_is_found(job, tmp_path, monkeypatch):
    settings = job()
    (tmp_path / "passed").mkdir()
    (tmp_path / "secret").rename(tmp_path / "passed" / "secret")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "passed"))
    found = await looked(settings)
    assert "systemd passes it on" in of(found, "secret").what
    assert of(found, "account").health is OK


async def test_a_wrong_secret_is_found_out(job, tmp_path):
    settings = job()
    (tmp_path / "secret").write_text("another")
    told = of(await looked(settings), "account")
    assert (told.health, "420" in told.what, told.cure) == (FAILED, True, "Correct one of the two.")


async def test_what_never_ends_is_not_waited_for(job, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "PATIENCE", 0.3)
    settings = job(notify_file="pipe")
    os.mkfifo(tmp_path / "pipe")  # opening it waits for somebody to write
    found = await looked(settings)
    told = [result for result in found if result.what.startswith("there was no end of it")]
    assert [result.name for result in told] == ["secret", "notices"]
    assert of(found, "account").health is OK
    os.close(os.open(tmp_path / "pipe", os.O_RDWR))  # lets the threads go


# -- accounts --


async def test_each_account_of_a_source_with_many_is_called(job, tmp_path, sandbox):
    entry = f"appid = {sandbox.options.appid}\nbase_url = {sandbox.base_url!r}\n"
    text = 'source = "people.csv"\naccount_column = "team"\nledger = "l.db"\n'
    text += f"[accounts.sales]\n{entry}secret_file = 'secret'\n"
    text += f"[accounts.branch]\n{entry}secret_file = 'gone'\n"
    (tmp_path / "many.toml").write_text(text)
    found = await looked(load_settings({}, tmp_path / "many.toml"))
    assert of(found, "account sales").health is OK
    assert of(found, "account branch").health is FAILED
    assert len([result for result in found if result.name == "clock"]) == 1  # for both


async def test_while_a_run_holds_the_account_nothing_is_called(job, tmp_path, sandbox):
    settings = job()
    with (
        Ledger(str(tmp_path / "l.db")) as ledger,
        ledger.book(sandbox.options.appid, sandbox.base_url).lease(wait=0),
    ):
        found = await looked(settings)
    assert of(found, "account").health is SKIPPED
    assert f"process {os.getpid()} calls for" in of(found, "running").what
    assert calls(sandbox) == []


async def test_the_next_run_waits_out_the_calls_pace(job, tmp_path, sandbox):
    settings = job(rate=0.01)
    with Ledger(str(tmp_path / "l.db")) as ledger:
        book = ledger.book(sandbox.options.appid, sandbox.base_url)
        assert of(await looked(settings), "account").health is OK
        told = of(await looked(settings), "account")
        with book.lease(wait=0) as lease:
            assert 90 < lease.held_back <= 100
    assert (told.health, "a pause" in told.what) == (SKIPPED, True)
    assert calls(sandbox) == ["list_sip"]


# -- source, folders, ledger --


@pytest.mark.parametrize(
    ("source", "content", "health"),
    [
        ("gone.csv", None, FAILED),
        ("gone-*.csv", None, WARNING),
        ("people.csv", "colour,taste\nred,sweet\n", FAILED),
        ("people-*.csv", PEOPLE, OK),
        ("inbox", None, WARNING),
    ],
)
async def test_the_source_is_read_as_a_run_would(job, tmp_path, source, content, health):
    (tmp_path / "inbox").mkdir()
    if content is not None:
        (tmp_path / source.replace("*", "2026")).write_text(content)
    assert of(await looked(job(source=source)), "source").health is health


@pytest.mark.parametrize(
    ("key", "value", "what"),
    [
        ("username_template", "{Team}-{domain}", "has no such column"),
        ("where", 'Team == "nobody\'s"', "none of the rows in it (1) matches"),
        ("names", "gone.csv", "gone.csv"),
    ],
)
async def test_rules_that_the_source_does_not_go_with_are_told(job, key, value, what):
    found = of(await looked(job(**{key: value})), "source")
    assert found.health is FAILED
    assert what in found.what


async def test_the_newest_file_of_a_pattern_is_the_one(job, tmp_path):
    for age, name in enumerate(("b", "c", "a")):
        (tmp_path / f"export-{name}.csv").write_text(PEOPLE)
        os.utime(tmp_path / f"export-{name}.csv", (1000 - age, 1000 - age))
    assert "export-b.csv" in of(await looked(job(source="export-*.csv")), "source").what


async def test_a_column_of_accounts_that_is_not_there_is_told(job, tmp_path):
    accounts = '[accounts.main]\nappid = 1\nsecret_env = "HOME"\n'
    (tmp_path / "nightly.toml").write_text(
        'source = "people.csv"\naccount_column = "region"\nledger = "l.db"\n'
    )
    (tmp_path / "nightly.toml").write_text(f"{(tmp_path / 'nightly.toml').read_text()}\n{accounts}")
    found = await looked(load_settings({}, tmp_path / "nightly.toml"))
    told = [result for result in found if result.name == "source"]
    assert [result.health for result in told] == [OK, FAILED]
    assert told[1].what == "there is no column 'region'; there are: Team."


async def test_a_folder_that_no_run_makes_has_to_be_there(job):
    found = await looked(job(metrics="m/n.prom", log_folder="l"))
    told = {one.what.partition(":")[0]: one.health for one in found if one.name == "folder"}
    assert told["metrics"] is FAILED
    assert told["log_folder"] is OK


async def test_a_folder_that_is_a_file_is_told(job, tmp_path):
    (tmp_path / "log").touch()
    told = of(await looked(job(log_folder="log")), "folder")
    assert (told.health, "is not a folder" in told.what) == (FAILED, True)


async def test_a_ledger_is_opened_and_its_last_run_told(job, tmp_path, sandbox):
    settings = job()
    result = await command(None, tmp_path, "run", "--job", "nightly.toml", "--quiet")
    assert result.code == 0
    (tmp_path / "l.db").chmod(0o640)
    found = await looked(settings)
    told = [result for result in found if result.name == "ledger"]
    assert [result.health for result in told] == [WARNING, OK]
    assert told[0].cure == f"chmod 600 {tmp_path / 'l.db'}"
    assert told[1].what.endswith(f"schema {HEAD}, and its key fits")
    assert "nobody calls" in of(found, "running").what


@pytest.mark.parametrize(
    ("code", "health"), [(0, OK), (1, OK), (7, OK), (4, WARNING), (6, WARNING)]
)
async def test_how_the_jobs_last_run_ended_is_told(job, tmp_path, sandbox, code, health):
    with Ledger(str(tmp_path / "l.db")) as ledger:
        book = ledger.book(sandbox.options.appid, sandbox.base_url)
        for name in ("nightly", "another"):
            run = book.begin_run(source="x", sheet="", sha256="", columns=(), rate=None, job=name)
            how = {"state": "done", "reason": "the reason", "exit_code": code}
            book.end_run(run, **how, rows_read=0, warnings=())
    told = of(await looked(job()), "last run")
    assert told.health is health
    assert told.what.startswith("run 1 of ")
    assert f"exit code {code}, the reason" in told.what


async def test_another_key_is_told(job, tmp_path):
    for name in ("l.db", "other.db"):
        Ledger(str(tmp_path / name)).close()
    (tmp_path / "other.db.key").replace(tmp_path / "l.db.key")
    told = of(await looked(job()), "ledger")
    assert (told.health, "is not the one" in told.what) == (FAILED, True)


@pytest.mark.parametrize(("version", "health"), [("0002", OK), ("0999", FAILED)])
async def test_a_ledger_of_another_version_is_left_as_it_is(job, tmp_path, version, health):
    Ledger(str(tmp_path / "l.db")).close()
    with sqlite3.connect(tmp_path / "l.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
    connection.close()
    assert of(await looked(job()), "ledger").health is health
    connection = sqlite3.connect(tmp_path / "l.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (version,)
    connection.close()


async def test_a_full_disk_is_a_warning(job, monkeypatch):
    half = shutil.disk_usage("/")._replace(free=1 << 29)
    monkeypatch.setattr("shutil.disk_usage", lambda _: half)
    told = of(await looked(job()), "space")
    assert (told.health, told.cure) == (WARNING, "Make room: 1.0 GiB are wanted.")


# -- the way to the vendor --


@asynccontextmanager
async def vendor(answer, context=None):
    """A server that says the same to everybody."""

    speaking = []

    async def speak(reader, writer):
        speaking.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if not answer:
                await reader.read()  # until the other side has had enough
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(speak, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]
        if speaking:
            await asyncio.wait(speaking, timeout=5)


def dated(moment):
    head = f"HTTP/1.1 405 No\r\nServer: x\r\ndate: {formatdate(moment, usegmt=True)}\r\n\r\n"
    return head.encode()


def healths(found):
    return {result.name: result.health for result in found}


@pytest.mark.parametrize(
    ("off", "health"), [(0, OK), (-4, OK), (9, WARNING), (-30, WARNING), (100, FAILED)]
)
async def test_the_clock_is_compared_with_the_vendors(off, health):
    async with vendor(dated(time.time() + off)) as port:
        found = await way_to(Place("127.0.0.1", port, "/v1", is_tls=False))
    assert healths(found) == {"name": OK, "connection": OK, "TLS": WARNING, "clock": health}


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\n"]
)
async def test_a_vendor_that_does_not_say_the_time_is_no_failure(answer):
    async with vendor(answer) as port:
        found = await way_to(Place("127.0.0.1", port, "/v1", is_tls=False))
    assert healths(found)["clock"] is SKIPPED


@pytest.mark.parametrize("answer", [b"", b"\0" * 200_000, b"HTTP/1.1 200 OK\r\nDate"])
async def test_a_hostile_answer_ends_in_time(answer, monkeypatch):
    monkeypatch.setattr(network, "PATIENCE", 0.3)
    async with vendor(answer) as port:
        found = await way_to(Place("127.0.0.1", port, "/v1", is_tls=False))
    assert healths(found)["clock"] is FAILED


@pytest.mark.parametrize(
    ("name", "expired", "health"),
    [("127.0.0.1", False, WARNING), ("127.0.0.1", True, FAILED), ("localhost", False, FAILED)],
)
async def test_a_certificate_that_ends_soon_or_is_not_trusted(
    tmp_path, monkeypatch, name, expired, health
):
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with vendor(dated(time.time()), authority.server(name, expired=expired)) as port:
        found = await way_to(Place("127.0.0.1", port, "/v1", is_tls=True))
    assert healths(found)["TLS"] is health
    assert ("clock" in healths(found)) is (health is WARNING)


async def test_a_port_where_nobody_listens_is_told_and_nothing_is_called(job):
    settings = job(base_url="http://127.0.0.1:1/v1")
    found = await looked(settings)
    assert of(found, "connection").health is FAILED
    assert of(found, "account").health is SKIPPED


async def test_a_name_that_nobody_knows_is_told():
    (told,) = await way_to(Place("vendor.invalid", 443, "/", is_tls=True))
    assert (told.name, told.health) == ("name", FAILED)


# -- who is told --


async def test_addresses_are_looked_at_and_never_shown(job, tmp_path):
    text = "# whom\njson://me:marked@127.0.0.1:1/marked\n"
    (tmp_path / "addresses").write_text(text)
    (tmp_path / "addresses").chmod(0o600)
    (told,) = [one for one in await looked(job(notify_file="addresses")) if one.name == "notices"]
    assert (told.health, told.what) == (OK, "1 in order; nothing was sent")
    (tmp_path / "addresses").write_text(f"{text}\nnonsense://marked\n")
    (told,) = [one for one in await looked(job(notify_file="addresses")) if one.name == "notices"]
    assert told.health is FAILED
    assert "line 4 (nonsense)" in told.what
    assert "marked" not in told.what


async def test_a_test_notice_is_sent_when_it_is_asked_for(job, tmp_path):
    heard = []

    async def hear(request):
        heard.append(await request.json())
        return web.Response(status=500 if "busy" in request.path else 200)

    application = web.Application()
    application.router.add_post("/{name}", hear)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    lines = f"json://127.0.0.1:{port}/fine\njson://127.0.0.1:{port}/busy\n"
    (tmp_path / "addresses").write_text(lines)
    found = await looked(job(notify_file="addresses"), send_test=True)
    await runner.cleanup()
    told = [one.health for one in found if one.name == "notices"]
    assert (told, len(heard)) == ([FAILED, OK], 2)
    assert "nothing has happened" in heard[0]["message"]


async def test_the_healthcheck_is_not_pinged(job, tmp_path):
    (tmp_path / "address").write_text("https://marked.invalid/marked")
    (tmp_path / "address").chmod(0o600)
    found = [one async for one in examined(job(healthcheck="http://127.0.0.1:1/x"))]
    assert of(found, "healthcheck").health is OK
