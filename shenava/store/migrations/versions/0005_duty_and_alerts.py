"""Notifying staff: who is on duty, alarms, whom they call, the mail that tells them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)

_MAIL_STATES = ("queued", "claimed", "sending", "sent", "failed", "unknown", "cancelled")
_ENDS = ("answered", "taken", "closed", "snoozed", "calmed")
_CALLS = ("on_duty", "nobody_on_duty", "next_in_order")


def upgrade() -> None:
    op.create_table(
        "duty",
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("hours", sa.String(length=400), nullable=False),
        sa.Column("switched", _one_of("switched", "on", "off"), nullable=True),
        sa.Column("switched_at", Instant, nullable=True),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(switched IS NULL) = (switched_at IS NULL)", name=op.f("ck_duty_pressed")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_duty_user_id"),
        sa.PrimaryKeyConstraint("user_id", name="pk_duty"),
    )
    _alarms()
    _mails()
    _alerts()


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _alarms() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("rung_at", Instant, nullable=False),
        sa.Column("last_rung_at", Instant, nullable=False),
        sa.Column("escalate_at", Instant, nullable=True),
        sa.Column("opened_at", Instant, nullable=True),
        sa.Column("opened_by", BigId, nullable=True),
        sa.Column("assignee_id", BigId, nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sa.Column("ended_because", _one_of("ended_because", *_ENDS), nullable=True),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_because IS NULL)", name=op.f("ck_alarms_ended")
        ),
        sa.CheckConstraint(
            "(opened_at IS NULL) = (opened_by IS NULL)", name=op.f("ck_alarms_opened")
        ),
        sa.CheckConstraint(
            "ended_at IS NULL OR escalate_at IS NULL", name=op.f("ck_alarms_escalate_at")
        ),
        sa.CheckConstraint("step >= 0", name=op.f("ck_alarms_step")),
        sa.ForeignKeyConstraint(["assignee_id"], ["users.id"], name="fk_alarms_assignee_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_alarms_case_id"),
        sa.ForeignKeyConstraint(["opened_by"], ["users.id"], name="fk_alarms_opened_by"),
        sa.PrimaryKeyConstraint("id", name="pk_alarms"),
    )
    op.create_index("ix_alarms_case_id_id", "alarms", ["case_id", "id"])
    op.create_index(
        "uq_alarms_ringing",
        "alarms",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _mails() -> None:
    op.create_table(
        "alert_mails",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("state", _one_of("state", *_MAIL_STATES), nullable=False),
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
            "(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_alert_mails_sent")
        ),
        sa.CheckConstraint(
            "(state IN ('claimed', 'sending')) = (claimed_until IS NOT NULL)",
            name=op.f("ck_alert_mails_claimed"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('failed', 'unknown') OR reason IS NOT NULL",
            name=op.f("ck_alert_mails_reason"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('sending', 'sent', 'unknown') OR sending_at IS NOT NULL",
            name=op.f("ck_alert_mails_left"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_alert_mails_attempts")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_alert_mails_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alert_mails"),
        sa.UniqueConstraint("message_id", name="uq_alert_mails_message_id"),
    )
    op.create_index(
        "ix_alert_mails_state_not_before_id", "alert_mails", ["state", "not_before", "id"]
    )
    op.create_index("ix_alert_mails_user_id_not_before", "alert_mails", ["user_id", "not_before"])


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("alarm_id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("because", _one_of("because", *_CALLS), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("mail_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["alarm_id"], ["alarms.id"], name="fk_alerts_alarm_id"),
        sa.ForeignKeyConstraint(["mail_id"], ["alert_mails.id"], name="fk_alerts_mail_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_alerts_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
        sa.UniqueConstraint("alarm_id", "user_id", name="uq_alerts_alarm_id_user_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_alerts_mail_id", "alerts", ["mail_id"])
    op.create_index("ix_alerts_user_id_id", "alerts", ["user_id", "id"])
