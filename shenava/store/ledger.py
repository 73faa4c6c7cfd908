"""Rows that are only ever added: facts for reports, the audit trail, the changes feed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from shenava.store.base import Base, BigId, text_enum


class FactKind(StrEnum):
    """What can happen. ``happened_at`` is the platform's time for what customers do, else ours."""

    MESSAGE_RECEIVED = "message_received"
    """Once for each message, whatever versions it has; at the time of its first known one."""
    MESSAGE_JUDGED = "message_judged"
    """Again when its author edits it: the latest of a message counts. ``edition`` in the details
    names the version, where it is not the first."""
    VERDICT_CORRECTED = "verdict_corrected"
    CASE_OPENED = "case_opened"
    CASE_CLOSED = "case_closed"
    FIRST_RESPONSE = "first_response"
    """The first answer of a case. Should an earlier one become known, it adds a fact of its own;
    the earliest counts."""
    ANSWER_SENT = "answer_sent"
    ANSWER_REFUSED = "answer_refused"
    ANSWER_FAILED = "answer_failed"
    ANSWER_UNKNOWN = "answer_unknown"
    """It may or may not have arrived; a later fact tells if that was ever settled."""
    BROADCAST_STARTED = "broadcast_started"
    BROADCAST_POSTED = "broadcast_posted"
    """One public post of a broadcast was sent."""
    BROADCAST_ENDED = "broadcast_ended"
    """Nothing of it moves any more; ``details`` count its recipients by what became of them. When
    some are tried again later it ends again: the newest tells."""
    MESSAGE_REPAIRED = "message_repaired"
    """An earlier reading had claimed to have it, and did not."""
    FEED_GAP = "feed_gap"
    """The platform could not reach back to where the reading before ended."""
    OPTED_OUT = "opted_out"
    """The customer said that they want to hear nothing more from the shop."""
    OPTED_IN = "opted_in"
    """The customer took that back."""


class Fact(Base):
    """One thing that happened, for reports to count. Never changed, never text of customers."""

    __tablename__ = "facts"
    __table_args__ = (Index(None, "kind", "happened_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[FactKind] = mapped_column(text_enum(FactKind, "kind"))
    happened_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    """Null for what happens to no case: a broadcast."""
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id"))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class Audit(Base):
    """Who did what to which row. Ids and choices only, never text."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    action: Mapped[str] = mapped_column(String(60))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)


class Change(Base):
    """A number that grows with every change a screen could show. See ``shenava.store.changes``."""

    __tablename__ = "changes"
    # A pruned number must never be handed out again.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
