"""The temporary file that nobody can read: in its bytes on the disk, and as a file."""

import os
from io import TextIOWrapper, UnsupportedOperation

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.results.sealed_spool import SealedSpool


@pytest.fixture
def spool(tmp_path):
    with SealedSpool(tmp_path) as opened:
        yield opened


def bytes_on_the_disk(spool):
    spool.flush()
    return os.pread(spool._file.fileno(), 1 << 20, 0)  # it has no name


def test_what_is_on_the_disk_is_not_what_was_written(spool):
    spool.write(b"plain text " * 1000)
    on_disk = bytes_on_the_disk(spool)
    assert len(on_disk) == 11_000
    assert b"plain" not in on_disk
    assert len(set(on_disk)) == 256  # noise


def test_two_files_with_the_same_text_have_nothing_in_common(spool, tmp_path):
    with SealedSpool(tmp_path) as other:
        for one in (spool, other):
            one.write(bytes(4096))
        mine, theirs = bytes_on_the_disk(spool), bytes_on_the_disk(other)
    assert mine[:16] not in theirs
    assert theirs[:16] not in mine


def test_the_file_has_no_name(spool, tmp_path):
    spool.write(b"x" * 100_000)
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_it_gives_back_what_it_was_given_as_often_as_wanted(tmp_path_factory, parts, chunk):
    whole = b"".join(parts)
    with SealedSpool(tmp_path_factory.getbasetemp()) as spool:
        for part in parts:
            assert spool.write(part) == len(part)
        assert spool.seek(0, os.SEEK_END) == spool.tell() == len(whole)
        for _ in range(2):
            assert spool.seek(0) == spool.tell() == 0
            assert b"".join(iter(lambda: spool.read(chunk), b"")) == whole
            assert spool.tell() == len(whole)
        spool.seek(0)
        assert spool.read() == whole


def test_at_its_end_it_can_be_written_on(spool):
    spool.write(b"one ")
    spool.seek(0)
    assert spool.read(2) == b"on"
    spool.seek(0, os.SEEK_END)
    spool.write(memoryview(b"two"))
    spool.seek(0)
    assert spool.read() == b"one two"


def test_nothing_is_written_over_under_the_same_stretch_of_key(spool):
    spool.write(b"first")
    spool.seek(0)
    with pytest.raises(UnsupportedOperation):
        spool.write(b"second")
    for place in [(1, os.SEEK_SET), (-1, os.SEEK_END), (0, os.SEEK_CUR)]:
        with pytest.raises(UnsupportedOperation):
            spool.seek(*place)


def test_a_text_wrapper_writes_through_it_and_closes_it(spool):
    text = TextIOWrapper(spool, encoding="utf-8", newline="")
    text.write("Zoë\r\n" * 5000)
    text.flush()
    spool.seek(0)
    assert spool.read().decode() == "Zoë\r\n" * 5000
    text.close()
    assert spool.closed
    assert spool._file.closed
    with pytest.raises(ValueError, match="closed"):
        spool.read()
