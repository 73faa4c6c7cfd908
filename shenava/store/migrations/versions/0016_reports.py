"""The weekly report: the book it is counted from, the reports made, their mail."""

import sqlalchemy as sa
from alembic import op

from shenava.store.migrations.rebuilding import change_checks

revision = "0016"
down_revision = "0015"
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
    "message_repaired",
    "feed_gap",
    "opted_out",
    "opted_in",
)
_MAIL_STATES = ("queued", "claimed", "sending", "sent", "failed", "unknown", "cancelled")


def upgrade() -> None:
    kinds = ", ".join(repr(kind) for kind in _FACTS)
    change_checks("facts", {"ck_facts_kind": f"kind IN ({kinds})"})
    op.add_column("users", sa.Column("report_mail", sa.Boolean(), nullable=True))
    _book()
    _reports()


def _book() -> None:
    """Empty: it is written from the facts there are when it is first asked for."""
    op.create_table(
        "report_entries",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("shape", sa.Integer(), nullable=False),
        sa.Column("count", sa.SmallInteger(), nullable=False),
        sa.Column("recorded_us", sa.BigInteger(), nullable=False),
        sa.Column("happened_us", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.Integer(), nullable=False),
        sa.Column("elapsed", sa.Integer(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("count IN (1, -1)", name=op.f("ck_report_entries_count")),
        sa.PrimaryKeyConstraint("id", name="pk_report_entries"),
    )
    op.create_index(
        "ix_report_entries_sums",
        "report_entries",
        ["kind", "slot", "shape", "recorded_us", "count", "measure", "elapsed", "subject_id"],
    )
    op.create_index("ix_report_entries_subject", "report_entries", ["kind", "subject_id"])
    op.create_table(
        "report_book",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("closed_us", sa.BigInteger(), nullable=False),
        sa.Column("latest_us", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_report_book_one")),
        sa.PrimaryKeyConstraint("id", name="pk_report_book"),
    )
    op.execute("INSERT INTO report_book (id, upto, closed_us, latest_us) VALUES (1, 0, 0, 0)")


def _reports() -> None:
    op.create_table(
        "weekly_reports",
        sa.Column("id", BigId, nullable=False),
        sa.Column("starts_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("zone", sa.String(length=60), nullable=False),
        sa.Column("as_of", Instant, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_weekly_reports_order")),
        sa.PrimaryKeyConstraint("id", name="pk_weekly_reports"),
        sa.UniqueConstraint("starts_at", name="uq_weekly_reports_starts_at"),
    )
    op.create_table(
        "report_mails",
        sa.Column("id", BigId, nullable=False),
        sa.Column("report_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                *_MAIL_STATES, name="state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("message_id", sa.String(length=250), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("not_before", Instant, nullable=False),
        sa.Column("claimed_until", Instant, nullable=True),
        sa.Column("attempt", sa.String(length=32), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sending_at", Instant, nullable=True),
        sa.Column("sent_at", Instant, nullable=True),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.CheckConstraint(
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_report_mails_sent")
        ),
        sa.CheckConstraint(
            "(state IN ('claimed', 'sending')) = (claimed_until IS NOT NULL)",
            name=op.f("ck_report_mails_claimed"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('failed', 'unknown') OR reason IS NOT NULL",
            name=op.f("ck_report_mails_reason"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'sent', 'unknown') OR sending_at IS NOT NULL",
            name=op.f("ck_report_mails_left"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_report_mails_attempts")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["weekly_reports.id"], name="fk_report_mails_report_id"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_report_mails_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_report_mails"),
        sa.UniqueConstraint("message_id", name="uq_report_mails_message_id"),
        sa.UniqueConstraint("report_id", "user_id", name="uq_report_mails_report_id_user_id"),
    )
    op.create_index(
        "ix_report_mails_state_not_before_id", "report_mails", ["state", "not_before", "id"]
    )
    op.create_index("ix_report_mails_user_id", "report_mails", ["user_id"])
