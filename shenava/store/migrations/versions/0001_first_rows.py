"""First rows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
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
        sa.Column("handle", sa.String(length=200), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("platform", "handle", name="uq_accounts_platform_handle"),
    )
    op.create_table(
        "customers",
        sa.Column("id", BigId, nullable=False),
        sa.Column("vip", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
    )
    op.create_table(
        "posts",
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
        sa.Column("native_key", sa.String(length=300), nullable=False),
        sa.Column("permalink", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_posts"),
        sa.UniqueConstraint("platform", "native_key", name="uq_posts_platform_native_key"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_failures"),
    )
    with op.batch_alter_table("sign_in_failures", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_failures_failed_at", ["failed_at"], unique=False)
        batch_op.create_index(
            "ix_sign_in_failures_subject_failed_at", ["subject", "failed_at"], unique=False
        )

    op.create_table(
        "users",
        sa.Column("id", BigId, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "agent", "admin", name="role", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "active",
                "disabled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("session_key", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=True),
        sa.Column("calendar", sa.String(length=20), nullable=True),
        sa.Column("theme", sa.String(length=10), nullable=True),
        sa.Column("density", sa.String(length=20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state <> 'active' OR password_hash IS NOT NULL", name=op.f("ck_users_password")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    op.create_table(
        "identities",
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
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("handle", sa.String(length=200), nullable=True),
        sa.Column("name", sa.String(length=300), nullable=True),
        sa.Column("followers", sa.Integer(), nullable=True),
        sa.Column("profile_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_id", BigId, nullable=True),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_identities_customer_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("platform", "key", name="uq_identities_platform_key"),
    )
    with op.batch_alter_table("identities", schema=None) as batch_op:
        batch_op.create_index("ix_identities_customer_id", ["customer_id"], unique=False)

    op.create_table(
        "one_time_links",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "first_admin",
                "invite",
                "reset",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_one_time_links_user_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_one_time_links"),
    )
    with op.batch_alter_table("one_time_links", schema=None) as batch_op:
        batch_op.create_index("ix_one_time_links_user_id", ["user_id"], unique=False)

    op.create_table(
        "conversations",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("identity_id", BigId, nullable=False),
        sa.Column("thread", sa.String(length=320), nullable=False),
        sa.Column("post_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_conversations_account_id"
        ),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_conversations_identity_id"
        ),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name="fk_conversations_post_id"),
        sa.PrimaryKeyConstraint("id", name="pk_conversations"),
        sa.UniqueConstraint(
            "account_id",
            "identity_id",
            "thread",
            name="uq_conversations_account_id_identity_id_thread",
        ),
    )
    with op.batch_alter_table("conversations", schema=None) as batch_op:
        batch_op.create_index("ix_conversations_identity_id", ["identity_id"], unique=False)
        batch_op.create_index("ix_conversations_post_id", ["post_id"], unique=False)

    op.create_table(
        "identity_handles",
        sa.Column("identity_id", BigId, nullable=False),
        sa.Column("handle", sa.String(length=200), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_seen <= last_seen", name=op.f("ck_identity_handles_order")),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_identity_handles_identity_id"
        ),
        sa.PrimaryKeyConstraint("identity_id", "handle", name="pk_identity_handles"),
    )
    with op.batch_alter_table("identity_handles", schema=None) as batch_op:
        batch_op.create_index("ix_identity_handles_handle", ["handle"], unique=False)

    op.create_table(
        "cases",
        sa.Column("id", BigId, nullable=False),
        sa.Column("conversation_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("identity_id", BigId, nullable=False),
        sa.Column("reopened_from_id", BigId, nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "snoozed",
                "closed",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("historic", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("rank", BigId, nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("needs_answer", sa.Boolean(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assignee_id", BigId, nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("judged", sa.Boolean(), nullable=False),
        sa.Column(
            "language",
            sa.Enum(
                "fa",
                "ar",
                "en",
                "mixed",
                "other",
                name="language",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "sentiment",
            sa.Enum(
                "negative",
                "neutral",
                "positive",
                name="sentiment",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("sentiment_p", sa.Double(), nullable=True),
        sa.Column("complaint", sa.Boolean(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_cases_closed")
        ),
        sa.CheckConstraint(
            "(state = 'snoozed') = (snoozed_until IS NOT NULL)", name=op.f("ck_cases_snoozed")
        ),
        sa.CheckConstraint("NOT historic OR state = 'closed'", name=op.f("ck_cases_historic")),
        sa.CheckConstraint(
            "message_count >= 1 OR (message_count = 0 AND reopened_from_id IS NOT NULL)",
            name=op.f("ck_cases_message_count"),
        ),
        sa.CheckConstraint("priority BETWEEN 0 AND 3", name=op.f("ck_cases_priority")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_cases_account_id"),
        sa.ForeignKeyConstraint(["assignee_id"], ["users.id"], name="fk_cases_assignee_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_cases_conversation_id"
        ),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_cases_identity_id"),
        sa.ForeignKeyConstraint(
            ["reopened_from_id"], ["cases.id"], name="fk_cases_reopened_from_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cases"),
    )
    with op.batch_alter_table("cases", schema=None) as batch_op:
        batch_op.create_index("ix_cases_account_id", ["account_id"], unique=False)
        batch_op.create_index(
            "ix_cases_assignee", ["assignee_id", "state", "rank", "id"], unique=False
        )
        batch_op.create_index(
            "ix_cases_closed",
            [
                "state",
                "closed_at",
                "id",
                "language",
                "sentiment",
                "complaint",
                "assignee_id",
                "account_id",
            ],
            unique=False,
        )
        batch_op.create_index("ix_cases_conversation", ["conversation_id"], unique=False)
        batch_op.create_index("ix_cases_identity_id", ["identity_id"], unique=False)
        batch_op.create_index(
            "ix_cases_priority", ["state", "priority", "rank", "id"], unique=False
        )
        batch_op.create_index(
            "ix_cases_queue",
            [
                "state",
                "rank",
                "id",
                "language",
                "sentiment",
                "complaint",
                "assignee_id",
                "account_id",
            ],
            unique=False,
        )
        batch_op.create_index("ix_cases_snoozed", ["state", "snoozed_until", "id"], unique=False)
        batch_op.create_index(
            "uq_cases_historic",
            ["conversation_id"],
            unique=True,
            sqlite_where=sa.text("historic"),
            postgresql_where=sa.text("historic"),
        )
        batch_op.create_index(
            "uq_cases_live",
            ["conversation_id"],
            unique=True,
            sqlite_where=sa.text("state <> 'closed'"),
            postgresql_where=sa.text("state <> 'closed'"),
        )

    op.create_table(
        "audit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", BigId, nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_audit_case_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_audit_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_case_id_id", ["case_id", "id"], unique=False)
        batch_op.create_index("ix_audit_user_id", ["user_id"], unique=False)

    op.create_table(
        "case_intents",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "intent",
            sa.Enum(
                "payment",
                "order_not_registered",
                "delivery_late",
                "wrong_or_damaged",
                "change_or_cancel",
                "refund",
                "account_login",
                "outage",
                "price",
                "praise",
                "question",
                "spam",
                "threat",
                "other",
                name="intent",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_intents_case_id"),
        sa.PrimaryKeyConstraint("case_id", "intent", name="pk_case_intents"),
    )
    with op.batch_alter_table("case_intents", schema=None) as batch_op:
        batch_op.create_index("ix_case_intents_intent_case_id", ["intent", "case_id"], unique=False)

    op.create_table(
        "case_reads",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_reads_case_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_case_reads_user_id"),
        sa.PrimaryKeyConstraint("case_id", "user_id", name="pk_case_reads"),
    )
    op.create_table(
        "changes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_changes_case_id"),
        sa.PrimaryKeyConstraint("id", name="pk_changes"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "messages",
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
        sa.Column(
            "kind",
            sa.Enum(
                "mention",
                "comment",
                "dm",
                "post",
                "email",
                "review",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("identity_id", BigId, nullable=False),
        sa.Column("conversation_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("reply_to_key", sa.String(length=300), nullable=True),
        sa.Column("permalink", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("normaliser", sa.Integer(), nullable=False),
        sa.Column("historic", sa.Boolean(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judge_after", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_messages_case_id"),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name="fk_messages_conversation_id"
        ),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_messages_identity_id"),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        sa.UniqueConstraint(
            "platform", "scope", "native_key", name="uq_messages_platform_scope_native_key"
        ),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index(
            "ix_messages_case_id_written_at_id", ["case_id", "written_at", "id"], unique=False
        )
        batch_op.create_index("ix_messages_conversation_id", ["conversation_id"], unique=False)
        batch_op.create_index("ix_messages_identity_id", ["identity_id"], unique=False)
        batch_op.create_index(
            "ix_messages_unjudged",
            ["historic", "judge_after", "id"],
            unique=False,
            sqlite_where=sa.text("judge_after IS NOT NULL"),
            postgresql_where=sa.text("judge_after IS NOT NULL"),
        )

    op.create_table(
        "notes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_notes_case_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_notes_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_notes"),
    )
    with op.batch_alter_table("notes", schema=None) as batch_op:
        batch_op.create_index("ix_notes_case_id_id", ["case_id", "id"], unique=False)

    op.create_table(
        "corrections",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column(
            "sentiment",
            sa.Enum(
                "negative",
                "neutral",
                "positive",
                name="sentiment",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("complaint", sa.Boolean(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("intents", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_corrections_message_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_corrections_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
    )
    with op.batch_alter_table("corrections", schema=None) as batch_op:
        batch_op.create_index("ix_corrections_message_id_id", ["message_id", "id"], unique=False)

    op.create_table(
        "facts",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "message_received",
                "message_judged",
                "verdict_corrected",
                "case_opened",
                "case_closed",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_facts_case_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_facts_message_id"),
        sa.PrimaryKeyConstraint("id", name="pk_facts"),
    )
    with op.batch_alter_table("facts", schema=None) as batch_op:
        batch_op.create_index("ix_facts_kind_happened_at", ["kind", "happened_at"], unique=False)

    op.create_table(
        "sightings",
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "mention",
                "search",
                "inbox",
                "webhook",
                "import",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sightings_account_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_sightings_message_id"),
        sa.PrimaryKeyConstraint("message_id", "account_id", "source", name="pk_sightings"),
    )
    op.create_table(
        "verdicts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column(
            "language",
            sa.Enum(
                "fa",
                "ar",
                "en",
                "mixed",
                "other",
                name="language",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "script",
            sa.Enum(
                "native",
                "latin",
                name="script",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "sentiment",
            sa.Enum(
                "negative",
                "neutral",
                "positive",
                name="sentiment",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("sentiment_p", sa.Double(), nullable=False),
        sa.Column("complaint", sa.Boolean(), nullable=True),
        sa.Column("complaint_p", sa.Double(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("urgent_p", sa.Double(), nullable=False),
        sa.Column("intents", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("complaint_p BETWEEN 0 AND 1", name=op.f("ck_verdicts_complaint_p")),
        sa.CheckConstraint("sentiment_p BETWEEN 0 AND 1", name=op.f("ck_verdicts_sentiment_p")),
        sa.CheckConstraint("urgent_p BETWEEN 0 AND 1", name=op.f("ck_verdicts_urgent_p")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_verdicts_message_id"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.UniqueConstraint("message_id", "model", name="uq_verdicts_message_id_model"),
    )
