"""Kamailio and OpenSIPS: their table `subscriber`.

Source: kamailio/kamailio `utils/kamctl/mysql/auth_db-create.sql`, `utils/kamctl/kamctl`;
OpenSIPS/opensips `scripts/mysql/auth_db-create.sql`. `ha1` and its relatives are hashes over
login, domain and password; where STORE_PLAINTEXT_PW is 0, nothing else is there.
"""

from __future__ import annotations

from dataclasses import replace

from bulk_provision.intake.exports.entries import full_name, user, without_password
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    login: str,
    domain: str,
    password: str,
    ha1: str,
    ha1b: str,
    sha256: str,
    sha512: str,
    first: str,
    last: str,
    email: str,
) -> list[str]:
    """Read a row; some put the hash where the password should be."""
    further = (full_name(first, last), email, domain)
    hashed = ha1.strip() or ha1b.strip() or sha256.strip() or sha512.strip()
    if hashed and (not password.strip() or _is_one_of(password, ha1, ha1b, sha256, sha512)):
        return without_password(login, Remark.HASHED, further)
    return user(login, password, further)


def _is_one_of(password: str, *hashes: str) -> bool:
    if len(password) < 32:
        return False
    return password.strip().lower() in {one.strip().lower() for one in hashes}


KAMAILIO = TableExport(
    name="kamailio",
    title="Kamailio, table subscriber",
    needs=frozenset({"username", "domain", "password", "ha1"}),
    hints=frozenset({"ha1b", "rpid", "email_address", "datetime_created", "timezone"}),
    certain=1,
    columns=(
        "username",
        "domain",
        "password",
        "ha1",
        "ha1b",
        "ha1_sha256",
        "ha1_sha512t256",
        "first_name",
        "last_name",
        "email_address",
    ),
    login="username",
    password="password",
    left={
        "ha1": "a hash of the password",
        "ha1b": "a hash of the password",
        "ha1_sha256": "a hash of the password",
        "ha1_sha512t256": "a hash of the password",
    },
    further=("name", "email", "domain"),
    entry=_entry,
    database=True,
)

OPENSIPS = replace(
    KAMAILIO,
    name="opensips",
    title="OpenSIPS, table subscriber",
    hints=frozenset({"ha1_sha256", "ha1_sha512t256"}),
    likely=1,
)

SUBSCRIBER = replace(KAMAILIO, database=False)
"""Reads rows of either that are values already, out of an SQL dump or of db_text."""
