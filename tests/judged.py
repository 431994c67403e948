"""How the tests of `judge()` ask: a documented request, and an answer of any shape."""

from __future__ import annotations

import json

import pytest

from bulk_provision.piopiy import Call, Kind, Reply, Request, Verdict, judge

PASSWORD = "Marked-Secret-7"
CONNECT_URL = "ada@sbcsg.telecmi.com"

CALLS = list(Call)
SINGLE = [call for call in CALLS if call is not Call.LIST]  # those about one username
HTML = b"<html><body><h1>Bad gateway</h1></body></html>"

each_call = pytest.mark.parametrize("call", CALLS)
each_single = pytest.mark.parametrize("call", SINGLE)
each_form = pytest.mark.parametrize(
    "form", [lambda code: f"cmi-{code}", str, int], ids=["cmi", "text", "number"]
)


def asked(call: Call) -> Request:
    return Request(call, "ada", PASSWORD, page=1)


def fields(call: Call) -> dict[str, object]:
    """The documented fields of a call's success."""
    if call is Call.LIST:
        return {"list": {"count": 1, "rows": [{"username": "ada", "password": PASSWORD}]}}
    if call is Call.REMOVE:
        return {"username": "ada", "msg": "removed"}
    if call is Call.UPDATE:
        return {"username": "ada", "password": PASSWORD, "msg": "updated"}
    return {"username": "ada", "password": PASSWORD, "connect_URL": CONNECT_URL, "audio": True}


def told(
    call: Call, status: int, body: object = None, *, retry_after: float | None = None
) -> Verdict:
    """The verdict on an answer: an object is sent as JSON, bytes as they are."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(asked(call), Reply(True, status, sent, retry_after))


def kinds(status: int, body: object = None, calls: list[Call] = CALLS) -> set[Kind]:
    """What an answer means for the calls, where it should mean the same for all of them."""
    return {told(call, status, body).kind for call in calls}


def success_with(call: Call, **changed: object) -> dict[str, object]:
    """The body of a success, with some fields changed."""
    return {"code": "cmi-200", **fields(call), **changed}
