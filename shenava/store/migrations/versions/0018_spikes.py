"""Spikes of complaints, the cases that are part of them, and what is usual."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)


def upgrade() -> None:
    _spikes()
    op.create_table(
        "spike_cases",
        sa.Column("spike_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case_id", BigId, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["spike_id"], ["spikes.id"], name="fk_spike_cases_spike_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_spike_cases_case_id"),
        sa.PrimaryKeyConstraint("spike_id", "case_id", name="pk_spike_cases"),
    )
    op.create_index("ix_spike_cases_case_id", "spike_cases", ["case_id"])
    op.create_table(
        "usual_hours",
        sa.Column("cause", sa.String(length=60), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seen", sa.Double(), nullable=False),
        sa.Column("people", sa.Double(), nullable=False),
        sa.Column("upto", Instant, nullable=False),
        sa.CheckConstraint("hour BETWEEN 0 AND 167", name=op.f("ck_usual_hours_hour")),
        sa.PrimaryKeyConstraint("cause", "hour", name="pk_usual_hours"),
    )


def _spikes() -> None:
    closed = sa.Enum(
        "not_outage",
        "resolved",
        name="closed_because",
        native_enum=False,
        create_constraint=True,
        length=40,
    )
    op.create_table(
        "spikes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cause", sa.String(length=60), nullable=False),
        sa.Column("also", sa.JSON(), nullable=False),
        sa.Column("began_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("loud_at", Instant, nullable=False),
        sa.Column("usual", sa.Double(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("examples", sa.JSON(), nullable=False),
        sa.Column("ended_at", Instant, nullable=True),
        sa.Column("closed_at", Instant, nullable=True),
        sa.Column("closed_because", closed, nullable=True),
        sa.Column("closed_by", BigId, nullable=True),
        sa.Column("broadcast_id", BigId, nullable=True),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_because IS NULL)", name=op.f("ck_spikes_closed")
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["users.id"], name="fk_spikes_closed_by"),
        sa.ForeignKeyConstraint(["broadcast_id"], ["broadcasts.id"], name="fk_spikes_broadcast_id"),
        sa.PrimaryKeyConstraint("id", name="pk_spikes"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "uq_spikes_running",
        "spikes",
        ["cause"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_spikes_ended_at", "spikes", ["ended_at"])
