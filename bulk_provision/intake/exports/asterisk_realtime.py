"""Asterisk's realtime table `ps_auths`, as a database client writes it: CSV or tab-separated.

Source: asterisk/asterisk `contrib/ast-db-manage/config/versions/43956d550a44*` and
`abdc9ede147d*`, `configs/samples/pjsip.conf.sample` (type=auth).
"""

from __future__ import annotations

from bulk_provision.intake.exports.entries import no_user, user, without_password
from bulk_provision.intake.exports.export import Remark
from bulk_provision.intake.exports.tables import TableExport


def _entry(
    identity: str,
    login: str,
    password: str,
    auth_type: str,
    md5_cred: str,
    digest: str,
    realm: str,
) -> list[str]:
    further = (identity, realm)
    kind = auth_type.strip().lower()
    if kind == "google_oauth" or _is_trunk(identity, login, realm):
        return no_user(login, Remark.TRUNK, further)
    hashed = md5_cred.strip() or digest.strip()
    if hashed and (kind == "md5" or not password.strip()):
        return without_password(login, Remark.HASHED, further)
    return user(login, password, further)


def _is_trunk(identity: str, login: str, realm: str) -> bool:
    """Say whether a row is what Asterisk answers a carrier's challenge with.

    The table alone does not tell: that is up to the endpoints, whose `outbound_auth` names such a
    row. What gives it away is a name, or a realm of somebody else's beside a name that has nothing
    to do with the login.
    """
    name = identity.strip().lower()
    if "trunk" in name:
        return True
    if realm.strip().lower() in {"", "asterisk"}:
        return False
    user_name = login.strip().lower()
    return user_name not in name and name not in user_name


ASTERISK_REALTIME = TableExport(
    name="asterisk-realtime",
    title="Asterisk realtime, table ps_auths",
    needs=frozenset({"id", "username", "password", "auth_type"}),
    hints=frozenset({"md5_cred", "nonce_lifetime", "realm", "password_digest"}),
    certain=1,
    columns=("id", "username", "password", "auth_type", "md5_cred", "password_digest", "realm"),
    login="username",
    password="password",
    left={"md5_cred": "a hash of the password", "password_digest": "a hash of the password"},
    further=("id", "realm"),
    entry=_entry,
    database=True,
)
