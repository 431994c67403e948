"""When: a deadline (a time of day, or a length of time), and the time at which a job is due."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LENGTH = re.compile(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Deadline(NamedTuple):
    """A moment after which nothing more is sent.

    Args:
        text: as it was written.
        clock: hour and minute, local time; None: `seconds` counts.
        seconds: after the start.
    """

    text: str
    clock: tuple[int, int] | None = None
    seconds: float = 0.0

    def seconds_from(self, now: float) -> float:
        """Return how many seconds after `now` (UTC, since 1970) it is: the next time of day."""
        if self.clock is None:
            return self.seconds
        start = datetime.fromtimestamp(now).astimezone()
        hour, minute = self.clock
        moment = start.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if moment <= start:
            moment += timedelta(days=1)
        return moment.timestamp() - now


class _Schedule(NamedTuple):
    """When a job is due.

    Args:
        hour: local time.
        minute: of the hour.
        days: "mon" … "sun"; all of them: daily.
    """

    hour: int
    minute: int
    days: tuple[str, ...] = _DAYS


def _read_deadline(value: Any) -> Any:  # noqa: ANN401  (whatever a flag, a variable or TOML gives)
    if isinstance(value, _Deadline):
        return value
    text = str(value).strip().lower()
    if clock := _CLOCK.fullmatch(text):
        return _Deadline(text, (int(clock[1]), int(clock[2])))
    if (length := _LENGTH.fullmatch(text)) and any(length.groups()):
        hours, minutes, seconds = (int(part or 0) for part in length.groups())
        return _Deadline(text, seconds=hours * 3600.0 + minutes * 60.0 + seconds)
    raise ValueError("write a time of day, such as 06:00, or a length of time, such as 3h or 90m")


def _read_schedule(value: Any) -> Any:  # noqa: ANN401  (whatever a flag, a variable or TOML gives)
    if isinstance(value, _Schedule):
        return value
    *days, clock = str(value).strip().lower().split() or [""]
    if (moment := _CLOCK.fullmatch(clock)) is None or len(days) > 1:
        raise ValueError("write a time of day, such as 02:17, or 'mon-fri 02:17'")
    return _Schedule(int(moment[1]), int(moment[2]), _days(days[0]) if days else _DAYS)


def _days(text: str) -> tuple[str, ...]:
    """Read `mon-fri` or `mon,wed,fri`, in the week's order."""
    named: set[str] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not {first, last or first} <= set(_DAYS):
            raise ValueError("days are mon, tue, wed, thu, fri, sat, sun")
        begin, end = _DAYS.index(first), _DAYS.index(last if dash else first)
        span = range(begin, end + 1) if begin <= end else (*range(begin, 7), *range(end + 1))
        named |= {_DAYS[day] for day in span}
    return tuple(day for day in _DAYS if day in named)


# For editors: how each is written in a job file, more narrowly than it is read.
_TIME_OF_DAY = r"([01]?[0-9]|2[0-3]):[0-5][0-9]"
_DAY = f"({'|'.join(_DAYS)})"
_SPAN = f"{_DAY}(-{_DAY})?"
_DEADLINE_TEXT = WithJsonSchema(
    {"type": "string", "pattern": rf"^({_TIME_OF_DAY}|([0-9]+h)? ?([0-9]+m(in)?)? ?([0-9]+s)?)$"}
)
_SCHEDULE_TEXT = WithJsonSchema(
    {"type": "string", "pattern": rf"^({_SPAN}(,{_SPAN})* )?{_TIME_OF_DAY}$"}
)

Deadline = Annotated[_Deadline, BeforeValidator(_read_deadline), _DEADLINE_TEXT]
Schedule = Annotated[_Schedule, BeforeValidator(_read_schedule), _SCHEDULE_TEXT]
