"""Rows of what platforms tell unasked: bodies of webhooks, the doors they come through, misses."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shenava.messages import Platform
from shenava.store.base import Base, BigId, text_enum


class InboundState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    """It was not understood, or not wholly; ``reason`` tells. A person, or a newer version, may
    have it tried again."""


class InboundReason(StrEnum):
    """Why an event failed, or still waits."""

    UNREADABLE = "unreadable"
    """Signed by the platform, and not what it sends."""
    STRANGER = "stranger"
    """It is about an account that is not connected here."""
    FAULTY = "faulty"
    """A part of it lacks what it should have. The rest was taken in."""
    UNFETCHED = "unfetched"
    """It points to something that could not be fetched."""
    INTERNAL = "internal"
    """A fault of ours; the log tells more."""


class InboundEvent(Base):
    """One body that a platform sent, as it came, stored before the platform was told so.

    The same body for the same app is one row, however often it is sent (``deliveries``). A worker
    has it by ``claimed_by`` until ``claimed_until``. ``outcome`` is what it came to, in counts.
    ``program``: the version of Shenava that tried last. ``forget``: its body holds somebody who was
    erased, and goes as soon as the rest of it was taken in.
    """

    __tablename__ = "inbound_events"
    __table_args__ = (
        UniqueConstraint("app_id", "body_hash"),
        CheckConstraint("(claimed_until IS NULL) = (claimed_by IS NULL)", name="claimed"),
        CheckConstraint("(state = 'waiting') = (next_at IS NOT NULL)", name="waiting"),
        Index(
            "ix_inbound_events_due",
            "next_at",
            "id",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
        Index(None, "state", "received_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    body_hash: Mapped[str] = mapped_column(String(64))
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    received_at: Mapped[datetime]
    deliveries: Mapped[int] = mapped_column(default=1)
    state: Mapped[InboundState] = mapped_column(text_enum(InboundState, "state"))
    next_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(40))
    reason: Mapped[InboundReason | None] = mapped_column(text_enum(InboundReason, "reason"))
    outcome: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    program: Mapped[str] = mapped_column(String(40), default="")
    done_at: Mapped[datetime | None]
    forget: Mapped[bool] = mapped_column(default=False)


class InboundDoor(Base):
    """How the webhooks of one app come in: the only trace of bodies that nobody had signed."""

    __tablename__ = "inbound_doors"
    __table_args__ = (CheckConstraint("bad_in_a_row >= 0 AND bad >= 0", name="bad"),)

    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    tried_at: Mapped[datetime | None]
    """When the platform last tried the address and was answered (the handshake)."""
    good_at: Mapped[datetime | None]
    bad: Mapped[int] = mapped_column(default=0)
    bad_in_a_row: Mapped[int] = mapped_column(default=0)
    bad_at: Mapped[datetime | None]


class WebhookAccount(Base):
    """What webhooks do for one account. ``since``: the first came then; from there on a message
    that a reading finds first is a miss. ``subscribed``: what the platform says when asked; null:
    it was not asked."""

    __tablename__ = "webhook_accounts"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    since: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    subscribed: Mapped[bool | None]
    asked_at: Mapped[datetime | None]


class WebhookMiss(Base):
    """A message that a reading found first, though a webhook should have brought it. The webhook
    may still come: what counts is a miss without a sighting by webhook, some minutes later."""

    __tablename__ = "webhook_misses"
    __table_args__ = (Index(None, "account_id", "found_at"), Index(None, "found_at"))

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    found_at: Mapped[datetime]
