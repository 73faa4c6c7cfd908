"""Saved replies."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "saved_replies",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("shortcut", sa.String(length=30), nullable=False),
        sa.Column("text_fa", sa.Text(), nullable=False),
        sa.Column("text_ar", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("changed_by", BigId, nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "text_fa <> '' OR text_ar <> '' OR text_en <> ''",
            name=op.f("ck_saved_replies_some_text"),
        ),
        sa.ForeignKeyConstraint(["changed_by"], ["users.id"], name="fk_saved_replies_changed_by"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_replies"),
        sa.UniqueConstraint("shortcut", name="uq_saved_replies_shortcut"),
    )
    op.create_index("ix_saved_replies_changed_by", "saved_replies", ["changed_by"])
