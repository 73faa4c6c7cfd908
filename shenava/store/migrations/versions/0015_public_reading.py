"""Reading what is public with somebody's session; posts by their address."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)
_PLATFORMS = (
    "x",
    "instagram",
    "telegram",
    "bale",
    "whatsapp",
    "bluesky",
    "mastodon",
    "email",
    "web",
)
_TROUBLES = ("asked_to_wait", "needs_person", "page_changed", "unreachable")


def upgrade() -> None:
    trouble = sa.Enum(
        *_TROUBLES, name="trouble", native_enum=False, create_constraint=True, length=40
    )
    op.create_table(
        "public_readers",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("username", sa.String(100), nullable=False),
        sa.Column("session", sa.LargeBinary(), nullable=False),
        sa.Column("switched_on_at", Instant, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("opened", sa.Integer(), nullable=False),
        sa.Column("open_until", Instant, nullable=True),
        sa.Column("trial_until", Instant, nullable=True),
        sa.Column("trouble", trouble, nullable=True),
        sa.Column("trouble_at", Instant, nullable=True),
        sa.CheckConstraint("failures >= 0 AND opened >= 0", name=op.f("ck_public_readers_counts")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_public_readers_account_id"
        ),
        sa.PrimaryKeyConstraint("account_id", name="pk_public_readers"),
    )
    platform = sa.Enum(
        *_PLATFORMS, name="platform", native_enum=False, create_constraint=True, length=40
    )
    op.create_table(
        "other_names",
        sa.Column("platform", platform, nullable=False),
        sa.Column("native_key", sa.String(300), nullable=False),
        sa.Column("known_as", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("platform", "native_key", name="pk_other_names"),
    )
    op.create_index("ix_posts_permalink", "posts", ["permalink"])
