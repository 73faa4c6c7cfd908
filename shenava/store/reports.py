"""Rows of the weekly report: the book that it is counted from, the reports made, their mail."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from shenava.store.base import Base, BigId
from shenava.store.mails import MailRow, mail_checks


class EntryKind(IntEnum):
    """What an entry counts. ``subject_id`` is the number of what is named here in brackets."""

    MESSAGE = 1
    """Something a customer wrote (message)."""
    JUDGED = 2
    """What it is held to be (message)."""
    COMPLAINT = 3
    """A complaint, once for each thing it is about (message)."""
    CASE = 4
    """A case that began (case)."""
    FIRST_ANSWER = 5
    """The first answer of a case (case)."""
    CLOSED = 6
    """A case that was closed (case)."""
    ANSWER = 7
    """Something we sent, by what became of it (outbox row)."""
    REPAIRED = 8
    """A message that an earlier reading had missed (message)."""
    GAP = 9
    """A stretch that a platform could not give us any more (fact)."""
    BROADCAST = 10
    """A broadcast that began to leave (fact)."""
    URGENT = 11
    """Something urgent (message)."""
    URGENT_WAITING = 12
    """Something urgent in a case that nobody has answered (message)."""


class ReportEntry(Base):
    """One line of the book: something counts (``count`` 1), or counts no more as that (-1).

    Lines are only added, each made from a fact (``reports.book``), so that what was counted at
    some instant can be counted again. ``slot`` is the quarter of an hour in which it happened,
    from the epoch: every zone's midnight begins one. ``shape`` says what it is, packed into a
    number (``reports.shape``). ``recorded_us`` and ``happened_us`` are instants in microseconds
    from the epoch; numbers, for sums go over millions of them.

    ``measure``: of a time the seconds in which the shop was open, of a complaint how sure the
    model is, in ten-thousandths. ``elapsed``: of a time its seconds by the clock on the wall.
    """

    __tablename__ = "report_entries"
    __table_args__ = (
        CheckConstraint("count IN (1, -1)", name="count"),
        # Sums and lists read this index alone, in its order.
        Index(
            "ix_report_entries_sums",
            "kind",
            "slot",
            "shape",
            "recorded_us",
            "count",
            "measure",
            "elapsed",
            "subject_id",
        ),
        Index("ix_report_entries_subject", "kind", "subject_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[int] = mapped_column(SmallInteger)
    slot: Mapped[int] = mapped_column(Integer)
    shape: Mapped[int] = mapped_column(Integer)
    count: Mapped[int] = mapped_column(SmallInteger)
    recorded_us: Mapped[int] = mapped_column(BigInteger)
    happened_us: Mapped[int] = mapped_column(BigInteger)
    measure: Mapped[int] = mapped_column(Integer, default=0)
    elapsed: Mapped[int] = mapped_column(Integer, default=0)
    subject_id: Mapped[int] = mapped_column(BigInteger)


class ReportBook(Base):
    """How far the book is written: every fact up to number ``upto``, and all that was recorded by
    ``closed_us``. What is written later counts as recorded later. ``latest_us``: the latest instant
    that an entry is recorded at. One row."""

    __tablename__ = "report_book"
    __table_args__ = (CheckConstraint("id = 1", name="one"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    upto: Mapped[int] = mapped_column(BigInteger)
    closed_us: Mapped[int] = mapped_column(BigInteger)
    latest_us: Mapped[int] = mapped_column(BigInteger)


class WeeklyReport(Base):
    """The report of one week of the shop, made once. ``as_of`` is what was known when it was made:
    with it, the same numbers can be counted at any time. ``zone`` is where the week lay."""

    __tablename__ = "weekly_reports"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="order"),
        UniqueConstraint("starts_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(60))
    as_of: Mapped[datetime]
    made_at: Mapped[datetime]


class ReportMail(MailRow, Base):
    """The e-mail of a report to one person, once."""

    __tablename__ = "report_mails"
    __table_args__ = (
        *mail_checks(),
        UniqueConstraint("report_id", "user_id"),
        Index(None, "state", "not_before", "id"),
        Index(None, "user_id"),
    )

    report_id: Mapped[int] = mapped_column(ForeignKey("weekly_reports.id"))
