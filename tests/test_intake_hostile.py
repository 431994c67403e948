"""Hostile files, read by the real child: each ends as a clear error, in bounded time and memory."""

import io
import os
import struct
import threading
import time
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import psutil
import pytest

from bulk_provision.errors import SourceError
from bulk_provision.intake import open_table
from bulk_provision.intake import source as source_module
from bulk_provision.intake.apart import reading as reading_module
from bulk_provision.intake.readers.books import Wishes, open_book
from bulk_provision.intake.source import Source
from mutations import mutated
from workbooks import HEADER, number, read, row, sheet, text, write_xlsx

pytestmark = pytest.mark.usefixtures("read_apart")

SECONDS = 20
OURS = 150 << 20  # bytes by which this process may grow
CHILDS = 2200 << 20
ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body>'
    "<office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"
)


@contextmanager
def bounded():
    """Look at the time and at the memory of this process and its children."""
    me = psutil.Process()
    before = me.memory_info().rss
    most = {"ours": before, "childs": 0}
    done = threading.Event()

    def look():
        while not done.wait(0.02):
            most["ours"] = max(most["ours"], me.memory_info().rss)
            for child in me.children():
                with suppress(psutil.Error):
                    most["childs"] = max(most["childs"], child.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    began = time.monotonic()
    try:
        yield
    finally:
        done.set()
        looking.join()
    assert time.monotonic() - began < SECONDS
    assert most["ours"] - before < OURS
    assert most["childs"] < CHILDS
    assert not [child for child in me.children() if child.status() == psutil.STATUS_ZOMBIE]


def refused(path, **options):
    """Return why a file is refused: what, where, why and the cure are told."""
    with bounded(), pytest.raises(SourceError) as told:
        read_through(path, **options)
    assert str(path) in told.value.what
    assert told.value.cure
    assert len(told.value.what) < 3000
    return told.value.what


def read_through(path, **options):
    """Read all rows and keep none."""
    with open_table(str(path), **options) as table:
        for _ in table.rows():
            pass


def accepted(path):
    with bounded():
        return read(path)


def read_or_refused(path):
    with bounded(), suppress(SourceError):
        read_through(path)


def write_zip(path, parts):
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def write_ods(path, *rows, columns="", **parts):
    table = f'<table:table table:name="Users">{columns}{"".join(rows)}</table:table>'
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    return write_zip(path, {"mimetype": mimetype, "content.xml": ODS.format(table), **parts})


def ods_row(*cells, times=1):
    repeated = f' table:number-rows-repeated="{times}"'
    return f"<table:table-row{repeated}>{''.join(cells)}</table:table-row>"


def ods_cell(value, times=1):
    repeated = f'table:number-columns-repeated="{times}"'
    return f"<table:table-cell {repeated}><text:p>{value}</text:p></table:table-cell>"


class TestArchives:
    def test_a_part_that_unpacks_to_gigabytes(self, tmp_path):
        path = tmp_path / "bomb.xlsx"
        write_xlsx(path, sheet(HEADER))
        with ZipFile(path, "a", ZIP_DEFLATED) as archive:
            with archive.open("xl/media/a.bin", "w") as part:
                for _ in range(64):
                    part.write(bytes(1 << 20))
        content = bytearray(path.read_bytes())
        at = content.rindex(b"PK\1\2")  # claims to be 3 GiB
        content[at + 24 : at + 28] = struct.pack("<I", 3 << 30)
        path.write_bytes(content)
        assert "unpacked" in refused(path)

    def test_a_part_that_is_longer_than_it_says(self, tmp_path):
        path = tmp_path / "lies.xlsx"
        write_xlsx(path, sheet(HEADER, *[row(text(f"u{n}")) for n in range(9000)]))
        content = bytearray(path.read_bytes())
        at = content.rindex(b"xl/worksheets/sheet1.xml") - 46
        content[at + 24 : at + 28] = struct.pack("<I", 500)
        path.write_bytes(content)
        assert "damaged" in refused(path)

    def test_parts_that_lie_over_each_other(self, tmp_path):
        path = tmp_path / "overlap.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha"))), parts={"a.bin": "x"})
        content = bytearray(path.read_bytes())
        one, two = content.rindex(b"PK\1\2"), content.rindex(b"xl/worksheets/sheet1.xml") - 46
        content[one + 42 : one + 46] = content[two + 42 : two + 46]
        path.write_bytes(content)
        (only,) = accepted(path)  # what lies over it is no part that anybody asks for
        assert (only.username, only.problems) == ("asha", ())

    def test_a_part_that_begins_before_the_file_does(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha"))))
        content = bytearray(path.read_bytes())
        end = content.rindex(b"PK\5\6")
        (start,) = struct.unpack_from("<I", content, end + 16)
        content[end + 16 : end + 20] = struct.pack("<I", start + 5000)
        path.write_bytes(content)
        assert "damaged" in refused(path)

    def test_more_parts_than_any_workbook_has(self, tmp_path):
        path = tmp_path / "many.xlsx"
        write_xlsx(path, sheet(HEADER), parts={f"a{n}": "" for n in range(10_001)})
        assert "parts" in refused(path)

    def test_a_list_of_parts_of_any_length(self, tmp_path):
        path = tmp_path / "list.xlsx"
        with ZipFile(path, "w") as archive:
            for place in range(300):
                archive.writestr(f"{place}" + "n" * 60_000, b"")
        assert "list of parts" in refused(path)

    def test_an_archive_in_an_archive_is_not_opened(self, tmp_path):
        inner = write_zip(tmp_path / "inner.zip", {"a": bytes(1 << 20)})
        write_zip(tmp_path / "users.xlsx", {"inner.zip": inner.read_bytes()})
        assert "archive" in refused(tmp_path / "users.xlsx")


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
FETCHED = '<!DOCTYPE l [<!ENTITY b SYSTEM "file:///etc/hostname">]>'
USERS = sheet(HEADER, row(text("asha")))


class TestXml:
    @pytest.mark.parametrize("entities", [LAUGHS, FETCHED])
    @pytest.mark.parametrize(
        "part",
        [
            "_rels/.rels",
            "xl/workbook.xml",
            "xl/_rels/workbook.xml.rels",
            "xl/styles.xml",
            "xl/sharedStrings.xml",
            "xl/worksheets/sheet1.xml",
        ],
    )
    def test_entities_in_any_part_of_a_workbook(self, tmp_path, part, entities):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, USERS, strings="<si><t>x</t></si>")
        with ZipFile(path) as archive:
            content = archive.read(part).decode().removeprefix('<?xml version="1.0"?>')
        write_xlsx(path, USERS, strings="<si><t>x</t></si>", parts={part: entities + content})
        assert "damaged" in refused(path)

    @pytest.mark.parametrize("entities", [LAUGHS, FETCHED])
    def test_entities_in_a_document(self, tmp_path, entities):
        path = tmp_path / "users.ods"
        write_ods(path, **{"content.xml": entities + ODS.format("")})
        assert "damaged" in refused(path)

    def test_elements_in_elements_a_million_times(self, tmp_path):
        deep = "<x>" * 1_000_000 + "</x>" * 1_000_000
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha")), before=deep))
        assert len(accepted(path)) == 1
        write_xlsx(path, USERS, workbook=deep)
        assert "1,000,000 tags" in refused(path)

    def test_a_tag_of_a_hundred_mebibytes(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("a"), attributes=f' x="{"y" * (100 << 20)}"')))
        assert "a tag or a comment" in refused(path)
        columns = f'<table:table-column table:x="{"y" * (20 << 20)}"/>'
        assert "a tag or a comment" in refused(write_ods(tmp_path / "a.ods", columns=columns))

    def test_a_workbook_that_refers_to_another_file_fetches_nothing(self, tmp_path):
        path = tmp_path / "users.xlsx"
        formula = '<c t="str"><f>[1]Sheet1!A1</f>{}</c>'
        write_xlsx(
            path,
            sheet(HEADER, row(formula.format("<v>asha</v>")), row(formula.format(""))),
            workbook='<externalReferences><externalReference r:id="rId77"/></externalReferences>',
            parts={
                "xl/externalLinks/externalLink1.xml": "<externalLink/>",
                "xl/externalLinks/_rels/externalLink1.xml.rels": (
                    '<Relationships><Relationship Id="rId1" TargetMode="External" '
                    'Type="x/externalLinkPath" Target="http://127.0.0.1:9/x.xlsx"/></Relationships>'
                ),
            },
        )
        seen, missing = accepted(path)
        assert [problem.kind for problem in seen.problems] == ["formula-elsewhere"]
        assert [problem.kind for problem in missing.problems] == ["formula-without-value"]


@pytest.fixture
def small_limits(monkeypatch):
    """A child that bears a tenth: to reach the limits themselves takes 10 s and more."""
    changed = "import child; child.CELLS_LIMIT //= 10; child.TEXT_LIMIT //= 10; child.main()"
    start = reading_module._START
    assert start.endswith("from bulk_provision.intake.apart.child import main; main()")
    program = start.replace(".child import main; main()", f" {changed}")
    monkeypatch.setattr(reading_module, "_START", program)


@pytest.mark.usefixtures("small_limits")
class TestRepetition:
    def test_a_cell_repeated_over_the_whole_sheet(self, tmp_path):
        path = tmp_path / "users.ods"
        filled = ods_row(ods_cell("x", 16_384), times=1_048_575)
        assert "cells" in refused(write_ods(path, ods_row(ods_cell("username")), filled))
        assert path.stat().st_size < 4096

    def test_a_long_text_repeated_in_all_rows(self, tmp_path):
        filled = ods_row(ods_cell("x" * 1_000_000), times=1_048_575)
        path = write_ods(tmp_path / "users.ods", ods_row(ods_cell("username")), filled)
        assert "MiB of text" in refused(path)

    def test_a_long_text_that_thousands_of_cells_refer_to(self, tmp_path):
        path = tmp_path / "users.xlsx"
        cells = ['<c t="s"><v>0</v></c>'] * 50
        strings = f"<si><t>{'x' * 1_000_000}</t></si>"
        write_xlsx(path, sheet(HEADER, *[row(*cells)] * 30), strings=strings)
        assert "repeats long texts" in refused(path)

    def test_merged_cells_over_each_other(self, tmp_path):
        path = tmp_path / "users.xlsx"
        rows = [row(text("a"), number=place) for place in range(2, 2000)]
        merged = "<mergeCells>{}</mergeCells>".format('<mergeCell ref="A2:J1048576"/>' * 20_000)
        write_xlsx(path, sheet(HEADER, *rows, after=merged))
        assert "lie over each other" in refused(path)

    def test_a_merged_cell_over_everything(self, tmp_path):
        path = tmp_path / "users.xlsx"
        rows = [row(text("a"), number=place) for place in range(2, 2000)]
        merged = '<mergeCells><mergeCell ref="A2:XFD1048576"/></mergeCells>'
        write_xlsx(path, sheet(HEADER, *rows, after=merged))
        assert "cells" in refused(path)

    def test_columns_hidden_a_million_times(self, tmp_path):
        hidden = '<table:table-column table:visibility="collapse"/>' * 300_000
        header = ods_row(*[ods_cell(f"c{n}") for n in range(2000)], ods_cell("username"))
        path = write_ods(tmp_path / "u.ods", header, ods_row(ods_cell("a", 2001)), columns=hidden)
        assert len(accepted(path)) == 1

    def test_cells_that_span_a_web_page(self, tmp_path):
        path = tmp_path / "users.html"
        spans = "<tr><td colspan=16384 rowspan=2>b" * 5_000
        path.write_text(f"<html><table><tr><td>username{spans}</table>")
        read_or_refused(path)

    def test_more_sheets_than_anybody_has(self, tmp_path):
        path = tmp_path / "users.html"
        path.write_text("<html>" + "<table><tr><td>a</table>" * 1001)
        assert "more than 1,000 sheets" in refused(path)


class TestTime:
    """What took quadratic time, or more."""

    def test_hundreds_of_tables_in_a_page_of_some_size(self, tmp_path):
        path = tmp_path / "users.html"
        path.write_text("<html>" + "<table><tr><td>a</table>" * 900 + "x" * 40_000)
        assert "900 sheets or tables" in refused(path)

    def test_thousands_of_columns_of_one_name(self, tmp_path):
        path = tmp_path / "users.csv"
        path.write_text("username" + ",x" * 16_000 + "\nasha" + ",1" * 16_000 + "\n")
        (found,) = accepted(path)
        assert len(found.others) == 16_000
        with open_table(str(path)) as table:
            assert len(set(table.columns)) == 16_000
            assert table.columns[:3] == ("x", "x (2)", "x (3)")

    def test_headers_of_a_million_characters(self, tmp_path):
        path = tmp_path / "users.xlsx"
        long = text("é" * 1_000_000)
        write_xlsx(path, sheet(*[row(*[long] * 4)] * 20, HEADER, row(text("asha"))))
        read_or_refused(path)

    @pytest.mark.parametrize(
        "piece", ["mergeCell ", "<mergeCell ", "<mergeCell ref", "<mergeCell ref ="]
    )
    def test_the_beginnings_of_a_million_merged_cells(self, tmp_path, piece):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha")), after=f"<!--{piece * 60_000}-->"))
        assert len(accepted(path)) == 1

    def test_a_number_format_of_twenty_thousand_brackets(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(number(1, 1))), formats=["[" * 20_000])
        assert "number format" in refused(path)

    @pytest.mark.parametrize("piece", ["<!", "<!--", "<![CDATA[", "</", "<a ", '<a b="', "&#", "<"])
    def test_a_web_page_of_beginnings(self, tmp_path, piece):
        path = tmp_path / "users.html"
        path.write_text(f"<html><table><tr><td>username<tr><td>{piece * 200_000}</table>")
        read_or_refused(path)

    def test_an_old_workbook_whose_sectors_follow_each_other_in_a_circle(self, tmp_path):
        from bulk_provision.intake.readers.xls import _Container, compdoc

        container = object.__new__(_Container)
        with pytest.raises(compdoc.CompDocError, match="no end"):
            container._get_stream(b"", 0, [1, 0], 64, 0, size=4096)


class TestPlaces:
    def test_a_cell_that_says_another_row_than_it_stands_in_is_damage(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha", "A7"), number=2)))
        assert "'A7'" in refused(path)

    @pytest.mark.parametrize("place", ["ZZZZ2", "XFE2", "2", "A02", "$A$2"])
    def test_a_place_that_is_none_is_damage(self, tmp_path, place):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(text("asha", place), number=2)))
        assert place[:2] in refused(path)

    @pytest.mark.parametrize("stored", ["1_000", "\u0663", "0x1F", "1e", "--1"])
    def test_a_number_that_only_python_would_take_is_a_doubt(self, tmp_path, stored):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(number(stored))))
        (found,) = accepted(path)
        assert [problem.kind for problem in found.problems] == ["number-unreadable"]

    @pytest.mark.parametrize(
        "inside",
        [
            't="str"><v>asha</v><v>vikram</v>',
            't="inlineStr"><is><t>asha</t><t>vikram</t></is>',
            't="inlineStr"><is><t>asha</t></is><is><t>vikram</t></is>',
            't="inlineStr"><is><r><t>asha</t><t>vikram</t></r></is>',
            't="s"><v>0</v>',
        ],
    )
    def test_a_cell_with_two_texts_is_damage(self, tmp_path, inside):
        path = tmp_path / "users.xlsx"
        strings = "<si><t>asha</t><t>vikram</t></si>" if 't="s"' in inside else None
        write_xlsx(path, sheet(HEADER, row(f"<c {inside}</c>")), strings=strings)
        assert "more than one" in refused(path)

    def test_a_number_in_a_style_that_is_not_there_is_a_doubt(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, row(number(45000, 7)), row(text("asha"))))
        doubtful, certain = accepted(path)
        assert [problem.kind for problem in doubtful.problems] == ["number-format-unknown"]
        assert certain.problems == ()


class TestStreams:
    def test_what_never_ends_is_given_up(self, monkeypatch):
        monkeypatch.setattr(source_module, "SIZE_LIMIT", 5 << 20)
        with bounded():
            for name in ("/dev/zero", "/dev/full"):
                with pytest.raises(SourceError, match="more than 5 MiB"):
                    open_table(name)

    def test_a_file_that_is_too_large_is_not_read_to_its_end(self, tmp_path, monkeypatch):
        monkeypatch.setattr(source_module, "SIZE_LIMIT", 5 << 20)
        path = tmp_path / "users.csv"
        with path.open("wb") as file:
            file.truncate(1 << 40)  # there is nothing in it, and it takes no room
        assert "more than 5 MiB" in refused(path)

    def test_a_disk_without_room_for_a_copy_is_told(self, monkeypatch):
        class Full(io.BytesIO):
            def write(self, _):
                raise OSError(28, "No space left on device")

        monkeypatch.setattr(source_module.tempfile, "TemporaryFile", Full)
        with pytest.raises(SourceError, match="No space left") as told:
            open_table("-", stdin=io.BytesIO(b"username\nasha\n"))
        assert "TMPDIR" in told.value.cure

    def test_what_cannot_be_read_is_told(self):
        with pytest.raises(SourceError, match="cannot be read"):
            open_table("/proc/self/mem")

    def test_a_file_that_is_changed_while_it_is_read_ends_well(self, tmp_path):
        path = tmp_path / "users.xlsx"
        write_xlsx(path, sheet(HEADER, *[row(text(f"u{place}")) for place in range(50_000)]))
        with bounded(), open_table(str(path)) as table:
            rows = table.rows()
            next(rows)
            os.truncate(path, 1000)
            with pytest.raises(SourceError):
                list(rows)
            with pytest.raises(SourceError, match="was changed"), table.workbook():
                pass


WRITTEN = Path(__file__).with_name("data")


def seeds(tmp_path):
    write_xlsx(
        tmp_path / "a.xlsx",
        sheet(HEADER, row('<c t="s"><v>0</v></c>', number(42, 1), '<c t="b"><v>1</v></c>')),
        strings="<si><t>asha</t></si>",
        formats=["0000"],
    )
    write_ods(tmp_path / "a.ods", ods_row(ods_cell("username")), ods_row(ods_cell("asha", 2)))
    (tmp_path / "a.html").write_text("<table><tr><th>username<tr><td rowspan=2>a<td>b</table>")
    (tmp_path / "a.csv").write_text('username,note\nasha,"a ""b"""\nvik,é\n')
    made = [tmp_path / f"a.{kind}" for kind in ("xlsx", "ods", "html", "csv")]
    return [*made, WRITTEN / "staff.xls", WRITTEN / "awkward.ods"]


@pytest.mark.parametrize("seed", range(40))
def test_mutated_files_are_read_or_refused(tmp_path, seed):
    """In this process, so that whatever goes wrong is seen."""
    for path in seeds(tmp_path):
        changed = tmp_path / f"changed{path.suffix}"
        changed.write_bytes(mutated(path.read_bytes(), seed))
        with changed.open("rb") as file, suppress(SourceError):
            book = open_book(Source(str(changed), file, "", path.suffix), Wishes())
            with closing(book):
                for one in book.sheets:
                    last = 0
                    for place, cells, _ in islice(one.records(), 5000):
                        assert place > last
                        assert all(isinstance(cell, str) for cell in cells)
                        last = place
                    book.notes(one, [0], [1])
