"""Whatever the network does to a run: the right outcome and tip, no hang, and nothing lost.

Real sockets and the real client, through a proxy that breaks connections, to the sandbox; the clock
is virtual where nothing is said. After every fault it goes away, and the same command is run again:
everything is created then, once, and the results say so (`run_to_the_end`).
"""

import json
import random
from typing import NamedTuple

import pytest

from broken_network import Drip, World
from bulk_provision.piopiy.sender import ANSWER_LIMIT
from bulk_provision.sandbox import FaultPlan, Sandbox
from certificates import Authority
from commands import command
from raw_answers import (
    gzip_garbage,
    header_flood,
    http_answer,
    huge_body,
    redirect_to,
)
from sending import through
from tcp_proxy import (
    Behaviour,
    BlackHole,
    HalfClose,
    Pass,
    Refuse,
    Replace,
    Reset,
    Stall,
    TcpProxy,
    Truncate,
)
from truth import assert_true, read_results
from virtual_time import on_virtual_time

ADA = ["ada"]
USERS = [f"user{number:03}" for number in range(120)]

RESET = "the connection broke: Connection reset by peer"
CLOSED = "the connection was closed before the answer"
CUT = "the answer was cut short"
TIME_LIMIT = 3  # seconds for an answer
QUICK = {"attempts": 2, "timeout": TIME_LIMIT, "settle": 1}
LATE = f"no answer within {TIME_LIMIT} s"
NO_HTTP = "the answer is not valid HTTP"

SUCCESS = json.dumps({"code": "cmi-200", "username": "ada"}).encode()
PORTAL = http_answer(200, b"<html>Please log in</html>", headers=[("Content-Type", "text/html")])


class Fault(NamedTuple):
    """What happens to a call, and what a row's message says of it.

    Args:
        how: a behaviour of the proxy, or a fault of the sandbox.
        done: whether the vendor does what it is asked all the same.
        said: what the messages say.
    """

    how: object
    done: bool
    said: str


def unreadable(status):
    return f"HTTP {status} with an answer that is not TeleCMI's"


def replaced(answer, *, done=False, keep_open=False):
    return Replace(answer=answer, deliver=done, keep_open=keep_open)


# A request has some 195 bytes of head and 108 of body, an answer 145 and 155.
DOUBTS = {
    "a reset before the request": Fault(Reset(at=0, of="request"), False, RESET),
    "a reset in the request's head": Fault(Reset(at=100, of="request"), False, RESET),
    "a reset in the request's body": Fault(Reset(at=260, of="request"), False, RESET),
    "a reset before the answer": Fault(Reset(at=0), True, RESET),
    "a reset in the answer's head": Fault(Reset(at=40), True, RESET),
    "a reset in the answer's body": Fault(Reset(at=200), True, CUT),
    "an end before the answer": Fault(Truncate(at=0), True, CLOSED),
    "an end in the answer's head": Fault(Truncate(at=40), True, CLOSED),
    "an end in the answer's body": Fault(Truncate(at=200), True, CUT),
    "a request that is half-closed": Fault(HalfClose(at=100, of="request"), False, CLOSED),
    "an answer that is half-closed": Fault(HalfClose(at=0), True, CLOSED),
    "an answer that is half-closed in its body": Fault(HalfClose(at=200), True, CUT),
    "a black hole": Fault(BlackHole(), False, LATE),
    "a black hole behind the vendor": Fault(BlackHole(deliver=True), True, LATE),
    "a stall before the answer": Fault(Stall(at=0, seconds=40), True, LATE),
    "a stall in the answer's body": Fault(Stall(at=200, seconds=40), True, LATE),
    "an answer that drips": Fault(Drip(seconds=1), False, LATE),
    "a Content-Length that is too long": Fault(
        replaced(http_answer(200, SUCCESS, length=len(SUCCESS) + 1), done=True), True, CUT
    ),
    "a Content-Length that is too long, and silence": Fault(
        replaced(http_answer(200, SUCCESS, length=len(SUCCESS) + 1), done=True, keep_open=True),
        True,
        LATE,
    ),
    "a Content-Length that is too short": Fault(
        replaced(http_answer(200, SUCCESS, length=len(SUCCESS) - 1), done=True), True, NO_HTTP
    ),
    "a Content-Length of nothing": Fault(
        replaced(http_answer(200, b"", length=0), done=True), True, unreadable(200)
    ),
    "another protocol": Fault(replaced(b"SSH-2.0-OpenSSH_9.2\r\n"), False, NO_HTTP),
    "a flood of headers": Fault(replaced(header_flood(2_000), done=True), True, NO_HTTP),
    "gzip that is none": Fault(replaced(gzip_garbage(), done=True), True, unreadable(200)),
    "a portal's page with 200": Fault(replaced(PORTAL), False, unreadable(200)),
    "an empty 500": Fault(replaced(http_answer(500)), False, unreadable(500)),
    "a cut answer": Fault("cut", True, CUT),
    "truncated JSON": Fault("truncated", True, unreadable(200)),
    "bytes that are no JSON": Fault("garbage", True, unreadable(200)),
    "duplicate keys": Fault("duplicate-keys", True, unreadable(200)),
    "another's username": Fault("other-username", True, "the answer names another username"),
    "100 MiB": Fault("huge:100", True, f"HTTP 200 with an answer of over {ANSWER_LIMIT} bytes"),
    **{
        f"a gateway's {status} {when} the effect": Fault(
            f"html-{status}-{when}-commit", when == "after", unreadable(status)
        )
        for status in (400, 403, 500, 502, 503, 504)
        for when in ("before", "after")
    },
}
# The gateway's statuses differ in nothing after the first attempt.
LASTING = {name: fault for name, fault in DOUBTS.items() if "gateway" not in name or "502" in name}
EACH_DOUBT = pytest.mark.parametrize("fault", DOUBTS.values(), ids=DOUBTS)
EACH_LASTING_DOUBT = pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING)


@EACH_DOUBT
@on_virtual_time
async def test_a_call_that_is_struck_once_is_made_again_with_the_same_password(
    tmp_path, empty_ledger, fault
):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(fault.how, 1)
        told = await world.run_truly(**QUICK)
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        assert told.row["message"] == (
            "Created; confirmed by read-back, since an answer had been lost."
            if fault.done
            else "Created."
        )


@EACH_LASTING_DOUBT
@on_virtual_time
async def test_a_row_whose_every_attempt_is_struck_is_read_back(tmp_path, empty_ledger, fault):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(fault.how, 2)
        told = await world.run_truly(**QUICK)
        if fault.done:
            assert (told.exit_code, told.outcomes) == (0, {"created": 1})
            assert "confirmed by read-back" in told.row["message"]
        else:
            assert (told.exit_code, told.outcomes) == (1, {"failed": 1})
            said = "Not created in 2 attempts (confirmed by read-back): " + fault.said
            assert told.row["message"].startswith(said)
            assert told.row["tip"] == "Run the same command again to try again."
        await world.run_to_the_end()


@EACH_LASTING_DOUBT
@on_virtual_time
async def test_a_row_that_cannot_even_be_read_back_is_in_doubt(tmp_path, empty_ledger, fault):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(fault.how, 100)
        told = await world.run_truly(**QUICK)
        assert (told.exit_code, told.outcomes) == (1, {"in_doubt": 1})
        assert fault.said in told.row["message"]
        assert told.row["tip"] == "Run the same command again: it asks TeleCMI what became of it."
        assert told.summary.calls == 4
        back_offs, settling = 2 * 1.25 * 0.5, 1
        assert told.seconds < 4 * TIME_LIMIT + back_offs + settling + 1
        await world.run_to_the_end()


@on_virtual_time
async def test_with_the_attempts_and_time_limits_that_users_have(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(BlackHole(deliver=True), 5)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        assert told.summary.calls == 6
        assert 5 * 30 < told.seconds < 5 * 30 + 1.25 * (0.5 + 1 + 2 + 4) + 5 + 1


@pytest.mark.parametrize("calls", [1, 2])
@on_virtual_time
async def test_a_request_that_arrives_after_its_time_limit_does_no_harm(
    tmp_path, empty_ledger, calls
):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(Stall(at=100, of="request", seconds=1.5 * TIME_LIMIT), calls)
        told = await world.run_truly(attempts=3, timeout=TIME_LIMIT)
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        await world.run_to_the_end()


@on_virtual_time
async def test_the_time_limit_that_users_have_ends_a_stall_of_a_minute(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(Stall(at=0, seconds=60), 1)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        assert 30 < told.seconds < 33


@on_virtual_time
async def test_an_answer_that_nobody_asked_for_is_not_the_next_ones(tmp_path, empty_ledger):
    refusal = http_answer(400, b'{"code": "cmi-400"}')
    async with World(tmp_path, empty_ledger, ["ada", "bob"]) as world:
        world.strike(replaced(http_answer(200, SUCCESS) + refusal, done=True, keep_open=True), 1)
        told = await world.run_truly(concurrency=1)
        assert (told.exit_code, told.outcomes) == (0, {"created": 2})


# -- nothing leaves --


@on_virtual_time
async def test_refused_connections_leave_nothing_in_doubt(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, ADA, plan=Refuse()) as world:
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (4, {"unprocessed": 1})
        assert told.row["message"] == (
            "TeleCMI could not be reached: no connection: Connection refused."
        )
        assert told.row["tip"] == "Run the same command again to continue."
        assert told.summary.calls == 0
        await world.run_to_the_end()


@on_virtual_time
async def test_connections_that_are_refused_for_a_moment_do_no_harm(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, ADA, plan=[Refuse(seconds=2)]) as world:
        told = await world.run_truly()
        assert (told.exit_code, told.row["message"]) == (0, "Created.")


# -- an answer that no endpoint gives --

STRAYS = {
    "a redirect": Fault("redirect", False, "HTTP 302"),
    "a redirect after the effect": Fault("redirect-after-commit:303", True, "HTTP 303"),
    "a redirect that keeps the body": Fault("redirect-after-commit:307", True, "HTTP 307"),
    "no such page": Fault("html-404", False, "HTTP 404"),
    "no such page after the effect": Fault("html-404-after-commit", True, "HTTP 404"),
    "no such method": Fault("html-405", False, "HTTP 405"),
}
EACH_STRAY = pytest.mark.parametrize("fault", STRAYS.values(), ids=STRAYS)


@EACH_STRAY
@on_virtual_time
async def test_a_stray_answer_is_doubted_like_any_other(tmp_path, empty_ledger, fault):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(fault.how, 1)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        assert ("confirmed by read-back" in told.row["message"]) == fault.done


@EACH_STRAY
@on_virtual_time
async def test_stray_answers_and_nothing_else_stop_the_run(tmp_path, empty_ledger, fault):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(fault.how, 100)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (4, {"in_doubt": 1})
        assert told.summary.reason.startswith("what answers at the base URL is not TeleCMI's")
        assert fault.said in told.summary.reason
        assert world.calls == 5
        await world.run_to_the_end()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@on_virtual_time
async def test_no_redirect_is_followed_so_no_secret_travels_there(tmp_path, empty_ledger, status):
    async with (
        World(tmp_path, empty_ledger, USERS) as world,
        TcpProxy("127.0.0.1", world.sandbox.port) as elsewhere,
    ):
        address = f"http://127.0.0.1:{elsewhere.port}/v1/endpoint/add_sip"
        world.proxy.plan = replaced(redirect_to(address, status))
        told = await world.run_truly()
        assert told.exit_code == 4
        assert elsewhere.links == [], "nobody even connected"
        await world.run_to_the_end()


# -- answers that are fine, or refuse --


@pytest.mark.parametrize("fault", ["code-number", "code-text", "no-code"])
@on_virtual_time
async def test_a_code_of_any_form_or_none_is_understood(tmp_path, empty_ledger, fault):
    async with World(tmp_path, empty_ledger, USERS, existing=(("user007", "theirs"),)) as world:
        world.strike(f"add_sip:{fault}", 1000)
        told = await world.run_truly()
        assert told.exit_code == 0
        assert told.outcomes == {"created": len(USERS) - 1, "exists": 1}


@pytest.mark.parametrize("body", [b"", b'{"message": "Bad Request"}'], ids=["empty", "JSON"])
@on_virtual_time
async def test_a_bare_400_of_a_gateway_is_not_taken_for_exists(tmp_path, empty_ledger, body):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(replaced(http_answer(400, body)), 100)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (1, {"failed": 1})
        await world.run_to_the_end()


REFUSALS = {
    "420": (3, "unprocessed", "The run stopped before it was created: TeleCMI does not accept"),
    "json-502": (1, "failed", "TeleCMI refused it: TeleCMI says that a required property"),
    "json-403": (1, "failed", "TeleCMI refused it: TeleCMI refused with code 403"),
    "429:9": (4, "unprocessed", "The run stopped before it was created: TeleCMI asks to wait"),
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("fault", REFUSALS)
@on_virtual_time
async def test_a_refusal_is_believed_and_if_it_was_a_lie_the_next_run_finds_out(
    tmp_path, empty_ledger, fault, when
):
    kind, _, number = fault.partition(":")
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(f"{kind}-{when}-commit{':' if number else ''}{number}", 1)
        told = await world.run(patience=8)
        exit_code, outcome, message = REFUSALS[fault]
        assert (told.exit_code, told.outcomes) == (exit_code, {outcome: 1})
        assert told.row["message"].startswith(message)
        await world.run_to_the_end()


@on_virtual_time
async def test_a_429_that_took_effect_all_the_same_is_found_out_at_once(tmp_path, empty_ledger):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike("429-after-commit:3", 1)
        told = await world.run_truly()
        assert (told.exit_code, told.outcomes) == (0, {"created": 1})
        assert told.seconds >= 3


# -- bounded reading --


@pytest.mark.parametrize("answer", [huge_body(100), header_flood(300_000)], ids=["body", "head"])
@on_virtual_time
async def test_of_an_endless_answer_little_is_read(tmp_path, empty_ledger, answer):
    async with World(tmp_path, empty_ledger, ADA) as world:
        world.strike(replaced(answer), 5)
        await world.run_truly()
        assert len(world.proxy.links) == 6
        for link in world.proxy.links:
            assert link.passed["answer"] < 8 * 1024 * 1024, "what the system's buffers take"


# -- byte by byte --


@pytest.mark.parametrize("flow", ["request", "answer"])
@pytest.mark.parametrize("behaviour", [Reset, Truncate])
@on_virtual_time
async def test_connections_that_break_each_at_another_byte_lose_nothing(
    tmp_path, empty_ledger, behaviour, flow
):
    """Each connection serves a call or two, and breaks at another byte of the next one."""

    def breaking(number):
        return behaviour(at=400 + 7 * number, of=flow)

    async with World(tmp_path, empty_ledger, USERS, plan=breaking) as world:
        told = await world.run_truly(concurrency=4)
        assert (told.exit_code, told.outcomes) == (0, {"created": len(USERS)})
        assert len({link.passed[flow] for link in world.proxy.links}) > 40


# -- all together --


@pytest.mark.parametrize("seed", range(2))
@on_virtual_time
async def test_everything_at_once_and_the_results_are_true(tmp_path, empty_ledger, seed):
    chance = random.Random(seed)
    every = [fault.how for fault in (*DOUBTS.values(), *STRAYS.values())]
    of_proxy = [how for how in every if isinstance(how, Behaviour)]
    of_sandbox = [f"{how}@p:0.01" for how in every if isinstance(how, str)]

    def breaking(_):
        return chance.choice(of_proxy) if chance.random() < 0.3 else Pass()

    faults = FaultPlan.parse(*of_sandbox, seed=seed)
    async with World(tmp_path, empty_ledger, USERS, plan=breaking, faults=faults) as world:
        for _ in range(3):
            await world.run_truly()
        await world.run_to_the_end()


# -- the real command, by the real clock --

IMPATIENT = ("--rate", "0", "--timeout", "0.5", "--settle", "0.1", "--json")


async def run(sandbox, home, name, base_url, *more, **env):
    """The command, to an address; its end, and its results."""
    env["BULK_PROVISION_BASE_URL"] = base_url
    arguments = ("run", "users.csv", "-o", f"{name}.xlsx", *IMPATIENT, *more)
    result = await command(sandbox, home, *arguments, **env)
    sheets = read_results(home / f"{name}.xlsx")
    assert_true(sheets, sandbox.vendor.endpoints, sandbox.vendor.created, rows=COMMANDED)
    assert sandbox.options.secret not in result.out + result.err
    return result, sheets


COMMANDED = 25


@pytest.fixture
def home(tmp_path):
    lines = "".join(f"user{number:03},\n" for number in range(COMMANDED))
    (tmp_path / "users.csv").write_text(f"username,password\n{lines}")
    return tmp_path


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


async def run_over_tls(sandbox, home, authority, certificate):
    """The command, which trusts the authority, to the sandbox behind this certificate."""
    async with TcpProxy("127.0.0.1", sandbox.port, tls=certificate) as proxy:
        address = f"https://127.0.0.1:{proxy.port}/v1/endpoint"
        return await run(sandbox, home, "1", address, SSL_CERT_FILE=str(authority.file))


@pytest.mark.parametrize(
    ("name", "expired", "reason"),
    [
        ("127.0.0.1", True, "certificate has expired"),
        ("vendor.example", False, "IP address mismatch"),
    ],
)
async def test_a_certificate_that_is_not_valid_gets_no_request(
    home, authority, name, expired, reason
):
    async with Sandbox() as sandbox:
        certificate = authority.server(name, expired=expired)
        result, sheets = await run_over_tls(sandbox, home, authority, certificate)
        assert sandbox.vendor.arrivals == []
    assert (result.code, sheets.outcomes) == (4, {"unprocessed": COMMANDED})
    assert f"TeleCMI's certificate is not valid: {reason}" in sheets.failed[0]["message"]
    assert reason in result.err


async def test_a_certificate_that_is_valid_is_accepted(home, authority):
    async with Sandbox() as sandbox:
        certificate = authority.server("127.0.0.1")
        result, sheets = await run_over_tls(sandbox, home, authority, certificate)
    assert (result.code, sheets.outcomes) == (0, {"created": COMMANDED})


COMMANDS = {
    "refused connections": (Refuse(), {"unprocessed"}),
    "a black hole": (BlackHole(), {"in_doubt", "unprocessed"}),
}


@pytest.mark.parametrize(("plan", "outcomes"), COMMANDS.values(), ids=COMMANDS)
async def test_the_command_stops_with_4_and_continues_when_it_is_run_again(home, plan, outcomes):
    async with Sandbox() as sandbox, TcpProxy("127.0.0.1", sandbox.port, plan) as proxy:
        result, sheets = await run(sandbox, home, "1", through(proxy))
        assert result.code == result.json["exit_code"] == 4
        assert set(sheets.outcomes) == outcomes
        proxy.plan = ()
        await proxy.listen()
        result, sheets = await run(sandbox, home, "2", through(proxy))
        assert (result.code, sheets.outcomes) == (0, {"created": COMMANDED})


async def test_the_command_gets_through_a_network_that_breaks_now_and_then(home):
    behaviours = [Reset(at=0), Truncate(at=200), HalfClose(at=0), Stall(at=0, seconds=2)]

    def breaking(number):
        return behaviours[number // 3 % len(behaviours)] if number % 3 == 0 else Pass()

    async with Sandbox() as sandbox, TcpProxy("127.0.0.1", sandbox.port, breaking) as proxy:
        result, sheets = await run(sandbox, home, "1", through(proxy))
        assert (result.code, sheets.outcomes) == (0, {"created": COMMANDED})
