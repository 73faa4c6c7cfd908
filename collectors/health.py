"""How well a feed is: read in time, without gaps, and not suspiciously silent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from collectors.coverage import Stretch, first_complete, gaps, last_complete
from shenava.messages import Source
from shenava.store import Account, AccountState, Coverage, Feed, FeedError, Message, Sighting


@dataclass(frozen=True, slots=True)
class Habit:
    """How much a feed brings, by hour of the week in UTC (Sunday 0 h is 0), in the mean of
    ``weeks`` weeks."""

    mean: Mapping[int, float]
    weeks: float

    def expected(self, start: datetime, end: datetime) -> float:
        """How many messages a usual week brings between two instants, at most a week apart."""
        total, at = 0.0, start
        end = min(end, start + timedelta(days=7))
        while at < end:
            hour = at.replace(minute=0, second=0, microsecond=0)
            until = min(hour + timedelta(hours=1), end)
            total += self.mean.get(hour_of_week(at), 0.0) * ((until - at) / timedelta(hours=1))
            at = until
        return total


def hour_of_week(at: datetime) -> int:
    """Sunday 0:00 UTC is 0, Saturday 23:00 UTC is 167."""
    return (at.isoweekday() % 7) * 24 + at.hour


SILENCE_WEEKS = 2
"""Weeks of history without which no habit is known, and no silence."""

SILENCE_CHANCE = 0.001
"""A stretch without a message is an alarm when, by habit, it is less likely than this."""


def is_silent(habit: Habit, last_new_at: datetime, now: datetime) -> bool:
    """Whether a feed that was read without fault has been quiet for longer than chance explains:
    messages that come independently bring none with the probability exp(-expected)."""
    if habit.weeks < SILENCE_WEEKS:
        return False
    return math.exp(-habit.expected(last_new_at, now)) < SILENCE_CHANCE


def habit_of(session: Session, feed: Feed, now: datetime, weeks: int = 8) -> Habit:
    """What the feed brought by hour of the week in the last ``weeks`` weeks, by when it was
    written. Counted by account and source: the searches of one account are one habit."""
    since = now - timedelta(weeks=weeks)
    if session.get_bind().dialect.name == "sqlite":
        day, hour = func.strftime("%w", Message.written_at), func.strftime("%H", Message.written_at)
    else:
        utc = func.timezone("UTC", Message.written_at)
        day, hour = func.date_part("dow", utc), func.date_part("hour", utc)
    slot = cast(day, Integer) * 24 + cast(hour, Integer)
    of_feed = (
        Sighting.account_id == feed.account_id,
        Sighting.source == feed.source,
        Message.written_at > since,
        Message.written_at <= now,
    )
    joined = Sighting.message_id == Message.id
    first = session.scalar(
        select(func.min(Message.written_at)).join(Sighting, joined).where(*of_feed)
    )
    if first is None:
        return Habit({}, 0)
    seen = (now - first) / timedelta(weeks=1)
    rows = session.execute(
        select(slot, func.count()).join(Sighting, joined).where(*of_feed).group_by(slot)
    ).all()
    # Never fewer than one week: a feed of two days has not shown its other days.
    return Habit({at: count / max(seen, 1) for at, count in map(tuple, rows)}, seen)


EXPIRY_DAYS = (1, 7, 14)


def expiry_warning(expires_at: datetime | None, now: datetime) -> int | None:
    """Which warning is due about a token: 14, 7 or 1 days ahead, 0 when it is over; else none."""
    if expires_at is None:
        return None
    if expires_at <= now:
        return 0
    return next((days for days in EXPIRY_DAYS if expires_at - now <= timedelta(days=days)), None)


@dataclass(frozen=True, slots=True)
class Health:
    """How one feed is. ``late``: it should have been read to its end by now and was not.
    ``gaps``: of the last day, up to the last complete reading. ``repaired``: by sweeps and late
    finds, in the last day. ``expiry_days``: see :func:`expiry_warning`."""

    feed_id: int
    account_id: int
    source: Source
    query: str
    state: AccountState
    last_ok_at: datetime | None
    last_new_at: datetime | None
    error: FeedError | None
    failures: int
    late: bool
    silent: bool
    gaps: tuple[Stretch, ...]
    repaired: int
    expiry_days: int | None

    @property
    def is_well(self) -> bool:
        return (
            self.state is AccountState.CONNECTED
            and not (self.late or self.silent or self.gaps)
            and self.expiry_days is None
        )


LATE_AFTER_TURNS = 5
"""A feed is late when it was not read to its end for so many of its turns."""


def health(session: Session, feed: Feed, account: Account, now: datetime) -> Health:
    """How ``feed`` of ``account`` is at ``now``. Reads only."""
    day = now - timedelta(days=1)
    last = last_complete(session, feed.id)
    first = first_complete(session, feed.id)
    found: list[Stretch] = []
    if last is not None and first is not None:
        assert first.covered_from is not None and last.covered_to is not None
        within = Stretch(max(day, first.covered_from), last.covered_to)
        found = gaps(session, feed.id, within) if within.start < within.end else []
    repaired = session.scalar(
        select(func.coalesce(func.sum(Coverage.repaired), 0)).where(
            Coverage.feed_id == feed.id, Coverage.started_at > day
        )
    )
    allowed = timedelta(seconds=feed.every_s) * LATE_AFTER_TURNS + timedelta(minutes=1)
    began = max(filter(None, (feed.last_ok_at, account.connected_at)), default=now)
    late = feed.enabled and now - began > allowed
    silent = (
        not late
        and feed.last_new_at is not None
        and feed.last_ok_at is not None
        and is_silent(habit_of(session, feed, now), feed.last_new_at, feed.last_ok_at)
    )
    return Health(
        feed_id=feed.id,
        account_id=account.id,
        source=feed.source,
        query=feed.query,
        state=account.state,
        last_ok_at=feed.last_ok_at,
        last_new_at=feed.last_new_at,
        error=feed.last_error,
        failures=feed.failures,
        late=late,
        silent=silent,
        gaps=tuple(found),
        repaired=int(repaired or 0),
        expiry_days=expiry_warning(account.token_expires_at, now),
    )
