"""Rows of what the shop has taught: labelled texts of files, versions of the layer, its one switch.

What people wrote is learned from where it lies, in messages and their corrections; no text is
copied. A version keeps the numbers of the messages it was made from, so that when one of them is
removed the weights go with it (:func:`forget_lessons`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
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
    delete,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from shenava.messages import Sentiment
from shenava.store.base import Base, BigId, text_enum
from shenava.text import normalise


class LabelledText(Base):
    """A row of a file that the shop labelled. ``key`` is the hash of its normalised text: the same
    text is kept once, as it was labelled last. Null fields tell nothing."""

    __tablename__ = "labelled_texts"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    text: Mapped[str] = mapped_column(Text)
    sentiment: Mapped[Sentiment | None] = mapped_column(text_enum(Sentiment, "sentiment"))
    complaint: Mapped[bool | None]
    urgent: Mapped[bool | None]
    intents: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))
    added_at: Mapped[datetime]


class VersionState(StrEnum):
    ON = "on"
    """Verdicts are given with it; at most one is."""
    OFF = "off"
    REFUSED = "refused"
    """No part of it was at least as good as the model alone."""
    GONE = "gone"
    """Its weights were let go of: somebody it was learned from was removed, or it is too old."""


class LearnedVersion(Base):
    """One layer over the model ``base``, the check of it, and from how many it was learned:
    ``corrected`` messages, ``labelled`` texts of files, and messages that people ``let_stand``.

    ``figures`` are the check of :mod:`sentiment.lessons`; ``learned_from`` the numbers of the
    messages.
    ``made_by``: who asked for it; null where it was made by itself.
    """

    __tablename__ = "learned_versions"
    __table_args__ = (
        CheckConstraint("state NOT IN ('on', 'off') OR weights IS NOT NULL", name="weights"),
        CheckConstraint("state NOT IN ('refused', 'gone') OR weights IS NULL", name="no_weights"),
        Index(
            "uq_learned_versions_on",
            "state",
            unique=True,
            sqlite_where=text("state = 'on'"),
            postgresql_where=text("state = 'on'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    base: Mapped[str] = mapped_column(String(80))
    state: Mapped[VersionState] = mapped_column(text_enum(VersionState, "state"))
    made_at: Mapped[datetime]
    made_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    corrected: Mapped[int]
    labelled: Mapped[int]
    let_stand: Mapped[int]
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    weights: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    learned_from: Mapped[list[Any]] = mapped_column(JSON, deferred=True)


class Learning(Base):
    """The one row that says how learning stands. ``by_itself``: a new version that passes its
    check is switched on. ``wanted_at``: learn as soon as may be. ``upto``: the newest correction
    known when it was last learned. ``claimed_until``, ``attempt``: who learns just now."""

    __tablename__ = "learning"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    by_itself: Mapped[bool]
    wanted_at: Mapped[datetime | None]
    upto: Mapped[int] = mapped_column(BigId)
    claimed_until: Mapped[datetime | None]
    attempt: Mapped[str | None] = mapped_column(String(32))


def text_key(words: str) -> str:
    """By which a labelled text is known again."""
    return hashlib.sha256(normalise(words).encode("utf-8", "replace")).hexdigest()


def forget_lessons(
    session: Session, message_ids: Collection[int], texts: Collection[str], now: datetime
) -> None:
    """Let go of what was learned from these messages, which are being removed, and of labelled
    texts that are the same. Whoever learns just now is told to begin again."""
    keys = {text_key(words) for words in texts}
    quiet = {"synchronize_session": False}
    # Before anything is read: whoever writes a version holds this row too.
    state = session.execute(select(Learning.attempt).with_for_update()).one()
    gone = set(message_ids)
    held = session.execute(
        select(LearnedVersion.id, LearnedVersion.learned_from).where(
            LearnedVersion.weights.is_not(None)
        )
    ).all()
    stale = [row.id for row in held if gone.intersection(row.learned_from)]
    labelled = False
    for begin in range(0, len(keys), 500):
        some = sorted(keys)[begin : begin + 500]
        found = session.execute(
            delete(LabelledText)
            .where(LabelledText.key.in_(some))
            .returning(LabelledText.id)
            .execution_options(**quiet)
        ).all()
        labelled = labelled or bool(found)
    if labelled:
        # Which version a labelled text went into is not kept: none of them stays.
        stale = [row.id for row in held]
    if stale:
        let_go(session, stale)
    if stale or labelled or state.attempt is not None:
        session.execute(
            update(Learning)
            .values(wanted_at=now, attempt=None, claimed_until=None)
            .execution_options(**quiet)
        )


def let_go(session: Session, version_ids: Collection[int]) -> None:
    """Remove the weights of versions; what is told of them stays."""
    session.execute(
        update(LearnedVersion)
        .where(LearnedVersion.id.in_(version_ids), LearnedVersion.weights.is_not(None))
        .values(state=VersionState.GONE, weights=None, learned_from=[])
        .execution_options(synchronize_session=False)
    )
