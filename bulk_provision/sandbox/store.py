"""Where the sandbox keeps its endpoints: in memory, or in a file that outlives it.

The file is a journal, one JSON array a line: `["created", username, password]`, and likewise
`existed`, `updated` and `removed`. A line is handed to the operating system before anybody sees
the change, so that a sandbox that is killed has forgotten nothing that it answered. (It is not
forced to the disk: a machine that loses its power may forget the last lines.)
"""

from __future__ import annotations

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from bulk_provision.sandbox.errors import SandboxOptionError

_CHANGES = frozenset({"existed", "created", "updated", "removed"})


class _Change(NamedTuple):
    what: str
    username: str
    password: str


class EndpointStore:
    """Usernames with their passwords, and how often each was created.

    Args:
        path: the file to keep them in; None for memory.
        existing: endpoints that were there before anybody called; they do not count as created.
            A username that the file has ever heard of is left as it is.

    Raises:
        SandboxOptionError: when the file is no sandbox's, another sandbox has it open, or it
            cannot be opened.
    """

    def __init__(self, path: Path | None = None, existing: Iterable[tuple[str, str]] = ()) -> None:
        self._endpoints: dict[str, str] = {}
        self._created: Counter[str] = Counter()
        self.endpoints: Mapping[str, str] = MappingProxyType(self._endpoints)
        self.created: Mapping[str, int] = MappingProxyType(self._created)
        self._journal = None if path is None else _Journal(path)
        known = set()
        for change in self._journal.changes() if self._journal else ():
            known.add(change.username)
            self._apply(change)
        for username, password in existing:
            if username not in known:
                self._keep(_Change("existed", username, password))

    def create(self, username: str, password: str) -> None:
        """Keep a new endpoint."""
        self._keep(_Change("created", username, password))

    def admit(self, username: str, password: str) -> None:
        """Keep an endpoint that somebody else created; it does not count as created."""
        self._keep(_Change("existed", username, password))

    def update(self, username: str, password: str) -> None:
        """Keep an endpoint's new password."""
        self._keep(_Change("updated", username, password))

    def remove(self, username: str) -> None:
        """Forget an endpoint (but not how often it was created)."""
        self._keep(_Change("removed", username, ""))

    def close(self) -> None:
        """Let go of the file, if there is one; what was kept can still be read."""
        if self._journal is not None:
            self._journal.close()

    def _keep(self, change: _Change) -> None:
        if self._journal is not None:
            self._journal.append(change)
        self._apply(change)

    def _apply(self, change: _Change) -> None:
        if change.what == "removed":
            self._endpoints.pop(change.username, None)
            return
        self._endpoints[change.username] = change.password
        if change.what == "created":
            self._created[change.username] += 1


class _Journal:
    """An append-only file of changes, held by one sandbox at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Nobody else may read it: it holds passwords.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SandboxOptionError(
                f"the state file {path} cannot be opened: {error.strerror}"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise SandboxOptionError(
                f"the state file {path} is in use by another sandbox: stop it, or name another file"
            ) from error

    def changes(self) -> Iterator[_Change]:
        """What the file holds; a last line that was cut short is cut off first."""
        text = self._path.read_bytes()
        whole = text.rfind(b"\n") + 1
        for number, line in enumerate(text[:whole].splitlines(), start=1):
            yield self._change(number, line)
        if whole < len(text):
            os.ftruncate(self._file, whole)

    def append(self, change: _Change) -> None:
        """Hand one change to the operating system, whole or not at all."""
        line = json.dumps(change).encode() + b"\n"
        size = os.fstat(self._file).st_size
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError:
            os.ftruncate(self._file, size)
            raise

    def close(self) -> None:
        os.close(self._file)

    def _change(self, number: int, line: bytes) -> _Change:
        try:
            change = _Change(*json.loads(line))
        except (ValueError, TypeError):
            change = _Change("", "", "")
        if change.what not in _CHANGES or not all(isinstance(part, str) for part in change):
            self.close()
            raise SandboxOptionError(
                f"{self._path}, line {number}: this is not the state file of a sandbox; "
                "name another file"
            )
        return change
