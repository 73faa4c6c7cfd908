"""The JSON API: tokens, how much they are used, and the keys of notes."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_by", BigId, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_tokens_expires_at")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_api_tokens_created_by"),
        sa.PrimaryKeyConstraint("id", name="pk_api_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_api_tokens_token_hash"),
    )
    op.create_index("ix_api_tokens_created_by", "api_tokens", ["created_by"])

    op.create_table(
        "api_use",
        sa.Column("token_id", BigId, nullable=False),
        sa.Column("minute", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
        sa.CheckConstraint("requests > 0", name=op.f("ck_api_use_requests")),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name="fk_api_use_token_id"),
        sa.PrimaryKeyConstraint("token_id", name="pk_api_use"),
    )

    op.create_table(
        "api_note_keys",
        sa.Column("token_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("note_id", BigId, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["notes.id"], name="fk_api_note_keys_note_id"),
        sa.ForeignKeyConstraint(["token_id"], ["api_tokens.id"], name="fk_api_note_keys_token_id"),
        sa.PrimaryKeyConstraint("token_id", "key", name="pk_api_note_keys"),
    )
    op.create_index("ix_api_note_keys_created_at", "api_note_keys", ["created_at"])
    op.create_index("ix_api_note_keys_note_id", "api_note_keys", ["note_id"])
