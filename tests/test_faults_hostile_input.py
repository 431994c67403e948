"""Hostile and unlucky texts: byte for byte at the vendor and in the results, or refused."""

import asyncio
import csv
import shutil
import tempfile
from pathlib import Path
from unicodedata import category

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk_provision import Account, Outcome, Results, Secret, provision
from bulk_provision.characters import UNSEEN
from bulk_provision.errors import SourceError
from bulk_provision.ledger import Ledger
from fake_vendor import APPID, SECRET, FakeVendor
from virtual_time import run

ACCOUNT = Account(APPID, Secret(SECRET), "https://vendor.example/v1/endpoint")

UNLUCKY = [
    "00123", "1e5", "NaN", "NULL", "TRUE", "None", "1-2", "12/05/2026", "0x1F", "+4930123456",
    "=1+1", "@SUM(A1)", "-2+3", "+cmd|' /C calc'!A0", "'quoted", '"quoted"', "a,b;c\td|e",
    "_x0041_", "_x005F_x0041_", "a\u0000b", "a\u0007b", "a\r\nb", " lead", "trail ", "a\u00a0b",
    "a\u200bb", "\ufeffbom", "\u202eevil\u202c", "\U0001f600", "e\u0301", "\u00e9", "\uff11\uff12",
    "日本語", "x" * 64, "x" * 65, "x" * 129, "x" * 32_767, "#N/A", "****",
    "<b>&amp;", "\\n", "%s%n",
]  # fmt: skip

texts = st.one_of(st.sampled_from(UNLUCKY), st.text(min_size=1, max_size=24))


def write_csv(path, rows):
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["username", "password", "note"])
        writer.writerows(rows)


def outcome_of(template, rows, suffix, write):
    """Run the rows; return the vendor, and the results as the ledger and the workbook hold them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, ledger = folder / f"u{suffix}", folder / "ledger.db"
        shutil.copy(template, ledger)
        shutil.copy(f"{template}.key", f"{ledger}.key")
        write(source, rows)
        vendor = FakeVendor()
        results = Results(str(folder / "r.csv"), csv=True)
        summary = run(
            provision(source, ACCOUNT, results=results, ledger=str(ledger), sender=vendor)
        )
        with Ledger(str(ledger)) as opened:
            told = list(opened.result_rows(summary.run_id))
        return vendor, summary, told


def assert_nothing_was_changed_silently(rows, vendor, summary, told):
    """What stands in a cell is what the vendor got and the results hold, or the row is invalid."""
    assert sum(summary.outcomes.values()) == summary.rows == len(told)
    wanted = {(username, password) for username, password, _ in rows}
    for row in told:
        if row.outcome is not Outcome.CREATED:
            assert row.outcome is Outcome.INVALID
            assert row.message
            assert row.tip
            continue
        held = vendor.vendor.endpoints[row.username]
        assert held == row.password
        exact = (row.username, row.password) in wanted
        trimmed = any(
            password == row.password and without_unseen_ends(username) == row.username
            for username, password in wanted
        )
        assert exact or trimmed, f"{row.username!r} was made of something else"


def without_unseen_ends(text):
    """A username without what nobody sees around it: trimmed with a note, as documented."""
    seen = [n for n, character in enumerate(text) if category(character) not in UNSEEN]
    return text[seen[0] : seen[-1] + 1] if seen else ""


def test_unlucky_texts_as_usernames(empty_ledger):
    rows = [(text, f"Chosen-Pass-{n}", "") for n, text in enumerate(UNLUCKY)]
    assert_nothing_was_changed_silently(rows, *outcome_of(empty_ledger, rows, ".csv", write_csv))


def test_unlucky_texts_as_passwords(empty_ledger):
    rows = [(f"user{n}", text, "") for n, text in enumerate(UNLUCKY)]
    assert_nothing_was_changed_silently(rows, *outcome_of(empty_ledger, rows, ".csv", write_csv))


def test_unlucky_texts_in_other_columns_never_make_a_row_invalid(empty_ledger):
    rows = [(f"user{n}", f"Chosen-Pass-{n}", text) for n, text in enumerate(UNLUCKY)]
    _, summary, told = outcome_of(empty_ledger, rows, ".csv", write_csv)
    assert summary.outcomes[Outcome.CREATED] == len(UNLUCKY)
    for row, text in zip(told, UNLUCKY, strict=True):
        if text.isprintable():
            assert row.others == (text,)


@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=6))
def test_random_texts_in_csv(empty_ledger, rows):
    try:
        vendor, summary, told = outcome_of(empty_ledger, rows, ".csv", write_csv)
    except SourceError:
        return  # refused as a whole, with a reason: nothing was called
    assert_nothing_was_changed_silently(rows, vendor, summary, told)


def write_xlsx(path, rows):
    book = openpyxl.Workbook()
    book.active.append(["username", "password", "note"])
    for row in rows:
        book.active.append([None] * 3)
        for column, text in enumerate(row, start=1):
            cell = book.active.cell(book.active.max_row, column)
            cell.value = text
            cell.data_type = "s"
    book.save(path)


in_excel = st.text(
    st.characters(codec="utf-8", min_codepoint=32, exclude_characters="\ufffe\uffff"),
    min_size=1,
    max_size=24,
).filter(str.strip)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(in_excel, in_excel, in_excel), min_size=1, max_size=5))
def test_random_texts_in_a_workbook(empty_ledger, rows):
    vendor, summary, told = outcome_of(empty_ledger, rows, ".xlsx", write_xlsx)
    assert_nothing_was_changed_silently(rows, vendor, summary, told)


async def test_results_with_hostile_texts_can_be_opened_and_hold_no_formula(tmp_path, empty_ledger):
    rows = [(f"user{n}", "", text) for n, text in enumerate(UNLUCKY)]
    write_csv(tmp_path / "u.csv", rows)
    ledger = tmp_path / "ledger.db"
    await provision(
        tmp_path / "u.csv",
        ACCOUNT,
        results=tmp_path / "r.xlsx",
        ledger=str(ledger),
        sender=FakeVendor(),
    )
    book = await asyncio.to_thread(openpyxl.load_workbook, tmp_path / "r.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert not [cell.coordinate for cell in cells if cell.data_type == "f"]
