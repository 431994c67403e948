"""Results on a bad day: full disks, killed processes, ledgers that break; and many rows."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

import pytest

from bulk_provision.errors import LedgerError
from bulk_provision.results import write_csv, write_workbook
from bulk_provision.results.workbook import build
from results_samples import PASSWORD, a_row, a_run, names_in, one_of_each, write_protected

WRITERS = pytest.mark.parametrize("writer", [write_workbook, write_protected, write_csv])

DISK_FULL = """
import os, resource, sys
if sys.argv[4] == "hidden name":
    del os.O_TMPFILE  # before anybody asks for it
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from results_samples import a_row, a_run, write_protected
from bulk_provision import results
results.write_protected = write_protected
from bulk_provision.errors import ResultsError
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[5]), resource.RLIM_INFINITY))
rows = lambda: (a_row(number) for number in range(2, 5000))
try:
    getattr(results, sys.argv[1])(Path(sys.argv[2]), a_run(), rows)
except ResultsError as error:
    print(error.what, error.cure)
"""

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from results_samples import a_row, a_run, write_protected
from bulk_provision import results
results.write_protected = write_protected
def rows():
    yield from map(a_row, range(2, 5000))
    os.kill(os.getpid(), signal.SIGKILL)
getattr(results, sys.argv[1])(Path(sys.argv[2]), a_run(), rows)
"""

MANY_ROWS = """
import sys
from pathlib import Path
import psutil
sys.path.insert(0, sys.argv[2])
from results_samples import a_row, a_run
from bulk_provision import results
process = psutil.Process()
def peak(count, name):
    seen = []
    def rows():
        for number in range(2, count + 2):
            if number % 1000 == 0:
                seen.append(process.memory_info().rss)
            yield a_row(number)
    results.write_workbook(Path(sys.argv[1]) / name, a_run(), rows)
    return max(*seen, process.memory_info().rss)
small = peak(2_000, "small.xlsx")
print(peak(40_000, "big.xlsx") - small)
"""


def run_python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def here():
    return Path(__file__).parent


@WRITERS
@pytest.mark.parametrize("aside", ["no name", "hidden name"])
@pytest.mark.parametrize("room", [100, 5_000, 60_000])
def test_a_full_disk_leaves_no_half_file_and_says_where_the_rows_are(tmp_path, writer, aside, room):
    path = tmp_path / "r.xlsx"
    ended = run_python(DISK_FULL, writer.__name__, path, here(), aside, room)
    assert ended.stderr == ""
    assert f"The results {tmp_path}/r" in ended.stdout
    assert "cannot be written: File too large." in ended.stdout
    assert "bulk-provision export 7 -o FILE" in ended.stdout
    assert PASSWORD not in ended.stdout
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("room", [0, 100, 2_000, 4_000, 6_000])
def test_a_disk_that_fills_up_while_the_sheets_are_packed_ends_in_its_error_alone(room):
    spools = []

    class SmallFile(BytesIO):
        def write(self, data):
            if self.tell() + len(data) > room:
                raise OSError(28, "No space left on device")
            return super().write(data)

    def spool():
        spools.append(BytesIO())
        return spools[-1]

    with pytest.raises(OSError, match="No space left"):
        build(SmallFile(), a_run(), one_of_each(), spool=spool, sheet_limit=100)
    gc.collect()  # what is left over and complains makes this test fail
    assert len(spools) == 4
    assert all(spool.closed for spool in spools)


@WRITERS
def test_a_killed_process_leaves_nothing_that_others_could_read(tmp_path, writer):
    ended = run_python(KILLED, writer.__name__, tmp_path / "r.xlsx", here())
    assert ended.returncode == -9, ended.stderr
    left = list(tmp_path.iterdir())
    assert all(path.stat().st_mode & 0o077 == 0 and path.name[0] == "." for path in left)
    try:
        os.close(os.open(tmp_path, os.O_TMPFILE | os.O_RDWR, 0o600))
    except (AttributeError, OSError):
        return  # here files cannot be without a name; what is left is hidden and private
    assert left == []


@WRITERS
def test_a_ledger_that_breaks_in_the_middle_leaves_no_half_file(tmp_path, writer):
    def rows():
        yield from map(a_row, range(2, 1000))
        raise LedgerError("broken")

    with pytest.raises(LedgerError):
        writer(tmp_path / "r.xlsx", a_run(), rows)
    assert names_in(tmp_path) == []


@WRITERS
@pytest.mark.parametrize("overwrite", [True, False])
def test_an_old_file_is_whole_until_the_new_one_is(tmp_path, writer, overwrite):
    names = ["r.xlsx", *(f"r-{end}.csv" for end in ("created", "skipped", "failed", "unprocessed"))]

    def rows():
        yield from map(a_row, range(2, 1000))
        for name in names:
            assert (tmp_path / name).read_text() == "old"
        raise LedgerError("broken")

    for name in names:
        (tmp_path / name).write_text("old")
    with pytest.raises(LedgerError):
        writer(tmp_path / "r.xlsx", a_run(), rows, overwrite=overwrite)
    assert names_in(tmp_path) == sorted(names)


def test_nothing_is_spooled_in_the_systems_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    write_workbook(tmp_path / "r.xlsx", a_run(), one_of_each)
    assert names_in(tmp_path) == ["r.xlsx"]


def test_the_rows_are_read_once_so_that_the_sheets_agree_while_the_run_goes_on(tmp_path):
    passes = []

    def rows():
        passes.append(1)
        return one_of_each()

    write_workbook(tmp_path / "r.xlsx", a_run(), rows)
    assert passes == [1]


def test_memory_does_not_grow_with_the_rows(tmp_path):
    ended = run_python(MANY_ROWS, tmp_path, here())
    assert ended.stderr == ""
    assert int(ended.stdout) < 4 << 20  # bytes; the rows alone would be ten times that


def test_openpyxl_is_imported_only_when_a_workbook_is_written(tmp_path):
    code = (
        "import sys; from bulk_provision import results; from pathlib import Path;"
        "results.check_writable(Path(sys.argv[1]) / 'r', csv=False, overwrite=False);"
        "print('openpyxl' in sys.modules)"
    )
    assert run_python(code, tmp_path).stdout == "False\n"
