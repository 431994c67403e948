"""A sender without a network: the sandbox's vendor as the truth, and a list of events as its luck.

For tests on virtual time: hundreds of runs with time-outs, settle times and back-offs in seconds.
"""

from __future__ import annotations

import asyncio
import json
from enum import StrEnum
from typing import TYPE_CHECKING

from bulk_provision.piopiy import Reply, Request
from bulk_provision.sandbox import EndpointStore, Vendor

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

APPID, SECRET = 1001, "s"
LATENCY = 0.05


class Luck(StrEnum):
    """What happens to a call."""

    FINE = "fine"
    UNSENT = "no connection"
    LOST_BEFORE = "lost before the vendor saw it"
    LOST_AFTER = "done, and the answer lost"
    LATE = "done two seconds after the client gave up"
    HTML_BEFORE = "a gateway's 502 instead of the call"
    HTML_AFTER = "done, and a gateway's 502 as the answer"
    MISSING = "the vendor's JSON 502"
    BUSY = "429"
    STRANGER = "done, and an answer about somebody else"
    GARBAGE = "done, and bytes that are no JSON"
    ASTRAY = "404"
    REFUSED = "420"


_INSTEAD = {  # of the call
    Luck.LOST_BEFORE: Reply(sent=True, trouble="the connection was closed"),
    Luck.HTML_BEFORE: Reply(sent=True, status=502, body=b"<html>Bad gateway</html>"),
    Luck.MISSING: Reply(sent=True, status=200, body=b'{"code":"cmi-502"}'),
    Luck.BUSY: Reply(sent=True, status=429, body=b"", retry_after=1.0),
    Luck.ASTRAY: Reply(sent=True, status=404, body=b"<html>Not found</html>"),
    Luck.REFUSED: Reply(sent=True, status=200, body=b'{"code":"cmi-420"}'),
}
_AFTERWARDS = {  # although the call was done
    Luck.LOST_AFTER: Reply(sent=True, trouble="the connection was reset"),
    Luck.HTML_AFTER: Reply(sent=True, status=502, body=b"<html>Bad gateway</html>"),
    Luck.GARBAGE: Reply(sent=True, status=200, body=b"{{{"),
}


class FakeVendor:
    """Implements the `Sender` seam.

    Args:
        luck: what happens to the first, second, … call; those after the last are fine.
        existing: endpoints that were there before.
    """

    def __init__(self, luck: Iterable[Luck] = (), existing: Mapping[str, str] | None = None):
        self._luck = list(luck)
        self._store = EndpointStore(None, tuple((existing or {}).items()))
        self.vendor = Vendor(APPID, SECRET, self._store)
        self.requests: list[Request] = []
        self.left_at: list[float] = []
        self.before: dict[int, Callable[[], object]] = {}  # what happens before the nth call
        self._late: set[asyncio.TimerHandle] = set()

    def bring(self, luck: Iterable[Luck]) -> None:
        """Let this happen to the next calls, and fine things to those after."""
        self._luck = list(luck)

    async def send(self, request: Request, turn: Callable[[], Awaitable[None]]) -> Reply:
        luck = self._luck.pop(0) if self._luck else Luck.FINE
        if luck is Luck.UNSENT:
            return Reply(sent=False, trouble="no connection")
        await turn()
        self.requests.append(request)
        self.before.pop(len(self.requests), lambda: None)()
        self.left_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(LATENCY)
        return self._reply(request, luck)

    def _reply(self, request: Request, luck: Luck) -> Reply:
        if luck in _INSTEAD:
            return _INSTEAD[luck]
        if luck is Luck.LATE:
            self._late.add(asyncio.get_running_loop().call_later(2.0, self._perform, request))
            return Reply(sent=True, trouble="no answer within 30 s")
        answer = self._perform(request)
        if luck in _AFTERWARDS:
            return _AFTERWARDS[luck]
        if luck is Luck.STRANGER:
            answer = {**answer, "username": "somebody-else"}
        return Reply(sent=True, status=200, body=json.dumps(answer).encode())

    def _perform(self, request: Request) -> dict[str, object]:
        credentials = {"appid": APPID, "secret": SECRET}
        answer = self.vendor.perform(request.call, {**credentials, **request.fields()})
        return {"code": f"cmi-{answer.code}", **answer.fields}
