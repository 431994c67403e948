"""Where results lie, and how they get there: whole, private, never over another file."""

from __future__ import annotations

import os
import stat

import pytest

from bulk_provision.errors import ResultsError
from bulk_provision.results import check_writable, results_path
from bulk_provision.results.place import export_again, placed
from results_samples import names_in

STARTED = 1_767_323_045.678  # 2026-01-02 03:04:05.678 UTC


@pytest.fixture(params=["without a name", "under a hidden name"])
def aside(request, monkeypatch):
    """Both ways of writing aside, whatever this system's file system can."""
    if request.param == "under a hidden name":
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    return request.param


@pytest.fixture
def no_umask():
    """Nothing but our own modes keeps a file private."""
    old = os.umask(0)
    yield
    os.umask(old)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def put(*paths, content=b"new", overwrite=False, meanwhile=lambda: None):
    with placed(paths, overwrite=overwrite, cure=export_again(7)) as files:
        for file in files:
            file.write(content)
        meanwhile()


def no_links(*args, **kwargs):
    raise PermissionError(1, "Operation not permitted")


class TestNames:
    def test_results_lie_beside_the_source_under_a_name_that_sorts_by_time(self):
        path = results_path("in box/users.v2.xlsx", STARTED)
        assert str(path) == "in box/users.v2-results-20260102T030405.678Z.xlsx"

    def test_results_of_standard_input_lie_in_the_current_directory(self):
        assert str(results_path("-", STARTED)) == "stdin-results-20260102T030405.678Z.xlsx"

    def test_the_suffix_can_be_another_one(self):
        assert results_path("a.csv", STARTED, "").name == "a-results-20260102T030405.678Z"

    def test_later_runs_sort_later(self):
        names = [results_path("a", STARTED + s).name for s in (0, 0.001, 0.5, 60, 86_400 * 400)]
        assert names == sorted(names)
        assert len(set(names)) == len(names)


@pytest.mark.usefixtures("aside")
class TestPutInPlace:
    def test_a_file_arrives_whole_and_alone(self, tmp_path):
        put(tmp_path / "r.xlsx", content=b"content")
        assert (tmp_path / "r.xlsx").read_bytes() == b"content"
        assert names_in(tmp_path) == ["r.xlsx"]

    @pytest.mark.usefixtures("no_umask")
    def test_only_its_owner_can_read_it_from_the_first_byte_on(self, tmp_path):
        with placed([tmp_path / "r.xlsx"], overwrite=False, cure=export_again(7)) as (file,):
            assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        assert mode(tmp_path / "r.xlsx") == 0o600

    @pytest.mark.usefixtures("no_umask")
    def test_a_replaced_file_becomes_private(self, tmp_path):
        (tmp_path / "r.xlsx").write_bytes(b"old")
        (tmp_path / "r.xlsx").chmod(0o644)
        put(tmp_path / "r.xlsx", overwrite=True)
        assert (tmp_path / "r.xlsx").read_bytes() == b"new"
        assert mode(tmp_path / "r.xlsx") == 0o600
        assert names_in(tmp_path) == ["r.xlsx"]

    def test_a_file_that_appears_in_the_meantime_is_not_replaced(self, tmp_path):
        path = tmp_path / "r.xlsx"
        with pytest.raises(ResultsError, match=r"r\.xlsx exists already") as error:
            put(path, meanwhile=lambda: path.write_bytes(b"somebody else's"))
        assert path.read_bytes() == b"somebody else's"
        assert names_in(tmp_path) == ["r.xlsx"]
        assert error.value.cure.endswith("bulk-provision export 7 -o FILE")

    def test_a_link_that_leads_nowhere_is_not_followed(self, tmp_path):
        (tmp_path / "r.xlsx").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ResultsError, match="exists already"):
            put(tmp_path / "r.xlsx")
        assert not (tmp_path / "elsewhere").exists()

    def test_a_link_is_replaced_and_not_what_it_leads_to(self, tmp_path):
        (tmp_path / "other").write_bytes(b"old")
        (tmp_path / "r.xlsx").symlink_to(tmp_path / "other")
        put(tmp_path / "r.xlsx", overwrite=True)
        assert (tmp_path / "other").read_bytes() == b"old"
        assert (tmp_path / "r.xlsx").read_bytes() == b"new"

    @pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt, OSError])
    @pytest.mark.parametrize("overwrite", [True, False])
    def test_nothing_is_left_of_a_file_that_was_not_finished(self, tmp_path, failure, overwrite):
        def fail():
            raise failure

        told = ResultsError if failure is OSError else failure
        with pytest.raises(told):
            put(tmp_path / "r.xlsx", overwrite=overwrite, meanwhile=fail)
        assert names_in(tmp_path) == []

    def test_several_files_arrive_together_or_not_at_all(self, tmp_path):
        paths = [tmp_path / name for name in "abc"]
        with pytest.raises(ResultsError, match="c exists already"):
            put(*paths, meanwhile=lambda: paths[2].write_bytes(b"somebody else's"))
        assert names_in(tmp_path) == ["c"]

    def test_a_disk_that_refuses_the_last_write_leaves_nothing(self, tmp_path, monkeypatch):
        def full(handle):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(ResultsError, match="No space left on device"):
            put(tmp_path / "r.xlsx")
        assert names_in(tmp_path) == []


class TestWithoutHardLinks:
    @pytest.fixture(autouse=True)
    def fat(self, monkeypatch):
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
        monkeypatch.setattr(os, "link", no_links)

    def test_a_file_arrives_all_the_same(self, tmp_path):
        put(tmp_path / "r.xlsx")
        assert (tmp_path / "r.xlsx").read_bytes() == b"new"
        assert mode(tmp_path / "r.xlsx") == 0o600
        assert names_in(tmp_path) == ["r.xlsx"]

    def test_an_existing_file_is_not_replaced(self, tmp_path):
        (tmp_path / "r.xlsx").write_bytes(b"old")
        with pytest.raises(ResultsError, match="exists already"):
            put(tmp_path / "r.xlsx")
        assert (tmp_path / "r.xlsx").read_bytes() == b"old"
        assert names_in(tmp_path) == ["r.xlsx"]

    def test_a_refused_rename_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "replace", no_links)
        with pytest.raises(ResultsError, match="Operation not permitted"):
            put(tmp_path / "r.xlsx")
        assert names_in(tmp_path) == []


@pytest.mark.usefixtures("aside")
class TestCheckBeforeTheRun:
    def test_a_good_place_is_left_as_it_was(self, tmp_path):
        check_writable(tmp_path / "r.xlsx", csv=False, overwrite=False)
        assert names_in(tmp_path) == []

    def test_an_existing_file_is_refused_without_overwrite(self, tmp_path):
        (tmp_path / "r.xlsx").write_bytes(b"old")
        with pytest.raises(ResultsError, match=r"r\.xlsx exists already") as error:
            check_writable(tmp_path / "r.xlsx", csv=False, overwrite=False)
        assert "nothing was called" in error.value.cure
        check_writable(tmp_path / "r.xlsx", csv=False, overwrite=True)
        assert (tmp_path / "r.xlsx").read_bytes() == b"old"

    def test_for_csv_it_is_the_four_files_that_must_not_exist(self, tmp_path):
        (tmp_path / "r.xlsx").write_bytes(b"not in the way")
        check_writable(tmp_path / "r.xlsx", csv=True, overwrite=False)
        (tmp_path / "r-failed.csv").write_bytes(b"in the way")
        with pytest.raises(ResultsError, match=r"r-failed\.csv exists already"):
            check_writable(tmp_path / "r.xlsx", csv=True, overwrite=False)

    @pytest.mark.parametrize("overwrite", [True, False])
    def test_a_folder_is_refused(self, tmp_path, overwrite):
        with pytest.raises(ResultsError, match="is a folder"):
            check_writable(tmp_path, csv=False, overwrite=overwrite)

    @pytest.mark.parametrize("csv", [True, False])
    def test_a_missing_folder_is_refused(self, tmp_path, csv):
        with pytest.raises(ResultsError, match=r"there is no folder .*missing"):
            check_writable(tmp_path / "missing" / "r.xlsx", csv=csv, overwrite=False)

    def test_a_file_in_a_folders_place_is_refused(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(ResultsError, match="Not a directory"):
            check_writable(tmp_path / "file" / "r.xlsx", csv=False, overwrite=False)

    def test_a_folder_where_nothing_may_be_written_is_refused(self, tmp_path, monkeypatch):
        really_open = os.open

        def read_only(path, flags, *args, **kwargs):
            if flags & (os.O_WRONLY | os.O_RDWR):
                raise PermissionError(13, "Permission denied", path)
            return really_open(path, flags, *args, **kwargs)

        monkeypatch.setattr(os, "open", read_only)
        with pytest.raises(ResultsError, match="Permission denied"):
            check_writable(tmp_path / "r.xlsx", csv=False, overwrite=True)

    def test_a_name_that_no_folder_takes_is_refused(self, tmp_path):
        with pytest.raises(ResultsError, match="File name too long"):
            check_writable(tmp_path / ("x" * 300), csv=False, overwrite=False)
