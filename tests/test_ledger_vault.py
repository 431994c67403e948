"""Passwords at rest open with their own key, for their own username, or not at all."""

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.errors import KeyMismatchError, LedgerError
from bulk_provision.ledger import Ledger, Vault
from bulk_provision.ledger.vault import key_id, load_key

KEY, ANOTHER = bytes(range(32)), bytes(32)
PASSWORD = "Marked-Password-7"
any_text = st.text(st.characters(codec=None), max_size=30)  # lone surrogates, too


def vault(key=KEY, scope="1001 https://vendor.example"):
    return Vault(key, scope)


def text_of(key):
    return base64.urlsafe_b64encode(key).decode()


def names_in(folder):
    return [file.name for file in folder.iterdir()]


# -- sealing --


@given(username=any_text, password=any_text)
def test_what_was_sealed_opens_again(username, password):
    assert vault().open(username, vault().seal(username, password)) == password


def test_a_sealed_password_cannot_be_read():
    sealed = vault().seal("ada", PASSWORD)
    assert PASSWORD not in sealed
    assert PASSWORD.encode() not in base64.b64decode(sealed)


def test_the_same_password_is_sealed_differently_each_time():
    assert vault().seal("ada", PASSWORD) != vault().seal("ada", PASSWORD)


def test_another_key_does_not_open_it():
    with pytest.raises(KeyMismatchError, match="encrypted under another key"):
        vault(ANOTHER).open("ada", vault().seal("ada", PASSWORD))


@pytest.mark.parametrize("username", ["bob", "Ada", "ada ", ""])
def test_a_sealed_password_moved_to_another_username_does_not_open(username):
    with pytest.raises(KeyMismatchError, match="was damaged or changed"):
        vault().open(username, vault().seal("ada", PASSWORD))


def test_a_sealed_password_moved_to_another_account_does_not_open():
    with pytest.raises(KeyMismatchError):
        vault(scope="1002 https://vendor.example").open("ada", vault().seal("ada", PASSWORD))


def test_account_and_username_cannot_run_into_each_other():
    with pytest.raises(KeyMismatchError):
        vault(scope="1").open("1ada", vault(scope="11").seal("ada", PASSWORD))


@pytest.mark.parametrize("at", range(0, 40, 3))
def test_one_changed_bit_is_noticed(at):
    sealed = bytearray(base64.b64decode(vault().seal("ada", PASSWORD)))
    sealed[at] ^= 1
    with pytest.raises(KeyMismatchError):
        vault().open("ada", base64.b64encode(sealed).decode())


@pytest.mark.parametrize("length", [0, 1, 4, 5, 6, 8, 16, 17, 20, 28, 33])
def test_what_was_cut_off_is_noticed(length):
    with pytest.raises(KeyMismatchError):
        vault().open("ada", vault().seal("ada", PASSWORD)[:length])


def test_a_mark_tells_whether_a_password_is_the_same():
    mark = vault().mark("ada", PASSWORD)
    assert mark == vault().mark("ada", PASSWORD)
    others = [
        vault().mark("ada", "another"),
        vault().mark("bob", PASSWORD),
        vault(ANOTHER).mark("ada", PASSWORD),
        vault(scope="another account").mark("ada", PASSWORD),
    ]
    assert mark not in others


def test_no_repr_shows_the_key():
    assert repr(vault()) == "Vault(•••)"


def test_a_key_id_tells_keys_apart_and_is_no_part_of_them():
    assert key_id(KEY) != key_id(ANOTHER)
    assert key_id(KEY) not in KEY.hex()


# -- the key --


def test_a_key_file_is_made_for_its_owner_alone(tmp_path):
    file = tmp_path / "ledger.db.key"
    key = load_key(None, file, may_create=True)
    assert len(key) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert load_key(None, file, may_create=False) == key
    assert names_in(tmp_path) == ["ledger.db.key"]


def test_of_many_that_make_a_key_file_at_once_one_wins_and_all_use_its_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key(None, tmp_path / "key", may_create=True), range(32)))
    assert len(keys) == 1
    assert names_in(tmp_path) == ["key"]


def test_what_a_killed_process_left_behind_does_not_stand_in_the_way(tmp_path):
    (tmp_path / f"key.{os.getpid()}.new").write_text("")
    assert len(load_key(None, tmp_path / "key", may_create=True)) == 32


def test_the_environment_goes_before_the_file(tmp_path):
    load_key(None, tmp_path / "key", may_create=True)
    assert load_key(text_of(KEY), tmp_path / "key", may_create=False) == KEY


def test_with_a_key_in_the_environment_no_file_is_made(tmp_path):
    load_key(text_of(KEY), tmp_path / "key", may_create=True)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    "text", ["secret", "AAAA", text_of(KEY[:31]), text_of(KEY + b"x"), text_of(KEY)[:-2], "ключ"]
)
def test_what_is_no_key_is_refused_without_repeating_it(text, tmp_path):
    with pytest.raises(LedgerError, match="BULK_PROVISION_KEY does not hold a key") as caught:
        load_key(text, tmp_path / "key", may_create=True)
    assert text not in str(caught.value)


def test_a_missing_key_file_is_not_made_anew_for_a_ledger_with_passwords(tmp_path):
    with pytest.raises(KeyMismatchError, match="is missing"):
        load_key(None, tmp_path / "key", may_create=False)
    assert names_in(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe"])
def test_a_key_file_that_holds_no_key_is_refused_by_its_name(content, tmp_path):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(LedgerError, match=str(tmp_path / "key")):
        load_key(None, tmp_path / "key", may_create=True)
    assert (tmp_path / "key").read_bytes() == content


def test_a_key_file_that_cannot_be_read_is_said_so(tmp_path):
    (tmp_path / "key").mkdir()
    with pytest.raises(LedgerError, match="cannot be read"):
        load_key(None, tmp_path / "key", may_create=True)


def test_a_key_file_that_cannot_be_made_is_said_so(tmp_path):
    with pytest.raises(LedgerError, match="cannot be made"):
        load_key(None, tmp_path / "no such folder" / "key", may_create=True)


# -- a ledger and its key --


def test_a_ledger_opens_again_with_its_key_file(ledger):
    book = ledger.book(1, "https://a")
    sealed = book.vault.seal("ada", PASSWORD)
    with Ledger(str(ledger.path)) as again:
        assert again.book(1, "https://a").vault.open("ada", sealed) == PASSWORD


def test_a_ledger_does_not_open_without_its_key(ledger):
    ledger.key_file.unlink()
    with pytest.raises(KeyMismatchError, match=r"missing: .*ledger\.db\.key"):
        Ledger(str(ledger.path))
    assert not ledger.key_file.exists()


def test_a_ledger_does_not_open_with_another_key_in_the_environment(ledger):
    with pytest.raises(KeyMismatchError, match=r"BULK_PROVISION_KEY is not the one .*ledger\.db"):
        Ledger(str(ledger.path), text_of(ANOTHER))


def test_a_ledger_does_not_open_with_another_key_file(ledger):
    ledger.key_file.write_text(text_of(ANOTHER))
    with pytest.raises(KeyMismatchError, match=r"ledger\.db\.key is not the one"):
        Ledger(str(ledger.path))


def test_a_ledger_made_with_a_key_in_the_environment_needs_no_file(tmp_path):
    Ledger(str(tmp_path / "ledger.db"), text_of(KEY)).close()
    assert not list(tmp_path.glob("*.key*"))
    Ledger(str(tmp_path / "ledger.db"), text_of(KEY)).close()
    with pytest.raises(KeyMismatchError, match="is missing"):
        Ledger(str(tmp_path / "ledger.db"))
