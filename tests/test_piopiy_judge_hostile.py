"""Answers that contradict themselves, or mean harm, are doubt; and no secret is ever shown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.piopiy import Call, Kind, Reply, judge
from judged import CALLS, PASSWORD, SINGLE, asked, each_call, fields, kinds, success_with, told


@each_call
@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((400, 200), (500, 200), (502, 200), (404, 200), (202, 200)),
        *((403, 400), (404, 400), (500, 400), (502, 400)),
        *((400, 502), (500, 502), (400, 429), (401, 403), (500, 429)),
    ],
)
def test_a_status_that_contradicts_the_code_is_doubt(call, status, code):
    assert told(call, status, success_with(call, code=f"cmi-{code}")).kind is Kind.DOUBT


@pytest.mark.parametrize(
    "body",
    [
        b'{"code": 400, "code": 200, "username": "ada"}',
        b'{"code": 200, "username": "bob", "username": "ada"}',
        b'{"code": 200, "username": "ada", "more": {"a": 1, "a": 2}}',
    ],
)
def test_a_key_that_is_said_twice_is_doubt(body):
    assert kinds(200, body) == {Kind.DOUBT}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    "code",
    [
        *(True, 200.0, 4e2, None, [200], {"code": 200}, "", "ok", "cmi-", "cmi-cmi-200"),
        *("+200", "2e2", "２００", "cmi-00200", "-200", "2_00"),
    ],
)
def test_a_code_of_another_kind_is_doubt(code, status):
    assert kinds(status, {"code": code, **fields(Call.GET)}) == {Kind.DOUBT}


@pytest.mark.parametrize("code", ["CMI-200", " cmi-200 ", "Cmi-200"])
def test_a_codes_case_and_blanks_do_not_matter(code):
    assert kinds(200, {"code": code, **fields(Call.GET)}, SINGLE) == {Kind.DONE}


@pytest.mark.parametrize("status", [200, 400, 420, 429, 502])
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 30_000,
        b'{"a":' * 10_000,
        b'{"code": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"code": ' + b"9" * 60_000 + b"}",
        b'{"code": 200, "username": "ad\xe4"}',
        b"\x00" * 1000,
        bytes(range(256)),
    ],
    ids=["lists", "objects", "deep code", "long number", "latin-1", "zeros", "all bytes"],
)
def test_no_body_can_break_it(status, body):
    wanted = {420: Kind.ACCOUNT_REFUSED, 429: Kind.BUSY}.get(status, Kind.DOUBT)
    assert kinds(status, body) == {wanted}


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
names = st.sampled_from(["code", "username", "password", "connect_URL", "list", "rows"])
answers = st.recursive(
    st.one_of(leaves, st.sampled_from([200, "cmi-200", "ada", PASSWORD])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner)),
    max_leaves=6,
)


@given(
    call=st.sampled_from(CALLS),
    status=st.one_of(st.integers(100, 599), st.just(200)),
    body=st.one_of(st.binary(max_size=40), answers),
)
def test_only_a_200_that_names_us_is_ever_taken_for_success(call, status, body):
    verdict = told(call, status, body)
    assert verdict.kind is not Kind.UNSENT
    if verdict.kind is Kind.DONE and call is not Call.LIST:
        assert status in (200, 201)
        assert body["username"] == "ada"


@given(status=st.integers(100, 599), body=answers)
def test_only_a_400_says_that_a_username_exists(status, body):
    if told(Call.ADD, status, body).kind is Kind.EXISTS:
        assert status == 400 or body["code"] in (400, "400", "cmi-400")


@each_call
@pytest.mark.parametrize("status", [200, 400, 404, 420, 429, 502])
def test_no_repr_and_no_detail_shows_a_password(call, status):
    body = success_with(call, code=f"cmi-{status}", msg=PASSWORD)
    whole = json.dumps(body).encode()
    for answer in (
        whole,
        whole[:-5],
        json.dumps({**body, "password": "Other-" + PASSWORD}).encode(),
    ):
        reply = Reply(True, status, answer)
        verdict = judge(asked(call), reply)
        shown = f"{asked(call)!r} {reply!r} {reply} {verdict!r} {verdict} {verdict.detail}"
        assert PASSWORD not in shown
