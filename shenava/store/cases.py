"""Rows of work: cases, their intents, notes, and who has read what."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.messages import Intent, Language, Sentiment
from shenava.store.base import Base, BigId, text_enum
from shenava.store.messages import Conversation
from shenava.store.people import Account, Identity
from shenava.store.staff import User


class CaseState(StrEnum):
    OPEN = "open"
    SNOOZED = "snoozed"
    CLOSED = "closed"


_FILTERED = ("language", "sentiment", "complaint", "assignee_id", "account_id")


class Case(Base):
    """One episode of a conversation, from open to closed. Reopening makes a new case.

    A conversation has at most one case that is not closed, and at most one ``historic`` case,
    which holds its old, imported messages and is closed from the start.

    ``priority`` is 0 (low) to 3 (urgent); ``reasons`` a list of ``{"code", "params"}``, the
    strongest first; ``due_at`` the instant by which a first answer is due. ``opened_at``,
    ``last_message_at`` and ``waiting_since`` are the platform's times. ``language``,
    ``sentiment``, ``complaint`` and ``urgent`` sum up the messages, for rows and filters;
    ``judged`` tells that every message so far has its verdict.

    ``first_response_at`` and ``answered_at`` are when the shop first and last answered, by the
    platform's time where it told one. What was written up to ``answered_at`` no longer waits.

    A reopened case names in ``reopened_from_id`` the closed case whose messages it is about, and
    has none of its own until the customer writes again; its clock starts at the reopening.
    """

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("priority BETWEEN 0 AND 3", name="priority"),
        CheckConstraint(
            "message_count >= 1 OR (message_count = 0 AND reopened_from_id IS NOT NULL)",
            name="message_count",
        ),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed"),
        CheckConstraint("(state = 'snoozed') = (snoozed_until IS NOT NULL)", name="snoozed"),
        CheckConstraint("NOT historic OR state = 'closed'", name="historic"),
        Index(
            "uq_cases_live",
            "conversation_id",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index(
            "uq_cases_historic",
            "conversation_id",
            unique=True,
            sqlite_where=text("historic"),
            postgresql_where=text("historic"),
        ),
        Index("ix_cases_conversation", "conversation_id"),
        # One index a queue, each in the order its page is read. The long queues carry what the
        # inbox filters by, so that a rare kind of case is found without reading every row.
        Index("ix_cases_queue", "state", "rank", "id", *_FILTERED),
        Index("ix_cases_assignee", "assignee_id", "state", "rank", "id"),
        Index("ix_cases_closed", "state", "closed_at", "id", *_FILTERED),
        Index("ix_cases_priority", "state", "priority", "rank", "id"),
        Index("ix_cases_snoozed", "state", "snoozed_until", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), index=True)
    reopened_from_id: Mapped[int | None] = mapped_column(ForeignKey("cases.id"))
    state: Mapped[CaseState] = mapped_column(text_enum(CaseState, "state"))
    historic: Mapped[bool] = mapped_column(default=False)
    priority: Mapped[int] = mapped_column(default=1)
    rank: Mapped[int] = mapped_column(BigId)
    """Sorts a queue: priority first, then what is due or waits longest. See ``case_rank``."""
    reasons: Mapped[list[Any]] = mapped_column(JSON, default=list)
    needs_answer: Mapped[bool] = mapped_column(default=True)
    due_at: Mapped[datetime | None]
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    opened_at: Mapped[datetime]
    last_message_at: Mapped[datetime]
    waiting_since: Mapped[datetime | None]
    first_response_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    snoozed_until: Mapped[datetime | None]
    message_count: Mapped[int]
    judged: Mapped[bool] = mapped_column(default=False)
    language: Mapped[Language | None] = mapped_column(text_enum(Language, "language"))
    sentiment: Mapped[Sentiment | None] = mapped_column(text_enum(Sentiment, "sentiment"))
    sentiment_p: Mapped[float | None]
    complaint: Mapped[bool | None]
    urgent: Mapped[bool | None]

    conversation: Mapped[Conversation] = relationship()
    account: Mapped[Account] = relationship()
    identity: Mapped[Identity] = relationship()
    assignee: Mapped[User | None] = relationship()


class CaseIntent(Base):
    """An intent that some message of the case has: what the inbox filters by."""

    __tablename__ = "case_intents"
    __table_args__ = (Index(None, "intent", "case_id"),)

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    intent: Mapped[Intent] = mapped_column(text_enum(Intent, "intent"), primary_key=True)


class Note(Base):
    """What staff tell each other about a case. Customers never see it."""

    __tablename__ = "notes"
    __table_args__ = (Index(None, "case_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]

    user: Mapped[User] = relationship()


class CaseRead(Base):
    """Up to how many messages of a case someone has read; more than that is unread."""

    __tablename__ = "case_reads"

    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    message_count: Mapped[int]


_YEAR_9999 = 253_402_300_799


def case_rank(priority: int, due_at: datetime | None, waiting_since: datetime | None) -> int:
    """The sort key of a case within a queue; smaller is nearer the top.

    Higher priority first; within one, the earliest due; cases with no due time follow, the one
    that waits longest first. One integer, so that one index reads a queue in order at any size.
    """
    at = due_at or waiting_since
    seconds = int(at.timestamp()) if at else _YEAR_9999
    undue = 0 if due_at else 1
    return ((3 - priority) * 2 + undue) * 1_000_000_000_000 + seconds
