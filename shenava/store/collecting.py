"""Rows of collecting: apps, feeds, the coverage ledger, the spend meter, the log of rates."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shenava.messages import Platform, Source
from shenava.store.base import Base, BigId, text_enum
from shenava.store.people import Account


class App(Base):
    """The developer credentials at one platform, to which rates and money belong.

    ``secrets`` are encrypted (:mod:`shenava.vault`). ``money_limit_micros`` (millionths of a US
    dollar) and ``reads_limit`` (resources read) are hard stops for one UTC month; null: no limit.
    """

    __tablename__ = "apps"
    __table_args__ = (
        UniqueConstraint("platform", "name"),
        CheckConstraint("money_limit_micros >= 0", name="money_limit_micros"),
        CheckConstraint("reads_limit >= 0", name="reads_limit"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    platform: Mapped[Platform] = mapped_column(text_enum(Platform, "platform"))
    name: Mapped[str] = mapped_column(String(100))
    secrets: Mapped[bytes | None] = mapped_column(LargeBinary)
    money_limit_micros: Mapped[int | None] = mapped_column(BigInteger)
    reads_limit: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class FeedError(StrEnum):
    """What stopped the last run of a feed."""

    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    PAYMENT = "payment"
    """The platform wants money."""
    BUDGET = "budget"
    """The app's own limit of the month is reached; it goes on in the next."""
    REJECTED = "rejected"
    INTERNAL = "internal"
    """A fault of ours; the log tells more."""


class Feed(Base):
    """One source of one account, read again and again; a search has one feed a ``query``.

    ``cursor`` is how far it has been read; only its channel understands it. A run is claimed by
    ``claimed_by`` until ``claimed_until``. ``every_s``: seconds between runs. ``held_micros`` and
    ``held_reads`` are what the page now being read may cost at most, set aside in the budget
    until the page is stored and its true cost is known. ``sweep_at``: when the last hours are
    read again; null: never.
    """

    __tablename__ = "feeds"
    __table_args__ = (
        UniqueConstraint("account_id", "source", "query"),
        CheckConstraint("every_s > 0", name="every_s"),
        CheckConstraint("failures >= 0", name="failures"),
        CheckConstraint("held_micros >= 0 AND held_reads >= 0", name="held"),
        CheckConstraint("(claimed_until IS NULL) = (claimed_by IS NULL)", name="claimed"),
        Index("ix_feeds_due", "enabled", "next_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    source: Mapped[Source] = mapped_column(text_enum(Source, "source"))
    query: Mapped[str] = mapped_column(String(512), default="")
    cursor: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    enabled: Mapped[bool] = mapped_column(default=True)
    every_s: Mapped[int] = mapped_column(default=60)
    next_at: Mapped[datetime]
    sweep_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)
    claimed_until: Mapped[datetime | None]
    claimed_by: Mapped[str | None] = mapped_column(String(40))
    held_micros: Mapped[int] = mapped_column(BigInteger, default=0)
    held_reads: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime | None]
    """When it was first read: what was written long before that is history."""
    last_ok_at: Mapped[datetime | None]
    """When it last was read to its end."""
    last_new_at: Mapped[datetime | None]
    """When it last brought something new."""
    last_error: Mapped[FeedError | None] = mapped_column(text_enum(FeedError, "last_error"))
    """Null again as soon as a run succeeds."""
    last_error_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()


class CoverageKind(StrEnum):
    RUN = "run"
    SWEEP = "sweep"
    """The last hours, read again to see that nothing was missed."""
    BACKFILL = "backfill"
    """The first reading of a feed."""


class Coverage(Base):
    """One reading of a feed from its start to its end, however often it was interrupted.

    It claims that nothing written from ``covered_from`` to ``covered_to`` (the platform's time)
    is missing, and claims so only when ``complete``. ``finished_at`` is null while the reading
    goes on; a feed has at most one such of each kind. ``gap``: the platform could not reach back
    to where the reading before ended. ``repaired``: messages that an earlier reading had claimed
    to cover and that were missing. ``cursor``: how far this reading got.
    """

    __tablename__ = "coverage"
    __table_args__ = (
        CheckConstraint(
            "(complete AND covered_from IS NOT NULL AND covered_to IS NOT NULL"
            " AND finished_at IS NOT NULL)"
            " OR (NOT complete AND covered_from IS NULL AND covered_to IS NULL)",
            name="complete",
        ),
        CheckConstraint("covered_from <= covered_to", name="order"),
        Index(None, "feed_id", "finished_at"),
        Index(None, "feed_id", "covered_to"),
        Index(
            "uq_coverage_open",
            "feed_id",
            "kind",
            unique=True,
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    feed_id: Mapped[int] = mapped_column(ForeignKey("feeds.id"))
    kind: Mapped[CoverageKind] = mapped_column(text_enum(CoverageKind, "kind"))
    covered_from: Mapped[datetime | None]
    covered_to: Mapped[datetime | None]
    since: Mapped[datetime | None]
    """Up to where the feed had been covered at the place this reading began from."""
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    pages: Mapped[int] = mapped_column(default=0)
    messages: Mapped[int] = mapped_column(default=0)
    new: Mapped[int] = mapped_column(default=0)
    repaired: Mapped[int] = mapped_column(default=0)
    complete: Mapped[bool] = mapped_column(default=False)
    gap: Mapped[bool] = mapped_column(default=False)
    cursor: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)

    feed: Mapped[Feed] = relationship()


class Spend(Base):
    """What an app used on one UTC day: how many of ``what``, and what they cost.

    ``what`` is a kind of resource (``owned_post``), ``requests``, or ``send:`` and a deed.
    """

    __tablename__ = "spend"

    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    what: Mapped[str] = mapped_column(String(60), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)
    micros: Mapped[int] = mapped_column(BigInteger)


class Billed(Base):
    """A resource that a platform has billed an app for on a UTC day, and bills no more that day.

    ``digest``: 64 bits of the hash of its kind of price and its id. Kept until the day is over.
    """

    __tablename__ = "billed"

    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"), primary_key=True)
    day: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    digest: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)


class RateUse(Base):
    """One use of an endpoint by a subject (an app, or one of its accounts).

    The rows of the last window are the whole state of a limit: an exact sliding log, which a
    restart does not forget. See ``responder.rates``.
    """

    __tablename__ = "rate_uses"
    __table_args__ = (Index(None, "subject", "endpoint", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    subject: Mapped[str] = mapped_column(String(100))
    endpoint: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
