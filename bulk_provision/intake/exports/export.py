"""What the readers of other systems' exports have in common: their words, and what they give.

A reader knows one system's export. It says whether a file looks like one, and turns it into
entries: one for everything in the file that has a login, users or not. What speaks against an
entry, or about its password, is a `Remark`; what is done about that is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from typing import BinaryIO, NamedTuple, Protocol, TypeAlias

from bulk_provision.intake.records import Record
from bulk_provision.model import Problem

AUTO = "auto"
"""What `--from` says to have it found out whose export a file is."""

TABLE = "table"
"""What `--from` says to have a file read as an ordinary table, whatever it looks like."""


class Remark(StrEnum):
    """What is to be known about an entry besides its login; the value is a stable slug."""

    # it is no user that could be created
    TRUNK = "trunk"  # a line to a carrier or another system: its login is theirs, not a user's
    VIRTUAL = "virtual"  # an extension without a phone
    IAX = "iax"  # it speaks IAX
    NOT_SIP = "not-sip"  # another technology: analogue (DAHDI, Zap), SCCP, custom
    DELETED = "deleted"  # the file asks for its removal
    POINTER = "pointer"  # it only names an entry that stands elsewhere
    GUEST = "guest"  # a directory's guest, of another organisation
    EXAMPLE = "example"  # a template's example row
    NO_LOGIN = "no-login"  # it has no login: a mailbox without a phone, a user without a line
    BY_ADDRESS = "by-address"  # it is known by its IP address, and has no password
    # it is one that is switched off
    DISABLED = "disabled"
    # its password
    HASHED = "hashed"  # only a hash of it is there, which nobody can turn back
    MASKED = "masked"  # **** stands in its place
    FOREIGN = "foreign"  # the file has a password, but of something else (a directory, a web page)
    GENERATE = "generate"  # the old system itself means: make a new one
    MISSING = "missing"  # there is none


SKIPPED = frozenset(
    {
        Remark.TRUNK,
        Remark.VIRTUAL,
        Remark.IAX,
        Remark.NOT_SIP,
        Remark.DELETED,
        Remark.POINTER,
        Remark.GUEST,
        Remark.EXAMPLE,
        Remark.NO_LOGIN,
        Remark.BY_ADDRESS,
    }
)
"""An entry with one of these is no user."""

WITHOUT_PASSWORD = frozenset({Remark.HASHED, Remark.MASKED, Remark.FOREIGN, Remark.MISSING})
"""A user with one of these needs a new password, which somebody must want."""


class Certainty(IntEnum):
    """How sure it is that a file is a system's export."""

    LIKELY = 1  # other files could look like that, too
    CERTAIN = 2


class Likeness(NamedTuple):
    """How well a file fits a reader.

    Args:
        certainty: how sure it is.
        score: of several readers that are as sure, the one with the highest is meant.
    """

    certainty: Certainty
    score: int


class Shape(Enum):
    """What the content of a file is, before anybody knows whose."""

    TABLE = "a table"  # CSV and its relatives, and workbooks
    JSON = "JSON"
    XML = "XML"
    SQL = "an SQL dump"
    TEXT = "text"  # neither of these: configuration, a typed first line


class Seen(NamedTuple):
    """What is looked at to recognise a file.

    Args:
        shape: of its content; of most of the members, for an archive.
        text: the first 64 Ki characters; of the members one after the other, for an archive.
        name: the file's own name (of an archive, its first member's), lower case, without its
            folder; "" when it has none.
        headers: of a table, its header's cells as `header_name` returns them.
    """

    shape: Shape
    text: str
    name: str
    headers: frozenset[str] = frozenset()


class File(NamedTuple):
    """A file of an export: the only one, or one of a folder's or an archive's.

    Args:
        name: its path inside the folder or archive, with "/"; its own name when it is the only one.
        open: gives its bytes, from the start; the caller closes them.
    """

    name: str
    open: Callable[[], BinaryIO]


Tell: TypeAlias = Callable[[Problem], None]
"""Takes a warning about the source as a whole: a file that is included and is not there."""


class Reader(Protocol):
    """Reads the exports of one system."""

    @property
    def name(self) -> str:
        """What `--from` calls it: lower case, with hyphens."""

    @property
    def title(self) -> str:
        """The system and the kind of export, for people."""

    @property
    def login(self) -> str:
        """Where the SIP login is found, as the file names it."""

    @property
    def password(self) -> str:
        """Where the SIP password is found; "" when the export has none."""

    @property
    def left(self) -> Mapping[str, str]:
        """What looks like a login or password and is none: its name in the file → what it is."""

    @property
    def further(self) -> tuple[str, ...]:
        """The names of the further cells of each record: extension, name, email, domain, …."""

    @property
    def shape(self) -> Shape:
        """What a file's content must be."""

    @property
    def counted(self) -> str:
        """What a record's number counts: "row", "line" or "user"."""

    def recognise(self, seen: Seen) -> Likeness | None:
        """Say how well a file fits; None: it is none of this system's."""

    def records(self, files: Iterator[File], tell: Tell) -> Iterator[Record]:
        """Read the entries, with rising numbers.

        Args:
            files: one, or those of a folder or archive in the order of their names.
            tell: takes warnings about the source as a whole.

        Returns:
            Records of cells: what `cells_of` returns.

        Raises:
            SourceError: the rest cannot be read; it says what, where, why and what to do.
        """


def cells_of(
    username: str, password: str, remarks: tuple[Remark, ...] = (), further: tuple[str, ...] = ()
) -> list[str]:
    """Return a record's cells: the remarks, separated by spaces; login; password; further cells."""
    return [" ".join(remarks), username, password, *further]


def header_name(cell: str) -> str:
    """Return a header as readers compare it: trimmed, lower case, without `="…"` and leading #."""
    text = cell.strip()
    if text.startswith('="') and text.endswith('"'):
        text = text[2:-1]
    return text.removeprefix("#").strip().lower()


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an export that was recognised, or that somebody named.

    Args:
        name: the reader's.
        title: the system and kind of export.
        certainty: how sure it is; None: it was named, and the file does not look like one.
        login: where the SIP login was found, as the file names it.
        password: where the SIP password was found; "" when there is none.
        left: what looks like a login or password, is in the file, and was not taken → what it is.
        further: names of the columns that travel along.
        counted: what a row's number counts: "row", "line" or "user".
        others: readers that the file fits as well.
    """

    name: str
    title: str
    certainty: Certainty | None
    login: str
    password: str
    left: Mapping[str, str]
    further: tuple[str, ...]
    counted: str
    others: tuple[str, ...] = ()
