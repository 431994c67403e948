"""The samples: what `make run` provisions, and one small file for each kind of trouble."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from bulk_provision.checks import Rules, check
from bulk_provision.intake import open_table
from bulk_provision.model import User
from workbooks import read

SAMPLES = Path(__file__).parents[1] / "sample_data"
TROUBLE = SAMPLES / "trouble"


def program(name, *arguments):
    """Run one of the programs there."""
    command = [sys.executable, "-W", "error", str(SAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)


def content(path):
    """What is in a file; of a workbook its parts, for zlib packs otherwise from time to time."""
    if zipfile.is_zipfile(path) and path.stem != "unpacks-to-3-gigabytes":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return path.read_bytes()


def test_all_rows_of_the_first_one_are_valid_without_a_warning():
    with open_table(str(SAMPLES / "users.xlsx")) as table:
        users = [check(row, Rules(), table.where) for row in table.rows()]
        assert table.notes == ()
        assert table.columns == ("Full name", "E-mail", "Department", "Location", "Starts on")
    assert all(isinstance(user, User) and not user.warnings for user in users)
    assert len({user.username for user in users}) == len(users) == 25
    assert {"asha.rao", "reception", "0042"} <= {user.username for user in users}
    assert 0 < sum(not user.password for user in users) < 25


def test_the_script_beside_them_makes_them(tmp_path):
    made = program("make_samples.py", tmp_path)
    assert (made.returncode, made.stderr) == (0, "")
    assert read(tmp_path / "users.xlsx") == read(SAMPLES / "users.xlsx")
    files = {path.name for path in TROUBLE.iterdir()}
    assert {path.name for path in (tmp_path / "trouble").iterdir()} == files
    for name in files - {"protected.xlsx"}:  # encryption begins with random bytes
        assert content(tmp_path / "trouble" / name) == content(TROUBLE / name), name


def test_the_readme_says_what_the_real_command_says_of_each():
    ran = program("readme.py", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    told = json.loads(ran.stdout)
    assert {one["name"] for one in told} == {path.name for path in TROUBLE.iterdir()}
    for one in told:
        assert one["code"] == one["expected"], one
        assert "Traceback" not in one["said"], one
        assert one["seconds"] < 20, one
        assert one["memory"] < 200, one
