"""Broadcasts and their ledger; rows of the outbox that belong to one; facts without a case."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

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
    "broadcast_started",
    "broadcast_posted",
    "broadcast_ended",
)


def upgrade() -> None:
    _broadcasts()
    _outbox()
    _facts()


def _outbox() -> None:
    # SQLite adds a column together with its reference, without copying the table.
    kind = "INTEGER" if op.get_bind().dialect.name == "sqlite" else "BIGINT"
    op.execute(
        f"ALTER TABLE outbox ADD COLUMN broadcast_id {kind}"
        " CONSTRAINT fk_outbox_broadcast_id REFERENCES broadcasts (id)"
    )
    where = sa.text("broadcast_id IS NOT NULL")
    op.create_index(
        "ix_outbox_broadcast",
        "outbox",
        ["broadcast_id", "state", "account_id", "not_before"],
        sqlite_where=where,
        postgresql_where=where,
    )


def _facts() -> None:
    """Let facts be of no case, and of three more kinds. No row points to them, so that SQLite may
    copy them."""
    allowed = f"kind IN ({', '.join(repr(kind) for kind in _FACTS)})"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_facts_kind"), "facts", type_="check")
        op.create_check_constraint(op.f("ck_facts_kind"), "facts", allowed)
        op.alter_column("facts", "case_id", nullable=True)
        return
    with op.batch_alter_table("facts", recreate="always") as batch_op:
        batch_op.alter_column("case_id", existing_type=BigId, nullable=True)
        # The old CHECK is not carried over: Alembic cannot read it back from SQLite.
        batch_op.create_check_constraint(batch_op.f("ck_facts_kind"), allowed)


def _broadcasts() -> None:
    op.create_table(
        "broadcasts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("principal", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column(
            "stage",
            sa.Enum(
                "investigating",
                "identified",
                "monitoring",
                "resolved",
                name="stage",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "planned",
                "awaiting_approval",
                "scheduled",
                "sending",
                "paused",
                "stopped",
                "done",
                "withdrawn",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("aim", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=True),
        sa.Column("plan_hash", sa.String(length=64), nullable=True),
        sa.Column("seen_upto", BigId, nullable=True),
        sa.Column("close_cases", sa.Boolean(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("lasts_hours", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_by", BigId, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", BigId, nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", BigId, nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state IN ('stopped', 'done')) = (ended_at IS NOT NULL)",
            name=op.f("ck_broadcasts_ended"),
        ),
        sa.CheckConstraint(
            "(state IN ('draft', 'withdrawn')) OR plan_hash IS NOT NULL",
            name=op.f("ck_broadcasts_frozen"),
        ),
        sa.CheckConstraint(
            "(state IN ('sending', 'paused', 'stopped', 'done')) = (started_at IS NOT NULL)",
            name=op.f("ck_broadcasts_started"),
        ),
        sa.ForeignKeyConstraint(["approved_by"], ["users.id"], name="fk_broadcasts_approved_by"),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name="fk_broadcasts_created_by"),
        sa.ForeignKeyConstraint(["parent_id"], ["broadcasts.id"], name="fk_broadcasts_parent_id"),
        sa.ForeignKeyConstraint(["submitted_by"], ["users.id"], name="fk_broadcasts_submitted_by"),
        sa.PrimaryKeyConstraint("id", name="pk_broadcasts"),
        sa.UniqueConstraint("principal", "key", name="uq_broadcasts_principal_key"),
    )
    op.create_table(
        "broadcast_recipients",
        sa.Column("id", BigId, nullable=False),
        sa.Column("broadcast_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "place",
                "case",
                "vip",
                "open_window",
                "told_before",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "handed",
                "by_hand",
                "left_out",
                "stopped",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("identity_id", BigId, nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("to_key", sa.String(length=300), nullable=True),
        sa.Column(
            "deed",
            sa.Enum(
                "answer",
                "post",
                "dm",
                "private_reply",
                "hide",
                "delete",
                name="deed",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
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
        sa.Column("outbox_id", BigId, nullable=True),
        sa.CheckConstraint(
            "state = 'left_out' OR deed IS NOT NULL",
            name=op.f("ck_broadcast_recipients_deed_known"),
        ),
        sa.CheckConstraint(
            "(state = 'handed') = (outbox_id IS NOT NULL)",
            name=op.f("ck_broadcast_recipients_handed"),
        ),
        sa.CheckConstraint(
            "(state = 'left_out') = (reason IS NOT NULL)",
            name=op.f("ck_broadcast_recipients_reason"),
        ),
        sa.CheckConstraint(
            "(kind = 'place') = (identity_id IS NULL)",
            name=op.f("ck_broadcast_recipients_whom"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_broadcast_recipients_account_id"
        ),
        sa.ForeignKeyConstraint(
            ["broadcast_id"], ["broadcasts.id"], name="fk_broadcast_recipients_broadcast_id"
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_broadcast_recipients_case_id"),
        sa.ForeignKeyConstraint(
            ["identity_id"], ["identities.id"], name="fk_broadcast_recipients_identity_id"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_broadcast_recipients_message_id"
        ),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["outbox.id"], name="fk_broadcast_recipients_outbox_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_broadcast_recipients"),
        sa.UniqueConstraint("broadcast_id", "key", name="uq_broadcast_recipients_broadcast_id_key"),
        sa.UniqueConstraint("outbox_id", name="uq_broadcast_recipients_outbox_id"),
    )
    op.create_index("ix_broadcasts_parent_id", "broadcasts", ["parent_id"])
    op.create_index("ix_broadcasts_state_not_before", "broadcasts", ["state", "not_before"])
    where = sa.text("identity_id IS NOT NULL")
    op.create_index(
        "ix_broadcast_recipients_identity_id",
        "broadcast_recipients",
        ["identity_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
    op.create_index(
        "ix_broadcast_recipients_turn",
        "broadcast_recipients",
        ["broadcast_id", "state", "account_id", "deed", "id"],
    )
