"""Exports of something else than users, named as what they are."""

from __future__ import annotations

from dataclasses import dataclass

from bulk_provision.intake.exports.export import Seen, Shape


@dataclass(frozen=True, slots=True)
class Wrong:
    """What another system exports beside its users.

    Args:
        what: it is.
        instead: what to export instead, as a sentence.
        headers: that tell it.
    """

    what: str
    instead: str
    headers: frozenset[str]

    def recognise(self, seen: Seen) -> bool:
        """Say whether a file is that."""
        return seen.shape is Shape.TABLE and self.headers <= seen.headers


WRONG: tuple[Wrong, ...] = ()
