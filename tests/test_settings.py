"""Settings: flags before the environment before the job file; errors say which one is wrong."""

from pathlib import Path

import pytest

from bulk_provision.errors import UsageError
from bulk_provision.model import Account, OnExists, Pace, Secret, WeakPasswords
from bulk_provision.settings import account_of, load_settings

MARKED = "marked-secret"


@pytest.fixture
def job(tmp_path):
    """Write a job file and return its path."""

    def write(text):
        path = tmp_path / "jobs" / "nightly.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def env(monkeypatch):
    """Set variables by their names without the prefix."""

    def put(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(f"BULK_PROVISION_{name.upper()}", value)

    return put


def wrong(flags=None, job_file=None):
    """What the user is told."""
    with pytest.raises(UsageError) as caught:
        load_settings(flags or {}, job_file)
    return str(caught.value)


# -- which one counts --


def test_defaults(monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/data")
    settings = load_settings({})
    assert settings.pace() == Pace(rate=10, concurrency=10)
    assert settings.base_url == "https://piopiy.telecmi.com/v1/endpoint"
    assert settings.ledger == "/srv/data/bulk-provision/ledger.db"
    assert settings.on_exists is OnExists.SKIP
    assert settings.weak_passwords is WeakPasswords.WARN
    assert (settings.password_length, settings.wait, settings.map) == (20, 0, {})


@pytest.mark.parametrize(
    ("in_job", "env_says", "flags", "protect"),
    [
        ("", {}, {}, False),
        ("", {}, {"protect": True}, True),
        ('protect_password_env = "KEY"', {}, {}, True),
        ('protect_password_env = "KEY"\nprotect = false', {}, {}, False),
        ('protect_password_env = "KEY"', {"protect": "false"}, {}, False),
        ('protect_password_env = "KEY"', {"protect": "false"}, {"protect": True}, True),
        ("protect = false", {}, {"protect_password_env": "KEY"}, True),
        ("protect = false", {"protect_password_env": "KEY"}, {}, True),
        ("", {"protect": "false"}, {"protect_password_file": "f"}, True),
    ],
)
def test_who_names_a_password_for_the_results_wants_them_protected(
    job, env, in_job, env_says, flags, protect
):
    env(**env_says)
    assert load_settings(flags, job(in_job)).protect is protect


def test_of_two_sources_of_the_password_the_one_that_goes_first_counts(job, env):
    path = job('protect_password_file = "key"\n')
    env(protect_password_env="KEY")
    settings = load_settings({}, path)
    assert (settings.protect_password_env, settings.protect_password_file) == ("KEY", None)
    settings = load_settings({"protect_password_file": Path("mine")}, path)
    assert (settings.protect_password_env, settings.protect_password_file) == (None, Path("mine"))
    env(protect_password_file="other")
    assert "a variable and from a file" in wrong({}, path)


def test_a_job_file_goes_before_defaults(job):
    assert load_settings({}, job("rate = 3")).rate == 3


def test_the_environment_goes_before_a_job_file(job, env):
    env(rate="4")
    assert load_settings({}, job("rate = 3")).rate == 4


def test_flags_go_before_the_environment(job, env):
    env(rate="4")
    assert load_settings({"rate": 5.0}, job("rate = 3")).rate == 5


def test_each_setting_is_decided_by_itself(job, env):
    env(concurrency="7")
    settings = load_settings({"appid": 1}, job("rate = 3\nconcurrency = 2\nappid = 9"))
    assert (settings.appid, settings.concurrency, settings.rate) == (1, 7, 3)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("appid", "1001", 1001),
        ("base_url", "https://vendor.example/v1/", "https://vendor.example/v1"),
        ("rate", "2.5", 2.5),
        ("concurrency", "20", 20),
        ("ledger", "/srv/ledger.db", "/srv/ledger.db"),
        ("on_exists", "compare", OnExists.COMPARE),
        ("recheck", "true", True),
        ("weak_passwords", "refuse", WeakPasswords.REFUSE),
        ("allow_username", "@ ", "@ "),
        ("wait", "60", 60),
        ("csv", "1", True),
        ("json_", "1", True),
        ("quiet", "yes", True),
        ("map", "username=SIP user, email=C", {"username": "SIP user", "email": "C"}),
    ],
)
def test_every_flag_has_its_variable(env, name, text, value):
    env(**{name.rstrip("_"): text})
    assert getattr(load_settings({}), name) == value


def test_a_job_file_has_the_flags_names(job):
    text = """
        source = "users.xlsx"
        json = true
        on_exists = "reset"
        [map]
        username = "SIP user"
    """
    settings = load_settings({}, job(text))
    assert settings.json_ is True
    assert settings.on_exists is OnExists.RESET
    assert settings.map == {"username": "SIP user"}


def test_a_job_files_relative_paths_begin_at_its_folder(job, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    text = """
        source = "../in/users.csv"
        output = "/out/r.xlsx"
        secret_file = "~/secret"
        ledger = "l.db"
    """
    path = job(text)
    settings = load_settings({}, path)
    assert settings.source == str(path.parent / "../in/users.csv")
    assert settings.output == "/out/r.xlsx"
    assert settings.secret_file == Path("/home/ada/secret")
    assert settings.ledger == str(path.parent / "l.db")


@pytest.mark.parametrize("line", ['source = "-"', 'ledger = "sqlite:////srv/l.db"'])
def test_what_is_no_path_stays_as_it_is(job, line):
    name, _, value = line.partition(" = ")
    assert getattr(load_settings({}, job(line)), name) == value.strip('"')


def test_a_rate_of_0_means_no_limit():
    assert load_settings({"rate": 0}).pace().rate is None


# -- columns --


def test_pairs_of_flags():
    settings = load_settings({"map": ("username = SIP user", "name=a=b")})
    assert settings.map == {"username": "SIP user", "name": "a=b"}


@pytest.mark.parametrize("pair", ["username", "=SIP user", "username=", " = ", ""])
def test_a_pair_that_is_none_is_refused(pair):
    assert wrong({"map": (pair,)}) == "--map: write FIELD=COLUMN, such as username='SIP user'."


def test_a_field_that_is_named_twice_is_refused():
    assert wrong({"map": ("username=A", "username=B")}) == "--map: a field is named twice."


# -- addresses --


@pytest.mark.parametrize(
    "url",
    [
        "https://piopiy.telecmi.com/v1/endpoint",
        "http://127.0.0.1:8080/v1",
        "http://localhost:8080",
        "http://[::1]:8080/v1",
    ],
)
def test_addresses_that_keep_secrets(url):
    assert load_settings({"base_url": url}).base_url == url


@pytest.mark.parametrize(
    "url", ["http://piopiy.telecmi.com/v1", "http://127.0.0.1.example", "http://localhost.example"]
)
def test_http_is_for_this_machine_only(url):
    told = wrong({"base_url": url})
    assert told.startswith("--base-url: it is http://, so passwords would travel unencrypted")
    assert load_settings({"base_url": url, "allow_insecure": True}).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        *("", "piopiy.telecmi.com", "ftp://vendor.example", "https://", "https:///v1", "//host/v1"),
        *("https://vendor.example:port", "https://vendor.example:99999", "https://[::1"),
    ],
)
def test_what_is_no_address_is_refused(url):
    assert wrong({"base_url": url}).startswith("--base-url: ")


@pytest.mark.parametrize(
    "url",
    [
        f"https://ada:{MARKED}@vendor.example/v1",
        f"https://vendor.example/v1?key={MARKED}",
        f"https://vendor.example/v1#{MARKED}",
    ],
)
def test_an_address_holds_nothing_secret_and_is_not_repeated(url):
    told = wrong({"base_url": url})
    assert told == "--base-url: an address has no user, no ? and no # here."


# -- errors say where --


def test_a_wrong_flag_is_named():
    assert wrong({"rate": -1.0}).startswith("--rate: Input should be greater than or equal to 0")
    assert wrong({"connect_timeout": 0}).startswith("--connect-timeout: ")


def test_a_wrong_variable_is_named(env, job):
    env(concurrency="many")
    told = "BULK_PROVISION_CONCURRENCY: Input should be a valid integer"
    assert wrong().startswith(told)
    assert wrong({}, job("concurrency = 5")).startswith(told), "it goes before the job file"


def test_accounts_in_the_environment_that_are_no_json_are_named(env, job):
    env(accounts="{")
    told = "BULK_PROVISION_ACCOUNTS: it is not JSON."
    assert wrong() == wrong({}, job('account_column = "team"')) == told


def test_a_flag_goes_before_a_job_files_other_way_to_say_the_same(job):
    path = job('results_folder = "results"\nhealthcheck = "https://one.example"')
    settings = load_settings({"output": "r.xlsx", "healthcheck_file": Path("two")}, path)
    assert (settings.output, settings.results_folder) == ("r.xlsx", None)
    assert (settings.healthcheck, settings.healthcheck_file) == (None, Path("two"))


def test_a_wrong_value_in_a_job_file_is_named_with_the_file(job):
    path = job('on_exists = "delete"')
    assert wrong({}, path) == f"{path}:1: on_exists: Input should be 'skip', 'compare' or 'reset'."


@pytest.mark.parametrize("line", ['json = "perhaps"', "map = [1]", 'base_url = "x"'])
def test_every_wrong_value_in_a_job_file_is_named_with_the_file(job, line):
    path = job(line)
    assert wrong({}, path).startswith(f"{path}:1: {line.partition(' ')[0]}: ")


def test_everything_that_is_wrong_is_told_at_once(env):
    env(rate="fast")
    lines = wrong({"concurrency": 0, "timeout": -1}).splitlines()
    assert sorted(line.partition(":")[0] for line in lines) == [
        "--concurrency",
        "--timeout",
        "BULK_PROVISION_RATE",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("appid", -1), ("appid", 2**63), ("rate", float("nan")), ("rate", float("inf"))),
        *(("timeout", float("nan")), ("concurrency", 2001), ("password_length", 0)),
        *(("wait", -1), ("attempts", 0), ("on_exists", "delete"), ("weak_passwords", "")),
    ],
)
def test_values_out_of_bounds_are_refused(name, value):
    assert wrong({name: value}).startswith(f"--{name.replace('_', '-')}: ")


# -- job files --


def test_a_job_file_that_is_not_there_is_named(tmp_path):
    assert wrong({}, tmp_path / "no.toml") == (
        f"The job file {tmp_path / 'no.toml'} cannot be read: No such file or directory."
    )


@pytest.mark.parametrize("content", [b"rate 3", b"rate = \xff", b"PK\x03\x04"])
def test_a_job_file_that_is_not_toml_is_named(tmp_path, content):
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    assert wrong({}, path).startswith(f"The job file {path} is not TOML: ")


def test_a_setting_that_does_not_exist_is_named(job):
    path = job("ratte = 3")
    assert wrong({}, path) == f"{path}:1: ratte: there is no such key; did you mean rate?"


@pytest.mark.parametrize("name", ["secret", "key"])
def test_a_job_file_with_a_secret_in_it_is_refused(job, name):
    path = job(f'{name} = "{MARKED}"')
    told = wrong({}, path)
    assert told == f"The job file {path} holds a secret ({name}, line 1)."
    assert MARKED not in told


# -- the account --


def test_the_account_is_made_of_environment_or_flags(env):
    env(secret=MARKED)
    settings = load_settings({"appid": 7, "base_url": "https://vendor.example"})
    assert account_of(settings, None).account == Account(
        7, Secret(MARKED), "https://vendor.example"
    )


def test_the_secrets_file_is_read(tmp_path):
    file = tmp_path / "secret"
    file.write_text(f"  {MARKED}\n")
    settings = load_settings({"appid": 7, "secret_file": file})
    assert account_of(settings, None).account.secret == Secret(MARKED)


def test_the_environments_secret_goes_before_the_job_files(job, env, tmp_path):
    (tmp_path / "secret").write_text("the job file's")
    env(secret=MARKED)
    settings = load_settings({"appid": 7}, job('secret_file = "../secret"'))
    assert account_of(settings, None).account.secret == Secret(MARKED)


def test_a_secret_file_of_the_flags_goes_before_the_environments_secret(env, tmp_path):
    (tmp_path / "secret").write_text(MARKED)
    env(secret="the environment's")
    settings = load_settings({"appid": 7, "secret_file": tmp_path / "secret"})
    assert account_of(settings, None).account.secret == Secret(MARKED)


def test_a_missing_secret_is_asked_for():
    assert account_of(load_settings({"appid": 7}), lambda: MARKED).account.secret == Secret(MARKED)


@pytest.mark.parametrize("ask", [None, lambda: ""])
def test_without_a_secret_nothing_begins(ask):
    with pytest.raises(UsageError, match="secret of the TeleCMI account is missing") as caught:
        account_of(load_settings({"appid": 7}), ask)
    assert "BULK_PROVISION_SECRET" in caught.value.cure


def test_without_an_app_id_nothing_begins(env):
    env(secret=MARKED)
    with pytest.raises(UsageError, match="app id of the TeleCMI account is missing") as caught:
        account_of(load_settings({}), None)
    assert "--appid" in caught.value.cure


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: No such file"), (b" \n", "is empty"), (b"\xff\xfe", "is not text")],
)
def test_a_secret_file_that_holds_none_is_named(tmp_path, content, told):
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=f"The file {file} with the account's secret {told}"):
        account_of(load_settings({"appid": 7, "secret_file": file}), None)


def test_no_repr_shows_a_secret(env):
    env(secret=MARKED, key=MARKED)
    settings = load_settings({"appid": 7})
    shown = f"{settings!r} {settings} {account_of(settings, None)!r} {settings.model_dump()}"
    assert MARKED not in shown


def test_no_error_shows_a_secret(env):
    env(secret=MARKED, key=MARKED)
    assert MARKED not in wrong({"rate": -1.0, "concurrency": 0})
