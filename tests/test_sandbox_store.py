"""Endpoints kept in a file outlive the sandbox, however it ends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.sandbox import EndpointStore, SandboxOptionError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vendor.state"


def reopened(path, **options):
    store = EndpointStore(path, **options)
    store.close()
    return store


def test_everything_kept_is_there_after_a_restart(path):
    store = EndpointStore(path)
    store.create("ada", "pw-1")
    store.create("bob", "pw-2")
    store.update("ada", "pw-3")
    store.remove("bob")
    store.create("bob", "pw-4")
    store.close()
    again = reopened(path)
    assert list(again.endpoints.items()) == [("ada", "pw-3"), ("bob", "pw-4")]
    assert again.created == {"ada": 1, "bob": 2}


def test_a_change_is_in_the_file_before_it_can_be_seen(path):
    store = EndpointStore(path)
    store.create("ada", "pw")
    assert path.read_bytes() == b'["created", "ada", "pw"]\n'
    store.close()


def test_the_file_is_for_its_owner_alone(path):
    reopened(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_short_is_forgotten_and_overwritten(path):
    path.write_bytes(b'["created", "ada", "pw-1"]\n["created", "bo')
    store = EndpointStore(path)
    assert store.endpoints == {"ada": "pw-1"}
    store.create("cy", "pw-2")
    store.close()
    assert reopened(path).endpoints == {"ada": "pw-1", "cy": "pw-2"}


def test_a_full_disk_leaves_neither_half_a_line_nor_the_change(path, monkeypatch):
    store = EndpointStore(path)
    write = monkeypatch_write(monkeypatch, allowed=10)
    with pytest.raises(OSError, match="No space left"):
        store.create("ada", "pw")
    assert store.endpoints == {}
    write.undo()
    store.create("bob", "pw")
    store.close()
    assert reopened(path).endpoints == {"bob": "pw"}


def monkeypatch_write(monkeypatch, allowed):
    """A disk that takes so many bytes of the first write, and then no more."""
    import errno
    import os

    real, calls = os.write, []

    def write(file, line):
        calls.append(line)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, line[:allowed])

    monkeypatch.setattr("bulk_provision.sandbox.store.os.write", write)
    return monkeypatch


def test_two_sandboxes_cannot_share_a_file(path):
    first = EndpointStore(path)
    with pytest.raises(SandboxOptionError, match="in use by another sandbox"):
        EndpointStore(path)
    first.close()
    reopened(path)


@pytest.mark.parametrize(
    "content", ["username,password\n", "[1, 2]\n", '["x", "y", "z"]\n', "{}\n"]
)
def test_a_file_of_another_kind_is_refused_and_left_alone(path, content):
    path.write_text(content)
    with pytest.raises(SandboxOptionError, match="line 1: this is not the state file"):
        EndpointStore(path)
    assert path.read_text() == content
    path.write_text("")
    reopened(path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(SandboxOptionError, match="no-such-folder"):
        EndpointStore(tmp_path / "no-such-folder" / "state")


def test_existing_endpoints_are_not_put_back_over_what_became_of_them(path):
    existing = [("ada", "pw-1"), ("bob", "pw-2")]
    store = EndpointStore(path, existing)
    store.update("ada", "changed")
    store.remove("bob")
    store.close()
    again = reopened(path, existing=[*existing, ("cy", "pw-3")])
    assert again.endpoints == {"ada": "changed", "cy": "pw-3"}
    assert again.created == {}


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_text_survives(tmp_path_factory, username, password):
    path = tmp_path_factory.mktemp("store") / "state"
    store = EndpointStore(path)
    store.create(username, password)
    store.close()
    assert reopened(path).endpoints == {username: password}
    assert all(json.loads(line) for line in path.read_bytes().splitlines())
