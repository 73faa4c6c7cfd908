"""Rows of sending: the outbox, what the shop wrote on the platforms, who looks at which case."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.messages import Deed, Platform
from shenava.store.base import Base, BigId, text_enum
from shenava.store.media import Picture
from shenava.store.people import Account, Identity


class OutboxState(StrEnum):
    """``draft → awaiting_approval → queued → claimed → sending``, and then one of the ends."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    QUEUED = "queued"
    """Waits for ``not_before`` (undo, send later, back-off) and a worker."""
    CLAIMED = "claimed"
    """A worker looks at it. Nothing has left."""
    SENDING = "sending"
    """The request may have left."""
    SENT = "sent"
    REFUSED = "refused"
    """Not allowed, by our gate or by the platform; ``reason`` tells. Nothing was done."""
    FAILED = "failed"
    """Not done, for a reason that may pass; it may be tried again as a new row."""
    UNKNOWN = "unknown"
    """May or may not have been done; looked up, else settled by a person."""
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in _FINAL


_FINAL = frozenset(
    {OutboxState.SENT, OutboxState.REFUSED, OutboxState.FAILED, OutboxState.CANCELLED}
)


class OutboxRow(Base):
    """One thing to send, once.

    ``principal`` (who asks: ``user:7``, ``token:3``, ``broadcast:12``) and the ``key`` it made are
    unique together; ``body_hash`` is the SHA-256 of all that will be sent and to whom. ``reason``
    is a code in words of the gate or the channel, ``evidence`` what is known beside it: ids,
    instants, counts, never text. ``not_before`` is the earliest instant it may leave, ``looks``
    how often an unknown outcome was looked up and ``look_at`` when it is next. ``attempt`` is a
    number made anew by each claim: who holds another one has lost the row.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("principal", "key"),
        CheckConstraint(
            "(state IN ('claimed', 'sending')) = (claimed_until IS NOT NULL)", name="claimed"
        ),
        CheckConstraint(
            "state NOT IN ('sending', 'unknown') OR sending_at IS NOT NULL", name="left"
        ),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
        CheckConstraint("state <> 'sent' OR by_hand OR sending_at IS NOT NULL", name="by_hand"),
        CheckConstraint(
            "state NOT IN ('refused', 'failed', 'unknown') OR reason IS NOT NULL", name="reason"
        ),
        CheckConstraint("(state = 'unknown') OR look_at IS NULL", name="look_at"),
        CheckConstraint("attempts >= 0 AND looks >= 0", name="counts"),
        CheckConstraint("price_micros >= 0", name="price_micros"),
        CheckConstraint("deed IN ('post', 'dm') OR to_key IS NOT NULL", name="to_key"),
        CheckConstraint("deed <> 'dm' OR to_native_id IS NOT NULL", name="to_native_id"),
        Index(None, "case_id", "id"),
        Index(None, "account_id", "native_key"),
        Index(None, "state", "not_before", "id"),
        Index(
            "ix_outbox_broadcast",
            "broadcast_id",
            "state",
            "account_id",
            "not_before",
            sqlite_where=text("broadcast_id IS NOT NULL"),
            postgresql_where=text("broadcast_id IS NOT NULL"),
        ),
        Index(
            "ix_outbox_returned",
            "created_by",
            sqlite_where=text("returned_by IS NOT NULL"),
            postgresql_where=text("returned_by IS NOT NULL"),
        ),
        Index(
            "ix_outbox_held",
            "claimed_until",
            sqlite_where=text("claimed_until IS NOT NULL"),
            postgresql_where=text("claimed_until IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    principal: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(100))
    body_hash: Mapped[str] = mapped_column(String(64))
    deed: Mapped[Deed] = mapped_column(text_enum(Deed, "deed"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"), index=True)
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"), index=True)
    to_key: Mapped[str | None] = mapped_column(String(300))
    to_native_id: Mapped[str | None] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("pictures.id"), index=True)
    picture_alt: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[OutboxState] = mapped_column(text_enum(OutboxState, "state"))
    automatic: Mapped[bool] = mapped_column(default=False)
    """No person pressed "send"."""
    by_hand: Mapped[bool] = mapped_column(default=False)
    """Answered on the platform itself by a person, and recorded here."""
    created_at: Mapped[datetime]
    not_before: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    expected_last_message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    claimed_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(80))
    attempt: Mapped[str | None] = mapped_column(String(32))
    attempts: Mapped[int] = mapped_column(default=0)
    sending_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    looks: Mapped[int] = mapped_column(default=0)
    look_at: Mapped[datetime | None] = mapped_column(index=True)
    native_key: Mapped[str | None] = mapped_column(String(300))
    permalink: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(String(60))
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    price_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    returned_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    """Who did not approve it, and gave it back to its writer with ``returned_word``."""
    returned_word: Mapped[str | None] = mapped_column(Text)
    retry_of_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), unique=True)
    broadcast_id: Mapped[int | None] = mapped_column(ForeignKey("broadcasts.id"))
    """The broadcast it is a part of: it leaves only while that one runs."""

    account: Mapped[Account] = relationship()
    identity: Mapped[Identity | None] = relationship()
    picture: Mapped[Picture | None] = relationship()


class OwnMessageRow(Base):
    """What the shop itself wrote: in the platform's app, or the echo of an outbox row.

    Once each, whether the echo or the answer to our request came first: ``outbox_id`` tells that
    it was sent from here. ``case_id`` and ``identity_id`` are null where it answers nobody known.
    """

    __tablename__ = "own_messages"
    __table_args__ = (
        UniqueConstraint("platform", "scope", "native_key"),
        Index(None, "case_id", "written_at", "id"),
        Index(None, "account_id", "written_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    scope: Mapped[str] = mapped_column(String(200), default="")
    native_key: Mapped[str] = mapped_column(String(300))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    kind: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]
    received_at: Mapped[datetime]
    reply_to_key: Mapped[str | None] = mapped_column(String(300))
    permalink: Mapped[str | None] = mapped_column(Text)
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"), index=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), unique=True)


class PresenceKind(StrEnum):
    VIEWING = "viewing"
    WRITING = "writing"


class Presence(Base):
    """Someone who has a case open now. What was not renewed for a while has ended."""

    __tablename__ = "presence"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    kind: Mapped[PresenceKind] = mapped_column(text_enum(PresenceKind, "kind"))
    seen_at: Mapped[datetime] = mapped_column(index=True)
