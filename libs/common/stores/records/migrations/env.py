"""Run by Alembic: applies the migrations on the connection that ``migrate`` holds, inside its transaction."""

from alembic import context

from libs.common.stores.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,  # SQLite alters a table by rebuilding it
)
with context.begin_transaction():
    context.run_migrations()
