"""What a source means: a file, the newest of a pattern's matches, the files of an inbox."""

import os
import time

import pytest

from bulk_provision.errors import SourceError
from bulk_provision.model import ExitCode
from bulk_provision.rounds import gravest
from bulk_provision.rounds.inputs import inputs_of, put_away


def put(path, age=60):
    """Make a file that was changed so many seconds ago."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("username\n")
    moment = time.time() - age
    os.utime(path, (moment, moment))
    return str(path)


def test_a_file_is_itself(tmp_path):
    path = put(tmp_path / "people[1].csv")
    assert inputs_of(path, takes_all=False).paths == [path], "also when it looks like a pattern"


@pytest.mark.parametrize("source", ["-", "not-there.csv"])
def test_what_is_not_there_is_left_to_whoever_opens_it(source):
    assert inputs_of(source, takes_all=False).paths == [source]


def test_of_a_patterns_matches_the_newest_counts_or_all_of_them_in_order(tmp_path):
    old = put(tmp_path / "people-1.csv", 300)
    new = put(tmp_path / "people-0.csv", 100)
    put(tmp_path / "other.csv", 1)
    pattern = str(tmp_path / "people-*.csv")
    assert inputs_of(pattern, takes_all=False).paths == [new]
    assert inputs_of(pattern, takes_all=True).paths == [old, new]


def test_results_of_ours_match_no_pattern(tmp_path):
    source = put(tmp_path / "people.csv", 300)
    put(tmp_path / "people-results-20260102T030405.678Z-created.csv", 1)
    assert inputs_of(str(tmp_path / "people*"), takes_all=True).paths == [source]


def test_nothing_that_matches_is_an_error_and_not_an_empty_source(tmp_path):
    with pytest.raises(SourceError, match="Nothing matches") as caught:
        inputs_of(str(tmp_path / "people-*.csv"), takes_all=False)
    assert "export" in caught.value.cure


def test_an_inboxs_files_are_taken_the_oldest_first(tmp_path):
    second, first = put(tmp_path / "a.csv", 100), put(tmp_path / "b.xlsx", 200)
    found = inputs_of(str(tmp_path), takes_all=False)
    assert (found.paths, found.inbox) == ([first, second], tmp_path)


@pytest.mark.parametrize("name", [".hidden.csv", "~$open.xlsx", "notes.pdf", "half.csv.part"])
def test_what_is_no_spreadsheet_stays_in_the_inbox(tmp_path, name):
    put(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    assert inputs_of(str(tmp_path), takes_all=False).paths == []


def test_a_file_that_may_still_be_written_is_for_the_next_round(tmp_path):
    fresh = put(tmp_path / "a.csv", 1)
    a_little_ahead = put(tmp_path / "b.csv", -30)  # of another clock
    far_ahead = put(tmp_path / "c.csv", -3600)
    found = inputs_of(str(tmp_path), takes_all=False)
    assert found.left == [fresh, a_little_ahead]
    assert found.paths == [far_ahead], "a wrong clock keeps nothing back for ever"


@pytest.mark.parametrize(
    ("code", "folder"),
    [
        (ExitCode.DONE, "done"),
        (ExitCode.SOME_ROWS, "done"),
        (ExitCode.USAGE, "failed"),
        (ExitCode.LIMIT_PASSED, "failed"),
        (ExitCode.STOPPED, None),
        (ExitCode.DEADLINE, None),
        (ExitCode.ACCOUNT_BUSY, None),
        (ExitCode.ACCOUNT_REFUSED, None),
        (ExitCode.TERMINATED, None),
    ],
)
def test_a_file_goes_where_its_run_belongs_or_stays_to_be_continued(tmp_path, code, folder):
    path = tmp_path / "a.csv"
    put(path)
    moved = put_away(tmp_path, path, code)
    assert path.exists() == (moved is None) == (folder is None)
    if moved is not None:
        assert (moved.parent, moved.read_text()) == (tmp_path / folder, "username\n")


def test_a_file_of_the_same_name_is_not_written_over(tmp_path):
    moved = []
    for _ in range(3):
        put(tmp_path / "a.csv")
        moved.append(put_away(tmp_path, tmp_path / "a.csv", 0))
    assert len({path.name for path in moved}) == 3


def test_a_file_that_another_process_moved_is_no_trouble(tmp_path):
    assert put_away(tmp_path, tmp_path / "gone.csv", 0) is None


def test_of_several_exit_codes_the_gravest_counts():
    assert gravest([]) == 0
    assert gravest([0, 7]) == 7
    assert gravest([0, 1, 7]) == 1
    assert gravest([5, 4, 1]) == 4
    assert gravest([3, 6, 2]) == 3
    assert gravest([130, 70, 3]) == 70
    assert {gravest([code, 0]) for code in ExitCode} == set(ExitCode), "each has its place"
