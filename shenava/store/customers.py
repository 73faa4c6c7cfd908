"""Rows of customers: who is one person and who is not, notes about them, and what they are
recognised by."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.store.base import Base, BigId, text_enum
from shenava.store.staff import User


class Merge(Base):
    """Someone said that two customers are one person: ``merged_id`` became part of ``kept_id``.

    Merges that hold are the edges of a forest over customers; ``Identity.customer_id`` is always
    the root of the tree that its ``home_id`` stands in. To split is to cut one edge, in any order.
    ``evidence``: what the person saw, as a list of ``{"kind", "messages"}``: ids, never text.
    """

    __tablename__ = "merges"
    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two"),
        Index(None, "kept_id"),
        Index(
            "uq_merges_in_force",
            "merged_id",
            unique=True,
            sqlite_where=text("split_at IS NULL"),
            postgresql_where=text("split_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    merged_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    evidence: Mapped[list[Any]] = mapped_column(JSON)
    merged_at: Mapped[datetime]
    merged_by: Mapped[int] = mapped_column(ForeignKey("users.id"))
    split_at: Mapped[datetime | None]
    split_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))


class NotSame(Base):
    """Someone said that two identities, the one of the smaller number first, are two people."""

    __tablename__ = "not_same"
    __table_args__ = (
        CheckConstraint("low_id < high_id", name="order"),
        Index(None, "high_id"),
    )

    low_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    high_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    said_at: Mapped[datetime]
    said_by: Mapped[int] = mapped_column(ForeignKey("users.id"))


class CustomerNote(Base):
    """What staff tell each other about a customer. It stays with the customer it was written
    about, through merges and splits. ``principal`` and ``key``: of one that a program wrote."""

    __tablename__ = "customer_notes"
    __table_args__ = (UniqueConstraint("principal", "key"), Index(None, "customer_id", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    principal: Mapped[str | None] = mapped_column(String(80))
    key: Mapped[str | None] = mapped_column(String(100))
    body_hash: Mapped[str | None] = mapped_column(String(64))

    user: Mapped[User] = relationship()


class ClueKind(StrEnum):
    """What a person is found or recognised by; the values are normalised."""

    WORD = "word"
    """A word of a name or handle: for searching only."""
    HANDLE = "handle"
    NAME = "name"
    SOUND = "sound"
    """How a name sounds, whatever letters it is written in."""
    ORDER = "order"
    PHONE = "phone"
    EMAIL = "email"
    LINK = "link"
    """``platform:handle`` of a profile that they named."""


class Clue(Base):
    """One thing that an identity is found or recognised by. ``message_id``: the first message that
    told it; null where the profile did."""

    __tablename__ = "clues"
    __table_args__ = (Index(None, "kind", "value", "identity_id"), Index(None, "message_id"))

    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    kind: Mapped[ClueKind] = mapped_column(text_enum(ClueKind, "kind"), primary_key=True)
    # Compared byte by byte on both databases: beginnings of words are read as ranges.
    value: Mapped[str] = mapped_column(
        String(100).with_variant(String(100, collation="C"), "postgresql"), primary_key=True
    )
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
