"""What the shop has taught: labelled texts, versions of the layer, the switch."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "labelled_texts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "sentiment", _enum("sentiment", "negative", "neutral", "positive"), nullable=True
        ),
        sa.Column("complaint", sa.Boolean(), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=True),
        sa.Column("intents", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("added_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_labelled_texts"),
        sa.UniqueConstraint("key", name="uq_labelled_texts_key"),
    )
    op.create_table(
        "learned_versions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("base", sa.String(length=80), nullable=False),
        sa.Column("state", _enum("state", "on", "off", "refused", "gone"), nullable=False),
        sa.Column("made_at", Instant, nullable=False),
        sa.Column("made_by", BigId, nullable=True),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("let_stand", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("weights", sa.LargeBinary(), nullable=True),
        sa.Column("learned_from", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state NOT IN ('on', 'off') OR weights IS NOT NULL",
            name=op.f("ck_learned_versions_weights"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('refused', 'gone') OR weights IS NULL",
            name=op.f("ck_learned_versions_no_weights"),
        ),
        sa.ForeignKeyConstraint(["made_by"], ["users.id"], name="fk_learned_versions_made_by"),
        sa.PrimaryKeyConstraint("id", name="pk_learned_versions"),
    )
    op.create_index(
        "uq_learned_versions_on",
        "learned_versions",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'on'"),
        postgresql_where=sa.text("state = 'on'"),
    )
    op.create_table(
        "learning",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("by_itself", sa.Boolean(), nullable=False),
        sa.Column("wanted_at", Instant, nullable=True),
        sa.Column("upto", BigId, nullable=False),
        sa.Column("claimed_until", Instant, nullable=True),
        sa.Column("attempt", sa.String(length=32), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_learning_one")),
        sa.PrimaryKeyConstraint("id", name="pk_learning"),
    )
    op.execute("INSERT INTO learning (id, by_itself, upto) VALUES (1, TRUE, 0)")
