"""Rows of broadcasts: the notice, and its ledger of everyone it is for."""

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
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shenava.messages import Deed, Language
from shenava.store.base import Base, BigId, text_enum


class Stage(StrEnum):
    """How far the trouble is that a notice tells of."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"


class BroadcastState(StrEnum):
    """``draft → planned → awaiting_approval → scheduled → sending ⇄ paused``, and then an end."""

    DRAFT = "draft"
    PLANNED = "planned"
    """Its ledger is written: what a person looks at now is what would leave."""
    AWAITING_APPROVAL = "awaiting_approval"
    """A second person has to read it."""
    SCHEDULED = "scheduled"
    """Leaves at ``not_before``, or when the quiet hours are over."""
    SENDING = "sending"
    PAUSED = "paused"
    STOPPED = "stopped"
    """A person stopped it: what had not left never will."""
    DONE = "done"
    """Nothing moves any more: every row has its end, or waits for a person."""
    WITHDRAWN = "withdrawn"
    """Taken back before anything left."""


class Broadcast(Base):
    """One notice, to everyone its plan names. A follow-up is one of its own, with ``parent_id``.

    ``content`` is what is said, ``aim`` to whom, as ``responder.broadcasts`` writes them. ``plan``
    is what was planned: counts, price, minutes; ``plan_hash`` the SHA-256 of every row and text of
    it: what was read by who approved it is what leaves. ``seen_upto``: the newest message there
    was at that moment. ``urgent``: it may leave in quiet hours.
    """

    __tablename__ = "broadcasts"
    __table_args__ = (
        UniqueConstraint("principal", "key"),
        CheckConstraint(
            "(state IN ('draft', 'withdrawn')) OR plan_hash IS NOT NULL", name="frozen"
        ),
        CheckConstraint(
            "(state IN ('sending', 'paused', 'stopped', 'done')) = (started_at IS NOT NULL)",
            name="started",
        ),
        CheckConstraint("(state IN ('stopped', 'done')) = (ended_at IS NOT NULL)", name="ended"),
        Index(None, "state", "not_before"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    principal: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(100))
    body_hash: Mapped[str] = mapped_column(String(64))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("broadcasts.id"), index=True)
    stage: Mapped[Stage] = mapped_column(text_enum(Stage, "stage"))
    kind: Mapped[str] = mapped_column(String(40))
    """The kind of outage it began from: a template's name, or ``other``."""
    state: Mapped[BroadcastState] = mapped_column(text_enum(BroadcastState, "state"))
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    aim: Mapped[dict[str, Any]] = mapped_column(JSON)
    plan: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    plan_hash: Mapped[str | None] = mapped_column(String(64))
    seen_upto: Mapped[int | None] = mapped_column(BigId)
    close_cases: Mapped[bool] = mapped_column(default=False)
    """Close the cases of those who were told."""
    urgent: Mapped[bool] = mapped_column(default=False)
    lasts_hours: Mapped[int] = mapped_column(default=12)
    """So long after its start it expires."""
    version: Mapped[int] = mapped_column(default=1)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    submitted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    approved_at: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    """What has not left by then never will."""
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RecipientKind(StrEnum):
    """Why someone, or some place, is in the ledger."""

    PLACE = "place"
    """A public post on one of the shop's own accounts."""
    CASE = "case"
    """Someone with an open case about it."""
    VIP = "vip"
    OPEN_WINDOW = "open_window"
    """Someone who may be written to in private, as the platform has it."""
    TOLD_BEFORE = "told_before"
    """Someone who was told the notice that this one follows."""


class RecipientState(StrEnum):
    WAITING = "waiting"
    """To be put into the outbox."""
    HANDED = "handed"
    """In the outbox: the row there tells what becomes of it."""
    BY_HAND = "by_hand"
    """Only a person can do it; it is shown until they say that they did."""
    LEFT_OUT = "left_out"
    """Not told; ``reason`` says why."""
    STOPPED = "stopped"
    """The broadcast was stopped before it was their turn."""


class Recipient(Base):
    """One line of a broadcast's ledger: a person or a public place, once.

    ``key`` is ``post:<account>`` or ``identity:<identity>``. ``case_id`` and ``message_id`` are
    the case that is answered, ``to_key`` what it answers, a message or our own post before.
    """

    __tablename__ = "broadcast_recipients"
    __table_args__ = (
        UniqueConstraint("broadcast_id", "key"),
        CheckConstraint("(state = 'handed') = (outbox_id IS NOT NULL)", name="handed"),
        CheckConstraint("(state = 'left_out') = (reason IS NOT NULL)", name="reason"),
        CheckConstraint("state = 'left_out' OR deed IS NOT NULL", name="deed_known"),
        CheckConstraint("(kind = 'place') = (identity_id IS NULL)", name="whom"),
        Index("ix_broadcast_recipients_turn", "broadcast_id", "state", "account_id", "deed", "id"),
        Index(
            "ix_broadcast_recipients_identity_id",
            "identity_id",
            sqlite_where=text("identity_id IS NOT NULL"),
            postgresql_where=text("identity_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    broadcast_id: Mapped[int] = mapped_column(ForeignKey("broadcasts.id"))
    key: Mapped[str] = mapped_column(String(60))
    kind: Mapped[RecipientKind] = mapped_column(text_enum(RecipientKind, "kind"))
    state: Mapped[RecipientState] = mapped_column(text_enum(RecipientState, "state"))
    reason: Mapped[str | None] = mapped_column(String(60))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    identity_id: Mapped[int | None] = mapped_column(ForeignKey("identities.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    to_key: Mapped[str | None] = mapped_column(String(300))
    deed: Mapped[Deed | None] = mapped_column(text_enum(Deed, "deed"))
    language: Mapped[Language] = mapped_column(text_enum(Language, "language"))
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox.id"), unique=True)
