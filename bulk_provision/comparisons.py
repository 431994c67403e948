"""What the rows of a source are to each other: the same, nearly the same, or shorter. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bulk_provision.characters import visible
from bulk_provision.model import Problem


def duplicate(where: str, username: str, first_row: int) -> Problem:
    """Tell that a username stands in the source twice; the first row is the one that counts.

    Args:
        where: the place of the later one.
        username: which one.
        first_row: the row's number where it stands first.
    """
    return Problem(
        "username-duplicate",
        where,
        f"{visible(username)}, as in row {first_row}",
        "the same username stands in an earlier row already",
        "Give each user a username of its own, or delete one of the two rows.",
        field="username",
    )


def collision(where: str, username: str, first_row: int) -> Problem:
    """Tell that several users come out with one username: none of them goes first.

    Args:
        where: the place of one of them.
        username: which one.
        first_row: the number of the row where it stands first.
    """
    return Problem(
        "username-collision",
        where,
        f"{visible(username)}, first in row {first_row}",
        "several users come out with the same username, and only one can have it",
        "Let the rules that make usernames keep them apart: --username-template, --names.",
        field="username",
    )


def differs_only_by_case(where: str, username: str, other: str, first_row: int) -> Problem:
    """Warn that two usernames differ by upper and lower case alone.

    Args:
        where: the place of the later one.
        username: the later one.
        other: the earlier one.
        first_row: the earlier one's row number.
    """
    return Problem(
        "username-case",
        where,
        f"{visible(username)}, and {visible(other)} in row {first_row}",
        "an earlier row's username differs by upper and lower case alone; many phones and people "
        "take the two for one",
        "If it is the same user, delete one of the two rows.",
        warning=True,
        field="username",
    )


def is_digits(username: str) -> bool:
    """Say whether a username is nothing but digits."""
    return username.isascii() and username.isdigit()


def lost_zeros(lengths: Mapping[int, int]) -> int | None:
    """Tell from how long they are whether usernames have lost leading zeros.

    That is likely when most of them have one length and some are shorter: spreadsheet programs
    make 42 of 0042.

    Args:
        lengths: how many usernames of nothing but digits there are, by their length.

    Returns:
        The length that most have, when there are shorter ones too; else None.
    """
    usual, count = max(lengths.items(), key=lambda one: one[1], default=(0, 0))
    is_most = count > 2 and count * 2 > sum(lengths.values())
    return usual if is_most and any(length < usual for length in lengths) else None


def zeros_lost(where: str, username: str, usual: int) -> Problem:
    """Warn that a username is shorter than most, and may have lost leading zeros.

    Args:
        where: its place.
        username: nothing but digits.
        usual: the length that most usernames of digits have.
    """
    return Problem(
        "username-zeros-lost",
        where,
        f"{username}, not {username.zfill(usual)}",
        f"most usernames of digits have {usual} of them here, and it has fewer: a spreadsheet "
        "program may have taken leading zeros away",
        "If it is meant so, there is nothing to do; else format the column as Text, and type the "
        "username again.",
        warning=True,
        field="username",
    )
