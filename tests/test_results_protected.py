"""Workbooks under a password: they are the same workbooks, and never lie open on the way."""

from __future__ import annotations

import os
import stat
from io import BytesIO
from pathlib import Path
from struct import unpack_from
from zipfile import ZipFile

import olefile
import pytest
from msoffcrypto.exceptions import InvalidKeyError
from msoffcrypto.format.ooxml import OOXMLFile

from bulk_provision.errors import ResultsError, UsageError
from bulk_provision.job import Results
from bulk_provision.model import Outcome, Secret
from bulk_provision.results import write_workbook
from bulk_provision.results.place import _Aside
from bulk_provision.results.protected import check_protection, fill
from bulk_provision.results.sheet import Archive
from results_samples import PASSWORD, a_row, a_run, names_in, one_of_each, opened, raw_sheets

KEY = "Grüße aus Köln 2026"
PLAIN = (PASSWORD.encode(), b"<sheetData>", b"PK\x03\x04", b"inlineStr", b"Zo\xc3\xab")


def shown(file):
    """Each sheet's XML elements, as one text."""
    return {
        title: [(part.tag, part.attrib, part.text) for part in sheet.iter()]
        for title, sheet in raw_sheets(file).items()
    }


class TestWorkbook:
    def test_opened_it_is_the_workbook_that_it_would_be_without(self, tmp_path):
        rows = [*one_of_each(), *(a_row(number, Outcome.INVALID) for number in range(20, 300))]
        paths = [tmp_path / "open.xlsx", tmp_path / "protected.xlsx"]
        for path, protect in zip(paths, [None, Secret(KEY)], strict=True):
            write_workbook(path, a_run(rows), lambda: rows, sheet_limit=100, protect=protect)
        plain = opened(paths[1], KEY)
        assert shown(plain) == shown(paths[0])
        with ZipFile(paths[0]) as one, ZipFile(plain) as other:
            assert one.namelist() == other.namelist()

    def test_it_is_private_and_a_container_of_ciphertext(self, tmp_path):
        path = tmp_path / "r.xlsx"
        write_workbook(path, a_run(one_of_each()), one_of_each, protect=Secret(KEY))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        content = path.read_bytes()
        assert olefile.isOleFile(content)
        assert not [text for text in PLAIN if text in content]

    @pytest.mark.parametrize("wrong", ["", "Grüße aus Köln 2027", KEY.upper(), KEY + " "])
    def test_another_password_does_not_open_it(self, tmp_path, wrong):
        path = tmp_path / "r.xlsx"
        write_workbook(path, a_run(), list, protect=Secret(KEY))
        if wrong:
            with pytest.raises(InvalidKeyError):
                opened(path, wrong)
        with pytest.raises(Exception, match="zip"):
            ZipFile(path)

    def test_two_of_them_have_no_salt_in_common(self, tmp_path):
        written = []
        for name in "ab":
            write_workbook(tmp_path / name, a_run(), list, protect=Secret(KEY))
            with (tmp_path / name).open("rb") as file:
                written.append(OOXMLFile(file).info)
        for part in ("keyDataSalt", "passwordSalt", "encryptedKeyValue", "encryptedHmacKey"):
            assert written[0][part] != written[1][part]

    def test_when_it_fails_nothing_is_left(self, tmp_path):
        def rows():
            yield from one_of_each()
            raise OSError(28, "No space left on device")

        with pytest.raises(ResultsError, match="No space left"):
            write_workbook(tmp_path / "r.xlsx", a_run(), rows, protect=Secret(KEY))
        assert names_in(tmp_path) == []


@pytest.mark.parametrize("mebibytes", [0, 0.0038, 0.004, 6.5, 7.5, 15.4])
def test_containers_of_any_size_list_their_sectors_as_the_format_wants(tmp_path, mebibytes):
    noise = os.urandom(int(mebibytes * 2**20))

    def build(plain, _spool):
        with ZipFile(plain, "w") as archive:
            archive.writestr("[Content_Types].xml", _TYPES)
            archive.writestr("noise", noise)

    with (tmp_path / "r.xlsx").open("w+b") as file:
        fill(file, build, folder=tmp_path, protect=Secret(KEY))
    with ZipFile(opened(tmp_path / "r.xlsx", KEY)) as archive:
        assert archive.read("noise") == noise
    tables, listed, ends = _sector_list((tmp_path / "r.xlsx").read_bytes())
    assert len(listed) == len(set(listed)) == tables
    assert ends == 0xFFFFFFFE


_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'


def _sector_list(container):
    """How many sectors hold the allocation table, which, and what ends their list: [MS-CFB] 2.5."""
    (tables,) = unpack_from("<I", container, 44)
    at, sectors = unpack_from("<II", container, 68)
    listed = [*unpack_from("<109I", container, 76)]
    for _ in range(sectors):
        *places, at = unpack_from("<128I", container, 512 + 512 * at)
        listed += places
    return tables, [place for place in listed if place != 0xFFFFFFFF], at


class Watch:
    """Looks at all that lies in a folder, and at every file that was opened meanwhile."""

    def __init__(self, folder):
        self.found = set()
        self.sizes = set()  # of the files without a name
        self.moments = 0
        self._folder = folder
        self._known = set(self._handles())

    @staticmethod
    def _handles():
        return [
            handle
            for handle in Path("/proc/self/fd").iterdir()
            if handle.exists() and stat.S_ISREG(handle.stat().st_mode)
        ]

    def look(self):
        self.moments += 1
        contents = [path.read_bytes() for path in self._folder.rglob("*") if path.is_file()]
        for handle in set(self._handles()) - self._known:
            contents.append(handle.read_bytes())
            self.sizes.add(len(contents[-1]))
        self.found |= {text for text in PLAIN for content in contents if text in content}


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """Write many rows, and look at the disk all the while."""

    def write(protect):
        watch = Watch(tmp_path)

        def looking_at(method):
            def looks(*arguments, **options):
                watch.look()
                try:
                    return method(*arguments, **options)
                finally:
                    watch.look()

            return looks

        monkeypatch.setattr(Archive, "write", looking_at(Archive.write))
        monkeypatch.setattr(Archive, "close", looking_at(Archive.close))
        monkeypatch.setattr(_Aside, "settle", looking_at(_Aside.settle))

        def rows():
            for number in range(2, 2000):
                if number % 200 == 0:
                    watch.look()
                yield a_row(number, Outcome.CREATED if number % 2 else Outcome.FAILED)

        path = tmp_path / "r.xlsx"
        write_workbook(path, a_run(rows=1998), rows, protect=protect, sheet_limit=300)
        watch.look()
        return watch

    return write


def test_no_plain_byte_touches_the_disk(watched):
    watch = watched(Secret(KEY))
    assert watch.found == set()
    assert watch.moments > 25
    assert max(watch.sizes) > 50_000


def test_the_watch_would_have_seen_them(watched):
    assert watched(None).found == set(PLAIN)


class TestPassword:
    @pytest.mark.parametrize("password", ["x", " a b ", "ß" * 255, "😀" * 127, "=1+1", "passwört"])
    def test_what_can_be_typed_is_taken(self, password):
        check_protection(Secret(password))

    @pytest.mark.parametrize(
        ("password", "why"),
        [
            ("", "is empty"),
            ("a" * 256, "more than the 255"),
            ("😀" * 128, "more than the 255"),  # Excel counts UTF-16 code units
            ("two\nlines", "cannot be typed"),
            ("a\tb", "cannot be typed"),
            ("\x00", "cannot be typed"),
            ("caf\udce9", "is not text"),
        ],
    )
    def test_what_cannot_is_refused_without_quoting_it(self, password, why):
        with pytest.raises(UsageError, match=why) as error:
            Results(protect=Secret(password))
        if password:
            assert password not in f"{error.value.what} {error.value.cure}"

    def test_csv_files_cannot_have_one(self):
        with pytest.raises(UsageError, match="CSV"):
            Results(csv=True, protect=Secret(KEY))

    def test_it_hides_in_the_repr(self):
        assert KEY not in repr(Results(protect=Secret(KEY)))

    def test_the_longest_one_opens_the_workbook(self, tmp_path):
        write_workbook(tmp_path / "r.xlsx", a_run(), list, protect=Secret("ß" * 255))
        assert "Summary" in raw_sheets(opened(tmp_path / "r.xlsx", "ß" * 255))


def test_building_is_given_a_file_that_can_be_sought_and_spools(tmp_path):
    spools = []

    def build(plain, spool):
        spools.append(spool())
        spools[0].write(b"sealed")
        with ZipFile(plain, "w") as archive:
            archive.writestr("[Content_Types].xml", _TYPES)
            archive.writestr("part", "plain")

    for protect in (None, Secret(KEY)):
        with BytesIO() as file:
            fill(file, build, folder=tmp_path, protect=protect)
            with ZipFile(file if protect is None else opened(file, KEY)) as archive:
                assert archive.read("part") == b"plain"
        spools.pop().close()
    assert names_in(tmp_path) == []
