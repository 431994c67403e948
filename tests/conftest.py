"""What tests of all rooms share."""

import gc
import os
import shutil

import pytest
from hypothesis import settings

from bulk_provision.intake.apart.reading import ReadApart
from bulk_provision.intake.exports.book import open_source_book
from bulk_provision.ledger import Ledger
from ledger_samples import APPID, BASE_URL

# No deadlines: the machine may be busy. No database of examples: the folder is the developer's.
settings.register_profile("here", deadline=None, database=None, print_blob=True)
settings.load_profile("here")


def pytest_collection_finish():
    """What is imported by now stays: to look through it for garbage took a fifth of the time."""
    gc.freeze()
    gc.set_threshold(20_000)  # as the command has it


@pytest.fixture(autouse=True)
def _nothing_of_the_developers_own(monkeypatch):
    """No setting of the machine's user reaches a test, and no test the user's own ledger."""
    for name in os.environ:
        if name.upper().startswith("BULK_PROVISION_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", "/nonexistent/data")


class ReadHere:
    """A source read by this process, in the place of `ReadApart`."""

    def __init__(self, source, wishes):
        self._book, self.told = open_source_book(source, wishes)
        self.sheets, self.notes = self._book.sheets, self._book.notes
        self.close = self._book.close


@pytest.fixture(scope="session", autouse=True)
def _sources_read_in_this_process():
    """Starting a process takes 0.1 s; these tests read some thousand sources.

    The process of its own has its tests in test_intake_reading, and is used by every test that
    starts the real command.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bulk_provision.intake.opening.ReadApart", ReadHere)
        yield


@pytest.fixture
def read_apart(monkeypatch):
    """Sources are read by a process of its own, as the command does it."""
    monkeypatch.setattr("bulk_provision.intake.opening.ReadApart", ReadApart)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory):
    """A ledger with its schema made, to be copied: migrations are tested where they matter."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    Ledger(str(path)).close()
    return path


@pytest.fixture
def ledger(empty_ledger, tmp_path):
    """A new ledger, open."""
    path = tmp_path / "ledger.db"
    shutil.copy(empty_ledger, path)
    shutil.copy(f"{empty_ledger}.key", f"{path}.key")
    with Ledger(str(path)) as opened:
        yield opened


@pytest.fixture
def book(ledger):
    """An account's part of the new ledger."""
    return ledger.book(APPID, BASE_URL)
