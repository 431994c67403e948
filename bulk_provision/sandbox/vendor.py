"""The vendor's state and its five calls, without any network.

The calls and their answers are TeleCMI's as documented at doc.telecmi.com/piopiy (Create, Get,
Update, List and Remove SIP Endpoint). What that leaves open is decided here, strictly:

- a property that is absent, blank or of another type than documented is a missing one (502);
- properties are looked at before the app id and the secret (420), and these before the call;
- `update_sip` of an unknown username is 400, as for `get_sip`;
- `list_sip` lists the endpoints in the order of their creation, `count` is their total, and a
  page beyond the last one has no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bulk_provision.sandbox.store import EndpointStore

PAGE_ROWS = 10

# One of the session border controllers of the vendor's SDK.
CONNECT_URL = "sbcsg.telecmi.com"

_REQUIRED: dict[str, tuple[str, ...]] = {
    "add_sip": ("username", "password"),
    "get_sip": ("username",),
    "update_sip": ("username", "password"),
    "list_sip": ("page",),
    "remove_sip": ("username",),
}

CALLS = tuple(_REQUIRED)


class Answer(NamedTuple):
    """What the vendor decided, before it takes an answer's shape.

    Args:
        code: 200, 400, 420 or 502, as documented.
        fields: the answer's properties without its code.
    """

    code: int
    fields: Mapping[str, object]


@dataclass(slots=True)
class Arrival:
    """One request, as the sandbox saw it.

    Args:
        at: when it arrived, in seconds since 1970 by a clock that never runs backwards.
        call: "add_sip", "get_sip", …; method and path for anything else.
        username: whom it named; "" when nobody.
        code: what the vendor decided (200, 400, 420, 502); None when the call never got to it.
        status: the HTTP status that was sent; None while nothing was sent.
        fault: the fault that happened to it, as its text; "limit" when it came too fast.
    """

    at: float
    call: str
    username: str = ""
    code: int | None = None
    status: int | None = None
    fault: str = ""

    def as_json(self) -> dict[str, object]:
        """The same as a JSON object."""
        return {
            "at": self.at,
            "call": self.call,
            "username": self.username,
            "code": self.code,
            "status": self.status,
            "fault": self.fault,
        }


class Vendor:
    """The emulated vendor: one account and its endpoints.

    Args:
        appid: the app id that is let in.
        secret: its secret.
        store: where the endpoints live.
    """

    def __init__(self, appid: int, secret: str, store: EndpointStore) -> None:
        self._appid = appid
        self._secret = secret
        self._store = store
        self._newcomers = 0
        self._listing: list[dict[str, str]] | None = None
        self.arrivals: list[Arrival] = []
        self._calls: dict[str, Callable[..., Answer]] = {
            "add_sip": self.add_sip,
            "get_sip": self.get_sip,
            "update_sip": self.update_sip,
            "list_sip": self.list_sip,
            "remove_sip": self.remove_sip,
        }

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Every endpoint's password by its username, in the order of creation."""
        return self._store.endpoints

    @property
    def created(self) -> Mapping[str, int]:
        """How often each username was created by `add_sip`; more than once is somebody's bug."""
        return self._store.created

    def perform(self, call: str, properties: Mapping[str, object]) -> Answer:
        """Do one call as its JSON body says.

        Args:
            call: one of `CALLS`.
            properties: the request's JSON object.
        """
        if missing := self._missing(call, properties):
            return Answer(502, {"msg": f"Missing required property: {missing}"})
        if properties["appid"] != self._appid or properties["secret"] != self._secret:
            return Answer(420, {"msg": "Invalid app id or secret"})
        return self._calls[call](**{name: properties[name] for name in _REQUIRED[call]})

    def add_sip(self, username: str, password: str) -> Answer:
        """Create an endpoint; 400 when the username exists."""
        if username in self.endpoints:
            return Answer(400, {"msg": "Username already exists"})
        self._store.create(username, password)
        self._listing = None
        return self._described(username)

    def get_sip(self, username: str) -> Answer:
        """Read an endpoint back; 400 when there is none."""
        return self._described(username) if username in self.endpoints else _unknown()

    def update_sip(self, username: str, password: str) -> Answer:
        """Give an endpoint another password; 400 when there is none."""
        if username not in self.endpoints:
            return _unknown()
        self._store.update(username, password)
        self._listing = None
        fields = {"username": username, "password": password, "msg": "Updated successfully"}
        return Answer(200, fields)

    def list_sip(self, page: int) -> Answer:
        """Ten endpoints of a page, counted from 1."""
        if self._listing is None:
            self._listing = [{"username": u, "password": p} for u, p in self.endpoints.items()]
        start = (page - 1) * PAGE_ROWS
        rows = self._listing[start : start + PAGE_ROWS]
        return Answer(200, {"list": {"count": len(self._listing), "rows": rows}})

    def remove_sip(self, username: str) -> Answer:
        """Remove an endpoint; 400 when there is none."""
        if username not in self.endpoints:
            return _unknown()
        self._store.remove(username)
        self._listing = None
        return Answer(200, {"username": username, "msg": "Removed successfully"})

    def admit_newcomer(self) -> None:
        """Let somebody else create an endpoint: newcomer-1, newcomer-2 and so on."""
        self._newcomers += 1
        self._store.admit(f"newcomer-{self._newcomers}", "their-own")
        self._listing = None

    def truth(self) -> dict[str, object]:
        """All that is known, as a JSON object: endpoints, created and calls."""
        return {
            "endpoints": dict(self.endpoints),
            "created": dict(self.created),
            "calls": [arrival.as_json() for arrival in self.arrivals],
        }

    def _described(self, username: str) -> Answer:
        fields = {
            "username": username,
            "password": self.endpoints[username],
            "connect_URL": CONNECT_URL,
            "audio": True,
            "video": True,
            "type": "SIP",
        }
        return Answer(200, fields)

    def _missing(self, call: str, properties: Mapping[str, object]) -> str:
        if not _is_whole_number(properties.get("appid")):
            return "appid"
        for name in ("secret", *_REQUIRED[call]):
            given = properties.get(name)
            if name == "page":
                present = _is_whole_number(given)
            else:
                present = isinstance(given, str) and given != ""
            if not present:
                return name
        return ""


def _unknown() -> Answer:
    return Answer(400, {"msg": "Username does not exist"})


def _is_whole_number(given: object) -> bool:
    return isinstance(given, int) and not isinstance(given, bool) and given > 0
