"""What each fault does to a call, on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from aiohttp import web

from bulk_provision.sandbox.faults import Fault, FaultKind
from bulk_provision.sandbox.options import CodeForm
from bulk_provision.sandbox.shape import Shape, html_page, json_response
from bulk_provision.sandbox.vendor import Answer

REDIRECT_TARGET = "/_sandbox/redirected"

_GARBAGE = b"\x00\xff\xfe}{ this is not JSON \x80"
_MIB = 1024 * 1024
_PADDING = b"x" * (_MIB // 16)

_NOT_DONE = Answer(200, {})  # stands for the vendor's answer where the call never got to it


class Mishap(NamedTuple):
    """A call that a fault happens to.

    Args:
        request: the call.
        fault: what happens to it.
        perform: lets the vendor do the call, and returns what it decided.
        shape: of the vendor's answers.
    """

    request: web.Request
    fault: Fault
    perform: Callable[[], Answer]
    shape: Shape


async def misbehave(mishap: Mishap) -> web.StreamResponse | None:
    """Treat a call as its fault says.

    Returns:
        A response that is to be sent, or that was; None when the connection closed unanswered.
    """
    fault = mishap.fault
    if fault.kind is FaultKind.SLOW_COMMIT:
        await asyncio.sleep(fault.number)
    answer = mishap.perform() if fault.commits else _NOT_DONE
    if fault.kind is FaultKind.SLOW:
        await asyncio.sleep(fault.number)
    if fault.kind is FaultKind.DROP:
        _close(mishap.request)
        return None
    if fault.kind is FaultKind.CUT:
        return await _cut(mishap, answer)
    if fault.kind is FaultKind.HUGE:
        return await _huge(mishap.request, int(fault.number))
    return _whole(mishap, answer)


def _whole(mishap: Mishap, answer: Answer) -> web.Response:
    """The faults that are a complete HTTP answer, however wrong."""
    fault, shape = mishap.fault, mishap.shape
    match fault.kind:
        case FaultKind.HTML:
            return html_page(int(fault.number))
        case FaultKind.JSON:
            said = {"msg": f"The sandbox was told to answer {fault.number:g}"}
            return shape.response(Answer(int(fault.number), said))
        case FaultKind.TOO_MANY:
            return too_many(int(fault.number))
        case FaultKind.REDIRECT:
            return web.Response(status=int(fault.number), headers={"Location": REDIRECT_TARGET})
        case FaultKind.CODE_NUMBER:
            return shape.saying_code_as(CodeForm.NUMBER).response(answer)
        case FaultKind.CODE_TEXT:
            return shape.saying_code_as(CodeForm.TEXT).response(answer)
        case _:
            return json_response(shape.status(answer), _wrong_body(fault.kind, shape, answer))


def _wrong_body(kind: FaultKind, shape: Shape, answer: Answer) -> bytes:
    """The body of an answer whose status is right; of a slow one, the body is right too."""
    match kind:
        case FaultKind.GARBAGE:
            return _GARBAGE
        case FaultKind.TRUNCATED:
            return _half(shape.body(answer))
        case FaultKind.NO_CODE:
            return shape.body_without_code(answer)
        case FaultKind.OTHER_USERNAME:
            return shape.body_naming_another(answer)
        case FaultKind.DUPLICATE_KEYS:
            return shape.body_with_duplicate_keys(answer)
        case _:
            return shape.body(answer)


def too_many(retry_after: int) -> web.Response:
    """HTTP 429; `retry_after` is in whole seconds."""
    response = html_page(429)
    response.headers["Retry-After"] = str(retry_after)
    return response


async def _cut(mishap: Mishap, answer: Answer) -> web.StreamResponse:
    body = mishap.shape.body(answer)
    response = _announced(mishap.shape.status(answer), len(body))
    await response.prepare(mishap.request)
    await response.write(_half(body))
    _close(mishap.request)
    return response


async def _huge(request: web.Request, mebibytes: int) -> web.StreamResponse:
    first, last = b'{"code": "cmi-200", "padding": "', b'"}'
    chunks = mebibytes * (_MIB // len(_PADDING))
    response = _announced(200, len(first) + chunks * len(_PADDING) + len(last))
    # A client that has had enough closes the connection: just what it should do.
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(first)
        for _ in range(chunks):
            await response.write(_PADDING)
        await response.write(last)
    return response


def _announced(status: int, length: int) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    response.content_type = "application/json"
    response.content_length = length
    return response


def _close(request: web.Request) -> None:
    """Close the connection once everything written so far has left."""
    if request.transport is not None:
        request.transport.close()


def _half(body: bytes) -> bytes:
    return body[: len(body) // 2]
