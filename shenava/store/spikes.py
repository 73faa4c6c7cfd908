"""Rows of spikes: complaints of one cause, far more than usual; and what is usual."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from shenava.store.base import Base, text_enum


class SpikeClosed(StrEnum):
    """Why a spike is shown no longer, though complaints may go on."""

    NOT_OUTAGE = "not_outage"
    """A person said so."""
    RESOLVED = "resolved"
    """Those who were told of it have been told that it works again."""


class Spike(Base):
    """One spike, from its alarm to the hour that is as any other. A cause has at most one that
    has not ended: what a person closed does not begin again while it lasts.

    ``cause`` is the name that :mod:`sentiment.topics` gives, ``also`` other causes that most of its
    people name: their complaints are part of it. ``began_at`` is the step in the rate,
    ``seen_at`` the alarm, ``loud_at`` when it was last far above the usual; ``usual`` the people
    an hour who complain of it otherwise. ``words`` set its complaints apart, each used by three
    people at least; ``examples`` are numbers of messages. ``broadcast_id``: the first notice that
    was begun from it.
    """

    __tablename__ = "spikes"
    __table_args__ = (
        CheckConstraint("(closed_at IS NULL) = (closed_because IS NULL)", name="closed"),
        Index(
            "uq_spikes_running",
            "cause",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "ended_at"),
        # A number in an old link must not come to mean another spike.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(String(60))
    also: Mapped[list[Any]] = mapped_column(JSON)
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    loud_at: Mapped[datetime]
    usual: Mapped[float]
    words: Mapped[list[Any]] = mapped_column(JSON)
    examples: Mapped[list[Any]] = mapped_column(JSON)
    ended_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    closed_because: Mapped[SpikeClosed | None] = mapped_column(
        text_enum(SpikeClosed, "closed_because")
    )
    closed_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    broadcast_id: Mapped[int | None] = mapped_column(ForeignKey("broadcasts.id"))


class SpikeCase(Base):
    """A case that is part of a spike: the number shown and the list are both counted from here."""

    __tablename__ = "spike_cases"

    spike_id: Mapped[int] = mapped_column(
        ForeignKey("spikes.id"), primary_key=True, autoincrement=False
    )
    case_id: Mapped[int] = mapped_column(
        ForeignKey("cases.id"), primary_key=True, autoincrement=False, index=True
    )


class UsualHour(Base):
    """How many people complain of a cause in one hour of the week (0: after midnight on Monday, by
    the shop's clock), as :class:`sentiment.spikes.Hours` keeps it. ``upto``: the end of the
    last such hour that was counted, or left out because a spike was on."""

    __tablename__ = "usual_hours"
    __table_args__ = (CheckConstraint("hour BETWEEN 0 AND 167", name="hour"),)

    cause: Mapped[str] = mapped_column(String(60), primary_key=True)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seen: Mapped[float]
    people: Mapped[float]
    upto: Mapped[datetime]
