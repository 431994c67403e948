"""The log: structlog, JSON lines on stderr and in files; what looks like a secret is masked."""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from bulk_provision.errors import UsageError
from bulk_provision.model import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_SECRET_NAME = re.compile(r"secret|password|passwd|token|key$", re.IGNORECASE)
_MASK = "•••"
_UNFIT = re.compile(r"[^\w.-]")  # in a file's name


def logger(stream: TextIO) -> FilteringBoundLogger:
    """Return a logger that writes JSON lines to a stream, each at once."""
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=False,
    )
    return log


class LogFile:
    """A log file, private (0600); when it cannot be written any more, the run goes on without it.

    Args:
        folder: where it lies; made when missing.
        job: what its name begins with; "" for a run without a job.

    Raises:
        UsageError: it cannot be made.
    """

    def __init__(self, folder: Path, job: str) -> None:
        moment = datetime.fromtimestamp(time.time(), tz=UTC)
        stamp = f"{moment:%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        self.path = folder / f"{_UNFIT.sub('_', job) or 'run'}-{stamp}.jsonl"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as problem:
            raise UsageError(
                f"The log file {self.path} cannot be made: {problem.strerror}.",
                "Name another folder with --log-folder; nothing was called.",
            ) from problem
        self._file: TextIO | None = open(made, "w", encoding="utf-8")  # noqa: SIM115, PTH123

    def write(self, text: str) -> None:
        """Write, as long as that goes well."""
        self._try(lambda file: file.write(text))

    def flush(self) -> None:
        """Flush, as long as that goes well."""
        self._try(lambda file: file.flush())

    def close(self) -> None:
        """Close it."""
        self._try(lambda file: file.close())

    def _try(self, does: Callable[[TextIO], object]) -> None:
        if self._file is None:
            return
        try:
            does(self._file)
        except OSError as problem:
            self._file = None
            sys.stderr.write(f"The log {self.path} ends here: {problem.strerror}.\n")


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the values of names that sound like secrets, at any depth (a structlog processor)."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:  # noqa: ANN401  (whatever is logged)
    if isinstance(value, Secret) or (_SECRET_NAME.search(name) and isinstance(value, str | bytes)):
        return _MASK
    if isinstance(value, dict):
        return {inner: _redacted(str(inner), one) for inner, one in value.items()}
    return value
