"""Alarms of spikes: an alarm is of a case or of a spike."""

import sqlalchemy as sa
from alembic import op

from shenava.store.migrations.rebuilding import make_anew

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_OF_ONE = "(case_id IS NULL) <> (spike_id IS NULL)"
_CASE = "case_id INTEGER NOT NULL"
_STEP = "CONSTRAINT ck_alarms_step CHECK (step >= 0)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("alarms", "case_id", nullable=True)
        op.add_column("alarms", sa.Column("spike_id", sa.Integer(), nullable=True))
        op.create_foreign_key("fk_alarms_spike_id", "alarms", "spikes", ["spike_id"], ["id"])
        op.create_check_constraint(op.f("ck_alarms_of_one"), "alarms", _OF_ONE)
    else:
        make_anew("alarms", _changed)
    op.create_index("uq_alarms_spike", "alarms", ["spike_id"], unique=True)


def _changed(words: str) -> str:
    """The words of SQLite's table, with the column and what holds it."""
    if words.count(_CASE) != 1 or words.count(_STEP) != 1:
        raise ValueError("alarms is not the table that the steps before made")
    return words.replace(_CASE, "case_id INTEGER, spike_id INTEGER").replace(
        _STEP,
        f"{_STEP}, CONSTRAINT ck_alarms_of_one CHECK ({_OF_ONE}),"
        " CONSTRAINT fk_alarms_spike_id FOREIGN KEY(spike_id) REFERENCES spikes (id)",
    )
