"""Good passwords are made, weak ones are told."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk_provision.errors import UsageError
from bulk_provision.passwords import (
    DEFAULT_RECIPE,
    EASY_TO_READ,
    Recipe,
    Weakness,
    generate,
    weaknesses,
)


def test_by_default_20_letters_and_digits_without_look_alikes():
    made = {generate() for _ in range(200)}
    assert len(made) == 200
    for password in made:
        assert len(password) == 20
        assert set(password) <= set(EASY_TO_READ)
        assert not set(password) & set("Il1Oo0")
        assert any(one.isupper() for one in password)
        assert any(one.islower() for one in password)
        assert any(one.isdigit() for one in password)
        assert weaknesses(password, "asha.rao") == ()


def test_the_default_is_far_beyond_guessing():
    assert DEFAULT_RECIPE.length * math.log2(len(DEFAULT_RECIPE.alphabet)) > 112


def test_all_characters_of_the_alphabet_are_used():
    assert set("".join(generate() for _ in range(300))) == set(EASY_TO_READ)


@pytest.mark.parametrize(
    ("length", "alphabet"),
    [(20, "0123456789"), (32, "abcdef"), (64, "01"), (10, EASY_TO_READ + "!")],
)
def test_length_and_alphabet_can_be_chosen(length, alphabet):
    if length * math.log2(len(alphabet)) < 64:
        with pytest.raises(UsageError, match="bits"):
            Recipe(length, alphabet)
    else:
        password = generate(Recipe(length, alphabet))
        assert len(password) == length
        assert set(password) <= set(alphabet)


@pytest.mark.parametrize("length", [0, -1, 10, 129, 1000])
def test_a_length_that_is_unsafe_or_not_sent_is_refused(length):
    with pytest.raises(UsageError) as told:
        Recipe(length=length)
    assert told.value.cure


@pytest.mark.parametrize(
    "alphabet", ["", "a", "aab" * 10, "abcdefghij klmnop", "abcdefghijkü", "ab\n"]
)
def test_an_unusable_alphabet_is_refused(alphabet):
    with pytest.raises(UsageError):
        Recipe(length=64, alphabet=alphabet)


@pytest.mark.parametrize(
    ("password", "username", "found"),
    [
        ("asha.rao", "asha.rao", Weakness.EQUALS_USERNAME),
        ("ASHA.RAO", "asha.rao", Weakness.EQUALS_USERNAME),
        ("oar.ahsa", "asha.rao", Weakness.EQUALS_USERNAME),
        ("xx-asha.rao-9Q", "asha.rao", Weakness.CONTAINS_USERNAME),
        ("kT7-mag", "asha", Weakness.SHORT),
        ("839201746511", "asha", Weakness.ALL_DIGITS),
        ("aaaaaaaaaaaa", "asha", Weakness.REPETITIVE),
        ("abababababab", "asha", Weakness.REPETITIVE),
        ("qwertyuiop", "asha", Weakness.REPETITIVE),
        ("87654321", "asha", Weakness.REPETITIVE),
        ("abcdefgh", "asha", Weakness.REPETITIVE),
        ("password", "asha", Weakness.COMMON),
        ("P@ssw0rd123!", "asha", Weakness.COMMON),
        ("Welcome2024", "asha", Weakness.COMMON),
        ("welc0m3!", "asha", Weakness.COMMON),
        ("Admin@12345", "asha", Weakness.COMMON),
        ("changeme", "asha", Weakness.COMMON),
    ],
)
def test_the_classics_of_toll_fraud_are_found(password, username, found):
    assert found in weaknesses(password, username)
    assert found.why


@pytest.mark.parametrize(
    ("password", "username"),
    [
        ("kT7-mango-Velvet", "asha"),
        ("secretary-Lemon-4", "asha"),
        ("100-brass-Herons", "100"),  # too short a username to mean anything
        ("password-but-then-9-more-words", "asha"),
    ],
)
def test_others_are_left_alone(password, username):
    assert weaknesses(password, username) == ()


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_can_be_weighed(password, username):
    assert len(set(weaknesses(password, username))) == len(weaknesses(password, username))
