"""`judge()`: the one place that turns an answer into a verdict."""

from __future__ import annotations

import json
from typing import Any

from bulk_provision.piopiy.calls import Call, Kind, Reply, Request, Verdict


def judge(request: Request, reply: Reply) -> Verdict:
    """Take every answer to a verdict.

    The body's `code` speaks when there is one; the HTTP status must not contradict it. What is not
    in this table is DOUBT, for a wrong guess could lose a working password:

        left?   HTTP      body                         code       verdict
        ------  --------  ---------------------------  ---------  -------------------------------
        no      -         -                            -          UNSENT
        yes     none      none, cut, or over 64 KiB    -          DOUBT
        yes     429       any                          -          BUSY
        yes     200, 429  object                       429        BUSY
        yes     420       any                          -          ACCOUNT_REFUSED
        yes     not 5xx   object                       420        ACCOUNT_REFUSED
        yes     3xx       any, whatever its code       -          ASTRAY
        yes     404, 405  anything without a code      -          ASTRAY
        yes     200, 201  object, names our username   200, none  DONE
        yes     200, 201  object, another username     200, none  DOUBT
        yes     200, 201  object, another password     200, none  DOUBT, acknowledged (add_sip,
                                                                  update_sip)
        yes     200, 400  object                       400        EXISTS (add_sip), ABSENT (get_sip,
                                                                  remove_sip), else REFUSED
        yes     400       object without code, empty   -          as the line above, by_status
        yes     200, 502  object                       502        REFUSED (a property is missing)
        yes     502       anything else                -          DOUBT (a gateway's own answer)
        yes     200, =c   object                       c: 401…499 REFUSED
        yes     any       HTML, text, broken JSON      -          DOUBT
        yes     any       contradicts itself           any        DOUBT

    Args:
        request: what was asked; an answer about another username is no answer to it.
        reply: what came back.
    """
    if not reply.sent:
        return Verdict(Kind.UNSENT, detail=reply.trouble)
    if reply.status is None or reply.body is None:
        return Verdict(Kind.DOUBT, code=str(reply.status or ""), detail=reply.trouble)
    status = reply.status
    if status == 429:
        return Verdict(
            Kind.BUSY, "429", "TeleCMI asks for fewer calls", retry_after=reply.retry_after
        )
    if status == 420:
        return _account_refused()
    answer = _json_object(reply.body)
    code = None if answer is None else _code(answer)
    if 300 <= status < 400 or (status in (404, 405) and code is None):
        return Verdict(
            Kind.ASTRAY, str(status), f"HTTP {status}: there is no such call at this address"
        )
    if answer is None:
        if status == 400 and not reply.body.strip():
            return _taken_or_absent(request, by_status=True)
        return _doubt(reply, f"HTTP {status} with an answer that is not TeleCMI's")
    if code is None and "code" in answer:
        return _doubt(reply, f"HTTP {status} with a code that is not known")
    return _judge_code(request, reply, answer, code)


def _judge_code(
    request: Request, reply: Reply, answer: dict[str, Any], code: int | None
) -> Verdict:
    status = reply.status
    said = status if code is None else code
    if code is not None and status not in (200, code) and not (code == 200 and status == 201):
        if code == 420 and status is not None and status < 500:
            return _account_refused()
        return _doubt(reply, f"HTTP {status} contradicts the answer's code {code}")
    if said in (200, 201):
        return _judge_success(request, reply, answer)
    if said == 400:
        if answer.get("username", request.username) != request.username:
            return _doubt(reply, "the answer names another username")
        return _taken_or_absent(request, by_status=code is None)
    if said == 420:
        return _account_refused()
    if said == 429:
        return Verdict(
            Kind.BUSY, "429", "TeleCMI asks for fewer calls", retry_after=reply.retry_after
        )
    if code == 502:
        return Verdict(Kind.REFUSED, "502", "TeleCMI says that a required property is missing")
    if code is not None and 401 <= code <= 499:
        return Verdict(Kind.REFUSED, str(code), f"TeleCMI refused with code {code}")
    return _doubt(reply, f"HTTP {status} with an answer that is not documented")


def _judge_success(request: Request, reply: Reply, answer: dict[str, Any]) -> Verdict:
    if request.call is Call.LIST:
        return _judge_list(reply, answer)
    if answer.get("username") != request.username:
        return _doubt(reply, "the answer names another username, or none")
    password = answer.get("password")
    told = Verdict(
        Kind.DONE,
        "200",
        password=password if isinstance(password, str) else "",
        connect_url=_storable_text(answer.get("connect_URL")),
    )
    if request.call is Call.GET and not told.password:
        return _doubt(reply, "the answer holds no password")
    asked_for = request.password
    if request.call in (Call.ADD, Call.UPDATE) and told.password not in ("", asked_for):
        detail = "TeleCMI's answer names another password than was sent"
        return told._replace(kind=Kind.DOUBT, detail=detail, acknowledged=True)
    return told


def _judge_list(reply: Reply, answer: dict[str, Any]) -> Verdict:
    """Read a page of the list; one that contradicts itself is no answer at all."""
    odd = _doubt(reply, "the list is not of the documented form")
    try:
        count, rows = answer["list"]["count"], answer["list"]["rows"]
        entries = tuple((row["username"], row["password"]) for row in rows)
    except (KeyError, TypeError):
        return odd
    if not (isinstance(rows, list) and type(count) is int and count >= 0):
        return odd
    if not all(_storable_text(username) and isinstance(word, str) for username, word in entries):
        return odd
    if len({username for username, _ in entries}) != len(entries):
        return _doubt(reply, "a page of the list names a username twice")
    if len(entries) > count:
        return _doubt(
            reply, f"a page of the list has {len(entries)} rows, and its count is {count}"
        )
    return Verdict(Kind.DONE, "200", entries=entries, total=count)


def _storable_text(value: object) -> str:
    """Return a text of the answer; "" for what is none, or what no database could keep."""
    if not isinstance(value, str) or "\0" in value:
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can write
        return ""
    return value


def _taken_or_absent(request: Request, *, by_status: bool) -> Verdict:
    if request.call is Call.ADD:
        return Verdict(Kind.EXISTS, "400", "the username exists already", by_status=by_status)
    if request.call in (Call.GET, Call.REMOVE):
        return Verdict(Kind.ABSENT, "400", "there is no such username")
    return Verdict(Kind.REFUSED, "400", "TeleCMI refused with code 400")


def _account_refused() -> Verdict:
    return Verdict(Kind.ACCOUNT_REFUSED, "420", "TeleCMI does not accept the app id or the secret")


def _doubt(reply: Reply, detail: str) -> Verdict:
    return Verdict(Kind.DOUBT, str(reply.status or ""), detail, retry_after=reply.retry_after)


def _json_object(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None when it is none, or says two things at once under one key."""
    try:
        answer = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _without_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is repeated")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeated_keys)  # making one costs 5 µs


def _code(answer: dict[str, Any]) -> int | None:
    """Return the code of "cmi-400", "400" or 400; None when there is none that we understand."""
    code = answer.get("code")
    if isinstance(code, str):
        digits = code.strip().lower().removeprefix("cmi-")
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None
