"""What platforms tell unasked: bodies of webhooks, the doors they come through, misses."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
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


def _one_of(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "inbound_events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("platform", _one_of(_PLATFORMS, "platform"), nullable=False),
        sa.Column("app_id", BigId, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("received_at", Instant, nullable=False),
        sa.Column("deliveries", sa.Integer(), nullable=False),
        sa.Column("state", _one_of(("waiting", "done", "failed"), "state"), nullable=False),
        sa.Column("next_at", Instant, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_until", Instant, nullable=True),
        sa.Column("claimed_by", sa.String(40), nullable=True),
        sa.Column(
            "reason",
            _one_of(("unreadable", "stranger", "faulty", "unfetched", "internal"), "reason"),
            nullable=True,
        ),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("program", sa.String(40), nullable=False),
        sa.Column("done_at", Instant, nullable=True),
        sa.Column("forget", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "(claimed_until IS NULL) = (claimed_by IS NULL)",
            name=op.f("ck_inbound_events_claimed"),
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (next_at IS NOT NULL)", name=op.f("ck_inbound_events_waiting")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name="fk_inbound_events_app_id"),
        sa.PrimaryKeyConstraint("id", name="pk_inbound_events"),
        sa.UniqueConstraint("app_id", "body_hash", name="uq_inbound_events_app_id_body_hash"),
    )
    op.create_index(
        "ix_inbound_events_due",
        "inbound_events",
        ["next_at", "id"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ix_inbound_events_state_received_at", "inbound_events", ["state", "received_at"]
    )
    op.create_table(
        "inbound_doors",
        sa.Column("app_id", BigId, nullable=False),
        sa.Column("tried_at", Instant, nullable=True),
        sa.Column("good_at", Instant, nullable=True),
        sa.Column("bad", sa.Integer(), nullable=False),
        sa.Column("bad_in_a_row", sa.Integer(), nullable=False),
        sa.Column("bad_at", Instant, nullable=True),
        sa.CheckConstraint("bad_in_a_row >= 0 AND bad >= 0", name=op.f("ck_inbound_doors_bad")),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name="fk_inbound_doors_app_id"),
        sa.PrimaryKeyConstraint("app_id", name="pk_inbound_doors"),
    )
    op.create_table(
        "webhook_accounts",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("since", Instant, nullable=True),
        sa.Column("last_at", Instant, nullable=True),
        sa.Column("subscribed", sa.Boolean(), nullable=True),
        sa.Column("asked_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_webhook_accounts_account_id"
        ),
        sa.PrimaryKeyConstraint("account_id", name="pk_webhook_accounts"),
    )
    op.create_table(
        "webhook_misses",
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("found_at", Instant, nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_webhook_misses_message_id"
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_webhook_misses_account_id"
        ),
        sa.PrimaryKeyConstraint("message_id", name="pk_webhook_misses"),
    )
    op.create_index(
        "ix_webhook_misses_account_id_found_at", "webhook_misses", ["account_id", "found_at"]
    )
    op.create_index("ix_webhook_misses_found_at", "webhook_misses", ["found_at"])
