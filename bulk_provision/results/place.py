"""Where results lie, and how files get there: whole, private, and never over another one.

A file is written aside in the folder where it shall lie. On Linux it has no name until it is
complete (`O_TMPFILE`), so that even a killed process leaves no credentials behind; where the
file system cannot do that, it has a hidden name that is removed on any failure.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulk_provision.errors import ResultsError
from bulk_provision.results.layout import SHEETS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bulk_provision.results.layout import Pile

_PRIVATE = 0o600
_UNFIT = re.compile(r"[^\w.-]")  # in a file's name
_RESULTS_NAME = re.compile(r"-results-\d{8}T\d{6}\.\d{3}Z")
_REHEARSAL = "-rehearsal"
_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def results_path(
    source: str,
    started_at: float,
    suffix: str = ".xlsx",
    folder: Path | None = None,
    label: str = "",
) -> Path:
    """Name the results file of a run: `users-results-20260102T030405.678Z.xlsx`.

    The time is UTC and sorts as text; it has milliseconds, so that two runs of one source that
    begin in the same second do not meet.

    Args:
        source: the input file's path; "-" (standard input) is called "stdin".
        started_at: UTC, seconds since 1970.
        suffix: what the name ends with.
        folder: where it lies; None: beside the source, for standard input in the current folder.
        label: comes after the source's name, when there are several files about one source.
    """
    beside = Path("stdin") if source == "-" else Path(source)
    if folder is not None:
        beside = folder / beside.name
    moment = datetime.fromtimestamp(started_at, tz=UTC)
    stamp = f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
    which = f"-{_UNFIT.sub('_', label)}" if label else ""
    return beside.with_name(f"{beside.stem}{which}-results-{stamp}{suffix}")


def rehearsal_path(path: Path) -> Path:
    """Name the results of a rehearsal after those of the run: `users-rehearsal.xlsx`."""
    named = path.stem.endswith(_REHEARSAL)
    return path if named else path.with_name(f"{path.stem}{_REHEARSAL}{path.suffix}")


def is_results_name(name: str) -> bool:
    """Tell whether a file is called as `results_path` (or `csv_paths` from it) calls files."""
    return _RESULTS_NAME.search(name) is not None


def make_folder(folder: Path) -> None:
    """Make the folder for results, private, with those above it; raises ResultsError."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise ResultsError(
            f"The folder {folder} for the results cannot be made: {problem.strerror}.",
            "Name another one; nothing was called.",
        ) from problem


def csv_paths(path: Path, kind: str = "provision") -> dict[Pile, Path]:
    """Name the four CSV files that stand for the workbook `path` (or for that stem)."""
    stem = path.stem if path.suffix.lower() in {".xlsx", ".csv"} else path.name
    return {pile: path.with_name(f"{stem}-{pile}.csv") for pile in SHEETS[kind]}


def check_writable(path: Path, *, csv: bool, overwrite: bool, kind: str = "provision") -> None:
    """Refuse, before a run begins, a place where its results could not be written at the end.

    Args:
        path: where the workbook shall lie, or what `write_csv` will be given.
        csv: the four CSV files will be written rather than a workbook.
        overwrite: files that lie there already may be replaced.
        kind: of the run.

    Raises:
        ResultsError: it exists already, is a folder, its folder is missing or not writable.
    """
    cure = "Choose another place with -o; nothing was called."
    targets = tuple(csv_paths(path, kind).values()) if csv else (path,)
    with _told_as_results_error(path, cure):
        for target in targets:
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, "is a folder", str(target))
            if os.path.lexists(target) and not overwrite:
                raise FileExistsError(errno.EEXIST, "exists already", str(target))
            _Aside(target).discard()


def export_again(run_id: int) -> str:
    """Return the cure for results that could not be written."""
    return f"The ledger still knows everything: bulk-provision export {run_id} -o FILE"


@contextmanager
def placed(
    targets: Sequence[Path], *, overwrite: bool, cure: str
) -> Iterator[tuple[BinaryIO, ...]]:
    """Open a private file for each target; put all of them in place when the block ends well.

    When the block fails, or one of the files cannot be put in place, none is left behind
    (with `overwrite`, those already replaced stay replaced: the old ones are gone).

    Args:
        targets: where the files shall lie.
        overwrite: replace files that lie there already.
        cure: what to do when they cannot be written.

    Yields:
        A binary file for each target, readable, writable and seekable.

    Raises:
        ResultsError: the operating system refused something, or a target exists already.
    """
    with _told_as_results_error(targets[0], cure), ExitStack() as stack:
        asides = []
        for target in targets:
            asides.append(aside := _Aside(target))
            stack.callback(aside.discard)
        yield tuple(aside.file for aside in asides)
        for aside in asides:
            aside.settle()
        _put_in_place(asides, overwrite=overwrite)


@contextmanager
def _told_as_results_error(path: Path, cure: str) -> Iterator[None]:
    """Tell an OSError as what it means for the results."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileExistsError):
            taken = path.with_name(Path(error.filename2 or error.filename or path).name)
            what = f"{taken} exists already, and is not replaced without --yes."
        elif isinstance(error, FileNotFoundError):
            what = f"The results cannot be written: there is no folder {path.parent}."
        elif isinstance(error, IsADirectoryError):
            what = f"The results cannot be written: {path} is a folder."
        else:
            what = f"The results {path} cannot be written: {error.strerror or error}."
        raise ResultsError(what, cure) from error


def _put_in_place(asides: Sequence[_Aside], *, overwrite: bool) -> None:
    with ExitStack() as undo:
        for aside in asides:
            if overwrite:
                aside.replace()
            else:
                aside.link()
                undo.callback(aside.target.unlink)
        undo.pop_all()


class _Aside:
    """A private file in the target's folder, not yet under the target's name."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._hidden = f".{target.name[:100]}.{secrets.token_hex(8)}.part"
        self._folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            handle, self._named = self._create()
        except BaseException:
            os.close(self._folder)
            raise
        self.file: BinaryIO = os.fdopen(handle, "w+b")

    def _create(self) -> tuple[int, bool]:
        if hasattr(os, "O_TMPFILE"):
            # Refused by file systems that cannot (NFS, FAT, some FUSE), each with its own error.
            with suppress(OSError):
                flags = os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC
                return os.open(".", flags, _PRIVATE, dir_fd=self._folder), False
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(self._hidden, flags, _PRIVATE, dir_fd=self._folder), True

    def settle(self) -> None:
        """Make sure that every byte is on the disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def link(self) -> None:
        """Give it the target's name, in one step that fails when that name is taken."""
        try:
            self._link_as(self.target.name)
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS or not self._named:
                raise
            self._reserve_and_replace()
        os.fsync(self._folder)

    def replace(self) -> None:
        """Give it the target's name, in one step, whatever has that name now."""
        if not self._named:
            self._link_as(self._hidden)
            self._named = True
        self._rename()
        os.fsync(self._folder)

    def _link_as(self, name: str) -> None:
        # Giving a folder handle makes Python call linkat(AT_SYMLINK_FOLLOW), which is how a file
        # without a name is given one: open(2), O_TMPFILE.
        nameless = f"/proc/self/fd/{self.file.fileno()}"
        os.link(
            self._hidden if self._named else nameless,
            name,
            src_dir_fd=self._folder,
            dst_dir_fd=self._folder,
            follow_symlinks=True,
        )

    def _reserve_and_replace(self) -> None:
        # FAT has no hard links: an empty file of ours takes the name, or finds it taken.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(self.target.name, flags, _PRIVATE, dir_fd=self._folder))
        try:
            self._rename()
        except OSError:
            os.unlink(self.target.name, dir_fd=self._folder)
            raise

    def _rename(self) -> None:
        folder = self._folder
        os.replace(self._hidden, self.target.name, src_dir_fd=folder, dst_dir_fd=folder)
        self._named = False

    def discard(self) -> None:
        """Close it, and remove what is still aside."""
        with suppress(OSError):  # a full disk is told by the write that met it
            self.file.close()
        if self._named:
            with suppress(FileNotFoundError):
                os.unlink(self._hidden, dir_fd=self._folder)
        os.close(self._folder)
