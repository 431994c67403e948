"""Alembic's entry: `opening.migrate` hands it a connection inside a write transaction."""

from alembic import context

from bulk_provision.ledger.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters tables by copying them
    transactional_ddl=False,  # the caller's transaction holds all of it
)
context.run_migrations()
