"""How the tests of the sender send: a `LocalSender` to some address, and turns that are counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bulk_provision.model import Account, Secret
from bulk_provision.piopiy import Call, Request
from bulk_provision.piopiy.sender import LocalSender
from bulk_provision.sandbox.options import DEFAULT_APPID, DEFAULT_SECRET

PASSWORD = "Marked-Password-7"
ADD = Request(Call.ADD, "ada", PASSWORD)
GET = Request(Call.GET, "ada")


def sender_to(
    base_url: str,
    *,
    secret: str = DEFAULT_SECRET,
    timeout: float = 20.0,
    connect_timeout: float = 20.0,
) -> LocalSender:
    """A sender with the sandbox's account, wherever it sends to."""
    account = Account(DEFAULT_APPID, Secret(secret), base_url)
    return LocalSender(account, timeout=timeout, connect_timeout=connect_timeout)


def through(proxy) -> str:
    """The base URL of a proxy before the sandbox."""
    return f"http://127.0.0.1:{proxy.port}/v1/endpoint"


class Turns:
    """Gives a turn at once, counts them, and does something meanwhile when it is told to."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        self.taken = 0
        self._meanwhile = meanwhile

    async def __call__(self) -> None:
        self.taken += 1
        if self._meanwhile is not None:
            await self._meanwhile()
