"""The JSON Schemas that editors use: current, complete, and of one mind with the settings."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest

from bulk_provision.errors import UsageError
from bulk_provision.settings import Settings, load_settings

ROOT = Path(__file__).parents[1]
JOBS = sorted((ROOT / "jobs").glob("*.toml"))
SCHEMA = json.loads((ROOT / "bulk_provision" / "job.schema.json").read_text("utf-8"))


def problems(text, schema=SCHEMA):
    """Which keys an editor would mark."""
    validator = jsonschema.Draft202012Validator(schema)
    return [error.json_path for error in validator.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize("program", ["schema.py", "examples.py"])
def test_what_programs_write_is_current(program):
    command = [sys.executable, "-W", "error", str(ROOT / "docs" / program)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.name)
def test_every_example_names_its_schema_and_keeps_to_it(path):
    text = path.read_text("utf-8")
    of = "accounts" if path.name == "accounts.toml" else "job"
    directive, _, reference = text.splitlines()[0].partition(" ")
    assert directive == "#:schema"
    named = (path.parent / reference).resolve()
    assert named == ROOT / "bulk_provision" / f"{of}.schema.json"
    schema = json.loads(named.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert problems(text, schema) == []


def test_every_setting_that_a_file_may_hold_is_there_with_its_meaning():
    fields = {name.rstrip("_") for name in Settings.model_fields}
    assert set(SCHEMA["properties"]) == fields - {"secret", "key", "ignore_limits"}
    entry = SCHEMA["properties"]["accounts"]["additionalProperties"]
    assert {"appid", "secret_file", "rate"} < set(entry["properties"])
    for properties in (SCHEMA["properties"], entry["properties"]):
        for name, said in properties.items():
            assert len(said["description"]) > 10, name
            assert "type" in said or "anyOf" in said, name


@pytest.mark.parametrize(
    "line",
    [
        *('deadline = "06:00"', 'deadline = "3h"', 'deadline = "2h 30m"', 'schedule = "2:17"'),
        *('schedule = "mon-fri 02:17"', 'schedule = "sat,sun 23:59"', "stop_if_new = 0"),
        *('stop_if_new = "2.5%"', 'stop_if_invalid = "5 %"', 'stop_if_vanished = "50"'),
        *('map = ["username=SIP user"]', 'map = { username = "B" }', "json = true", "rate = 0"),
        'accounts = { main = { appid = 1, secret_env = "X" } }',
    ],
)
def test_what_the_settings_take_the_schema_takes(line, tmp_path):
    (tmp_path / "job.toml").write_text(line)
    load_settings({}, tmp_path / "job.toml")
    assert problems(line) == []


@pytest.mark.parametrize(
    "line",
    [
        *('secret = "x"', 'key = "x"', "ignore_limits = true", "ratte = 1", "rate = -1"),
        *('schedule = "24:00"', 'schedule = "someday 02:17"', 'deadline = "soon"'),
        *('stop_if_new = "many"', "stop_if_new = -1", 'pick = "oldest"', "concurrency = 2001"),
        *("accounts = { main = {} }", "accounts = { main = { appid = 1, ratte = 1 } }"),
    ],
)
def test_what_the_settings_refuse_the_schema_refuses(line, tmp_path):
    (tmp_path / "job.toml").write_text(line)
    with pytest.raises(UsageError):
        load_settings({}, tmp_path / "job.toml")
    assert problems(line) != []
