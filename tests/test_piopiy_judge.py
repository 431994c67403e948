"""Every answer comes to the right verdict: the lines of the table in `judge()`, in its order."""

import pytest

from bulk_provision.piopiy import Call, Kind, Reply, Verdict, judge
from judged import (
    CALLS,
    CONNECT_URL,
    HTML,
    PASSWORD,
    SINGLE,
    asked,
    each_call,
    each_form,
    each_single,
    fields,
    kinds,
    success_with,
    told,
)

MEANING_OF_400 = {
    Call.ADD: Kind.EXISTS,
    Call.GET: Kind.ABSENT,
    Call.UPDATE: Kind.REFUSED,
    Call.LIST: Kind.REFUSED,
    Call.REMOVE: Kind.ABSENT,
}


@each_call
def test_what_did_not_leave_is_unsent(call):
    verdict = judge(asked(call), Reply(sent=False, trouble="no connection: refused"))
    assert verdict == Verdict(Kind.UNSENT, detail="no connection: refused")


@each_call
def test_no_answer_is_doubt(call):
    verdict = judge(asked(call), Reply(sent=True, trouble="the connection was reset"))
    assert verdict == Verdict(Kind.DOUBT, detail="the connection was reset")


@each_call
@pytest.mark.parametrize("status", [200, 400, 502])
def test_an_answer_without_its_whole_body_is_doubt(call, status):
    verdict = judge(asked(call), Reply(True, status, None, trouble="the answer was cut short"))
    assert verdict == Verdict(Kind.DOUBT, str(status), "the answer was cut short")


@each_call
@pytest.mark.parametrize("body", [b"", HTML, {"code": "cmi-200"}, {"code": 429}])
def test_http_429_is_busy_whatever_its_body(call, body):
    verdict = told(call, 429, body, retry_after=7.0)
    assert (verdict.kind, verdict.code, verdict.retry_after) == (Kind.BUSY, "429", 7.0)


@each_call
@each_form
def test_a_429_in_the_body_is_busy(call, form):
    verdict = told(call, 200, {"code": form(429)}, retry_after=2.0)
    assert (verdict.kind, verdict.code, verdict.retry_after) == (Kind.BUSY, "429", 2.0)


@each_call
@pytest.mark.parametrize("body", [b"", HTML, {"msg": "no"}, {"code": "cmi-420"}])
def test_http_420_refuses_the_account_whatever_its_body(call, body):
    verdict = told(call, 420, body)
    assert (verdict.kind, verdict.code) == (Kind.ACCOUNT_REFUSED, "420")


@each_form
@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 420])
def test_a_420_in_the_body_refuses_the_account(form, status):
    assert kinds(status, {"code": form(420)}) == {Kind.ACCOUNT_REFUSED}


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_420_under_a_broken_servers_status_is_doubt(status):
    assert kinds(status, {"code": 420}) == {Kind.DOUBT}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", [b"", HTML, {"code": "cmi-200", "username": "ada"}])
def test_a_redirect_is_astray(status, body):
    assert kinds(status, body) == {Kind.ASTRAY}


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("body", [b"", HTML, {"message": "no route"}, [1], b"\xff\xfe"])
def test_no_such_page_is_astray(status, body):
    assert kinds(status, body) == {Kind.ASTRAY}


@each_single
@each_form
def test_200_about_our_username_is_done(call, form):
    verdict = told(call, 200, success_with(call, code=form(200)))
    assert (verdict.kind, verdict.code) == (Kind.DONE, "200")


@each_single
def test_200_without_a_code_is_done_when_it_names_our_username(call):
    assert told(call, 200, fields(call)).kind is Kind.DONE


@each_single
@pytest.mark.parametrize("code", [200, 201])
def test_http_201_is_as_good_as_200(call, code):
    assert told(call, 201, success_with(call, code=code)).kind is Kind.DONE


@each_single
@pytest.mark.parametrize("username", ["bob", "Ada", "ada ", "", 7, None])
def test_200_about_another_username_is_doubt(call, username):
    verdict = told(call, 200, success_with(call, username=username))
    assert (verdict.kind, verdict.acknowledged) == (Kind.DOUBT, False)


@pytest.mark.parametrize("body", [{}, {"code": "cmi-200"}, {"code": 200, "password": PASSWORD}])
def test_200_that_names_nobody_is_doubt(body):
    assert kinds(200, body, SINGLE) == {Kind.DOUBT}


@pytest.mark.parametrize("call", [Call.ADD, Call.UPDATE])
@each_form
def test_200_with_another_password_is_an_acknowledged_doubt(call, form):
    verdict = told(call, 200, success_with(call, code=form(200), password="chosen-by-them"))
    assert (verdict.kind, verdict.acknowledged) == (Kind.DOUBT, True)


@pytest.mark.parametrize("call", [Call.ADD, Call.UPDATE])
def test_200_that_keeps_the_password_to_itself_is_done(call):
    assert told(call, 200, {"code": "cmi-200", "username": "ada"}).kind is Kind.DONE


@each_call
@each_form
@pytest.mark.parametrize("status", [200, 400])
def test_400_means_what_it_means_for_the_call(call, form, status):
    verdict = told(call, status, {"code": form(400)})
    assert (verdict.kind, verdict.code) == (MEANING_OF_400[call], "400")


@each_call
@pytest.mark.parametrize("body", [b"", b" \r\n", {}, {"msg": "username"}])
def test_http_400_means_the_same_without_a_code(call, body):
    verdict = told(call, 400, body)
    assert (verdict.kind, verdict.code) == (MEANING_OF_400[call], "400")


@pytest.mark.parametrize("status", [200, 400])
def test_400_about_another_username_is_doubt(status):
    assert kinds(status, {"code": 400, "username": "bob"}) == {Kind.DOUBT}


@each_form
@pytest.mark.parametrize("status", [200, 502])
def test_the_vendors_502_refuses_the_row(form, status):
    assert kinds(status, {"code": form(502), "msg": "required"}) == {Kind.REFUSED}


@pytest.mark.parametrize("body", [b"", HTML, {}, {"message": "no upstream"}, ["502"], b"{"])
def test_a_gateways_502_is_doubt(body):
    assert kinds(502, body) == {Kind.DOUBT}


@each_call
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_doubt_keeps_what_the_answer_asks_us_to_wait(call, status):
    verdict = told(call, status, HTML, retry_after=3.0)
    assert (verdict.kind, verdict.code, verdict.retry_after) == (Kind.DOUBT, str(status), 3.0)


@each_form
@pytest.mark.parametrize("code", [401, 403, 422, 499])
def test_other_codes_of_the_four_hundreds_refuse_the_row(form, code):
    assert kinds(200, {"code": form(code)}) == {Kind.REFUSED}
    assert kinds(code, {"code": form(code)}) == {Kind.REFUSED}


@pytest.mark.parametrize("status", [200, 400, 403, 408, 500, 503, 504])
@pytest.mark.parametrize(
    "body", [HTML, b"OK", b'{"code": "cmi-2', b"[]", b"null", b'"cmi-200"', b"\xef\xbb\xbf{}"]
)
def test_what_is_not_a_json_object_is_doubt(status, body):
    assert kinds(status, body) == {Kind.DOUBT}


@each_call
@pytest.mark.parametrize("status", [202, 204, 401, 403, 408, 500, 503, 504])
def test_a_status_that_is_not_documented_is_doubt_without_a_code(call, status):
    assert told(call, status, fields(call)).kind is Kind.DOUBT


@each_call
@pytest.mark.parametrize("code", [0, -1, 100, 202, 300, 500, 503, 9999, 10**30])
def test_a_code_that_is_not_documented_is_doubt(call, code):
    assert told(call, 200, success_with(call, code=code)).kind is Kind.DOUBT


# -- what a success tells --


def test_a_success_tells_password_and_connect_url():
    verdict = told(Call.GET, 200, success_with(Call.GET))
    assert (verdict.password, verdict.connect_url) == (PASSWORD, CONNECT_URL)


@pytest.mark.parametrize("url", [None, 7, ["sip"], "half of a pair: \ud83d", "a\0b"])
def test_a_connect_url_that_cannot_be_kept_is_none(url):
    verdict = told(Call.ADD, 200, success_with(Call.ADD, connect_URL=url))
    assert (verdict.kind, verdict.connect_url) == (Kind.DONE, "")


@pytest.mark.parametrize("password", [None, "", 12345678, ["x"]])
def test_a_read_back_without_a_password_is_doubt(password):
    assert told(Call.GET, 200, success_with(Call.GET, password=password)).kind is Kind.DOUBT


@each_form
def test_a_list_tells_its_entries(form):
    rows = [{"username": "ada", "password": "a"}, {"username": "bob", "password": "b"}]
    verdict = told(Call.LIST, 200, {"code": form(200), "list": {"count": 2, "rows": rows}})
    assert (verdict.kind, verdict.total) == (Kind.DONE, 2)
    assert verdict.entries == (("ada", "a"), ("bob", "b"))


def test_an_empty_list_is_a_list():
    verdict = told(Call.LIST, 200, {"code": 200, "list": {"count": 0, "rows": []}})
    assert (verdict.kind, verdict.entries) == (Kind.DONE, ())


@pytest.mark.parametrize(
    "listed",
    [
        *(None, [], {}, {"rows": None}, {"rows": 1}, {"rows": ["ada"]}),
        *({"rows": {"username": "ada"}}, {"rows": [{"username": "ada"}]}, {"rows": ""}),
        {"rows": [{"username": 1, "password": "a"}]},
        {"rows": [{"username": "", "password": "a"}]},
        {"rows": [{"username": "a\0b", "password": "a"}]},
        {"rows": [{"username": "\ud800", "password": "a"}]},
        {"rows": [{"username": "ada", "password": None}]},
        {"rows": [{"username": "ada", "password": "a"}, {"username": "ada", "password": "b"}]},
        *({"rows": [], "count": count} for count in (None, "", "12", 1.5, True, -1)),
        {"rows": [{"username": "ada", "password": "a"}], "count": 0},
    ],
)
def test_a_list_of_another_form_is_doubt(listed):
    if isinstance(listed, dict):
        listed = {"count": 10} | listed
    assert told(Call.LIST, 200, {"code": 200, "list": listed}).kind is Kind.DOUBT


def test_every_call_has_its_lines_here():
    assert set(MEANING_OF_400) == set(CALLS)
