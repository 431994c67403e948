"""The log: structlog, JSON lines on stderr; what looks like a secret is masked, whoever logs it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

from bulk_provision.model import Secret

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

_SECRET_NAME = re.compile(r"secret|password|passwd|token|key$", re.IGNORECASE)
_MASK = "•••"


def logger() -> FilteringBoundLogger:
    """Return the configured logger."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    log: FilteringBoundLogger = structlog.get_logger()
    return log


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask the values of names that sound like secrets, at any depth (a structlog processor)."""
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:  # noqa: ANN401  (whatever is logged)
    if isinstance(value, Secret) or (_SECRET_NAME.search(name) and isinstance(value, str | bytes)):
        return _MASK
    if isinstance(value, dict):
        return {inner: _redacted(str(inner), one) for inner, one in value.items()}
    return value
