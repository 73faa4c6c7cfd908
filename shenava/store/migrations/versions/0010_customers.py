"""Customers: merges, notes, what people are recognised by, and when they said "no more"."""

import sqlalchemy as sa
from alembic import op

from shenava.store.migrations.rebuilding import change_checks

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)

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
    "opted_out",
    "opted_in",
)
_KINDS = ("word", "handle", "name", "sound", "order", "phone", "email", "link")


def upgrade() -> None:
    kinds = ", ".join(repr(kind) for kind in _FACTS)
    change_checks("facts", {"ck_facts_kind": f"kind IN ({kinds})"})
    _identities()
    _merges()
    _notes()
    _clues()
    op.create_index("ix_customers_vip", "customers", ["id"], **_where("vip"))
    op.create_index(
        "ix_messages_identity_id_written_at_id", "messages", ["identity_id", "written_at", "id"]
    )
    op.drop_index("ix_messages_identity_id", "messages")


def _where(condition: str) -> dict[str, object]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def _identities() -> None:
    number = {"sqlite": "INTEGER", "postgresql": "BIGINT"}[op.get_bind().dialect.name]
    # SQLite adds a column together with its reference in one statement, without copying the table.
    op.execute(
        f"ALTER TABLE identities ADD COLUMN home_id {number}"
        " CONSTRAINT fk_identities_home_id REFERENCES customers (id)"
    )
    op.add_column("identities", sa.Column("opt_word_at", Instant, nullable=True))
    op.execute("UPDATE identities SET opt_word_at = opted_out_at WHERE opted_out_at IS NOT NULL")
    op.create_index("ix_identities_home_id", "identities", ["home_id"])
    op.create_index("ix_identities_profile_at_id", "identities", ["profile_at", "id"])
    op.create_index(
        "ix_identities_blocked", "identities", ["id"], **_where("blocked_at IS NOT NULL")
    )
    op.create_index(
        "ix_identities_opted_out", "identities", ["id"], **_where("opted_out_at IS NOT NULL")
    )


def _merges() -> None:
    op.create_table(
        "merges",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kept_id", BigId, nullable=False),
        sa.Column("merged_id", BigId, nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("merged_at", Instant, nullable=False),
        sa.Column("merged_by", BigId, nullable=False),
        sa.Column("split_at", Instant, nullable=True),
        sa.Column("split_by", BigId, nullable=True),
        sa.CheckConstraint("kept_id <> merged_id", name=op.f("ck_merges_two")),
        sa.ForeignKeyConstraint(["kept_id"], ["customers.id"], name="fk_merges_kept_id"),
        sa.ForeignKeyConstraint(["merged_id"], ["customers.id"], name="fk_merges_merged_id"),
        sa.ForeignKeyConstraint(["merged_by"], ["users.id"], name="fk_merges_merged_by"),
        sa.ForeignKeyConstraint(["split_by"], ["users.id"], name="fk_merges_split_by"),
        sa.PrimaryKeyConstraint("id", name="pk_merges"),
    )
    op.create_index("ix_merges_kept_id", "merges", ["kept_id"])
    op.create_index(
        "uq_merges_in_force", "merges", ["merged_id"], unique=True, **_where("split_at IS NULL")
    )
    op.create_table(
        "not_same",
        sa.Column("low_id", BigId, nullable=False),
        sa.Column("high_id", BigId, nullable=False),
        sa.Column("said_at", Instant, nullable=False),
        sa.Column("said_by", BigId, nullable=False),
        sa.CheckConstraint("low_id < high_id", name=op.f("ck_not_same_order")),
        sa.ForeignKeyConstraint(["low_id"], ["identities.id"], name="fk_not_same_low_id"),
        sa.ForeignKeyConstraint(["high_id"], ["identities.id"], name="fk_not_same_high_id"),
        sa.ForeignKeyConstraint(["said_by"], ["users.id"], name="fk_not_same_said_by"),
        sa.PrimaryKeyConstraint("low_id", "high_id", name="pk_not_same"),
    )
    op.create_index("ix_not_same_high_id", "not_same", ["high_id"])


def _notes() -> None:
    op.create_table(
        "customer_notes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("written_at", Instant, nullable=False),
        sa.Column("principal", sa.String(length=80), nullable=True),
        sa.Column("key", sa.String(length=100), nullable=True),
        sa.Column("body_hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customers.id"], name="fk_customer_notes_customer_id"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_customer_notes_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_customer_notes"),
        sa.UniqueConstraint("principal", "key", name="uq_customer_notes_principal_key"),
    )
    op.create_index("ix_customer_notes_customer_id_id", "customer_notes", ["customer_id", "id"])


def _clues() -> None:
    value = sa.String(length=100).with_variant(sa.String(length=100, collation="C"), "postgresql")
    op.create_table(
        "clues",
        sa.Column("identity_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("value", value, nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["identity_id"], ["identities.id"], name="fk_clues_identity_id"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_clues_message_id"),
        sa.PrimaryKeyConstraint("identity_id", "kind", "value", name="pk_clues"),
    )
    op.create_index("ix_clues_kind_value_identity_id", "clues", ["kind", "value", "identity_id"])
    op.create_index("ix_clues_message_id", "clues", ["message_id"])
