"""Pictures, versions of edited messages, tombstones, and what stays of erased people.

The table ``messages`` is added to and never copied: triggers for search hang on it.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Instant = sa.DateTime(timezone=True)

_TYPES = {
    "sqlite": {"bigid": "INTEGER", "instant": "DATETIME"},
    "postgresql": {"bigid": "BIGINT", "instant": "TIMESTAMP WITH TIME ZONE"},
}
_PLATFORMS = (
    "x",
    "instagram",
    "telegram",
    "bale",
    "whatsapp",
    "bluesky",
    "mastodon",
    "email",
    "web",
)


def upgrade() -> None:
    types = _TYPES[op.get_bind().dialect.name]
    _pictures()
    _attachments()
    _versions()
    _erased_keys()
    for table, column in (
        ("messages", "edition VARCHAR(60) DEFAULT '' NOT NULL"),
        ("messages", "edited_at {instant}"),
        ("messages", "removed_at {instant}"),
        (
            "messages",
            "removed_because VARCHAR(40) CONSTRAINT ck_messages_removed_because"
            " CHECK (removed_because IN ('deleted', 'hidden', 'erased'))",
        ),
        ("messages", "look_at {instant}"),
        ("corrections", "superseded_at {instant}"),
        ("identities", "erased_at {instant}"),
        (
            "outbox",
            "picture_id {bigid} CONSTRAINT fk_outbox_picture_id REFERENCES pictures (id)",
        ),
    ):
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column.format(**types)}")
    op.create_index("ix_outbox_picture_id", "outbox", ["picture_id"])
    op.create_index(
        "ix_messages_look",
        "messages",
        ["platform", "look_at", "id"],
        sqlite_where=sa.text("look_at IS NOT NULL"),
        postgresql_where=sa.text("look_at IS NOT NULL"),
    )
    _move_pictures()
    op.drop_column("outbox", "picture")
    _look_at_what_is_there()


def _pictures() -> None:
    op.create_table(
        "pictures",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mime", sa.String(length=40), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("thumb", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("uploaded_by", BigId, nullable=True),
        sa.ForeignKeyConstraint(["uploaded_by"], ["users.id"], name="fk_pictures_uploaded_by"),
        sa.PrimaryKeyConstraint("id", name="pk_pictures"),
    )
    op.create_index("ix_pictures_created_at", "pictures", ["created_at"])
    op.create_index("ix_pictures_uploaded_by", "pictures", ["uploaded_by"])


def _attachments() -> None:
    op.create_table(
        "attachments",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column(
            "kind",
            _one_of("attachments", "kind", "photo", "video", "animation", "voice", "file"),
            nullable=False,
        ),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column(
            "state",
            _one_of(
                "attachments",
                "state",
                "waiting",
                "kept",
                "too_large",
                "not_a_picture",
                "gone",
                "failed",
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("try_at", Instant, nullable=True),
        sa.Column("claimed_by", sa.String(length=32), nullable=True),
        sa.Column("picture_id", BigId, nullable=True),
        sa.CheckConstraint(
            "(state = 'kept') = (picture_id IS NOT NULL)", name=op.f("ck_attachments_kept")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (try_at IS NOT NULL)", name=op.f("ck_attachments_waiting")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_attachments_message_id"),
        sa.ForeignKeyConstraint(["picture_id"], ["pictures.id"], name="fk_attachments_picture_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attachments"),
        sa.UniqueConstraint("message_id", "key", name="uq_attachments_message_id_key"),
        sa.UniqueConstraint("picture_id", name="uq_attachments_picture_id"),
    )
    op.create_index(
        "ix_attachments_due",
        "attachments",
        ["try_at", "id"],
        sqlite_where=sa.text("try_at IS NOT NULL"),
        postgresql_where=sa.text("try_at IS NOT NULL"),
    )


def _versions() -> None:
    op.create_table(
        "message_versions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("platform", _one_of("message_versions", "platform", *_PLATFORMS), nullable=False),
        sa.Column("scope", sa.String(length=200), nullable=False),
        sa.Column("native_key", sa.String(length=300), nullable=False),
        sa.Column("edition", sa.String(length=60), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("written_at", Instant, nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name="fk_message_versions_message_id"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_message_versions"),
        sa.UniqueConstraint(
            "platform",
            "scope",
            "native_key",
            "edition",
            name="uq_message_versions_platform_scope_native_key_edition",
        ),
    )
    op.create_index("ix_message_versions_message_id", "message_versions", ["message_id"])


def _erased_keys() -> None:
    op.create_table(
        "erased_keys",
        sa.Column("platform", _one_of("erased_keys", "platform", *_PLATFORMS), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("erased_at", Instant, nullable=False),
        sa.Column("opted_out", sa.Boolean(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "seal", name="pk_erased_keys"),
    )


def _one_of(table: str, column: str, *values: str) -> sa.Enum:
    return sa.Enum(
        *values,
        name=op.f(f"ck_{table}_{column}"),
        native_enum=False,
        create_constraint=True,
        length=40,
    )


def _move_pictures() -> None:
    """Pictures of the outbox get rows of their own. What was kept is a JPEG, PNG or WebP; its
    size in pixels is not needed to send it again."""
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, picture FROM outbox WHERE picture IS NOT NULL")
    ).all()
    pictures = sa.table(
        "pictures",
        *(
            sa.column(name, kind)
            for name, kind in (
                ("id", BigId),
                ("sha256", sa.String()),
                ("mime", sa.String()),
                ("width", sa.Integer()),
                ("height", sa.Integer()),
                ("size", sa.Integer()),
                ("content", sa.LargeBinary()),
                ("thumb", sa.LargeBinary()),
                ("created_at", Instant),
            )
        ),
    )
    for row in rows:
        content = bytes(row.picture)
        number = connection.execute(
            pictures.insert()
            .values(
                sha256=hashlib.sha256(content).hexdigest(),
                mime=_mime(content),
                width=1,
                height=1,
                size=len(content),
                content=content,
                thumb=content,
                created_at=datetime.now(UTC).replace(tzinfo=None)
                if connection.dialect.name == "sqlite"
                else datetime.now(UTC),
            )
            .returning(pictures.c.id)
        ).scalar_one()
        connection.execute(
            sa.text("UPDATE outbox SET picture_id = :picture WHERE id = :id"),
            {"picture": number, "id": row.id},
        )


def _mime(content: bytes) -> str:
    if content.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if content.startswith(b"RIFF") else "image/jpeg"


def _look_at_what_is_there() -> None:
    """Public messages that came through a connected account are looked after from now on."""
    op.execute(
        "UPDATE messages SET look_at = received_at WHERE kind NOT IN ('dm', 'email')"
        " AND NOT historic AND EXISTS (SELECT 1 FROM sightings"
        " WHERE sightings.message_id = messages.id AND sightings.source <> 'import')"
    )
