"""Which column is which: headers as people write them, recognised.

All that is known about header names stands in `NAMES`, in one place.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bulk_provision.errors import SourceError, UsageError
from bulk_provision.intake.records import column_index, column_letter

RESULT_COLUMNS = (
    "row",
    "username",
    "password",
    "connect_url",
    "outcome",
    "code",
    "message",
    "tip",
)
"""How the sheets of our own results files begin: such a file, corrected, is a source again."""

OLD_USERNAME = "old username"
"""The further column with what a user was called before rules gave him his username."""

RENAMED_COLUMNS = (RESULT_COLUMNS[0], OLD_USERNAME, *RESULT_COLUMNS[1:])
"""How they begin where there is an old username: beside the new one."""

ANNOTATED_COLUMNS = ("outcome", "username", "password", "connect_url", "message")
"""What `--annotate` adds at the right of a source: it is left aside when that is read again."""


class Names(NamedTuple):
    """The header names of a field, normalised.

    Args:
        clear: names that cannot mean anything else.
        loose: names that give way to a column that is called exactly like the field.
    """

    clear: frozenset[str]
    loose: frozenset[str]


def _names(clear: str, loose: str = "") -> Names:
    return Names(frozenset(clear.split()), frozenset(loose.split()))


# Normalised: lower case, without accents, spaces and punctuation. A column called `username`
# beside one called `extension` is no riddle; `username` beside `SIP user` is one, and so is
# `password` beside `secret`: taking the wrong one gives people logins that do not work.
NAMES: Mapping[str, Names] = {
    "username": _names(
        clear="sipuser sipusername siplogin sipid sipaccount sipname sipextension "
        "authuser authusername authid authname authenticationid authenticationuser "
        "authenticationname registrationname registername registeruser deviceuser "
        "endpoint endpointname endpointusername usernamesip",
        loose="user userid usercode login loginid loginname loginuser account accountname "
        "extension extensionnumber extensionno ext extn extno userextension "
        # German, French, Spanish, Portuguese, Italian, Dutch
        "benutzer benutzername nebenstelle durchwahl utilisateur nomdutilisateur identifiant "
        "usuario nombredeusuario nomedeusuario nomedeutilizador utilizador extensao ramal "
        "utente nomeutente gebruiker gebruikersnaam toestel",
    ),
    "password": _names(
        clear="pass passwd passwrd pwd passcode passphrase secret "
        "sippassword sippass sippasswd sippwd sipsecret passwordsip authpassword authpass "
        "authsecret authenticationpassword registrationpassword registerpassword "
        "devicepassword devicesecret endpointpassword "
        "passwort kennwort motdepasse contrasena clave senha palavrapasse wachtwoord",
    ),
    "name": _names(
        clear="",
        loose="fullname displayname employeename employee personname person contactname "
        "vollername anzeigename nomcomplet nombrecompleto nomecompleto naam",
    ),
    "email": _names(
        clear="",
        loose="emailaddress emailid mail mailaddress mailid workemail emailadresse "
        "adresseemail correo correoelectronico",
    ),
}

FIELDS = tuple(NAMES)
"""What `--map` can name: username, password, name, email."""

_MANDATORY = ("username", "password")  # the fields where a wrong guess makes a wrong login
_REMARK = re.compile(r"[(\[]\s*(required|mandatory|optional|text)\s*[)\]]", re.IGNORECASE)
_LONGEST_HEADER = 500  # characters; in what is longer, no name is looked for
_PASSWORD_LIKE = re.compile(r"pass|pwd|secret|kennwort|senha|contrasena|wachtwoord")


def normalised(header: str) -> str:
    """Return a header's bare letters and digits: "SIP-User Name *" is "sipusername"."""
    if len(header) > _LONGEST_HEADER:
        return ""
    plain = unicodedata.normalize("NFKD", _REMARK.sub("", header)).casefold()
    return "".join(character for character in plain if character.isalnum())


def candidates(cells: Sequence[str], field: str) -> list[int]:
    """Return the columns whose header may mean the field, the loose ones left out if they yield."""
    return _candidates(_headers(cells), field)


def _headers(cells: Sequence[str]) -> list[str]:
    return [normalised(cell) if cell else "" for cell in cells]


def _candidates(headers: Sequence[str], field: str) -> list[int]:
    names = NAMES[field]
    exact, clear, loose = [], [], []
    for index, header in enumerate(headers):
        if header == field:
            exact.append(index)
        elif header in names.clear:
            clear.append(index)
        elif header in names.loose:
            loose.append(index)
    if len(exact) == 1 and not clear:
        return exact
    return sorted(exact + clear + loose)


def mapped(cells: Sequence[str], column: str) -> list[int]:
    """Return the columns that a `--map` value names: by header, else by letter."""
    wanted = column.strip()
    found = [index for index, cell in enumerate(cells) if cell.strip() == wanted]
    if not found and (plain := normalised(wanted)):
        found = [index for index, cell in enumerate(cells) if normalised(cell) == plain]
    if not found and (index := column_index(wanted)) is not None and index < len(cells):
        found = [index]
    return found


def is_results(cells: Sequence[str]) -> bool:
    """Say whether this is the header of a results file of our own."""
    return bool(beginning_of_results(cells))


def beginning_of_results(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the beginning of our results files that this header has; () when it has none."""
    for beginning in (RESULT_COLUMNS, RENAMED_COLUMNS):
        if tuple(cells[: len(beginning)]) == beginning:
            return beginning
    return ()


def annotated(cells: Sequence[str]) -> range:
    """Return the columns that `--annotate` added, the last time or times; mostly none."""
    width = len(ANNOTATED_COLUMNS)
    start = stop = len(cells)
    while tuple(cells[start - width : start]) == ANNOTATED_COLUMNS and start > width:
        start -= width
    return range(start, stop)


def fit(cells: Sequence[str], mapping: Mapping[str, str]) -> int:
    """Say how well a row serves as the header: the fields found in it; 0 without a username."""
    if is_results(cells):
        return len(RESULT_COLUMNS)

    headers = _headers(cells)

    def columns(field: str) -> Iterable[int]:
        if field not in mapping:
            return _candidates(headers, field)
        return (index for index in mapped(cells, mapping[field]) if cells[index].strip())

    found = [any(True for _ in columns(field)) for field in FIELDS]
    return sum(found) if found[FIELDS.index("username")] else 0


def likeness(cells: Sequence[str]) -> int:
    """Count the fields whose names stand in a row: 0 means that it hardly is a header at all."""
    headers = _headers(cells)
    return sum(1 for field in FIELDS if _candidates(headers, field))


def assign(cells: Sequence[str], mapping: Mapping[str, str], place: str) -> dict[str, int]:
    """Give each field its column.

    Args:
        cells: the header row.
        mapping: the user's `--map`: field to header or column letter.
        place: the file and sheet, for the error.

    Returns:
        The field's column, counted from 0, for every field that has one.

    Raises:
        SourceError: two columns may hold usernames (or passwords), or a mapped one is missing.
    """
    found: dict[str, int] = {}
    for field in sorted(FIELDS, key=lambda field: field not in mapping):  # the mapped ones first
        if field in mapping:
            columns = mapped(cells, mapping[field])
            if not columns:
                raise _unknown_column(cells, field, mapping[field], place)
        else:
            taken = found.values()
            columns = [index for index in candidates(cells, field) if index not in taken]
        if len(columns) == 1:
            found[field] = columns[0]
        elif columns and (field in _MANDATORY or field in mapping):
            raise _ambiguous(cells, field, columns, place)
    if found.get("username") == found.get("password"):
        raise UsageError(
            f"{place}: username and password cannot be the same column.",
            "Give --map a column for each.",
        )
    return found


def assign_results(cells: Sequence[str]) -> dict[str, int]:
    """Give each field its column in a results file of our own, where our columns decide."""
    beginning = beginning_of_results(cells)
    found = {field: beginning.index(field) for field in _MANDATORY}
    further = [*("" for _ in beginning), *cells[len(beginning) :]]
    for field in FIELDS:
        if field not in found and len(columns := candidates(further, field)) == 1:
            found[field] = columns[0]
    return found


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Refuse a `--map` for a field that does not exist.

    Raises:
        UsageError: it names the fields that there are.
    """
    for field in mapping:
        if field not in NAMES:
            raise UsageError(
                f"--map {field}={mapping[field]}: there is no field called {field!r}.",
                f"The fields are: {', '.join(FIELDS)}. All other columns travel along anyway.",
            )


def password_like(header: str) -> bool:
    """Say whether a header smells of a password without being a name that is known."""
    return _PASSWORD_LIKE.search(normalised(header)) is not None


def unguarded(cell: str) -> str:
    """Undo the guard of our results files: a cell that begins with an apostrophe loses it."""
    return cell.removeprefix("'")


def listed(cells: Sequence[str], indices: Iterable[int] | None = None) -> str:
    """Return headers with their letters, for an error: `"Login" (column B), …`."""
    chosen = range(len(cells)) if indices is None else indices
    shown = [
        f'"{cells[index].strip()[:40]}" (column {column_letter(index)})'
        for index in chosen
        if cells[index].strip()
    ]
    more = f" and {len(shown) - 20} more" if len(shown) > 20 else ""
    return ", ".join(shown[:20]) + more


def _unknown_column(cells: Sequence[str], field: str, column: str, place: str) -> SourceError:
    return SourceError(
        f"{place}: --map {field}={column} names a column that is not there. "
        f"The headers are: {listed(cells)}.",
        "Use one of these headers, or a column letter such as B.",
    )


def _ambiguous(cells: Sequence[str], field: str, columns: Sequence[int], place: str) -> SourceError:
    letter = column_letter(columns[0])
    return SourceError(
        f"{place}: more than one column may hold the {field}: {listed(cells, columns)}.",
        f"Say which, by its header or its letter: --map {field}={letter}",
    )
