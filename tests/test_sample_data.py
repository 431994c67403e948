"""The sample that `make run` provisions: as a team sends it, and nothing wrong in it."""

import runpy
from pathlib import Path

from bulk_provision.checks import Rules, check
from bulk_provision.intake import open_table
from bulk_provision.model import User
from workbooks import read

SAMPLES = Path(__file__).parents[1] / "sample_data"


def test_all_its_rows_are_valid_without_a_warning():
    with open_table(str(SAMPLES / "users.xlsx")) as table:
        users = [check(row, Rules(), table.where) for row in table.rows()]
        assert table.notes == ()
        assert table.columns == ("Full name", "E-mail", "Department", "Location", "Starts on")
    assert all(isinstance(user, User) and not user.warnings for user in users)
    assert len({user.username for user in users}) == len(users) == 25
    assert {"asha.rao", "reception", "0042"} <= {user.username for user in users}
    assert 0 < sum(not user.password for user in users) < 25


def test_the_script_beside_it_makes_it(tmp_path):
    made = tmp_path / "users.xlsx"
    runpy.run_path(str(SAMPLES / "make_samples.py"))["write_users"](made)
    assert read(made) == read(SAMPLES / "users.xlsx")
