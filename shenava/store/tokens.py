"""Rows of the JSON API: tokens, how much they are used, and what must not be done twice."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.store.base import Base, BigId
from shenava.store.staff import User


class Scope(StrEnum):
    """What a token may do. ``read`` never changes anything; ``write`` shows only what it wrote."""

    CASES_READ = "cases:read"
    CASES_WRITE = "cases:write"
    MESSAGES_READ = "messages:read"
    ANSWERS_READ = "answers:read"
    ANSWERS_WRITE = "answers:write"
    ACCOUNTS_READ = "accounts:read"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    BROADCASTS_READ = "broadcasts:read"
    BROADCASTS_WRITE = "broadcasts:write"
    REPORTS_READ = "reports:read"


class ApiToken(Base):
    """A key to the JSON API. Only the SHA-256 of it is kept.

    It acts in the name of who made it, and works only while that person is active. ``scopes`` is
    a list of :class:`Scope`. ``last_used_at`` is written at most once a minute. ``expires_at``
    null: never.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (CheckConstraint("expires_at > created_at", name="expires_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]] = mapped_column(JSON)
    created_by: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    maker: Mapped[User] = relationship()


class ApiUse(Base):
    """How many requests a token made in its newest minute, counted from the epoch."""

    __tablename__ = "api_use"
    __table_args__ = (CheckConstraint("requests > 0", name="requests"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger)
    requests: Mapped[int]


class ApiNoteKey(Base):
    """A note that was written under an ``Idempotency-Key``: asked again, the same note answers.

    ``body_hash`` is the SHA-256 of what was asked. Answers have such a key in the outbox.
    """

    __tablename__ = "api_note_keys"
    __table_args__ = (Index(None, "created_at"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_tokens.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    body_hash: Mapped[str] = mapped_column(String(64))
    note_id: Mapped[int] = mapped_column(ForeignKey("notes.id"), index=True)
    created_at: Mapped[datetime]
