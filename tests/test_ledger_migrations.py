"""The migrations make exactly the schema that the code knows."""

import base64
import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bulk_provision.ledger import Ledger, Vault, opening
from bulk_provision.ledger.schema import HEAD, metadata
from bulk_provision.ledger.vault import key_id

MIGRATIONS = Path(opening.__file__).with_name("migrations")


@pytest.fixture
def migrated(tmp_path):
    """A database that all migrations were applied to."""
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.begin() as connection:
        opening.migrate(connection, None, tmp_path)
        yield connection
    engine.dispose()


def definitions(connection):
    """Every table and index of ours as SQLite keeps it, blanks, quotes and order apart."""
    kept = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'alembic_version'"
    )
    return {name: sorted(re.findall(r"[\w'.]+|[()=,]", text.lower())) for name, text in kept}


def test_the_newest_migration_is_the_one_the_code_knows():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_make_the_schema_of_the_code(migrated):
    context = MigrationContext.configure(migrated, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_a_schema_made_at_once_is_the_one_that_the_migrations_make(migrated, ledger):
    """Defaults, partial indexes and tables without row ids too: Alembic does not compare them."""
    with ledger._engine.connect() as connection:
        assert definitions(connection) == definitions(migrated)


def test_passwords_of_the_first_schema_open_after_the_migration(tmp_path):
    """0001 kept them as bytes: of the source's cell, of the endpoint, and of an earlier intent."""
    path = tmp_path / "ledger.db"
    key = bytes(range(32))
    vault = Vault(key, "1 https://a")

    def as_bytes(username, password):
        return base64.b64decode(vault.seal(username, password))

    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(MIGRATIONS))
        command.upgrade(config, "0001")
        for statement, values in (
            ("INSERT INTO meta VALUES ('key_id', ?)", (key_id(key),)),
            ("INSERT INTO accounts VALUES (1, 1, 'https://a')", ()),
            (
                """INSERT INTO runs (id, account_id, source, sheet, sha256, columns, started_by,
                   started_at, state) VALUES (1, 1, '', '', '', '[]', '', 0, 'done')""",
                (),
            ),
            (
                """INSERT INTO rows (run_id, seq, number, username, sealed, cells)
                   VALUES (1, 1, 2, 'ada', ?, '[]'), (1, 2, 3, 'bob', NULL, '[]')""",
                (as_bytes("ada", "of the cell"),),
            ),
            (
                """INSERT INTO endpoints (account_id, username, state, sealed, doubted, purpose,
                   run_id, updated_at) VALUES (1, 'ada', 'in_doubt', ?, 1, 'create', 1, 0)""",
                (as_bytes("ada", "of the endpoint"),),
            ),
            (
                "INSERT INTO earlier_passwords VALUES (1, 1, 'ada', ?)",
                (as_bytes("ada", "of before"),),
            ),
        ):
            connection.exec_driver_sql(statement, values)
    engine.dispose()
    with Ledger(str(path), base64.urlsafe_b64encode(key).decode()) as ledger:
        book = ledger.book(1, "https://a")
        assert book.passwords_sent("ada") == ["of the endpoint", "of before"]
        (ada,) = next(book.open_rows(1, unsettled=True))
        assert book.vault.open("ada", ada.sealed) == "of the cell"
        (bob,) = next(book.open_rows(1, unsettled=False))
        assert bob.sealed is None


def test_a_migrated_database_knows_its_version(migrated):
    version = migrated.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert version == HEAD
