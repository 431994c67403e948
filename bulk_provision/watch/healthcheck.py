"""`--healthcheck`: pings on start, success and failure, by Healthchecks' convention.

https://healthchecks.io/docs/http_api/: `<url>/start`, `<url>` and `<url>/fail`, `rid` pairs a
start with its end, and the body of a POST is kept as the ping's log. Who knows the address can
ping it, so it is a credential of a kind: only its host is ever told.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bulk_provision.errors import UsageError
from bulk_provision.model import ExitCode, Secret
from bulk_provision.settings import Reference

if TYPE_CHECKING:
    import aiohttp

    from bulk_provision.model import RoundSummary
    from bulk_provision.settings import Settings

# A row that stays invalid for weeks must not hide a vendor that is dead: that is for the notices.
_SUCCESS = (ExitCode.DONE, ExitCode.SOME_ROWS, ExitCode.DEADLINE)
_TRIES = 3
_BODY_LIMIT = 4_000  # characters


class Healthcheck:
    """Where a job's start and end are pinged.

    Args:
        url: the check's address.
        connect: seconds for a connection.
        total: seconds for a whole ping.
        pause: seconds before the second try; twice that before the third.

    Raises:
        UsageError: it is no address.
    """

    def __init__(
        self, url: Secret, *, connect: float = 5.0, total: float = 10.0, pause: float = 0.5
    ) -> None:
        self._url = url
        self.host = _host_of(url.reveal())
        self._connect = connect
        self._total = total
        self._pause = pause
        self._rid = str(uuid.uuid4())

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """Return the one that settings name, if any; raises UsageError."""
        if settings.healthcheck is not None:
            return cls(Secret(settings.healthcheck.strip()))
        file = settings.healthcheck_file
        found = Reference.one_of("the healthcheck's address", file=file)
        return None if found is None else cls(found.read())

    def started(self) -> str:
        """Ping that the job begins; return what went wrong, "" when nothing did."""
        return asyncio.run(self._ping("/start", ""))

    def ended(self, round_: RoundSummary, body: str) -> str:
        """Ping how the job ended; return what went wrong, "" when nothing did."""
        path: Literal["", "/fail"] = "" if round_.exit_code in _SUCCESS else "/fail"
        return asyncio.run(self._ping(path, body[:_BODY_LIMIT]))

    async def _ping(self, path: str, body: str) -> str:
        import aiohttp  # noqa: PLC0415  (0.2 s)

        limits = aiohttp.ClientTimeout(total=self._total, connect=self._connect)
        problem = ""
        async with aiohttp.ClientSession(timeout=limits) as session:
            for number in range(_TRIES):
                if number:
                    await asyncio.sleep(self._pause * number)
                problem, is_final = await self._tried(session, self._address(path), body)
                if is_final:
                    break
        return problem

    async def _tried(
        self, session: aiohttp.ClientSession, address: str, body: str
    ) -> tuple[str, bool]:
        """Ping once; return what went wrong, and whether another try would change nothing."""
        import aiohttp  # noqa: PLC0415  (0.2 s)

        headers = {"Content-Type": "text/plain; charset=utf-8", "User-Agent": "bulk-provision"}
        data = body.encode()
        # No error's own text is told: it may hold the address.
        try:
            async with session.post(
                address, data=data, headers=headers, allow_redirects=False
            ) as answer:
                if 200 <= answer.status < 300:
                    return "", True
                return f"it answers {answer.status}", answer.status < 500
        except TimeoutError:
            return "no answer in time", False
        except aiohttp.ClientConnectorError as problem:
            return f"no connection: {_words_of(problem.os_error)}", False
        except aiohttp.ClientError as problem:
            return f"no answer: {type(problem).__name__}", False

    def _address(self, path: str) -> str:
        parts = urlsplit(self._url.reveal())
        query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), ("rid", self._rid)])
        return urlunsplit(parts._replace(path=parts.path.rstrip("/") + path, query=query))


def _host_of(url: str) -> str:
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts.hostname
    except ValueError:  # a port or an IPv6 address that is none
        pass
    raise UsageError(
        "The healthcheck is no address such as https://hc-ping.com/…",
        "Copy its ping URL from Healthchecks.",
    )


def _words_of(problem: OSError) -> str:
    """Return what the system says; name servers have numbers of their own, below zero."""
    if problem.errno and problem.errno > 0:
        return os.strerror(problem.errno)
    return problem.strerror or type(problem).__name__
