"""The checks before any call: a row becomes a user, or is refused with reasons. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from bulk_provision.characters import UNSEEN, listed, named, visible
from bulk_provision.errors import UsageError
from bulk_provision.model import Invalid, Problem, Row, User, WeakPasswords
from bulk_provision.passwords import LENGTH_LIMIT, MADE_LATER, Weakness, weaknesses

USERNAME_LIMIT = 64
"""The longest username that is sent, in characters."""

Where: TypeAlias = Callable[[int, str], str]
"""Gives the place of a cell: row number, field → "Users!B17" (`Table.where`)."""

_SAFE = r"A-Za-z0-9._+\-"
_ORDINARY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")  # no number from Excel, no bare punctuation
_PRINTABLE = re.compile(r"[!-~]*")
_EXCEL_NUMBER = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,3}")
_ERROR_VALUES = frozenset(
    ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!")
)
_MASK = re.compile(r"[*•●∙⦁·]{3,}|x{4,}", re.IGNORECASE)
_WEAKNESSES = frozenset(weakness.value for weakness in Weakness)
_NOTHING = frozenset(("null", "none", "nan", "nil", "undefined", "tbd"))


@dataclass(frozen=True)
class Rules:
    """What is allowed in a source.

    Args:
        allow_username: characters allowed in usernames besides `A-Z a-z 0-9 . _ + -`; each counts
            by itself, so "@ " allows the at sign, and spaces between words.
        weak_passwords: what to do about passwords that are easily guessed.

    Raises:
        UsageError: a character that nobody can see is to be allowed.
    """

    allow_username: str = ""
    weak_passwords: WeakPasswords = WeakPasswords.WARN

    def __post_init__(self) -> None:
        for character in self.allow_username:
            if character != " " and unicodedata.category(character) in UNSEEN:
                raise UsageError(
                    f"{named(character)} cannot be allowed in usernames: nobody can see it.",
                    "Give visible characters, such as @ or é.",
                )

    @cached_property
    def forbidden(self) -> re.Pattern[str]:
        """Match a character that usernames must not have."""
        return re.compile(f"[^{_SAFE}{re.escape(self.allow_username)}]")


def check(row: Row, rules: Rules, where: Where) -> User | Invalid:
    """Check a row.

    Args:
        row: as intake found it.
        rules: what is allowed.
        where: gives the place of a cell, for the problems.

    Returns:
        The user, perhaps with warnings (what cannot be seen round a username is trimmed, with a
        warning; a password is never changed); or all that is wrong with the row, errors first.
    """
    if not row.problems and _is_ordinary(row.username) and _is_strong(row.password, row.username):
        return User(row.number, row.username, row.password, row.others)
    username = _trimmed(row.username)
    errors_read = [problem for problem in row.problems if not problem.warning]
    if any(not problem.field for problem in errors_read):
        return Invalid(row, _errors_first(row.problems))  # its cells may be none, or other ones
    misread = {problem.where for problem in errors_read}
    problems = list(row.problems)
    for name, found in (
        ("username", _username_problems(row.username, username, rules)),
        ("password", _password_problems(row.password, username, rules)),
    ):
        place = where(row.number, name)
        if place not in misread:  # what could not be read need not be judged too
            problems += [problem._replace(where=place, field=name) for problem in found]
    if all(problem.warning for problem in problems):
        password = "" if _is_replaced(problems, rules) else row.password  # "": make a new one
        return User(row.number, username, password, row.others, tuple(problems))
    return Invalid(row, _errors_first(problems))


def _is_replaced(problems: Iterable[Problem], rules: Rules) -> bool:
    if rules.weak_passwords is not WeakPasswords.REPLACE:
        return False
    return any(problem.kind in _WEAKNESSES for problem in problems)


def _errors_first(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: problem.warning))


def _is_ordinary(username: str) -> bool:
    """Say whether a username is beyond any doubt (most are); if not, it needs a closer look."""
    return (
        _ORDINARY.fullmatch(username) is not None
        and len(username) <= USERNAME_LIMIT
        and username.lower() not in _NOTHING
    )


def _is_strong(password: str, username: str) -> bool:
    """Say whether a password is beyond any doubt; if not, it needs a closer look."""
    if not password:
        return True
    return (
        _PRINTABLE.fullmatch(password) is not None
        and len(password) <= LENGTH_LIMIT
        and password[0] != "#"
        and "E+" not in password
        and not weaknesses(password, username)
    )


def _trimmed(username: str) -> str:
    """Take away what cannot be seen at both ends: spaces of all kinds, zero-width characters."""
    start, end = 0, len(username)
    while start < end and unicodedata.category(username[start]) in UNSEEN:
        start += 1
    while end > start and unicodedata.category(username[end - 1]) in UNSEEN:
        end -= 1
    return username[start:end]


def _username_problems(cell: str, username: str, rules: Rules) -> Iterator[Problem]:
    seen = visible(cell)
    if not username:
        yield _problem(
            "username-empty",
            seen,
            "there is no username",
            "Fill it in, or delete the row if it is no user.",
        )
        return
    if len(username) != len(cell):
        edges = sorted(
            {*cell[: cell.index(username)], *cell[cell.index(username) + len(username) :]}
        )
        yield _warning(
            "username-trimmed",
            seen,
            f"{listed(edges)} stood before or after it, and was taken away",
            "There is nothing to do; to be rid of the warning, take it away in the sheet too.",
        )
    if len(username) > USERNAME_LIMIT:
        yield _problem(
            "username-long",
            f"{seen}, {len(username)} characters",
            f"it is longer than the {USERNAME_LIMIT} characters that are sent at most",
            "Choose a shorter username.",
        )
    yield from _username_form(username, seen, rules)


def _username_form(username: str, seen: str, rules: Rules) -> Iterator[Problem]:
    """Tell what a username reads like that is none, and what it must not hold."""
    if _EXCEL_NUMBER.fullmatch(username):
        yield _damaged_number("username", seen)
    elif username in _ERROR_VALUES:
        yield _error_value("username", seen)
    elif wrong := rules.forbidden.findall(username):
        yield _problem(
            "username-characters",
            seen,
            f"it holds {listed(dict.fromkeys(wrong))}; with such usernames many phones cannot "
            "register, even with the right password",
            _suggestion(username, rules),
        )
    elif not _has_letter(username):
        yield _problem(
            "username-without-letter",
            seen,
            "it has no letter and no digit",
            "Fill in the username, or delete the row if it is no user.",
        )
    elif username.lower() in _NOTHING:
        yield _warning(
            "username-placeholder",
            seen,
            "it reads like a placeholder for nothing",
            "If the user is really called so, there is nothing to do; else fill it in or "
            "delete the row.",
        )


def _suggestion(username: str, rules: Rules) -> str:
    """Propose a username without what is wrong with this one."""
    plain = unicodedata.normalize("NFKD", username.partition("@")[0])
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    plain = re.sub(r"\s+", ".", plain.strip())
    lost = "".join(rules.forbidden.findall(plain))  # a name without one of its letters is another
    plain = rules.forbidden.sub("", plain)
    cure = "Use letters A-Z a-z, digits, and . _ + - alone"
    if _ORDINARY.fullmatch(plain) and len(plain) <= USERNAME_LIMIT and not _has_letter(lost):
        cure += f": {plain}, for example"
    return f"{cure}; or allow the character with --allow-username."


def _has_letter(text: str) -> bool:
    """Say whether there is a letter or a digit in a text."""
    return any(character.isalnum() for character in text)


def _password_problems(password: str, username: str, rules: Rules) -> Iterator[Problem]:
    if not password:
        return
    if password.strip() == MADE_LATER:
        yield _problem(
            "password-rehearsed",
            "",
            "it is what a rehearsal shows instead of a password, not the password itself",
            "Run your own source, not a rehearsal's results; or leave the cell blank to have a "
            "password generated.",
        )
        return
    if _MASK.fullmatch(password):
        yield _problem(
            "password-masked",
            "",
            "it is what a program shows instead of a password, not the password itself",
            "Fill in the password, or leave the cell blank to have one generated.",
        )
        return
    if len(password) > LENGTH_LIMIT:
        yield _problem(
            "password-long",
            f"{len(password)} characters",
            f"it is longer than the {LENGTH_LIMIT} characters that are sent at most",
            "Choose a shorter password, or leave the cell blank to have one generated.",
        )
    yield from _password_characters(password)
    if _EXCEL_NUMBER.fullmatch(password):
        yield _damaged_number("password", "")
    elif password in _ERROR_VALUES:
        yield _error_value("password", "")
    elif rules.weak_passwords is not WeakPasswords.ALLOW:
        yield from _weak(password, username, rules.weak_passwords)


def _weak(password: str, username: str, wanted: WeakPasswords) -> Iterator[Problem]:
    why = "weak passwords are how telephone bills are stolen"
    cure = "Choose a long, random one; or have new ones made: --weak-passwords replace."
    if wanted is WeakPasswords.REPLACE:
        # Who has an endpoint of ours already keeps the password that works.
        why = "it is not used, a new one is made for whoever is created"
        cure = "Hand over the one in the results: the phone has to be given it."
    for weakness in weaknesses(password, username):
        why_at_all = f"{weakness.why}; {why}"
        is_warning = wanted is not WeakPasswords.REFUSE
        yield Problem(weakness.value, "", "", why_at_all, cure, warning=is_warning)


def _password_characters(password: str) -> Iterator[Problem]:
    """Tell of characters that nobody can see, and of those that phones disagree about."""
    inner = password.strip(" ")
    unseen = {one for one in inner if one != " " and unicodedata.category(one) in UNSEEN}
    if inner != password:
        unseen.add(" ")
    if unseen:
        yield _problem(
            "password-invisible",
            "",
            f"it holds {listed(sorted(unseen))}"
            + (" at its start or end" if unseen == {" "} else "")
            + "; nobody who types the password can see that",
            "Type the password again, or leave the cell blank to have one generated.",
        )
    elif " " in password:
        yield _warning(
            "password-space",
            "",
            "it holds a space, which some phones do not accept in a password",
            "If a phone cannot register, choose a password without spaces.",
        )
    if not unseen and not password.isascii():
        yield _warning(
            "password-not-ascii",
            "",
            "it holds characters beyond ASCII (such as é), which phones encode differently",
            "If a phone cannot register, choose a password of plain letters, digits and signs.",
        )


def _damaged_number(field: str, seen: str) -> Problem:
    return _problem(
        f"{field}-number-damaged",
        seen,
        "a spreadsheet program has turned a long number into scientific notation (1.2E+11)",
        "Take the digits from where they came from; format the column as Text before typing them.",
    )


def _error_value(field: str, seen: str) -> Problem:
    return _problem(
        f"{field}-error-value",
        seen,
        "it is the error of a formula that failed, not a value",
        "Mend the formula, or type the value itself.",
    )


def _problem(kind: str, seen: str, why: str, cure: str) -> Problem:
    return Problem(kind, "", seen, why, cure)  # the place is filled in by `check`


def _warning(kind: str, seen: str, why: str, cure: str) -> Problem:
    return Problem(kind, "", seen, why, cure, warning=True)
