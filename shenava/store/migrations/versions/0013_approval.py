"""Whose answers need approval, and what came back with a word."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("approval_since", sa.DateTime(timezone=True), nullable=True))
    number = {"sqlite": "INTEGER", "postgresql": "BIGINT"}[op.get_bind().dialect.name]
    # SQLite adds a column together with its reference in one statement, without copying the table.
    op.execute(
        f"ALTER TABLE outbox ADD COLUMN returned_by {number}"
        " CONSTRAINT fk_outbox_returned_by REFERENCES users (id)"
    )
    op.add_column("outbox", sa.Column("returned_word", sa.Text(), nullable=True))
    op.create_index(
        "ix_outbox_returned",
        "outbox",
        ["created_by"],
        sqlite_where=sa.text("returned_by IS NOT NULL"),
        postgresql_where=sa.text("returned_by IS NOT NULL"),
    )
