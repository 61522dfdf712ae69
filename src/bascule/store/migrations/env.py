"""Where Alembic starts: run the migrations on the connection, and in the transaction, that `migrate.upgrade` opened."""

from alembic import context

from bascule.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot change a column; Alembic copies the table instead.
)
context.run_migrations()
