"""Each fault, as a client sees it on the wire, and whether the call took effect."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from bulk_provision.sandbox import CodeIn, FaultPlan, Sandbox, SandboxOptions
from sandbox_calls import add, call, until


@asynccontextmanager
async def faulty(*texts, **options):
    async with Sandbox(SandboxOptions(faults=FaultPlan.parse(*texts), **options)) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("fault", "effect"), [("drop-after-commit", True), ("drop-before-commit", False)]
)
async def test_a_dropped_connection_says_nothing(fault, effect):
    async with faulty(fault) as sandbox:
        assert (await add(sandbox)).status is None
        assert bool(sandbox.vendor.endpoints) == effect
        assert sandbox.vendor.arrivals[0].status is None


async def test_a_cut_answer_ends_in_the_middle_of_its_body():
    async with faulty("cut@1") as sandbox:
        heard = await add(sandbox)
        whole = (await call(sandbox, "get_sip", username="ada")).body
    assert heard.status == 200
    assert int(heard.headers["Content-Length"]) == len(whole)
    assert heard.body == whole[: len(whole) // 2]


@pytest.mark.parametrize("status", [400, 403, 404, 500, 502, 503, 504])
@pytest.mark.parametrize(("when", "effect"), [("before", False), ("after", True)])
async def test_a_gateways_page_is_html_before_or_after_the_effect(status, when, effect):
    async with faulty(f"html-{status}-{when}-commit") as sandbox:
        heard = await add(sandbox)
        assert heard.status == status
        assert heard.headers["Content-Type"].startswith("text/html")
        assert heard.body.startswith(b"<html>")
        assert bool(sandbox.vendor.endpoints) == effect


@pytest.mark.parametrize("code", [400, 420, 502])
@pytest.mark.parametrize(("code_in", "status_is_code"), [(CodeIn.BODY, False), (CodeIn.BOTH, True)])
async def test_the_vendors_own_error_comes_in_the_chosen_shape(code, code_in, status_is_code):
    async with faulty(f"json-{code}", code_in=code_in) as sandbox:
        heard = await add(sandbox)
        assert heard.status == (code if status_is_code else 200)
        assert heard.json["code"] == f"cmi-{code}"
        assert sandbox.vendor.endpoints == {}


async def test_the_account_can_be_refused_from_one_call_on():
    async with faulty("420@from:2") as sandbox:
        assert [(await add(sandbox, f"u{n}")).status for n in range(3)] == [200, 420, 420]


async def test_too_many_calls_come_with_a_time_to_wait():
    async with faulty("429:7") as sandbox:
        heard = await add(sandbox)
        assert (heard.status, heard.headers["Retry-After"]) == (429, "7")
        assert sandbox.vendor.endpoints == {}


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_a_redirect_leads_to_a_page_where_a_client_that_follows_is_seen(status):
    async with faulty(f"redirect:{status}@1") as sandbox:
        heard = await add(sandbox)
        assert heard.status == status
        assert heard.headers["Location"] == "/_sandbox/redirected"
        assert [arrival.call for arrival in sandbox.vendor.arrivals] == ["add_sip"]
        assert sandbox.vendor.endpoints == {}


@pytest.fixture
def clock(monkeypatch):
    """The clock of slow faults: it stands still until it is set going."""
    stopped = Clock()
    monkeypatch.setattr("bulk_provision.sandbox.misbehaviour.asyncio", stopped)
    return stopped


class Clock:
    def __init__(self):
        self.slept = []
        self.going = asyncio.Event()

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.going.wait()


async def test_a_slow_answer_has_taken_effect_long_before(clock):
    async with faulty("slow:30") as sandbox:
        adding = asyncio.create_task(add(sandbox))
        await until(lambda: clock.slept == [30])
        assert sandbox.vendor.endpoints == {"ada": "pw-1"}
        assert not adding.done()
        clock.going.set()
        assert (await adding).json["code"] == "cmi-200"


async def test_a_slow_commit_takes_effect_although_its_client_has_gone_away(clock):
    async with faulty("slow-commit:30@1") as sandbox:
        adding = asyncio.create_task(add(sandbox))
        await until(lambda: clock.slept == [30])
        adding.cancel()
        assert (await call(sandbox, "get_sip", username="ada")).status == 400
        clock.going.set()
        await until(lambda: bool(sandbox.vendor.endpoints))
        assert (await call(sandbox, "get_sip", username="ada")).status == 200


async def test_an_answer_can_name_another_username():
    async with faulty("other-username") as sandbox:
        assert (await add(sandbox, "ada")).json["username"] == "somebody-else"
        assert list(sandbox.vendor.endpoints) == ["ada"]


@pytest.mark.parametrize("fault", ["garbage", "truncated"])
async def test_a_whole_answer_can_be_no_json(fault):
    async with faulty(fault) as sandbox:
        heard = await add(sandbox)
        assert heard.status == 200
        assert len(heard.body) == int(heard.headers["Content-Length"])
        with pytest.raises(ValueError):
            json.loads(heard.body)
        assert sandbox.vendor.endpoints == {"ada": "pw-1"}


async def test_keys_can_be_there_twice_and_contradict_each_other():
    async with faulty("duplicate-keys", existing=(("bob", "pw"),)) as sandbox:
        created, exists = await add(sandbox, "ada"), await add(sandbox, "bob")
    pairs = json.loads(created.body, object_pairs_hook=list)
    assert [given for key, given in pairs if key == "code"] == ["cmi-400", "cmi-200"]
    assert [given for key, given in pairs if key == "username"] == ["somebody-else", "ada"]
    pairs = json.loads(exists.body, object_pairs_hook=list)
    assert [given for key, given in pairs if key == "code"] == ["cmi-200", "cmi-400"]


@pytest.mark.parametrize("username", ["ada", "bob"])
async def test_a_body_can_be_without_a_code(username):
    async with faulty("no-code", existing=(("bob", "pw"),)) as sandbox:
        assert "code" not in (await add(sandbox, username)).json


@pytest.mark.parametrize(("fault", "created", "exists"), [
    ("code-number", 200, 400),
    ("code-text", "200", "400"),
])  # fmt: skip
@pytest.mark.parametrize("code_in", CodeIn)
async def test_a_code_can_be_written_in_another_form(fault, created, exists, code_in):
    async with faulty(fault, code_in=code_in) as sandbox:
        assert (await add(sandbox)).json["code"] == created
        assert (await add(sandbox)).json["code"] == exists


async def test_a_huge_body_is_json_all_the_same():
    async with faulty("huge:2") as sandbox:
        heard = await add(sandbox)
        assert len(heard.body) > 2 * 1024 * 1024
        assert heard.json["code"] == "cmi-200"
        assert sandbox.vendor.endpoints == {"ada": "pw-1"}


async def test_a_client_that_has_enough_of_a_huge_body_does_no_harm(caplog):
    async with faulty("huge:200@1") as sandbox:
        reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
        body = json.dumps({"appid": 1, "secret": "x"}).encode()
        writer.write(
            b"POST /v1/endpoint/add_sip HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        assert (await reader.read(1000)).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()
        assert (await add(sandbox)).status == 200
    assert not caplog.records


async def test_no_fault_makes_the_server_complain(caplog):
    faults = [
        *("drop-before-commit", "cut", "html-502", "420", "429", "redirect", "slow:0"),
        *("slow-commit:0", "other-username", "garbage", "truncated", "duplicate-keys"),
        *("no-code", "code-number", "code-text", "huge:1"),
    ]
    plan = [f"{fault}@{n}" for n, fault in enumerate(faults, start=1)]
    async with faulty(*plan) as sandbox:
        for call_name in ("list_sip", "remove_sip"):
            for _ in plan:
                await call(sandbox, call_name, username="nobody", page=1)
            sandbox.faults = FaultPlan.parse(*plan)
        assert len(sandbox.vendor.arrivals) == 2 * len(plan)
    assert not caplog.records


async def test_a_newcomer_moves_the_list_and_is_no_creation_of_ours():
    options = SandboxOptions(existing=(("ada", "a"),), faults=FaultPlan.parse("newcomer@2"))
    async with Sandbox(options) as sandbox:
        counts = [(await call(sandbox, "list_sip", page=1)).json["list"]["count"] for _ in range(3)]
    assert counts == [1, 2, 2]
    assert dict(sandbox.vendor.created) == {}


async def test_a_list_can_give_its_first_page_for_ever():
    existing = tuple((f"user{n}", "p") for n in range(15))
    options = SandboxOptions(existing=existing, faults=FaultPlan.parse("first-page"))
    async with Sandbox(options) as sandbox:
        pages = [(await call(sandbox, "list_sip", page=page)).json["list"] for page in (1, 2)]
    assert pages[0] == pages[1]
