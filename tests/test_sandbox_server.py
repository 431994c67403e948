"""The sandbox over HTTP: answer shapes, limit, latency, and looking inside."""

import asyncio
import json
import time

import aiohttp
import pytest

from bulk_provision.sandbox import (
    CodeForm,
    CodeIn,
    FaultPlan,
    Latency,
    Sandbox,
    SandboxOptionError,
    SandboxOptions,
)
from bulk_provision.sandbox.gateway import SlidingLimit
from sandbox_calls import Heard, add, call, until


async def send(method: str, url: str, **request) -> Heard:
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, **request) as response,
    ):
        return Heard(response.status, await response.read(), dict(response.headers))


async def test_a_created_endpoint_is_told_as_documented():
    async with Sandbox() as sandbox:
        heard = await add(sandbox, "ada", "pw")
        assert heard.status == 200
        assert heard.headers["Content-Type"].startswith("application/json")
        assert heard.json == {
            "code": "cmi-200",
            "username": "ada",
            "password": "pw",
            "connect_URL": "sbcsg.telecmi.com",
            "audio": True,
            "video": True,
            "type": "SIP",
        }
        assert sandbox.vendor.endpoints == {"ada": "pw"}


@pytest.mark.parametrize(("form", "written"), [("cmi", "cmi-{}"), ("text", "{}"), ("number", int)])
@pytest.mark.parametrize("code", [200, 400, 420, 502])
async def test_a_code_is_in_the_body_in_the_chosen_form(form, written, code):
    options = SandboxOptions(
        code_in=CodeIn.BODY, code_form=CodeForm(form), existing=(("bob", "pw"),)
    )
    request = {
        200: {"username": "ada"},
        400: {"username": "bob"},
        420: {"secret": "wrong"},
        502: {"password": None},
    }[code]
    async with Sandbox(options) as sandbox:
        heard = await call(sandbox, "add_sip", **{"username": "x", "password": "pw"} | request)
    assert heard.status == 200
    assert heard.json["code"] == (code if written is int else written.format(code))


@pytest.mark.parametrize(
    ("code_in", "status", "has_code"),
    [(CodeIn.STATUS, 400, False), (CodeIn.BODY, 200, True), (CodeIn.BOTH, 400, True)],
)
async def test_an_error_says_its_code_by_status_by_body_or_by_both(code_in, status, has_code):
    async with Sandbox(SandboxOptions(code_in=code_in)) as sandbox:
        heard = await call(sandbox, "get_sip", username="nobody")
    assert heard.status == status
    assert ("code" in heard.json) == has_code


async def test_any_text_arrives_and_comes_back_unchanged():
    password = 'ä€😀"\\\u202e\x00\ud800 '
    async with Sandbox() as sandbox:
        await add(sandbox, "ada", password)
        assert sandbox.vendor.endpoints == {"ada": password}
        assert (await call(sandbox, "get_sip", username="ada")).json["password"] == password


@pytest.mark.parametrize(
    ("kind", "cut_off", "status"),
    [("application/json", 0, 200), ("application/json", 1, 400), ("text/plain", 0, 502)],
)
async def test_a_body_must_be_whole_json_and_be_called_json(kind, cut_off, status):
    async with Sandbox(SandboxOptions(appid=7, secret="x")) as sandbox:
        body = b'{"appid": 7, "secret": "x", "username": "ada", "password": "pw"}'
        body = body[: len(body) - cut_off]
        url = f"{sandbox.base_url}/add_sip"
        heard = await send("POST", url, data=body, headers={"Content-Type": kind})
        assert heard.status == status
        assert [arrival.status for arrival in sandbox.vendor.arrivals] == [status]


async def test_a_body_that_is_json_but_no_object_is_400():
    async with Sandbox() as sandbox:
        assert (await send("POST", f"{sandbox.base_url}/add_sip", json=[1, 2])).status == 400


@pytest.mark.parametrize(("method", "path"), [("POST", "add_sips"), ("GET", "add_sip")])
async def test_anything_but_a_post_of_the_five_calls_is_404_and_on_record(method, path):
    async with Sandbox() as sandbox:
        heard = await send(method, f"{sandbox.base_url}/{path}")
        assert heard.status == 404
        (arrival,) = sandbox.vendor.arrivals
        assert (arrival.call, arrival.status) == (f"{method} /v1/endpoint/{path}", 404)


async def test_every_arrival_is_on_record_with_what_was_answered():
    before = time.time()
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse("drop-after-commit@3"))) as sandbox:
        await add(sandbox, "ada")
        await add(sandbox, "ada")
        await add(sandbox, "bob")
        await call(sandbox, "list_sip", page=1)
        record = [(a.call, a.username, a.code, a.status, a.fault) for a in sandbox.vendor.arrivals]
        times = [arrival.at for arrival in sandbox.vendor.arrivals]
    assert record == [
        ("add_sip", "ada", 200, 200, ""),
        ("add_sip", "ada", 400, 400, ""),
        ("add_sip", "bob", 200, None, "drop-after-commit"),
        ("list_sip", "", 200, 200, ""),
    ]
    assert times == sorted(times)
    assert before - 0.1 <= times[0] <= times[-1] <= time.time() + 0.1


def test_the_limit_lets_a_number_of_calls_through_in_any_one_second():
    limit = SlidingLimit(2)
    moments = [0.0, 0.5, 0.9, 0.99, 1.0, 1.4, 1.5, 1.9, 2.0]
    assert [limit.admits(now) for now in moments] == [
        *(True, True, False, False, True, False, True, False, True)
    ]


@pytest.mark.parametrize(("now", "seconds"), [(0.0, 1), (0.5, 1), (5.0, 1)])
def test_the_limit_says_in_whole_seconds_when_to_come_again(now, seconds):
    limit = SlidingLimit(1)
    limit.admits(0.0)
    assert limit.wait(now) == seconds


async def test_calls_beyond_the_limit_are_429_with_retry_after_and_do_nothing():
    async with Sandbox(SandboxOptions(limit=3)) as sandbox:
        heard = await asyncio.gather(*(add(sandbox, f"user{n}") for n in range(8)))
        refused = [one for one in heard if one.status == 429]
        assert len(sandbox.vendor.endpoints) == 8 - len(refused)
        assert len(refused) >= 1
        assert {one.headers["Retry-After"] for one in refused} == {"1"}
        assert [a.fault for a in sandbox.vendor.arrivals].count("limit") == len(refused)


async def test_latency_passes_before_a_call_takes_effect():
    async with Sandbox(SandboxOptions(latency=Latency(0.05, 0.05))) as sandbox:
        adding = asyncio.create_task(add(sandbox))
        await until(lambda: bool(sandbox.vendor.arrivals))
        assert sandbox.vendor.endpoints == {}
        assert (await adding).status == 200
        assert time.time() - sandbox.vendor.arrivals[0].at >= 0.05


async def test_what_it_holds_can_be_looked_at_without_a_secret():
    options = SandboxOptions(existing=(("bob", "theirs"),))
    async with Sandbox(options) as sandbox:
        await add(sandbox, "ada", "pw")
        looked = {
            name: (await send("GET", f"{sandbox.origin}/_sandbox/{name}")).json
            for name in ("endpoints", "created", "calls")
        }
        assert looked == sandbox.vendor.truth()
        assert looked["endpoints"] == {"bob": "theirs", "ada": "pw"}
        assert looked["created"] == {"ada": 1}
        assert looked["calls"][0].keys() == {"at", "call", "username", "code", "status", "fault"}
        assert len(sandbox.vendor.arrivals) == 1  # looking is not calling


async def test_the_fault_plan_can_be_replaced_while_it_runs():
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse("420@2"))) as sandbox:
        url = f"{sandbox.origin}/_sandbox/faults"
        assert (await add(sandbox, "u1")).status == 200
        plan = {"faults": ["html-503@1", "add_sip:json-420@from:3"], "seed": 9}
        assert (await send("POST", url, json=plan)).json == plan
        assert (await send("GET", url)).json == plan
        assert [(await add(sandbox, f"u{n}")).status for n in (2, 3, 4)] == [503, 200, 420]


@pytest.mark.parametrize("asked", [{"faults": ["explode"], "seed": 0}, {"faults": ["cut"]}, [], 3])
async def test_a_plan_that_cannot_be_understood_changes_nothing(asked):
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse("420"))) as sandbox:
        heard = await send("POST", f"{sandbox.origin}/_sandbox/faults", json=asked)
        assert heard.status == 400
        assert heard.json["error"]
        assert sandbox.faults == FaultPlan.parse("420")


async def test_a_test_sets_the_plan_by_assignment():
    async with Sandbox() as sandbox:
        sandbox.faults = FaultPlan.parse("420@1")
        assert (await add(sandbox)).status == 420


async def test_endpoints_in_a_file_are_there_when_the_sandbox_comes_back(tmp_path):
    options = SandboxOptions(state_file=tmp_path / "state")
    async with Sandbox(options) as sandbox:
        await add(sandbox, "ada", "pw")
    async with Sandbox(options, port=sandbox.port) as again:
        assert (await add(again, "ada", "other")).status == 400
        assert again.vendor.endpoints == {"ada": "pw"}


async def test_two_sandboxes_live_side_by_side_on_ports_of_their_own():
    async with Sandbox() as one, Sandbox() as other:
        await add(one, "ada")
        assert one.port != other.port
        assert other.vendor.endpoints == {}


async def test_a_port_in_use_is_named():
    async with Sandbox() as sandbox:
        with pytest.raises(SandboxOptionError, match=f"cannot listen on port {sandbox.port}"):
            async with Sandbox(port=sandbox.port):
                pass


async def test_a_port_that_is_no_port_is_named():
    with pytest.raises(SandboxOptionError, match="cannot listen on port 70000"):
        async with Sandbox(port=70000):
            pass


async def test_it_listens_on_the_loopback_interface_only():
    async with Sandbox() as sandbox:
        assert sandbox.base_url == f"http://127.0.0.1:{sandbox.port}/v1/endpoint"
        (address,) = sandbox._runner.addresses  # there is no other way to ask
        assert address[0] == "127.0.0.1"


async def test_it_stops_at_once_although_a_call_is_waiting():
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse("slow-commit:60"))) as sandbox:
        adding = asyncio.create_task(add(sandbox))
        await until(
            lambda: bool(sandbox.vendor.arrivals) and sandbox.vendor.arrivals[0].fault != ""
        )
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 5
    assert (await adding).status is None
    assert sandbox.vendor.endpoints == {}
    assert json.dumps(sandbox.vendor.truth())
