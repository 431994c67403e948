"""`job check`: everything that is wrong with a job file is told at once, with line and cure."""

import json
from pathlib import Path

import pytest

from bulk_provision.errors import UsageError
from bulk_provision.setting_up import check_job, in_words
from bulk_provision.settings import load_settings
from commands import command

ROOT = Path(__file__).parents[1]
ACCOUNT = 'appid = 7\nsecret_env = "HOME"\n'  # a variable that is there on every machine


@pytest.fixture
def check(tmp_path):
    """Write a job file and check it; returns (line, key, is a warning) of each finding."""

    def write_and_check(text, account=ACCOUNT):
        path = tmp_path / "job.toml"
        path.write_text(account + text)
        (tmp_path / "people.csv").touch()
        checked = check_job(path)
        first = account.count("\n")
        return [
            (int(one.where.rpartition(":")[2]) - first, one.key, one.is_warning)
            if one.where.rpartition(":")[2].isdecimal()
            else (0, one.key, one.is_warning)
            for one in checked.findings
        ]

    return write_and_check


def test_a_job_in_order_has_nothing_to_be_told(check):
    assert check('source = "people.csv"\nledger = "l.db"\n') == []


def test_all_that_is_wrong_is_told_at_once(check):
    text = """source = "gone/people.csv"
ratte = 3
rate = -1
schedule = "25:00"
csv = true
protect = true
protect_password_env = "HOME"
secret = "marked"
[accounts.a]
secret_env = "HOME"
"""
    errors = [finding[:2] for finding in check(text) if not finding[2]]
    assert errors == [
        *((0, ""), (1, "source"), (2, "ratte"), (3, "rate"), (4, "schedule"), (5, "csv")),
        (9, "accounts.a.appid"),
    ]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('source = "."\nstop_if_vanished = 5', "stop_if_vanished"),
        ('source = "p*.csv"\npick = "all"\nstop_if_vanished = 5', "stop_if_vanished"),
        ('source = "people.csv"\naccount_column = "team"', "account_column"),
        (
            'source = "people.csv"\ncsv = true\nprotect = true\nprotect_password_env = "HOME"',
            "csv",
        ),
        (
            'source = "people.csv"\nhealthcheck = "https://h.example"\nhealthcheck_file = "f"',
            "",
        ),
    ],
)
def test_contradictions_are_refused_by_check_and_by_run_alike(check, tmp_path, text, key):
    assert key in [found for _, found, is_warning in check(text) if not is_warning]
    with pytest.raises(UsageError):
        load_settings({}, tmp_path / "job.toml")


@pytest.mark.parametrize(
    "text",
    [
        'source = "p*.csv"\nstop_if_vanished = 5',
        'source = "people.csv"\ncanary = 2\non_exists = "reset"\nyes = true',
        'source = "."\nstop_if_new = 5\npick = "newest"',
    ],
)
def test_what_only_looks_like_a_contradiction_is_none(check, text):
    assert [finding for finding in check(text) if not finding[2]] == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('source = "none.csv"', "source"),
        ('source = "none-*.csv"', "source"),
        ('source = "people.csv"\non_exists = "reset"', "on_exists"),
        ('source = "people.csv"\nprotect = true', "protect"),
        ('source = "people.csv"\nnotify_when = "always"', "notify_when"),
        ('source = "people.csv"\nnotify_file = "gone"', "notify_file"),
        ('source = "people.csv"\nnotify_env = "NOT_SET_HERE"', "notify_env"),
        ('source = "people.csv"\nnotify_command = "no-such-program x"', "notify_command"),
        ('source = "people.csv"\nkeep_logs_days = 5', "keep_logs_days"),
        ('source = "people.csv"\nmetrics = "m.txt"', "metrics"),
        ('source = "people.csv"\npick = "all"', "pick"),
        ('source = "people.csv"\nmetrics = "m/n.prom"', "metrics"),
        ('source = "people.csv"\nschedule = "02:17"', "ledger"),
        ('source = "people.csv"\nschedule = "02:17"\noutput = "r.xlsx"\nledger="l"', "output"),
        ('source = "people.csv"\nschedule = "02:17"\nrecheck = true\nledger="l"', "recheck"),
        ('source = "people.csv"\nschedule = "7:00"\ndeadline = "6:00"\nledger="l"', "deadline"),
        ('source = "-"\nschedule = "7:00"\nledger="l"', "source"),
    ],
)
def test_what_a_job_is_better_without_is_a_warning(check, text, key):
    assert [(found, warning) for _, found, warning in check(text)] == [(key, True)]


@pytest.mark.parametrize(
    ("account", "key"),
    [
        ("", "appid"),
        ("appid = 7\n", "secret_file"),
        ('account = "main"\n', "account"),
        ('account = "main"\naccounts = { main = { appid = 7 } }\n', "accounts.main"),
        ('accounts = { a = { appid = 7 } }\naccount_column = "team"\n', "accounts.a"),
    ],
)
def test_an_account_without_a_secrets_place_is_refused(check, account, key):
    found = check('source = "people.csv"\n', account)
    assert [name for _, name, is_warning in found if not is_warning] == [key]


def test_what_is_wrong_with_an_accounts_file_is_told_with_its_line(tmp_path):
    (tmp_path / "accounts.toml").write_text("[accounts.main]\nappid = 7\nsecret_file = 'gone'\n")
    job = 'source = "job.toml"\naccount = "main"\naccounts_file = "accounts.toml"\n'
    (tmp_path / "job.toml").write_text(job)
    (finding,) = check_job(tmp_path / "job.toml").findings
    assert finding.where == f"{tmp_path / 'accounts.toml'}:3"
    assert finding.is_warning


def test_an_account_that_only_this_user_has_described_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "bulk-provision").mkdir()
    text = "[accounts.main]\nappid = 7\nsecret_env = 'HOME'\n"
    (tmp_path / "bulk-provision" / "accounts.toml").write_text(text)
    job = 'source = "job.toml"\naccount = "main"\nschedule = "02:17"\nledger = "l.db"\n'
    (tmp_path / "job.toml").write_text(job)
    (finding,) = check_job(tmp_path / "job.toml").findings
    assert (finding.key, finding.is_warning) == ("account", True)


def test_a_folder_that_cannot_be_made_is_refused(check, tmp_path):
    (tmp_path / "file").touch()
    found = check('source = "people.csv"\nresults_folder = "file/results"\n')
    assert found == [(2, "results_folder", False)]


def test_rules_that_cannot_be_meant_are_refused_with_their_lines(check, tmp_path):
    (tmp_path / "names.csv").write_text("old,new\nada,\n")
    text = """source = "people.csv"
ledger = "l.db"
where = 'department = "Sales"'
username_template = "{username!r}"
names = "names.csv"
"""
    errors = [finding[:2] for finding in check(text) if not finding[2]]
    assert errors == [(3, "where"), (4, "username_template"), (5, "names")]


def test_nothing_secret_is_repeated(tmp_path):
    (tmp_path / "job.toml").write_text('secret = "marked"\nnotify_env = "json://me:marked@host"\n')
    assert "marked" not in str(check_job(tmp_path / "job.toml").findings)


def test_a_job_in_plain_words():
    told = dict(in_words(load_settings({}, ROOT / "jobs" / "nightly.toml")))
    assert told["reads"] == "the newest file that matches /srv/people/people-*.csv"
    assert told["due"].startswith("every day at 02:17; sends nothing more from 06:00")
    assert told["stops"].endswith("creates 3 first and reads them back")
    assert "results 30 days" in told["kept"]
    assert not [text for text in told.values() if "telecmi-secret" in text]


def test_names_and_waves_in_plain_words(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text(
        'source = "people.csv"\nwhere = \'team == "North"\'\nprefix = "x-"\nlower = true\n'
        'names = "names.csv"\nusername_template = "{username}-{team}"\nappid = 7\n'
    )
    told = dict(in_words(load_settings({}, path)))
    assert told["reads"].endswith('people.csv, of it the rows where team == "North"')
    assert told["names"] == (
        f"usernames are those in {tmp_path / 'names.csv'}, where it has one; usernames are made as "
        "{username}-{team}; x- goes in front; in lower case"
    )


async def test_the_command(tmp_path):
    (tmp_path / "people.csv").touch()
    (tmp_path / "job.toml").write_text(f'source = "people.csv"\n{ACCOUNT}metrics = "m.txt"\n')
    result = await command(None, tmp_path, "job", "check", "job.toml")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("job.toml:4: warning: metrics: node_exporter reads nothing but")
    assert lines[1] == "job.toml: in order"
    (tmp_path / "job.toml").write_text("rate = -1\n")
    result = await command(None, tmp_path, "job", "check", "job.toml")
    assert result.code == 2
    assert "\njob.toml:1: rate: Input should be greater than or equal to 0" in result.err


async def test_the_schema_comes_out_of_the_package(tmp_path):
    result = await command(None, tmp_path, "job", "schema", "--accounts")
    assert json.loads(result.out)["required"] == ["accounts"]
