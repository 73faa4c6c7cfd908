"""Rows of reading what is public with somebody's session, and of the breaker in front of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from shenava.messages import Platform
from shenava.store.base import Base, text_enum


class PublicTrouble(StrEnum):
    """Why public reading last failed."""

    ASKED_TO_WAIT = "asked_to_wait"
    NEEDS_PERSON = "needs_person"
    """A checkpoint, or logged out: somebody must log in and hand in a new session."""
    PAGE_CHANGED = "page_changed"
    UNREACHABLE = "unreachable"


class PublicReader(Base):
    """The session that one account reads the public website with. It is there only if somebody
    switched it on. ``session`` is encrypted (:mod:`shenava.vault`). ``failures``, ``opened`` and
    ``open_until`` are its breaker (``collectors.breaker``); ``trial_until``: somebody tries the
    half open one until then."""

    __tablename__ = "public_readers"
    __table_args__ = (CheckConstraint("failures >= 0 AND opened >= 0", name="counts"),)

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    username: Mapped[str] = mapped_column(String(100))
    session: Mapped[bytes] = mapped_column(LargeBinary)
    switched_on_at: Mapped[datetime]
    failures: Mapped[int] = mapped_column(default=0)
    opened: Mapped[int] = mapped_column(default=0)
    open_until: Mapped[datetime | None]
    trial_until: Mapped[datetime | None]
    trouble: Mapped[PublicTrouble | None] = mapped_column(text_enum(PublicTrouble, "trouble"))
    trouble_at: Mapped[datetime | None]


class OtherName(Base):
    """A key by which another interface of the same platform names a message: ``known_as`` is the
    key that its row has. See ``collectors.reconcile``."""

    __tablename__ = "other_names"

    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"), primary_key=True)
    native_key: Mapped[str] = mapped_column(String(300), primary_key=True)
    known_as: Mapped[str] = mapped_column(String(300))
