"""Collecting and sending: apps, feeds, coverage, spend, rates; the outbox and its echoes.

Accounts get credentials and a state. Their table is not copied into a new one, as Alembic would
do on SQLite: rows of others point to it. SQLite can add a column together with its CHECK and its
reference, and PostgreSQL understands the same words.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_STATES = "'imported', 'connected', 'unauthorised', 'paused'"

_ACCOUNTS = (
    "app_id {bigid} CONSTRAINT fk_accounts_app_id REFERENCES apps (id)",
    "native_id VARCHAR(200)",
    "name VARCHAR(300)",
    "state VARCHAR(40) DEFAULT 'imported' NOT NULL"
    f" CONSTRAINT ck_accounts_state CHECK (state IN ({_STATES}))",
    "paused_because VARCHAR(40)"
    " CONSTRAINT ck_accounts_paused_because CHECK (paused_because IN ('person', 'payment'))"
    " CONSTRAINT ck_accounts_paused"
    " CHECK ((state = 'paused') = (paused_because IS NOT NULL))",
    "credentials {blob}",
    "token_expires_at {instant}",
    "connected_at {instant}",
)

_TYPES = {
    "sqlite": {"bigid": "INTEGER", "blob": "BLOB", "instant": "DATETIME"},
    "postgresql": {"bigid": "BIGINT", "blob": "BYTEA", "instant": "TIMESTAMP WITH TIME ZONE"},
}

_FACTS = (
    "message_received",
    "message_judged",
    "verdict_corrected",
    "case_opened",
    "case_closed",
    "first_response",
    "answer_sent",
    "answer_refused",
    "answer_failed",
    "answer_unknown",
)

_SOURCES = ("mention", "search", "inbox", "own", "webhook", "import")


def upgrade() -> None:
    _collecting()
    _sending()
    _accounts()
    _widen("facts", "kind", _FACTS)
    _widen("sightings", "source", _SOURCES)
    op.add_column("messages", sa.Column("summoned", sa.Boolean(), nullable=True))
    for table, column in (
        ("cases", "first_response_at"),
        ("cases", "answered_at"),
        ("identities", "opted_out_at"),
    ):
        op.add_column(table, sa.Column(column, sa.DateTime(timezone=True), nullable=True))


def _accounts() -> None:
    types = _TYPES[op.get_bind().dialect.name]
    for column in _ACCOUNTS:
        op.execute(f"ALTER TABLE accounts ADD COLUMN {column.format(**types)}")
    op.create_index("ix_accounts_app_id", "accounts", ["app_id"], unique=False)


def _widen(table: str, column: str, values: tuple[str, ...]) -> None:
    """Let ``column`` hold more. No row points to these tables, so that SQLite may copy them."""
    name = f"ck_{table}_{column}"
    allowed = f"{column} IN ({', '.join(repr(value) for value in values)})"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f(name), table, type_="check")
        op.create_check_constraint(op.f(name), table, allowed)
        return
    with op.batch_alter_table(table, recreate="always") as batch_op:
        # The old CHECK is not carried over: Alembic cannot read it back from SQLite.
        batch_op.create_check_constraint(batch_op.f(name), allowed)


def _collecting() -> None:
    op.create_table(
        "apps",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "platform",
            sa.Enum(
                "x",
                "instagram",
                "telegram",
                "bale",
                "whatsapp",
                "bluesky",
                "mastodon",
                "email",
                "web",
                name="platform",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("money_limit_micros", sa.BigInteger(), nullable=True),
        sa.Column("reads_limit", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("money_limit_micros >= 0", name=op.f("ck_apps_money_limit_micros")),
        sa.CheckConstraint("reads_limit >= 0", name=op.f("ck_apps_reads_limit")),
        sa.PrimaryKeyConstraint("id", name="pk_apps"),
        sa.UniqueConstraint("platform", "name", name="uq_apps_platform_name"),
    )
    op.create_table(
        "rate_uses",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subject", sa.String(length=100), nullable=False),
        sa.Column("endpoint", sa.String(length=60), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rate_uses"),
    )
    with op.batch_alter_table("rate_uses", schema=None) as batch_op:
        batch_op.create_index("ix_rate_uses_at", ["at"], unique=False)
        batch_op.create_index(
            "ix_rate_uses_subject_endpoint_at", ["subject", "endpoint", "at"], unique=False
        )

    op.create_table(
        "spend",
        sa.Column("app_id", BigId, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("what", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name="fk_spend_app_id"),
        sa.PrimaryKeyConstraint("app_id", "day", "what", name="pk_spend"),
    )
    op.create_table(
        "feeds",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "mention",
                "search",
                "inbox",
                "own",
                "webhook",
                "import",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("query", sa.String(length=512), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("every_s", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sweep_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=40), nullable=True),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("held_reads", sa.Integer(), nullable=False),
        sa.Column("last_ok_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_new_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "last_error",
            sa.Enum(
                "rate_limited",
                "unreachable",
                "unauthorised",
                "payment",
                "budget",
                "rejected",
                "internal",
                name="last_error",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("last_error_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(claimed_until IS NULL) = (claimed_by IS NULL)", name=op.f("ck_feeds_claimed")
        ),
        sa.CheckConstraint("every_s > 0", name=op.f("ck_feeds_every_s")),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_feeds_failures")),
        sa.CheckConstraint("held_micros >= 0 AND held_reads >= 0", name=op.f("ck_feeds_held")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_feeds_account_id"),
        sa.PrimaryKeyConstraint("id", name="pk_feeds"),
        sa.UniqueConstraint(
            "account_id", "source", "query", name="uq_feeds_account_id_source_query"
        ),
    )
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.create_index("ix_feeds_due", ["enabled", "next_at"], unique=False)

    op.create_table(
        "coverage",
        sa.Column("id", BigId, nullable=False),
        sa.Column("feed_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "run",
                "sweep",
                "backfill",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("covered_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("covered_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("repaired", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("gap", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "(complete AND covered_from IS NOT NULL AND covered_to IS NOT NULL"
            " AND finished_at IS NOT NULL)"
            " OR (NOT complete AND covered_from IS NULL AND covered_to IS NULL)",
            name=op.f("ck_coverage_complete"),
        ),
        sa.CheckConstraint("covered_from <= covered_to", name=op.f("ck_coverage_order")),
        sa.ForeignKeyConstraint(["feed_id"], ["feeds.id"], name="fk_coverage_feed_id"),
        sa.PrimaryKeyConstraint("id", name="pk_coverage"),
    )
    with op.batch_alter_table("coverage", schema=None) as batch_op:
        batch_op.create_index(
            "ix_coverage_feed_id_finished_at", ["feed_id", "finished_at"], unique=False
        )
        batch_op.create_index(
            "uq_coverage_open",
            ["feed_id", "kind"],
            unique=True,
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )


def _sending() -> None:
    op.create_table(
        "presence",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "viewing",
                "writing",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_presence_case_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_presence_user_id"),
        sa.PrimaryKeyConstraint("case_id", "user_id", name="pk_presence"),
    )
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.create_index("ix_presence_seen_at", ["seen_at"], unique=False)

    op.create_table(
        "outbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("principal", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "deed",
            sa.Enum(
                "answer",
                "post",
                "dm",
                "hide",
                name="deed",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("identity_id", BigId, nullable=True),
        sa.Column("to_key", sa.String(length=300), nullable=True),
        sa.Column("to_native_id", sa.String(length=200), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("picture_alt", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "awaiting_approval",
                "queued",
                "claimed",
                "sending",
                "sent",
                "refused",
                "failed",
                "unknown",
                "cancelled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_last_message_id", BigId, nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by", sa.String(length=80), nullable=True),
        sa.Column("attempt", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("native_key", sa.String(length=300), nullable=True),
        sa.Column("permalink", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("price_micros", sa.BigInteger(), nullable=False),
        sa.Column("created_by", BigId, nullable=True),
        sa.Column("approved_by", BigId, nullable=True),
        sa.Column("retry_of_id", BigId, nullable=True),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_outbox_sent")),
        sa.CheckConstraint(
            "(state = 'unknown') OR look_at IS NULL", name=op.f("ck_outbox_look_at")
        ),
        sa.CheckConstraint(
            "(state IN ('claimed', 'sending')) = (claimed_until IS NOT NULL)",
            name=op.f("ck_outbox_claimed"),
        ),
        sa.CheckConstraint(
            "deed <> 'dm' OR to_native_id IS NOT NULL", name=op.f("ck_outbox_to_native_id")
        ),
        sa.CheckConstraint(
            "deed NOT IN ('answer', 'hide') OR to_key IS NOT NULL", name=op.f("ck_outbox_to_key")
        ),
        sa.CheckConstraint(
            "state <> 'sent' OR by_hand OR sending_at IS NOT NULL", name=op.f("ck_outbox_by_hand")
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'failed', 'unknown') OR reason IS NOT NULL",
            name=op.f("ck_outbox_reason"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'unknown') OR sending_at IS NOT NULL",
            name=op.f("ck_outbox_left"),
        ),
        sa.CheckConstraint("attempts >= 0 AND looks >= 0", name=op.f("ck_outbox_counts")),
        sa.CheckConstraint("price_micros >= 0", name=op.f("ck_outbox_price_micros")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_outbox_account_id"),
        sa.ForeignKeyConstraint(["approved_by"], ["users.id"], name="fk_outbox_approved_by"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_outbox_case_id"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_outbox_created_by"),
        sa.ForeignKeyConstraint(
            ["expected_last_message_id"], ["messages.id"], name="fk_outbox_expected_last_message_id"
        ),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_outbox_identity_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_outbox_message_id"),
        sa.ForeignKeyConstraint(["retry_of_id"], ["outbox.id"], name="fk_outbox_retry_of_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("principal", "key", name="uq_outbox_principal_key"),
        sa.UniqueConstraint("retry_of_id", name="uq_outbox_retry_of_id"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_outbox_account_id_native_key", ["account_id", "native_key"], unique=False
        )
        batch_op.create_index("ix_outbox_case_id_id", ["case_id", "id"], unique=False)
        batch_op.create_index(
            "ix_outbox_held",
            ["claimed_until"],
            unique=False,
            sqlite_where=sa.text("claimed_until IS NOT NULL"),
            postgresql_where=sa.text("claimed_until IS NOT NULL"),
        )
        batch_op.create_index("ix_outbox_identity_id", ["identity_id"], unique=False)
        batch_op.create_index("ix_outbox_look_at", ["look_at"], unique=False)
        batch_op.create_index("ix_outbox_message_id", ["message_id"], unique=False)
        batch_op.create_index(
            "ix_outbox_state_not_before_id", ["state", "not_before", "id"], unique=False
        )

    op.create_table(
        "own_messages",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "platform",
            sa.Enum(
                "x",
                "instagram",
                "telegram",
                "bale",
                "whatsapp",
                "bluesky",
                "mastodon",
                "email",
                "web",
                name="platform",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("native_key", sa.String(length=300), nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply_to_key", sa.String(length=300), nullable=True),
        sa.Column("permalink", sa.Text(), nullable=True),
        sa.Column("identity_id", BigId, nullable=True),
        sa.Column("conversation_id", BigId, nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("outbox_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_own_messages_account_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_own_messages_case_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_own_messages_conversation_id"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_own_messages_identity_id"
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name="fk_own_messages_outbox_id"),
        sa.PrimaryKeyConstraint("id", name="pk_own_messages"),
        sa.UniqueConstraint("outbox_id", name="uq_own_messages_outbox_id"),
        sa.UniqueConstraint(
            "platform", "scope", "native_key", name="uq_own_messages_platform_scope_native_key"
        ),
    )
    with op.batch_alter_table("own_messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_own_messages_account_id_written_at", ["account_id", "written_at"], unique=False
        )
        batch_op.create_index(
            "ix_own_messages_case_id_written_at_id", ["case_id", "written_at", "id"], unique=False
        )
        batch_op.create_index("ix_own_messages_conversation_id", ["conversation_id"], unique=False)
        batch_op.create_index("ix_own_messages_identity_id", ["identity_id"], unique=False)
