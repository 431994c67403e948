"""The process of its own that reads sources: what it tells, and what hostile files do to it."""

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from bulk_provision.intake.apart import reading as reading_module
from bulk_provision.intake.apart.wire import (
    FRAME_LIMIT,
    HEAD,
    FrameTooLongError,
    Message,
    framed,
    framed_records,
    length_of,
)
from bulk_provision.intake.cells import DATE, ROW_HIDDEN, DoubtfulText
from bulk_provision.model import Secret
from workbooks import HEADER, read, row, sheet, text, write_xlsx

pytestmark = pytest.mark.usefixtures("read_apart")


def refused(path, **options):
    with pytest.raises(SourceError) as told:
        read(path, **options)
    assert told.value.cure
    assert str(path) in told.value.what
    return told.value.what


def there_and_back(records, *, more=False):
    frame = framed_records(records, more=more)
    assert length_of(frame[:HEAD]) == len(frame) - HEAD
    told, follow = Message(frame[:HEAD], frame[HEAD:]).records(0)
    assert follow is more
    return told


@pytest.mark.parametrize(
    "cells",
    [["asha", "x"], ["", ""], [], [""], ["a\x1fb", "c"], ["a\x1eb"], ["\x1f\x1e"], ["é", "田\n中"]],
)
@pytest.mark.parametrize("more", [True, False])
def test_records_pass_as_they_are(cells, more):
    assert there_and_back([(7, list(cells), ()), (9, ["z"], ())], more=more) == [
        (7, cells, ()),
        (9, ["z"], ()),
    ]


def test_no_records_pass_as_none():
    assert there_and_back([]) == []


def test_doubts_pass_with_their_texts():
    ((number, cells, doubts),) = there_and_back(
        [(3, ["a", DoubtfulText("1-2", DATE)], (ROW_HIDDEN,))]
    )
    assert (number, cells, doubts) == (3, ["a", "1-2"], (ROW_HIDDEN,))
    assert cells[1].doubt == DATE


def test_a_message_beyond_all_measure_is_refused_on_both_sides():
    with pytest.raises(FrameTooLongError):
        framed("x" * FRAME_LIMIT)
    with pytest.raises(FrameTooLongError):
        length_of(b"\xff" * HEAD)


@pytest.mark.parametrize("rows", [0, 1, 999, 1000, 1001, 2500])
def test_all_rows_arrive_in_order(tmp_path, rows):
    path = tmp_path / "users.csv"
    path.write_text("username\nfirst\n" + "".join(f"user.{place}\n" for place in range(rows)))
    wanted = ["first", *(f"user.{place}" for place in range(rows))]
    with open_table(str(path)) as table:
        assert [found.username for found in table.rows()] == wanted
        half = table.rows()
        next(half)
        assert [found.username for found in table.rows()] == wanted  # each reading starts anew


def test_a_workbook_is_told_as_it_is_read_here(tmp_path):
    path = tmp_path / "users.xlsx"
    cells = [text("asha"), "<c><v>45000</v></c>", '<c t="b"><v>1</v></c>']
    write_xlsx(path, {"Info": sheet(row(text("hello"))), "Users": sheet(HEADER, row(*cells))})
    with open_table(str(path)) as table:
        (found,) = table.rows()
        assert (table.sheet, found.username, found.password) == ("Users", "asha", "45000")
        assert found.others == ("TRUE",)
        assert [note.kind for note in table.notes] == ["sheet-chosen"]


def test_the_process_ends_with_the_table(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    before = set(psutil.Process().children())
    with open_table(str(path)):
        (child,) = set(psutil.Process().children()) - before
    assert not child.is_running()


def test_the_process_is_told_none_of_our_secrets_and_has_no_other_file(tmp_path, monkeypatch):
    monkeypatch.setenv("BULK_PROVISION_SECRET", "do-not-tell")
    monkeypatch.setenv("MY_OWN_PASSWORD", "do-not-tell")
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    before = set(psutil.Process().children())
    with (tmp_path / "private").open("w"), open_table(str(path)):
        (child,) = set(psutil.Process().children()) - before
        assert "do-not-tell" not in child.environ().values()
        assert [found.path for found in child.open_files()] == [str(path)]


def test_a_file_that_asks_for_all_memory_ends_the_process_and_nothing_else(tmp_path, monkeypatch):
    limited = reading_module._START.replace(" main()", " child.MEMORY_LIMIT = 200 << 20; main()")
    limited = limited.replace(
        "import main", "import main; from bulk_provision.intake.apart import child"
    )
    monkeypatch.setattr(reading_module, "_START", limited)
    path = tmp_path / "users.csv"  # one record of five million cells
    with path.open("w") as file:
        file.write("username,name\nasha,x\n")
        file.writelines('"a\n",' * 1_000_000 for _ in range(5))
    assert "memory" in refused(path)


def test_a_workbook_that_claims_to_have_billions_of_rows_is_read_for_those_that_it_has(tmp_path):
    # The sheet's DIMENSIONS record ([MS-XLS] 2.4.90): rows 1 to 12 become 1 to 4,294,967,295.
    honest = bytes.fromhex("0002 0e00 01000000 0c000000 0100")
    lying = bytes.fromhex("0002 0e00 01000000 ffffffff 0100")
    content = (Path(__file__).with_name("data") / "staff.xls").read_bytes()
    assert content.count(honest) == 1
    path = tmp_path / "staff.xls"
    path.write_bytes(content.replace(honest, lying))
    assert len(read(path)) == 7


def test_a_record_with_more_cells_than_any_sheet_has_columns_is_refused(tmp_path):
    path = tmp_path / "users.csv"
    path.write_text("username,name\nasha,x\nvikram" + "," * 20_000 + "\n")
    assert "row 3 has 20,001 cells" in refused(path)


def test_reading_that_does_not_come_to_an_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(reading_module, "_SECONDS", 0.2)
    monkeypatch.setattr(reading_module, "_START", "import time; time.sleep(60)")
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    began = time.monotonic()
    assert "longer than" in refused(path)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("program", ["raise SystemExit", "print('hello, this is no frame')"])
def test_a_process_that_goes_wrong_is_told(tmp_path, monkeypatch, program):
    monkeypatch.setattr(reading_module, "_START", program)
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    assert "did not come to an end" in refused(path)


def protected(path, password):
    plain = path.with_name("plain.xlsx")
    users = sheet(HEADER, row(text("asha"), text("Long-enough-9")))
    # The library that encrypts goes wrong with packages of less than 4 KiB.
    write_xlsx(plain, users, parts={"xl/theme/theme1.xml": os.urandom(5000).hex()})
    with plain.open("rb") as source, path.open("wb") as target:
        OOXMLFile(source).encrypt(password, target)
    plain.unlink()
    return path


def test_a_protected_workbook_is_read_with_its_password_alone(tmp_path):
    path = protected(tmp_path / "users.xlsx", "pässword 9")
    (found,) = read(path, password=Secret("pässword 9"))
    assert (found.username, found.password) == ("asha", "Long-enough-9")
    assert "--source-password-env" in _cure(path)
    assert "not the one" in refused(path, password=Secret("another"))


def test_a_protected_workbook_that_is_damaged_is_told(tmp_path):
    path = protected(tmp_path / "users.xlsx", "x")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "protected" in refused(path, password=Secret("x"))


def _cure(path):
    with pytest.raises(SourceError) as told:
        read(path)
    return told.value.cure


def test_a_workbook_of_a_stream_is_read(tmp_path):
    path = tmp_path / "users.xlsx"
    write_xlsx(path, sheet(HEADER, row(text("asha"))))
    with open_table("-", stdin=io.BytesIO(path.read_bytes())) as table:
        assert [found.username for found in table.rows()] == ["asha"]


def test_the_package_is_found_wherever_it_lies(tmp_path):
    """The process must run the same code as ours, also from a folder that is not installed."""
    path = tmp_path / "users.csv"
    path.write_text("username\nasha\n")
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from bulk_provision.intake import open_table;"
        "print([row.username for row in open_table(sys.argv[2]).rows()])"
    )
    root = Path(reading_module.__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", program, str(root), path],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "['asha']\n"
