"""Faults on purpose: which calls the sandbox treats badly, and how.

A fault is one short text, `[CALL:]KIND[:NUMBER][@WHICH]...`:

    drop-after-commit@3          the third call takes effect, and nobody is told
    add_sip:html-502@5-9         the fifth to ninth add_sip meet a gateway's error page
    slow:2.5@every:10            every tenth call is answered 2.5 seconds late
    420@from:100                 from the hundredth call on the account is refused
    drop-before-commit@p:0.01    one call in a hundred, by a seeded draw
    add_sip:cut@each:1-2         the first two add_sip of each username
    html-503@user:ada@2          the second call that names "ada"

KIND (`*`: takes a `-before-commit` or `-after-commit` of your choice, which says whether the call
takes effect all the same):

    kind            takes effect?  what the client sees
    drop*           must be said   the connection closes without an answer
    cut             yes            the header and half of the body, then the connection closes
    html-STATUS*    no             a gateway's HTML page with that HTTP status, 400 to 599
    json-CODE*      no             the vendor's own JSON with that code, in the chosen answer shape
    420*            no             the same as json-420: app id or secret refused
    429[:SECONDS]*  no             HTTP 429 with Retry-After (whole seconds, 1 unless told)
    redirect[:STATUS]*  no         a redirect (302 unless told) to a page of the sandbox's own
    slow:SECONDS    yes, at once   the right answer, that much later
    slow-commit:SECONDS  yes, late the right answer; the effect comes as late as the answer, and
                                   comes even when the client has gone away meanwhile
    other-username  yes            an answer that names somebody else
    garbage*        yes            bytes that are not JSON, called JSON
    truncated       yes            a whole HTTP answer with half of the JSON
    duplicate-keys  yes            JSON that says code and username twice, and differently
    no-code         yes            JSON without a code
    code-number     yes            the code as a number, whatever the answer shape
    code-text       yes            the code as a string of digits, whatever the answer shape
    huge[:MIB]*     yes            a JSON body of so many MiB (100 unless told)
    newcomer        yes            the right answer, just after somebody else created an endpoint
    first-page      yes            of list_sip: page 1, whichever page was asked for

WHICH counts from 1 over the calls that CALL and `@user:` leave, since the plan was set (without
either: over all calls):

    3   5-9   from:100   every:10   p:0.01   each:1   each:1-2 (counted per username)   user:NAME

The colon after `from`, `every` and `p` may be left out. Without a WHICH it is every call. Calls
are counted in the order in which they were read. The first fault of a plan that hits a call is the
one that happens; the others go on counting.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bulk_provision.sandbox.errors import SandboxOptionError
from bulk_provision.sandbox.vendor import CALLS

REDIRECT_STATUSES = (301, 302, 303, 307, 308)


class FaultKind(StrEnum):
    """The ways to treat a call badly; the module's docstring says what each does."""

    DROP = "drop"
    CUT = "cut"
    HTML = "html"
    JSON = "json"
    TOO_MANY = "429"
    REDIRECT = "redirect"
    SLOW = "slow"
    SLOW_COMMIT = "slow-commit"
    OTHER_USERNAME = "other-username"
    GARBAGE = "garbage"
    TRUNCATED = "truncated"
    DUPLICATE_KEYS = "duplicate-keys"
    NO_CODE = "no-code"
    CODE_NUMBER = "code-number"
    CODE_TEXT = "code-text"
    HUGE = "huge"
    NEWCOMER = "newcomer"
    FIRST_PAGE = "first-page"


class _Trait(NamedTuple):
    commits: bool | None = True  # unless it is said; None: it must be said
    either: bool = False  # "-before-commit" and "-after-commit" may be said
    takes: str = ""  # what the number is, for an error message; "" when there is none
    default: float | None = None  # None: a kind that takes a number must be given one


_TRAITS = {
    FaultKind.DROP: _Trait(commits=None, either=True),
    FaultKind.CUT: _Trait(),
    FaultKind.HTML: _Trait(commits=False, either=True),
    FaultKind.JSON: _Trait(commits=False, either=True),
    FaultKind.TOO_MANY: _Trait(commits=False, either=True, takes="whole seconds", default=1),
    FaultKind.REDIRECT: _Trait(commits=False, either=True, takes="a redirect status", default=302),
    FaultKind.SLOW: _Trait(takes="seconds"),
    FaultKind.SLOW_COMMIT: _Trait(takes="seconds"),
    FaultKind.OTHER_USERNAME: _Trait(),
    FaultKind.GARBAGE: _Trait(either=True),
    FaultKind.TRUNCATED: _Trait(),
    FaultKind.DUPLICATE_KEYS: _Trait(),
    FaultKind.NO_CODE: _Trait(),
    FaultKind.CODE_NUMBER: _Trait(),
    FaultKind.CODE_TEXT: _Trait(),
    FaultKind.HUGE: _Trait(either=True, takes="whole MiB", default=100),
    FaultKind.NEWCOMER: _Trait(),
    FaultKind.FIRST_PAGE: _Trait(),
}

_TEXT = re.compile(
    rf"(?:(?P<call>{'|'.join(CALLS)}):)?"
    r"(?P<kind>[a-z0-9-]+)(?::(?P<number>\d+(?:\.\d+)?))?"
    r"(?P<which>(?:@[^@]+)*)"
)
_WITH_STATUS = re.compile(r"(html|json)-([45]\d\d)")
_COUNTED = re.compile(r"(?P<each>each:)?(?P<first>[1-9]\d*)(?:-(?P<last>[1-9]\d*))?")
_WORDED = re.compile(r"(?P<word>from|every):?(?P<number>[1-9]\d*)")
_DRAWN = re.compile(r"p:?(?P<probability>\d+(?:\.\d+)?)")

_HOW_TO_WRITE = (
    "write [CALL:]KIND[:NUMBER][@WHICH]..., such as add_sip:drop-after-commit@3; "
    f"CALL is one of {', '.join(CALLS)}; "
    "KIND is drop-before-commit, drop-after-commit, cut, html-STATUS, json-CODE, 420, "
    "429[:SECONDS], redirect[:STATUS], slow:SECONDS, slow-commit:SECONDS, other-username, "
    "garbage, truncated, duplicate-keys, no-code, code-number, code-text, huge[:MIB], "
    "newcomer or first-page; "
    "WHICH is 3, 5-9, from:100, every:10, p:0.01, each:1, each:1-2 or user:NAME"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to treat a call badly.

    Args:
        kind: what the client sees.
        commits: whether the call takes effect all the same.
        number: the kind's own: a status or code, seconds, or MiB; 0 when it has none.
    """

    kind: FaultKind
    commits: bool
    number: float = 0

    def __str__(self) -> str:
        trait = _TRAITS[self.kind]
        text = str(self.kind)
        if self.kind in {FaultKind.HTML, FaultKind.JSON}:
            text += f"-{self.number:g}"
        if self.commits is not trait.commits:
            text += "-after-commit" if self.commits else "-before-commit"
        if trait.takes:
            text += f":{_plain(self.number)}"
        return text


@dataclass(frozen=True, slots=True)
class Which:
    """Which of the calls that a rule looks at, counted from 1, it hits.

    Args:
        first: the first one.
        last: the last one; None for no end.
        every: only the multiples of this number.
        probability: how likely each of them is hit, above 0 and at most 1.
        each: count the calls of each username apart.
    """

    first: int = 1
    last: int | None = None
    every: int = 1
    probability: float = 1.0
    each: bool = False

    def holds(self, number: int) -> bool:
        """Whether the call with this number is one of them, before any draw."""
        if number < self.first or number % self.every:
            return False
        return self.last is None or number <= self.last

    def __str__(self) -> str:
        if self.probability < 1:
            return f"@p:{_plain(self.probability)}"
        if self.every > 1:
            return f"@every:{self.every}"
        if self.last is None:
            return f"@from:{self.first}" if self.first > 1 else ""
        ends = f"{self.first}" if self.last == self.first else f"{self.first}-{self.last}"
        return f"@each:{ends}" if self.each else f"@{ends}"


@dataclass(frozen=True, slots=True)
class FaultRule:
    """A fault and the calls that it happens to.

    Args:
        fault: what happens.
        which: to which of the calls looked at.
        call: only calls of this name; "" for all five.
        username: only calls that name this user; "" for all.
    """

    fault: Fault
    which: Which = Which()
    call: str = ""
    username: str = ""

    @classmethod
    def parse(cls, text: str) -> FaultRule:
        """Read one fault as the module's docstring describes it.

        Raises:
            SandboxOptionError: for a text that is no fault; says what to write.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise _unreadable(text, "this is not the form of a fault")
        fault = _fault(text, match["kind"], match["number"])
        which, username = Which(), ""
        for word in match["which"].split("@")[1:]:
            if word.startswith("user:") and not username:
                username = word.removeprefix("user:")
            elif which == Which():
                which = _which(text, word)
            else:
                raise _unreadable(text, f"@{word} is one choice of calls too many")
        return cls(fault, which, match["call"] or "", username)

    def __str__(self) -> str:
        call = f"{self.call}:" if self.call else ""
        user = f"@user:{self.username}" if self.username else ""
        return f"{call}{self.fault}{user}{self.which}"


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All faults of a sandbox, and the seed of their draws."""

    rules: tuple[FaultRule, ...] = ()
    seed: int = 0

    @classmethod
    def parse(cls, *texts: str, seed: int = 0) -> FaultPlan:
        """Read the texts of all faults; see the module's docstring.

        Raises:
            SandboxOptionError: for a text that is no fault.
        """
        return cls(tuple(FaultRule.parse(text) for text in texts), seed)

    @property
    def texts(self) -> list[str]:
        """The rules as texts that `parse` reads back."""
        return [str(rule) for rule in self.rules]


def _fault(text: str, name: str, number: str | None) -> Fault:
    name, commits = _split_effect(name)
    name = "json-420" if name == "420" else name
    if with_status := _WITH_STATUS.fullmatch(name):
        name, status = with_status.groups()
    elif name in {"html", "json"}:
        raise _unreadable(text, f"{name} needs a status of 400 to 599, such as {name}-502")
    else:
        status = ""
    try:
        kind = FaultKind(name)
    except ValueError:
        raise _unreadable(text, f"there is no kind {name!r}") from None
    trait = _TRAITS[kind]
    if commits is not None and not trait.either:
        raise _unreadable(text, f"{kind} cannot be told when to take effect")
    commits = trait.commits if commits is None else commits
    if commits is None:
        raise _unreadable(text, f"say {kind}-before-commit or {kind}-after-commit")
    value = _number(text, kind, number)
    return Fault(kind, commits, float(status) if status else value)


def _split_effect(name: str) -> tuple[str, bool | None]:
    if name.endswith("-before-commit"):
        return name.removesuffix("-before-commit"), False
    if name.endswith("-after-commit"):
        return name.removesuffix("-after-commit"), True
    return name, None


def _number(text: str, kind: FaultKind, number: str | None) -> float:
    takes, default = _TRAITS[kind].takes, _TRAITS[kind].default
    if number is None:
        if takes and default is None:
            raise _unreadable(text, f"{kind} needs its {takes}, such as {kind}:2.5")
        return default or 0
    value = float(number)
    if not takes or (takes.startswith("whole") and not value.is_integer()):
        raise _unreadable(text, f"{kind} takes {takes or 'no number'}, not {number}")
    if kind is FaultKind.REDIRECT and value not in REDIRECT_STATUSES:
        raise _unreadable(text, f"a redirect's status is one of {REDIRECT_STATUSES}")
    return value


def _which(text: str, word: str) -> Which:
    if match := _COUNTED.fullmatch(word):
        first = int(match["first"])
        last = int(match["last"] or first)
        if last < first:
            raise _unreadable(text, f"@{word} ends before it begins")
        return Which(first, last, each=bool(match["each"]))
    if match := _WORDED.fullmatch(word):
        number = int(match["number"])
        return Which(first=number) if match["word"] == "from" else Which(every=number)
    if (match := _DRAWN.fullmatch(word)) and 0 < float(match["probability"]) <= 1:
        return Which(probability=float(match["probability"]))
    raise _unreadable(text, f"@{word} chooses no calls")


def _plain(number: float) -> str:
    return f"{number:.12f}".rstrip("0").rstrip(".")


def _unreadable(text: str, why: str) -> SandboxOptionError:
    return SandboxOptionError(f"fault {text!r}: {why}; {_HOW_TO_WRITE}")
