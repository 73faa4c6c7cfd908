"""Rows of the people who work here: users, one-time links, attempts to sign in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.store.base import Base, BigId, text_enum


class Role(StrEnum):
    AGENT = "agent"
    ADMIN = "admin"


class UserState(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


class User(Base):
    """Someone who may sign in.

    ``email`` is kept folded (trimmed, lower case). ``session_key`` is part of every session
    cookie: a new one signs the person out everywhere (reset, disable, new password).
    ``language`` and ``calendar`` are null until chosen; the shop's own then apply.
    ``approval_since``: since when what they answer waits until somebody else approves it; null:
    it leaves at once.
    """

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("state <> 'active' OR password_hash IS NOT NULL", name="password"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(text_enum(Role, "role"))
    state: Mapped[UserState] = mapped_column(text_enum(UserState, "state"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    session_key: Mapped[str] = mapped_column(String(64))
    language: Mapped[str | None] = mapped_column(String(5))
    calendar: Mapped[str | None] = mapped_column(String(20))
    theme: Mapped[str | None] = mapped_column(String(10))
    density: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    approval_since: Mapped[datetime | None]
    report_mail: Mapped[bool | None]
    """Whether they get the weekly report by e-mail; null: as the shop's setting has it."""


class LinkPurpose(StrEnum):
    FIRST_ADMIN = "first_admin"
    INVITE = "invite"
    RESET = "reset"


class OneTimeLink(Base):
    """A link that lets someone in once. Only the SHA-256 of its token is kept."""

    __tablename__ = "one_time_links"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[LinkPurpose] = mapped_column(text_enum(LinkPurpose, "purpose"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    user: Mapped[User | None] = relationship()


class SignInFailure(Base):
    """A failed attempt to sign in. ``subject`` is the SHA-256 of an address (mail or IP)."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index(None, "subject", "failed_at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(64))
    failed_at: Mapped[datetime] = mapped_column(index=True)
