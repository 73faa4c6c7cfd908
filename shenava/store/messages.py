"""Rows of what was written and what is thought of it: messages, sightings, verdicts."""

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
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.messages import AboutKind, Language, MessageKind, Platform, Script, Sentiment, Source
from shenava.store.base import Base, BigId, text_enum
from shenava.store.people import Account, Identity, Post


class Conversation(Base):
    """One identity with one account: in private (``thread`` is ``dm``), under one post
    (``post:<key>``), or in the open where the post is not known (``public``)."""

    __tablename__ = "conversations"
    __table_args__ = (UniqueConstraint("account_id", "identity_id", "thread"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"), index=True)
    thread: Mapped[str] = mapped_column(String(320))
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id"), index=True)

    account: Mapped[Account] = relationship()
    identity: Mapped[Identity] = relationship()
    post: Mapped[Post | None] = relationship()


class RemovedBecause(StrEnum):
    """Why nothing of a message is left but its place."""

    DELETED = "deleted"
    """Its author deleted it on the platform."""
    HIDDEN = "hidden"
    """The platform shows it to us no more: made private, or its author suspended."""
    ERASED = "erased"
    """The shop erased its author."""


class Message(Base):
    """One thing a customer wrote, once, however often and wherever it was seen.

    An edited message is one message still: the row holds its newest version, ``native_key`` is
    the key of that, and :class:`MessageVersion` has those before. ``edition`` orders versions, as
    text; it is empty for one that was never edited. ``written_at`` is when the first known version
    was written, ``edited_at`` when the newest was.

    ``removed_at``: a tombstone. Text, search words, pictures, versions and the words that decided
    are gone; the row stays, so that nothing is taken in again and counts equal their lists.
    ``look_at``: when to look whether the platform still has it; null for never.

    ``raw`` holds the text as received where cleaning changed it. ``search_text`` is the
    normalised twin, made by version ``normaliser`` of it. ``judge_after``: the message waits for
    a verdict, and no worker has a claim on it before that instant; null when it has its verdict.
    """

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("platform", "scope", "native_key"),
        Index(None, "case_id", "written_at", "id"),
        Index(None, "identity_id", "written_at", "id"),
        Index(
            "ix_messages_unjudged",
            "historic",
            "judge_after",
            "id",
            sqlite_where=text("judge_after IS NOT NULL"),
            postgresql_where=text("judge_after IS NOT NULL"),
        ),
        Index(
            "ix_messages_look",
            "platform",
            "look_at",
            "id",
            sqlite_where=text("look_at IS NOT NULL"),
            postgresql_where=text("look_at IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    scope: Mapped[str] = mapped_column(String(200))
    native_key: Mapped[str] = mapped_column(String(300))
    kind: Mapped[MessageKind] = mapped_column(text_enum(MessageKind, "kind"))
    identity_id: Mapped[int] = mapped_column(ForeignKey("identities.id"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id"), index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    reply_to_key: Mapped[str | None] = mapped_column(String(300))
    permalink: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    search_text: Mapped[str] = mapped_column(Text)
    normaliser: Mapped[int]
    historic: Mapped[bool]
    summoned: Mapped[bool | None]
    """Whether its author named or quoted the account; null when no source has told."""
    about: Mapped[AboutKind | None] = mapped_column(text_enum(AboutKind, "about"))
    """What it is beside its words; null for most."""
    about_url: Mapped[str | None] = mapped_column(Text)
    written_at: Mapped[datetime]
    received_at: Mapped[datetime]
    judge_after: Mapped[datetime | None]
    edition: Mapped[str] = mapped_column(String(60), default="", server_default="")
    edited_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    removed_because: Mapped[RemovedBecause | None] = mapped_column(
        text_enum(RemovedBecause, "removed_because")
    )
    look_at: Mapped[datetime | None]

    identity: Mapped[Identity] = relationship()
    conversation: Mapped[Conversation] = relationship()


class MessageVersion(Base):
    """An earlier version of an edited message. ``text`` is null where only its key is known: the
    newer one told that it had been there."""

    __tablename__ = "message_versions"
    __table_args__ = (UniqueConstraint("platform", "scope", "native_key", "edition"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), index=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    scope: Mapped[str] = mapped_column(String(200))
    native_key: Mapped[str] = mapped_column(String(300))
    edition: Mapped[str] = mapped_column(String(60))
    text: Mapped[str | None] = mapped_column(Text)
    raw: Mapped[bytes | None] = mapped_column(LargeBinary)
    written_at: Mapped[datetime | None]


class Sighting(Base):
    """Through which account and source a message was seen, and when first."""

    __tablename__ = "sightings"

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    source: Mapped[Source] = mapped_column(text_enum(Source, "source"), primary_key=True)
    seen_at: Mapped[datetime]


class VerdictRow(Base):
    """What one model said of the newest version of a message. A better model adds a row; none is
    overwritten. An edit takes the rows away: they spoke of other words.

    ``intents`` is a list of ``{"label", "probability"}``, ``why`` a list of words.
    """

    __tablename__ = "verdicts"
    __table_args__ = (
        UniqueConstraint("message_id", "model"),
        CheckConstraint("sentiment_p BETWEEN 0 AND 1", name="sentiment_p"),
        CheckConstraint("complaint_p BETWEEN 0 AND 1", name="complaint_p"),
        CheckConstraint("urgent_p BETWEEN 0 AND 1", name="urgent_p"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    model: Mapped[str] = mapped_column(String(100))
    language: Mapped[Language] = mapped_column(text_enum(Language, "language"))
    script: Mapped[Script] = mapped_column(text_enum(Script, "script"))
    sentiment: Mapped[Sentiment] = mapped_column(text_enum(Sentiment, "sentiment"))
    sentiment_p: Mapped[float]
    complaint: Mapped[bool | None]
    complaint_p: Mapped[float]
    urgent: Mapped[bool | None]
    urgent_p: Mapped[float]
    intents: Mapped[list[Any]] = mapped_column(JSON)
    why: Mapped[list[Any]] = mapped_column(JSON)
    judged_at: Mapped[datetime]


class Correction(Base):
    """What a person says a message is. The latest outranks every model; a null field leaves
    the model's word. Rows are only added, so that what was learned from can be told;
    ``superseded_at`` marks those that spoke of words which were edited since."""

    __tablename__ = "corrections"
    __table_args__ = (Index(None, "message_id", "id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    sentiment: Mapped[Sentiment | None] = mapped_column(text_enum(Sentiment, "sentiment"))
    complaint: Mapped[bool | None]
    urgent: Mapped[bool | None]
    intents: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    corrected_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]
