"""The user, the secrets, the folders and the disk."""

from __future__ import annotations

import getpass
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bulk_provision.doctor.results import Health, Result
from bulk_provision.ledger import ledger_path
from bulk_provision.setting_up import MADE_BY_RUNS, SecretNeeded, folders_written, nearest_folder
from bulk_provision.settings import secret_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bulk_provision.settings import Settings

_GIB = 1 << 30
_LEDGERS = 5  # times the ledger's size that should be free: it grows, and is copied on migration


def user() -> Iterator[Result]:
    """Tell as whom all of this is looked at."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = str(os.getuid())
    if os.geteuid() == 0:
        what = f"{name} may read and write what the job's own user may not."
        cure = "Look again as that user: `job install` tells the command."
        yield Result("user", Health.WARNING, what, cure)
    else:
        yield Result("user", Health.OK, f"looked at as {name}")


def secret(needed: SecretNeeded) -> Iterator[Result]:
    """See that a secret can be read, and by nobody else."""
    needed.reference.read()
    yield _secret(needed)


def _secret(needed: SecretNeeded) -> Result:
    kind, place = needed.reference.kind, needed.reference.place
    if kind != "file":
        where = f"the variable {place}" if kind == "env" else "what the command prints"
        return Result("secret", Health.OK, f"{needed.key}: {where} can be read")
    path = secret_path(Path(place))
    if path != Path(place).expanduser():
        what = f"{needed.key}: systemd passes it on ({path.name})"
        return Result("secret", Health.OK, what)
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IRWXO | stat.S_IWGRP):
        what = f"{needed.key}: others may read or change {path} (mode {mode:04o})."
        return Result("secret", Health.WARNING, what, f"chmod 600 {path}")
    owner = _name_of(found.st_uid)
    what = f"{needed.key}: {path} can be read (mode {mode:04o}, owner {owner})"
    return Result("secret", Health.OK, what)


def _name_of(uid: int) -> str:
    import pwd  # noqa: PLC0415  (there is none on Windows)

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def private(name: str, path: Path) -> Iterator[Result]:
    """Complain of a file that is not for its owner alone, or is another's than this user's."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"others may read or change {path} (mode {mode:04o})."
        yield Result(name, Health.WARNING, what, f"chmod 600 {path}")
    if found.st_uid != os.geteuid() and os.geteuid() != 0:
        what = f"{path} is {_name_of(found.st_uid)}'s, not this user's."
        yield Result(name, Health.WARNING, what, "Let the job run as its owner, or chown it.")


def folders(settings: Settings) -> Iterator[Result]:
    """See that a file can be written wherever the job writes one."""
    seen = set()
    for key, folder in folders_written(settings):
        if folder not in seen:
            seen.add(folder)
            yield _writable(key, folder)


def _writable(key: str, folder: Path) -> Result:
    there = nearest_folder(folder)
    if there != folder and key not in MADE_BY_RUNS:
        what = f"{key}: there is no folder {folder}, and a run does not make it."
        return Result("folder", Health.FAILED, what, f"install -d -m 0750 {folder}")
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"a few bytes")
            file.flush()
    except OSError as problem:
        what = f"{key}: nothing can be written to {there}: {problem.strerror}."
        return Result(
            "folder", Health.FAILED, what, "Give this user the right to, or name another."
        )
    made = "" if there == folder else f" ({folder} is made when it is needed)"
    return Result("folder", Health.OK, f"{key}: {there} can be written to{made}")


def space(settings: Settings) -> Iterator[Result]:
    """See that there is room for the ledger and for what else the job writes."""
    ledger = ledger_path(settings.ledger)
    size = ledger.stat().st_size if ledger.exists() else 0
    seen = set()
    for key, folder in folders_written(settings):
        there = nearest_folder(folder)
        device = there.stat().st_dev
        wanted = max(_GIB, _LEDGERS * size) if key == "ledger" else _GIB
        if device in seen:
            continue
        seen.add(device)
        free = shutil.disk_usage(there).free
        what = f"{free / _GIB:,.1f} GiB are free for {there}"
        if free < wanted:
            cure = f"Make room: {wanted / _GIB:,.1f} GiB are wanted."
            yield Result("space", Health.WARNING, f"{what}.", cure)
        else:
            yield Result("space", Health.OK, what)
