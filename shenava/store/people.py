"""Rows of places and people: accounts, identities with their handles, customers, posts."""

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

from shenava.messages import Platform
from shenava.store.base import Base, BigId, text_enum


class AccountState(StrEnum):
    """How an account stands with its platform."""

    IMPORTED = "imported"
    """Known from files only; nothing is read from it or sent through it."""
    CONNECTED = "connected"
    UNAUTHORISED = "unauthorised"
    """Its token died. What was collected stays; a person must connect it again."""
    PAUSED = "paused"
    """Held still, by a person or because the platform wants money: ``paused_because`` tells."""


class PausedBecause(StrEnum):
    PERSON = "person"
    PAYMENT = "payment"
    """The platform says that the developer account has no money left."""


class Account(Base):
    """One of the shop's own places on a platform.

    ``credentials`` are encrypted (:mod:`shenava.vault`); null for an account that was imported.
    ``native_id`` is the platform's own id of it, ``name`` the one people read.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("platform", "handle"),
        CheckConstraint("(state = 'paused') = (paused_because IS NOT NULL)", name="paused"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    handle: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    app_id: Mapped[int | None] = mapped_column(ForeignKey("apps.id"), index=True)
    native_id: Mapped[str | None] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(300))
    state: Mapped[AccountState] = mapped_column(
        text_enum(AccountState, "state"),
        default=AccountState.IMPORTED,
        server_default=AccountState.IMPORTED.value,
    )
    paused_because: Mapped[PausedBecause | None] = mapped_column(
        text_enum(PausedBecause, "paused_because")
    )
    credentials: Mapped[bytes | None] = mapped_column(LargeBinary)
    token_expires_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]


class Customer(Base):
    """One or more identities that are one person. Made when a person says so (or marks a VIP);
    an identity without a customer stands for itself.

    One that was merged into another keeps its row, its mark and its notes, and gets its identities
    back when it is split off again (:class:`shenava.store.customers.Merge`).
    """

    __tablename__ = "customers"
    __table_args__ = (
        Index(
            "ix_customers_vip",
            "id",
            sqlite_where=text("vip"),
            postgresql_where=text("vip"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    vip: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]


class Identity(Base):
    """A person on one platform.

    ``key`` is ``id:<native id>``, or ``handle:<folded handle>`` when an import knows no more.
    ``name``, ``handle`` and ``followers`` are the latest known, as of ``profile_at`` (the
    platform's time of the message that told them), so that the order of arrival changes nothing.
    """

    __tablename__ = "identities"
    __table_args__ = (
        UniqueConstraint("platform", "key"),
        # The list of customers: who was heard of last on top; the few that its filters ask for.
        Index(None, "profile_at", "id"),
        Index(
            "ix_identities_blocked",
            "id",
            sqlite_where=text("blocked_at IS NOT NULL"),
            postgresql_where=text("blocked_at IS NOT NULL"),
        ),
        Index(
            "ix_identities_opted_out",
            "id",
            sqlite_where=text("opted_out_at IS NOT NULL"),
            postgresql_where=text("opted_out_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    key: Mapped[str] = mapped_column(String(300))
    handle: Mapped[str | None] = mapped_column(String(200))
    name: Mapped[str | None] = mapped_column(String(300))
    followers: Mapped[int | None]
    profile_at: Mapped[datetime]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    home_id: Mapped[int | None] = mapped_column(ForeignKey("customers.id"), index=True)
    """The customer it was before anyone merged it; null where ``customer_id`` tells that too."""
    blocked_at: Mapped[datetime | None]
    opted_out_at: Mapped[datetime | None]
    """Since when the person wants to hear nothing more from the shop."""
    opt_word_at: Mapped[datetime | None]
    """When they last said so, or took it back: what they wrote before that changes nothing."""
    erased_at: Mapped[datetime | None]
    """The shop erased the person: name, handles and id are gone, ``key`` is ``erased:<number>``."""

    customer: Mapped[Customer | None] = relationship(foreign_keys=[customer_id])


class IdentityHandle(Base):
    """A handle that an identity was seen with, from when to when (platform time)."""

    __tablename__ = "identity_handles"
    __table_args__ = (
        CheckConstraint("first_seen <= last_seen", name="order"),
        Index(None, "handle"),
    )

    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), primary_key=True)
    handle: Mapped[str] = mapped_column(String(200), primary_key=True)
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class Post(Base):
    """A public root under which messages stand: the shop's own, or a stranger's."""

    __tablename__ = "posts"
    __table_args__ = (UniqueConstraint("platform", "native_key"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    native_key: Mapped[str] = mapped_column(String(300))
    permalink: Mapped[str | None] = mapped_column(Text, index=True)
