"""What Alembic runs. The connection is handed in by ``shenava.store.migrations.upgrade``."""

from alembic import context

from shenava.store import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
