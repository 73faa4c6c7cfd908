"""Rows of pictures: what hangs on customers' messages, what the shop sends, and their bytes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.messages import MediaKind
from shenava.store.base import Base, BigId, text_enum


class AttachmentState(StrEnum):
    """Whether the picture of an attachment is here, or why not."""

    WAITING = "waiting"
    """To be fetched, at ``try_at``."""
    KEPT = "kept"
    TOO_LARGE = "too_large"
    NOT_A_PICTURE = "not_a_picture"
    GONE = "gone"
    """The platform has it no more, names no address, or does not hand it to our keys."""
    FAILED = "failed"
    """Tried often enough in vain; the platform may still have it."""


class Picture(Base):
    """A picture as it is shown and sent: made anew from what came, never the bytes that came.

    ``sha256`` is of ``content``. ``thumb`` is a small one for lists. ``uploaded_by``: the
    colleague who attached it; null for one that a customer sent.
    """

    __tablename__ = "pictures"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    mime: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    size: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    thumb: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(index=True)
    uploaded_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)


class Attachment(Base):
    """A picture or film that hangs on the newest version of a customer's message.

    ``key`` is the platform's name for it, ``place`` its place among its like. ``url`` is where
    the platform has it, as last told. ``claimed_by`` is a worker's mark while it fetches.
    """

    __tablename__ = "attachments"
    __table_args__ = (
        UniqueConstraint("message_id", "key"),
        CheckConstraint("(state = 'kept') = (picture_id IS NOT NULL)", name="kept"),
        CheckConstraint("(state = 'waiting') = (try_at IS NOT NULL)", name="waiting"),
        Index(
            "ix_attachments_due",
            "try_at",
            "id",
            sqlite_where=text("try_at IS NOT NULL"),
            postgresql_where=text("try_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    key: Mapped[str] = mapped_column(String(300))
    kind: Mapped[MediaKind] = mapped_column(text_enum(MediaKind, "kind"))
    place: Mapped[int]
    alt: Mapped[str] = mapped_column(Text)
    width: Mapped[int | None]
    height: Mapped[int | None]
    url: Mapped[str | None] = mapped_column(Text)
    state: Mapped[AttachmentState] = mapped_column(text_enum(AttachmentState, "state"))
    attempts: Mapped[int] = mapped_column(default=0)
    try_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(32))
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"), unique=True)

    picture: Mapped[Picture | None] = relationship()
