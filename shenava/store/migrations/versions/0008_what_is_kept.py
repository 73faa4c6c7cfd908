"""What was billed today, when a feed began, and the ledger's reach by its index."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "billed",
        sa.Column("app_id", BigId, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("digest", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name="fk_billed_app_id"),
        sa.PrimaryKeyConstraint("app_id", "day", "digest", name="pk_billed"),
    )
    op.create_index("ix_coverage_feed_id_covered_to", "coverage", ["feed_id", "covered_to"])
    op.add_column("feeds", sa.Column("began_at", sa.DateTime(timezone=True), nullable=True))
    # Of feeds that were read before, the first line of the ledger tells.
    op.execute(
        "UPDATE feeds SET began_at ="
        " (SELECT min(coverage.started_at) FROM coverage WHERE coverage.feed_id = feeds.id)"
    )
