"""`job install`: units that systemd takes, a line that cron takes; nobody's files are lost."""

import json
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk_provision.cli import cli
from bulk_provision.errors import UsageError
from bulk_provision.sandbox import Sandbox
from bulk_provision.setting_up import closed_folder, crontab, place, this_command, units
from bulk_provision.setting_up.command import Command
from bulk_provision.settings import load_settings
from commands import command, environment

JOB = """
source = "people.csv"
ledger = "state/l.db"
results_folder = "results"
accounts = {{ main = {{ appid = {appid}, base_url = "{base_url}", secret_file = "telecmi" }} }}
account = "main"
schedule = "mon-fri 02:17"
"""
PEOPLE = "username,password\nada,\ngrace,\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with a job in it, whose name needs to be quoted for systemd, cron and the shell."""
    made = tmp_path / "it's 100% ours"
    (made / "results").mkdir(parents=True)
    (made / "people.csv").write_text(PEOPLE)
    (made / "telecmi").write_text("a secret\n")
    write_job(made)
    return made


def write_job(folder, *, appid=7, base_url="http://127.0.0.1:1", more=""):
    text = JOB.format(appid=appid, base_url=base_url)
    (folder / "nightly.toml").write_text(text + more)


def made_units(folder, *, user="bulk-provision"):
    settings = load_settings({}, folder / "nightly.toml")
    return units(
        settings, folder / "nightly.toml", this_command(), settings.schedule, name="n", user=user
    )


def analyze(*arguments, **env):
    """`systemd-analyze`: where it is missing, these tests fail (.ci/run installs it)."""
    ran = subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "SYSTEMD_COLORS": "0", **env},
    )
    return ran.returncode, ran.stdout + ran.stderr


def setting(unit, name):
    return re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)


def refused(folder, *options):
    """What `job install` says instead; in this process, for one of its own takes a while."""
    result = CliRunner().invoke(cli, ["job", "install", str(folder / "nightly.toml"), *options])
    assert isinstance(result.exception, UsageError)
    assert result.output == ""
    return f"{result.exception.what} {result.exception.cure}"


# -- systemd --


async def test_systemd_verifies_what_is_written_and_finds_it_safe(folder):
    options = ("nightly.toml", "--systemd", "--write", "--directory", "units")
    result = await command(None, folder, "job", "install", *options)
    assert result.code == 0, result.err
    service = folder / "units" / "bulk-provision-nightly.service"
    timer = folder / "units" / "bulk-provision-nightly.timer"
    assert analyze("verify", "--man=no", service, timer) == (0, "")
    code, told = analyze("security", "--offline=true", "--threshold=20", service)
    assert code == 0, told
    assert stat.S_IMODE(service.stat().st_mode) == 0o644
    assert [line.split()[0] for line in result.out.splitlines()[3:]] == [
        *("useradd", "install", "systemctl", "systemd-run", "systemctl"),
    ]
    assert "enable --now bulk-provision-nightly.timer" in result.out


async def test_systemd_verifies_a_users_own_units(folder):
    options = ("nightly.toml", "--user-units", "--write", "--directory", "units", "--name", "n")
    result = await command(None, folder, "job", "install", *options)
    assert result.code == 0, result.err
    assert "systemctl --user enable --now n.timer" in result.out
    service = folder / "units" / "n.service"
    assert "User=" not in service.read_text()
    written = (service, folder / "units" / "n.timer")
    code, told = analyze("verify", "--man=no", "--user", *written, XDG_RUNTIME_DIR="/run")
    assert code == 0  # of other units on this machine it may have something to say
    assert str(folder) not in told


def test_the_timer_is_due_when_the_job_is(folder):
    (when,) = setting(made_units(folder).timer, "OnCalendar")
    code, told = analyze("calendar", when)
    assert code == 0
    assert "Normalized form: Mon..Fri *-*-* 02:17:00" in told
    assert "Persistent=true" in made_units(folder).timer


def test_the_examples_are_taken_by_systemd_but_for_a_command_that_is_not_here(tmp_path):
    examples = Path(__file__).parents[1] / "jobs"
    for name in ("nightly.service", "nightly.timer"):
        text = (examples / name).read_text().replace("/opt/bulk-provision/.venv/bin/", "/bin/")
        (tmp_path / name).write_text(text.replace("/bin/bulk-provision", "/bin/true"))
    files = (tmp_path / "nightly.service", tmp_path / "nightly.timer")
    assert analyze("verify", "--man=no", *files) == (0, "")


async def test_the_service_runs_with_the_secret_that_systemd_passes_on(folder, tmp_path):
    async with Sandbox() as sandbox:
        write_job(folder, appid=sandbox.options.appid, base_url=sandbox.base_url)
        service = made_units(folder).service
        (passed,) = setting(service, "LoadCredential")
        name, _, path = passed.replace("%%", "%").partition(":")
        assert Path(path) == folder / "telecmi"  # what systemd reads, as root
        credentials = tmp_path / "credentials"
        credentials.mkdir()
        (credentials / name).write_text(sandbox.options.secret)
        (start,) = setting(service, "ExecStart")
        words = shlex.split(start.replace("%%", "%").replace("$$", "$"))
        env = environment(None, tmp_path, CREDENTIALS_DIRECTORY=str(credentials))
        ran = await to_the_end(words, env)
        assert ran == 0
        assert set(sandbox.vendor.endpoints) == {"ada", "grace"}


async def to_the_end(words, env):
    import asyncio

    process = await asyncio.create_subprocess_exec(*words, env=env, cwd="/")
    return await asyncio.wait_for(process.wait(), 60)


def test_the_service_may_write_where_the_job_writes_and_nowhere_else(folder):
    (folder / "state").mkdir()
    service = made_units(folder).service
    (writable,) = setting(service, "ReadWritePaths")
    there = str(folder).replace("%", "%%")
    assert writable == f'"{there}/state" "{there}/results"'
    assert setting(service, "ProtectSystem") == ["strict"]


def test_a_ledger_that_nobody_named_is_systemds_to_keep(folder):
    text = (folder / "nightly.toml").read_text().replace('ledger = "state/l.db"\n', "")
    (folder / "nightly.toml").write_text(text)
    made = made_units(folder)
    assert setting(made.service, "StateDirectory") == ["bulk-provision"]
    assert setting(made.service, "Environment") == [
        "BULK_PROVISION_LEDGER=/var/lib/bulk-provision/ledger.db"
    ]
    own = made_units(folder, user=None).service
    assert setting(own, "Environment") == setting(own, "StateDirectory") == []


def test_a_secret_in_a_variable_comes_from_a_file_for_it(folder):
    write_job(folder, more='notify_env = "ADDRESSES"\n')
    made = made_units(folder)
    assert setting(made.service, "EnvironmentFile") == ["/etc/bulk-provision/n.env"]
    assert [step for step in made.steps if "ADDRESSES" in step]


def test_two_secrets_of_one_name_are_refused(folder):
    write_job(folder, more='notify_file = "elsewhere/telecmi"\n')
    with pytest.raises(UsageError, match="could not tell them apart"):
        made_units(folder)
    write_job(folder, more='notify_file = "telecmi"\n')  # the very same file is no trouble
    assert len(setting(made_units(folder).service, "LoadCredential")) == 1


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\nUser=root", "a\tb"])
def test_what_no_quoting_brings_through_is_refused(folder, name):
    write_job(folder, more=f"log_folder = {json.dumps(name)}\n")
    with pytest.raises(UsageError, match="cannot stand in a unit"):
        made_units(folder)


def test_no_name_of_a_job_begins_another_line(folder):
    write_job(folder, more='name = "a\\nUser=root"\n')
    made = made_units(folder)
    assert setting(made.service, "User") == ["bulk-provision"]
    assert setting(made.timer, "User") == []


def test_a_program_that_other_users_cannot_reach_is_found(tmp_path):
    (tmp_path / "bin").mkdir(mode=0o700)
    assert closed_folder(Command(("/bin/sh",))) is None
    assert closed_folder(Command((str(tmp_path / "bin" / "bulk-provision"),))) is not None


# -- cron --


def obeyed(text):
    """What cron does with the last line of a crontab: when, and what sh is given."""
    *_, line = text.splitlines()
    *when, rest = line.split(" ", 5)
    given, *on_standard_input = re.split(r"(?<!\\)%", rest)
    assert on_standard_input == []
    return " ".join(when), given.replace("\\%", "%")


async def test_crons_line_runs_in_its_shell(folder, tmp_path):
    async with Sandbox() as sandbox:
        write_job(folder, appid=sandbox.options.appid, base_url=sandbox.base_url)
        (folder / "telecmi").write_text(sandbox.options.secret)
        result = await command(None, folder, "job", "install", "nightly.toml", "--cron")
        assert result.code == 0, result.err
        when, given = obeyed(result.out.rstrip())
        assert when == "17 2 * * 1,2,3,4,5"
        env = environment(None, tmp_path, PATH="/usr/bin:/bin")
        assert await to_the_end(["/bin/sh", "-c", given], env) == 0
        assert set(sandbox.vendor.endpoints) == {"ada", "grace"}


def test_a_file_for_cron_says_whom_the_job_runs_as(folder):
    settings = load_settings({}, folder / "nightly.toml")
    text = crontab(settings, folder / "n.toml", this_command(), settings.schedule, user="ada")
    assert obeyed(text)[1].startswith(f"ada {Path(sys.executable).parent}/")


def test_cron_reads_no_file_with_a_dot_in_its_name(folder):
    options = ("--cron", "--write", "--directory", str(folder / "cron.d"), "--name", "nightly.cron")
    assert "is no name" in refused(folder, *options)
    assert not (folder / "cron.d").exists()


# -- putting in place --


@pytest.fixture
def ours():
    return "# Written by bulk-provision job install: job a\none\n"


def test_files_of_ours_are_replaced_and_nobody_elses(tmp_path, ours):
    first, second = tmp_path / "d" / "a.service", tmp_path / "d" / "a.timer"
    assert [placed.change for placed in place({first: ours, second: ours})] == ["new", "new"]
    changes = [placed.change for placed in place({first: ours, second: f"{ours}two\n"})]
    assert changes == ["as it was", "replaced"]
    second.write_text("[Timer]\nsomebody else's\n")
    with pytest.raises(UsageError, match="not written by `job install`: nothing was written"):
        place({first: f"{ours}three\n", second: ours})
    assert first.read_text() == ours
    assert sorted(path.name for path in first.parent.iterdir()) == ["a.service", "a.timer"]


def test_a_link_is_not_followed(tmp_path, ours):
    (tmp_path / "theirs").write_text(ours)
    (tmp_path / "a.service").symlink_to(tmp_path / "theirs")
    with pytest.raises(UsageError):
        place({tmp_path / "a.service": f"{ours}two\n"})
    assert (tmp_path / "theirs").read_text() == ours


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--systemd, --user-units or --cron"),
        (("--user-units", "--user", "ada"), "run as yourself"),
        (("--systemd", "--at", "noon"), "--at: write a time of day"),
        (("--systemd", "--user", "a\nb"), "--user"),
        (("--systemd", "--name", "../x"), "--name"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, options, says):
    assert says in refused(folder, *options)


def test_a_job_that_is_not_in_order_is_not_set_up(folder):
    write_job(folder, more="ratte = 3\n")
    told = refused(folder, "--systemd")
    assert "nightly.toml:8: ratte: there is no such key; did you mean rate?" in told
