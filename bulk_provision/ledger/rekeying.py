"""`rekey`: every password in the ledger is encrypted anew under another key.

The new key lies on the disk before anything is encrypted with it, and takes the old one's place
only after the ledger is committed; whoever opens the ledger in between finds the right one of the
two by the key's id, which the ledger holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from bulk_provision import failpoints
from bulk_provision.errors import KeyMismatchError
from bulk_provision.ledger.erasing import wipe
from bulk_provision.ledger.leases import refuse_while_held
from bulk_provision.ledger.schema import (
    accounts,
    earlier_passwords,
    endpoints,
    listed,
    listings,
    meta,
    rows,
    runs,
)
from bulk_provision.ledger.statements import Statement
from bulk_provision.ledger.vault import Vault, key_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection, Engine

_PAGE = 1000
_ROW = Statement(
    "run_id integer, seq integer, sealed text",
    """UPDATE rows SET sealed = given.sealed
       FROM given WHERE rows.run_id = given.run_id AND rows.seq = given.seq""",
)
_ENDPOINT = Statement(
    "username text, sealed text",
    """UPDATE endpoints SET sealed = given.sealed
       FROM given
       WHERE endpoints.account_id = :account_id AND endpoints.username = given.username""",
)
_EARLIER = Statement(
    "id integer, sealed text",
    """UPDATE earlier_passwords SET sealed = given.sealed
       FROM given WHERE earlier_passwords.id = given.id""",
)

_LISTED = Statement(
    "listing_id integer, username text, sealed text",
    """UPDATE listed SET sealed = given.sealed FROM given
       WHERE listed.listing_id = given.listing_id AND listed.username = given.username""",
)


def reseal_everything(
    engine: Engine, old_key: bytes, new_key: bytes, keep_new_key: Callable[[], None]
) -> int:
    """Encrypt every password anew, in one transaction; return how many there were.

    Args:
        engine: the ledger's connections.
        old_key: the key of now.
        new_key: the key from now on.
        keep_new_key: puts the new key on the disk; called when nobody else can be rekeying, and
            before anything is encrypted with it.

    Raises:
        AccountBusyError: a run holds an account of this ledger.
        KeyMismatchError: the old key is not the ledger's any more.
    """
    count = 0
    with engine.begin() as connection:
        refuse_while_held(connection, "Changing the key")
        made_with = connection.scalar(sa.select(meta.c.value).where(meta.c.key == "key_id"))
        if made_with != key_id(old_key):
            raise KeyMismatchError(
                "The ledger's key has just been changed by somebody else.",
                "Nothing was changed from here.",
            )
        keep_new_key()
        for account_id, appid, base_url in connection.execute(sa.select(accounts)).all():
            scope = f"{appid} {base_url}"
            old, new = Vault(old_key, scope), Vault(new_key, scope)

            def reseal(username: str, sealed: str, old: Vault = old, new: Vault = new) -> str:
                return new.seal(username, old.open(username, sealed))

            count += _reseal_rows(connection, account_id, reseal)
            count += _reseal_endpoints(connection, account_id, reseal)
            count += _reseal_earlier(connection, account_id, reseal)
            count += _reseal_listed(connection, account_id, reseal)
        connection.execute(
            sa.update(meta).where(meta.c.key == "key_id").values(value=key_id(new_key))
        )
    failpoints.reach("resealed")
    wipe(engine)
    return count


def _reseal_rows(connection: Connection, account_id: int, reseal: Callable[[str, str], str]) -> int:
    count = 0
    place = (0, 0)
    page = (
        sa.select(rows.c.run_id, rows.c.seq, rows.c.username, rows.c.sealed)
        .join(runs, runs.c.id == rows.c.run_id)
        .where(runs.c.account_id == account_id, rows.c.sealed.is_not(None))
        .order_by(rows.c.run_id, rows.c.seq)
        .limit(_PAGE)
    )
    while True:
        after = sa.tuple_(rows.c.run_id, rows.c.seq) > sa.tuple_(*place)
        found = connection.execute(page.where(after)).all()
        if not found:
            return count
        _ROW.many(
            connection,
            [(run_id, seq, reseal(name, sealed)) for run_id, seq, name, sealed in found],
        )
        place = (found[-1].run_id, found[-1].seq)
        count += len(found)


def _reseal_endpoints(
    connection: Connection, account_id: int, reseal: Callable[[str, str], str]
) -> int:
    count = 0
    last = ""
    page = (
        sa.select(endpoints.c.username, endpoints.c.sealed)
        .where(endpoints.c.account_id == account_id, endpoints.c.sealed.is_not(None))
        .order_by(endpoints.c.username)
        .limit(_PAGE)
    )
    while True:
        found = connection.execute(page.where(endpoints.c.username > last)).all()
        if not found:
            return count
        _ENDPOINT.many(
            connection,
            [(name, reseal(name, sealed)) for name, sealed in found],
            account_id=account_id,
        )
        last = found[-1].username
        count += len(found)


def _reseal_earlier(
    connection: Connection, account_id: int, reseal: Callable[[str, str], str]
) -> int:
    found = connection.execute(
        sa.select(
            earlier_passwords.c.id, earlier_passwords.c.username, earlier_passwords.c.sealed
        ).where(earlier_passwords.c.account_id == account_id)
    ).all()  # only ever a few: passwords that changed while a doubt was open
    _EARLIER.many(connection, [(id_, reseal(name, sealed)) for id_, name, sealed in found])
    return len(found)


def _reseal_listed(
    connection: Connection, account_id: int, reseal: Callable[[str, str], str]
) -> int:
    count = 0
    place = (0, "")
    page = (
        sa.select(listed.c.listing_id, listed.c.username, listed.c.sealed)
        .join(listings, listings.c.id == listed.c.listing_id)
        .where(listings.c.account_id == account_id, listed.c.sealed.is_not(None))
        .order_by(listed.c.listing_id, listed.c.username)
        .limit(_PAGE)
    )
    while True:
        after = sa.tuple_(listed.c.listing_id, listed.c.username) > sa.tuple_(*place)
        found = connection.execute(page.where(after)).all()
        if not found:
            return count
        _LISTED.many(connection, [(id_, name, reseal(name, sealed)) for id_, name, sealed in found])
        place = (found[-1].listing_id, found[-1].username)
        count += len(found)
