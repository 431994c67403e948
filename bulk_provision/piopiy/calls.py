"""What is asked of the vendor, what comes back, and what it means: plain data, and the seam."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Call(StrEnum):
    """The vendor's calls, by the last part of their address."""

    ADD = "add_sip"
    GET = "get_sip"
    UPDATE = "update_sip"
    LIST = "list_sip"
    REMOVE = "remove_sip"


class Request(NamedTuple):
    """A call to be made; which of the fields it uses, the vendor's documentation says."""

    call: Call
    username: str = ""
    password: str = ""
    page: int = 0

    def __repr__(self) -> str:
        return f"Request({self.call}, {self.username!r})"

    def fields(self) -> dict[str, object]:
        """Return the body's fields beside appid and secret."""
        if self.call is Call.LIST:
            return {"page": self.page}
        if self.call in (Call.ADD, Call.UPDATE):
            return {"username": self.username, "password": self.password}
        return {"username": self.username}


class Reply(NamedTuple):
    """What came back, as plain data that can cross a process boundary.

    Args:
        sent: whether the request may have left; False only when it surely did not.
        status: the HTTP status; None when there was no answer.
        body: the answer's bytes; None when they did not come whole.
        retry_after: seconds that the answer asks us to wait.
        trouble: what went wrong on the way, in words; "" when nothing.
    """

    sent: bool
    status: int | None = None
    body: bytes | None = None
    retry_after: float | None = None
    trouble: str = ""

    def __repr__(self) -> str:  # a body may hold a password
        return f"Reply(sent={self.sent}, status={self.status}, trouble={self.trouble!r})"


class Kind(StrEnum):
    """What an answer means for the request."""

    DONE = "done"  # done as asked
    EXISTS = "exists"  # 400 to add_sip: the username is taken
    ABSENT = "absent"  # 400 to get_sip or remove_sip: there is no such username
    REFUSED = "refused"  # refused for good; nothing was done
    ACCOUNT_REFUSED = "account_refused"  # 420: no call of this account can succeed
    BUSY = "busy"  # 429: nothing was done, and we shall call less often
    UNSENT = "unsent"  # the request surely did not leave
    ASTRAY = "astray"  # an answer that no endpoint gives (a redirect, a 404): the wrong address
    DOUBT = "doubt"  # the request left, and what it did is not known


class Verdict(NamedTuple):
    """An answer, understood.

    Args:
        kind: what it means.
        code: the vendor's code, or the HTTP status, as digits; "" when there was none.
        detail: what happened, in words, without secrets.
        password: the password that the answer names; "" when none.
        connect_url: the answer's connect_URL; "" when none.
        retry_after: seconds that the answer asks us to wait.
        acknowledged: the vendor said 200 for our username, although the answer is in doubt.
        by_status: only the HTTP status says so, and gateways have these statuses too.
        entries: list_sip's usernames and passwords, of one page.
        total: how many endpoints there are on all pages, as list_sip says.
    """

    kind: Kind
    code: str = ""
    detail: str = ""
    password: str = ""
    connect_url: str = ""
    retry_after: float | None = None
    acknowledged: bool = False
    by_status: bool = False
    entries: tuple[tuple[str, str], ...] = ()
    total: int = 0

    def __repr__(self) -> str:
        return f"Verdict({self.kind}, code={self.code!r}, detail={self.detail!r})"


class Sender(Protocol):
    """Something that can make calls: the seam between the loop and the network."""

    async def send(self, request: Request, turn: Callable[[], Awaitable[None]]) -> Reply:
        """Make a call and return what came back; trouble is in the reply, never raised.

        Args:
            request: the call.
            turn: awaited as the very last step before the request leaves; the pace. What it
                raises ends the call before it left, and is passed on.
        """
        ...
