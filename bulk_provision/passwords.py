"""Passwords: how to make good ones, and how to tell weak ones.

A guessed SIP password is a telephone bill: attackers try usernames, short numbers and a handful of
words against every server they find ("toll fraud"). So blank passwords are filled from `secrets`,
and weak ones in a source are told.
"""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bulk_provision.errors import UsageError
from bulk_provision.randomness import random_bytes

LENGTH_LIMIT = 128
"""The longest password that is sent, in characters."""

# Letters and digits that nobody mixes up on paper or on the telephone: without I l 1 O o 0.
EASY_TO_READ = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789"

_LEAST_BITS = 64
_SHORT = 8
_CLASSES = (string.ascii_uppercase, string.ascii_lowercase, string.digits)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How passwords are made.

    Args:
        length: in characters.
        alphabet: the characters to choose from, each of them once; printable ASCII, no space.

    Raises:
        UsageError: the passwords would not be usable, or too easy to guess (under 2^64 of them).
    """

    length: int = 20
    alphabet: str = EASY_TO_READ

    def __post_init__(self) -> None:
        if not 1 <= self.length <= LENGTH_LIMIT:
            raise UsageError(
                f"passwords of {self.length} characters cannot be made.",
                f"Use a length of at most {LENGTH_LIMIT}; 20 is a good one.",
            )
        wrong = {one for one in self.alphabet if not "!" <= one <= "~"}
        if wrong or len(set(self.alphabet)) != len(self.alphabet):
            raise UsageError(
                "the alphabet for passwords holds a character twice, or one that is not printable "
                "ASCII.",
                "Leave the alphabet out to use letters and digits without look-alikes.",
            )
        bits = self.length * math.log2(max(1, len(self.alphabet)))
        if bits < _LEAST_BITS:
            raise UsageError(
                f"passwords of {self.length} characters out of {len(self.alphabet)} are too easy "
                f"to guess ({bits:.0f} bits; at least {_LEAST_BITS} are wanted).",
                "Make them longer, or choose from more characters.",
            )

    def may_have_made(self, password: str) -> bool:
        """Say whether a password could be one of these: of this length, out of this alphabet."""
        return len(password) == self.length and set(password) <= set(self.alphabet)


DEFAULT_RECIPE = Recipe()
"""20 letters and digits without look-alikes: 116 bits."""


REHEARSED = Recipe()
"""The recipe of a rehearsal (this very one, not its like): nothing is made, and that is said."""

MADE_LATER = "(made by the real run)"
"""What stands where a rehearsal would show a password that it made, and that would never work."""


def generate(recipe: Recipe = DEFAULT_RECIPE) -> str:
    """Make a password, with at least one upper-case letter, lower-case letter and digit.

    (As far as the recipe's alphabet has them, and its length has room.) All such passwords are
    equally likely: one that lacks a class is thrown away as a whole.
    """
    if recipe is REHEARSED:
        return MADE_LATER
    letters, unfair = _drawing(recipe.alphabet)
    wanted = _classes_wanted(recipe)
    while True:
        drawn = random_bytes(2 * recipe.length).translate(letters, unfair)
        password = drawn[: recipe.length].decode("ascii")
        if len(password) == recipe.length and not any(one.isdisjoint(password) for one in wanted):
            return password


@lru_cache(maxsize=16)
def _drawing(alphabet: str) -> tuple[bytes, bytes]:
    """Return how bytes become characters, and the last bytes, which would favour some of them."""
    fair = 256 - 256 % len(alphabet)
    return (alphabet * 256)[:256].encode("ascii"), bytes(range(fair, 256))


@lru_cache(maxsize=16)
def _classes_wanted(recipe: Recipe) -> tuple[frozenset[str], ...]:
    classes = [frozenset(one).intersection(recipe.alphabet) for one in _CLASSES]
    return tuple([one for one in classes if one][: recipe.length])


class Weakness(StrEnum):
    """Why a password is easily guessed; the value is a stable slug."""

    EQUALS_USERNAME = "password-equals-username"
    CONTAINS_USERNAME = "password-contains-username"
    SHORT = "password-short"
    ALL_DIGITS = "password-all-digits"
    REPETITIVE = "password-repetitive"
    COMMON = "password-common"

    @property
    def why(self) -> str:
        """Say what is wrong with the password."""
        return _WHY[self]


_WHY = {
    Weakness.EQUALS_USERNAME: "the password is the username: the first one that attackers try",
    Weakness.CONTAINS_USERNAME: "the password contains the username",
    Weakness.SHORT: f"the password has fewer than {_SHORT} characters",
    Weakness.ALL_DIGITS: "the password has only digits",
    Weakness.REPETITIVE: "the password repeats one or two characters, or is a row of the keyboard",
    Weakness.COMMON: "the password is one of the commonest",
}

# What attackers try first. Compared without case, usual swaps (@ for a) and the few digits or
# signs at the end, so that "P@ssw0rd123!" is found under "password".
_COMMON = frozenset(
    word
    for line in (
        "password passwort secret changeme letmein welcome admin administrator default test guest",
        "user login master root system support office phone telephone voip sip asterisk freepbx",
        "extension mypassword pass qwerty qwertz azerty iloveyou monkey dragon football cricket",
        "india company temp temporary abc abcd abcdef hello sunshine princess",
    )
    for word in line.split()
)
_COMMON_LENGTH = max(map(len, _COMMON))
_SWAPS = str.maketrans("@4301!$5", "aaeoiiss")
_TAIL = string.digits + string.punctuation
_TAIL_LENGTH = 6
_ROWS = ("01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_SEQUENCES = "\n".join(one for row in _ROWS for one in (row, row[::-1]))


def weaknesses(password: str, username: str) -> tuple[Weakness, ...]:
    """Tell why a password is easily guessed; nothing if it is not.

    This finds the classics, it does not measure strength: no dictionary is consulted.
    """
    plain, name = password.lower(), username.lower()
    found = []
    if plain in (name, name[::-1]):
        found.append(Weakness.EQUALS_USERNAME)
    elif len(name) >= 4 and name in plain:
        found.append(Weakness.CONTAINS_USERNAME)
    if len(plain) < _SHORT:
        found.append(Weakness.SHORT)
    if plain.isdecimal():
        found.append(Weakness.ALL_DIGITS)
    if _is_repetitive(plain):
        found.append(Weakness.REPETITIVE)
    if _is_common(plain):
        found.append(Weakness.COMMON)
    return tuple(found)


def _is_repetitive(plain: str) -> bool:
    # The first few characters tell, nearly always.
    return plain in _SEQUENCES or (len(set(plain[:4])) <= 2 and len(set(plain)) <= 2)


def _is_common(plain: str) -> bool:
    word = plain.rstrip(_TAIL)
    if len(word) > _COMMON_LENGTH or len(plain) - len(word) > _TAIL_LENGTH:
        return False
    swapped = plain.rstrip(string.punctuation).translate(_SWAPS)  # "welc0m3!" ends in a swap
    return not _COMMON.isdisjoint((word, word.translate(_SWAPS), swapped))
