"""The migrations make exactly the schema that the code knows."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bulk_provision.ledger import opening
from bulk_provision.ledger.schema import HEAD, metadata


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
    folder = Path(opening.__file__).with_name("migrations")
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_the_migrations_make_the_schema_of_the_code(migrated):
    context = MigrationContext.configure(migrated, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_a_schema_made_at_once_is_the_one_that_the_migrations_make(migrated, ledger):
    """Defaults, partial indexes and tables without row ids too: Alembic does not compare them."""
    with ledger._engine.connect() as connection:
        assert definitions(connection) == definitions(migrated)


def test_a_migrated_database_knows_its_version(migrated):
    version = migrated.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert version == HEAD
