"""Files that are taken for an export of users and are none, each with what to give instead."""

from __future__ import annotations

from dataclasses import dataclass

from bulk_provision.intake.exports.export import Seen, Shape

_FREEPBX = "In FreePBX, open Admin > Bulk Handler > Export, choose Extensions, and give that file."
_THREECX = "In 3CX, export the users (Users > Export), and give that CSV file."


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongFile:
    """A file that is known, and has no users.

    Args:
        what: what it is, as in "this is …".
        instead: what to do to get the right one, as sentences.
        headers: of a table: they must all be there.
        without: of a table: none of them may be there.
        marks: of any other shape: texts that must all be in its beginning.
    """

    what: str
    instead: str
    headers: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()

    def recognise(self, seen: Seen) -> bool:
        """Say whether it is this file."""
        if seen.shape is Shape.TABLE:
            return bool(self.headers) and self._fits(seen.headers)
        return bool(self.marks) and all(mark in seen.text for mark in self.marks)

    def _fits(self, headers: frozenset[str]) -> bool:
        return self.headers <= headers and self.without.isdisjoint(headers)


WRONG: tuple[WrongFile, ...] = (
    WrongFile(
        what="FreePBX's DIDs (inbound routes): numbers, and where calls to them go, but no logins",
        instead=_FREEPBX,
        headers=frozenset({"extension", "cidnum", "destination"}),
        without=frozenset({"secret", "tech", "devinfo_secret"}),
    ),
    WrongFile(
        what="FreePBX's trunks: lines to carriers, whose logins are the carriers'",
        instead=_FREEPBX,
        headers=frozenset({"trunk_name", "sip_server"}),
    ),
    WrongFile(
        what="FreePBX's trunks: lines to carriers, whose logins are the carriers'",
        instead=_FREEPBX,
        headers=frozenset({"trunkid", "channelid"}),
    ),
    WrongFile(
        what="FreePBX's User Manager users: logins of its web pages, not of phones",
        instead=_FREEPBX,
        headers=frozenset({"username", "default_extension", "encrypted_password"}),
    ),
    WrongFile(
        what="trunks of a Yeastar: lines to carriers, whose logins are the carriers'",
        instead="Export the extensions of the Yeastar, not its trunks, and give that file.",
        headers=frozenset({"provider name", "hostname", "authentication name"}),
    ),
    WrongFile(
        what="a backup of a 3CX: it has the trunks' logins among the users'",
        instead=_THREECX,
        marks=("<PhoneSystem",),
    ),
    WrongFile(
        what="a backup of a 3CX: it has the trunks' logins among the users'",
        instead=_THREECX,
        marks=("<AuthID>", "<AuthPassword>"),
    ),
)
"""The first one that fits is meant."""


def recognise(seen: Seen) -> WrongFile | None:
    """Return the wrong file that this is; None: none that is known."""
    return next((wrong for wrong in WRONG if wrong.recognise(seen)), None)
