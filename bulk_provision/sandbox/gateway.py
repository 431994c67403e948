"""What stands between the network and the vendor: arrivals, limit, latency and faults."""

from __future__ import annotations

import asyncio
import json
import math
import random
import time
from collections import deque
from functools import partial

from aiohttp import web

from bulk_provision.sandbox.faults import Fault, FaultKind, FaultPlan
from bulk_provision.sandbox.misbehaviour import Mishap, misbehave, too_many
from bulk_provision.sandbox.options import SandboxOptions
from bulk_provision.sandbox.schedule import FaultSchedule
from bulk_provision.sandbox.shape import Shape, html_page
from bulk_provision.sandbox.vendor import Answer, Arrival, Vendor


class Gateway:
    """Takes requests for the vendor, and treats them as the options say."""

    def __init__(self, vendor: Vendor, options: SandboxOptions) -> None:
        self._vendor = vendor
        self._shape = Shape(options.code_in, options.code_form)
        self._latency = options.latency
        self._limit = None if options.limit is None else SlidingLimit(options.limit)
        self._schedule = FaultSchedule(options.faults)
        # Repeatable on purpose: a run with the same seed has the same latencies.
        self._draws = random.Random(options.faults.seed)  # noqa: S311  nothing secret is drawn
        # Wall time by a clock that never runs backwards, so that arrivals can be subtracted.
        self._epoch = time.time() - time.monotonic()

    @property
    def plan(self) -> FaultPlan:
        """The faults that are being carried out."""
        return self._schedule.plan

    @plan.setter
    def plan(self, plan: FaultPlan) -> None:
        """Carry out another plan from now on, counting from 1 again."""
        self._schedule = FaultSchedule(plan)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Answer one of the five calls."""
        arrival = self._arrived(request.path.rpartition("/")[2])
        admitted = self._limit is None or self._limit.admits(arrival.at)
        properties = _properties(request, await request.read())
        if properties is None:
            return _sent(arrival, html_page(400))
        arrival.username = _username(properties)
        fault = self._schedule.next(arrival.call, arrival.username)
        if fault is None and not admitted:
            arrival.fault = "limit"
            return _sent(arrival, too_many(self._limit_wait(arrival.at)))
        if self._latency.longest > 0:
            await asyncio.sleep(self._draws.uniform(self._latency.shortest, self._latency.longest))
        perform = partial(self._perform, arrival, properties, fault)
        if fault is None:
            return _sent(arrival, self._shape.response(perform()))
        arrival.fault = str(fault)
        response = await misbehave(Mishap(request, fault, perform, self._shape))
        # On a closed connection any response goes nowhere.
        return web.Response() if response is None else _sent(arrival, response)

    async def refuse(self, request: web.Request) -> web.StreamResponse:
        """Answer what is none of the five calls: 404, like a server that knows no such path."""
        return _sent(self._arrived(f"{request.method} {request.path}"), html_page(404))

    def _arrived(self, call: str) -> Arrival:
        arrival = Arrival(self._epoch + time.monotonic(), call)
        self._vendor.arrivals.append(arrival)
        return arrival

    def _perform(
        self, arrival: Arrival, properties: dict[str, object], fault: Fault | None
    ) -> Answer:
        kind = None if fault is None else fault.kind
        if kind is FaultKind.NEWCOMER:
            self._vendor.admit_newcomer()
        elif kind is FaultKind.FIRST_PAGE and "page" in properties:
            properties = {**properties, "page": 1}
        answer = self._vendor.perform(arrival.call, properties)
        arrival.code = answer.code
        return answer

    def _limit_wait(self, now: float) -> int:
        assert self._limit is not None
        return self._limit.wait(now)


class SlidingLimit:
    """Lets a number of calls through in any one second; those turned away do not count."""

    def __init__(self, calls: int) -> None:
        self._admitted: deque[float] = deque(maxlen=calls)

    def admits(self, now: float) -> bool:
        """Whether a call that arrives at this second may pass."""
        full = len(self._admitted) == self._admitted.maxlen
        if full and now - self._admitted[0] < 1:
            return False
        self._admitted.append(now)
        return True

    def wait(self, now: float) -> int:
        """Whole seconds after which one more call may pass, at least 1: for Retry-After."""
        return max(1, math.ceil(self._admitted[0] + 1 - now))


def _properties(request: web.Request, body: bytes) -> dict[str, object] | None:
    """The JSON object of a request; empty when it is not called JSON, None when it is broken.

    This is how servers of the vendor's kind (Express with its JSON parser) take a body.
    """
    if request.content_type != "application/json":
        return {}
    try:
        properties = json.loads(body)
    except ValueError:
        return None
    return properties if isinstance(properties, dict) else None


def _username(properties: dict[str, object]) -> str:
    username = properties.get("username")
    return username if isinstance(username, str) else ""


def _sent(arrival: Arrival, response: web.StreamResponse) -> web.StreamResponse:
    arrival.status = response.status
    return response
