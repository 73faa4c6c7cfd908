"""How the service is at this moment, in one cheap look: what the strip of every page tells.

It is asked for with every page and every two seconds by every open inbox, so it reads little: the
feeds (a handful), the ledger of one day, and two indexed counts of the outbox.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from collectors.coverage import Stretch, holes
from collectors.health import LATE_AFTER_TURNS, Habit, expiry_warning, habit_of, is_silent
from collectors.inbound import Webhooks, webhooks
from shenava.messages import Platform
from shenava.store import (
    Account,
    AccountState,
    Coverage,
    Feed,
    FeedError,
    OutboxRow,
    OutboxState,
    PausedBecause,
)

DAY = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(hours=1)

SLOW = timedelta(minutes=2)
"""So long may something be due before it counts as stuck."""

_MAYBE_SILENT = timedelta(minutes=30)
"""A pause shorter than this is not looked into."""

_HABIT_LASTS = timedelta(minutes=10)

_ON_THEIR_WAY = (OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)


@dataclass(frozen=True, slots=True)
class Place:
    """How one connected account is. ``read_at``: when the source that was read longest ago was
    read to its end; ``None`` while one never was. ``errors``: what stopped its sources."""

    account_id: int
    platform: Platform
    handle: str
    state: AccountState
    paused_because: PausedBecause | None
    read_at: datetime | None
    sources: int
    late: bool
    silent_since: datetime | None
    gaps: tuple[Stretch, ...]
    expiry_days: int | None
    errors: frozenset[FeedError]

    @property
    def is_well(self) -> bool:
        return (
            self.state is AccountState.CONNECTED
            and not (self.late or self.gaps or self.silent_since or self.errors & _SERIOUS)
            and self.expiry_days is None
        )


_SERIOUS = frozenset(
    {FeedError.UNAUTHORISED, FeedError.PAYMENT, FeedError.BUDGET, FeedError.REJECTED}
)
"""What does not pass by itself within minutes. The rest shows when it makes a feed late."""


@dataclass(frozen=True, slots=True)
class Queue:
    """The outbox: how many are on their way, since when the first is due, how many are unknown."""

    waiting: int
    oldest: datetime | None
    unknown: int

    def is_slow(self, now: datetime) -> bool:
        return self.oldest is not None and now - self.oldest > SLOW


@dataclass(frozen=True, slots=True)
class State:
    places: tuple[Place, ...]
    queue: Queue
    webhooks: Webhooks
    at: datetime

    @property
    def is_well(self) -> bool:
        return (
            all(place.is_well for place in self.places)
            and not self.queue.unknown
            and not self.queue.is_slow(self.at)
            and self.webhooks.is_well
        )


class Habits:
    """Habits of feeds, kept for some minutes: they are counted from weeks of messages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[datetime, Habit]] = {}

    def of(self, session: Session, feed: Feed, now: datetime) -> Habit:
        with self._lock:
            kept = self._kept.get(feed.id)
        if kept is not None and abs(now - kept[0]) < _HABIT_LASTS:
            return kept[1]
        habit = habit_of(session, feed, now)
        with self._lock:
            self._kept[feed.id] = (now, habit)
        return habit


def state(session: Session, habits: Habits, now: datetime) -> State:
    """How everything is at ``now``. Reads only."""
    rows = session.execute(
        select(Account, Feed)
        .outerjoin(Feed, (Feed.account_id == Account.id) & Feed.enabled)
        .where(Account.state != AccountState.IMPORTED)
        .order_by(Account.id, Feed.id)
    )
    feeds_of: dict[Account, list[Feed]] = {}
    for account, feed in rows:
        feeds_of.setdefault(account, [])
        if feed is not None:
            feeds_of[account].append(feed)
    missing = gaps_of_the_day(session, [f.id for feeds in feeds_of.values() for f in feeds], now)
    places = tuple(
        _place(session, habits, account, feeds, missing, now) for account, feeds in feeds_of.items()
    )
    return State(places, _queue(session, now), webhooks(session, now), now)


def _place(
    session: Session,
    habits: Habits,
    account: Account,
    feeds: list[Feed],
    missing: dict[int, list[Stretch]],
    now: datetime,
) -> Place:
    read = [feed.last_ok_at for feed in feeds]
    at = [one for one in read if one is not None]
    late = account.state is AccountState.CONNECTED and any(
        is_late(feed, account, now) for feed in feeds
    )
    silent = None
    if account.state is AccountState.CONNECTED and not late:
        silent = _silent_since(session, habits, feeds, now)
    return Place(
        account_id=account.id,
        platform=account.platform,
        handle=account.handle,
        state=account.state,
        paused_because=account.paused_because,
        read_at=min(at) if at and len(at) == len(read) else None,
        sources=len(feeds),
        late=late,
        silent_since=silent,
        gaps=tuple(sorted(hole for feed in feeds for hole in missing.get(feed.id, ()))),
        expiry_days=expiry_warning(account.token_expires_at, now),
        errors=frozenset(feed.last_error for feed in feeds if feed.last_error is not None),
    )


def is_late(feed: Feed, account: Account, now: datetime) -> bool:
    """Whether a feed should have been read to its end by now (:mod:`collectors.health`). One
    that waits for the next month's budget is not late; its error says what it waits for."""
    allowed = timedelta(seconds=feed.every_s) * LATE_AFTER_TURNS + timedelta(minutes=1)
    began = max(filter(None, (feed.last_ok_at, account.connected_at)), default=now)
    if feed.last_error is FeedError.BUDGET or now - began <= allowed:
        return False
    # A long reading goes on as long as its pages come.
    return feed.claimed_until is None or feed.claimed_until <= now


def _silent_since(
    session: Session, habits: Habits, feeds: Iterable[Feed], now: datetime
) -> datetime | None:
    for feed in feeds:
        ok, new = feed.last_ok_at, feed.last_new_at
        if ok is None or new is None or ok - new < _MAYBE_SILENT:
            continue
        if is_silent(habits.of(session, feed, now), new, ok):
            return new
    return None


def gaps_of_the_day(
    session: Session, feed_ids: list[int], now: datetime
) -> dict[int, list[Stretch]]:
    """By feed, what the last day's complete readings leave out, up to the last of them."""
    if not feed_ids:
        return {}
    day = now - DAY
    covered: dict[int, list[Stretch]] = {}
    for row in session.execute(
        select(Coverage.feed_id, Coverage.covered_from, Coverage.covered_to).where(
            Coverage.feed_id.in_(feed_ids),
            # What was covered was read before it was written down; the index is on this.
            Coverage.finished_at > day - _CLOCKS_DIFFER,
            Coverage.complete,
            Coverage.covered_to >= day,
        )
    ):
        covered.setdefault(row.feed_id, []).append(Stretch(row.covered_from, row.covered_to))
    older = set(
        session.scalars(
            select(Feed.id).where(
                Feed.id.in_(covered),
                exists().where(
                    Coverage.feed_id == Feed.id, Coverage.complete, Coverage.covered_to < day
                ),
            )
        )
    )
    found = {}
    for feed_id, stretches in covered.items():
        first = min(stretch.start for stretch in stretches)
        start = day if feed_id in older else max(day, first)
        within = Stretch(start, max(stretch.end for stretch in stretches))
        found[feed_id] = holes(stretches, within) if within.start < within.end else []
    return found


def _queue(session: Session, now: datetime) -> Queue:
    waiting, oldest = session.execute(
        select(func.count(), func.min(OutboxRow.not_before)).where(
            OutboxRow.state.in_(_ON_THEIR_WAY), OutboxRow.not_before <= now
        )
    ).one()
    unknown = session.scalar(
        select(func.count()).select_from(OutboxRow).where(OutboxRow.state == OutboxState.UNKNOWN)
    )
    return Queue(waiting, oldest, unknown or 0)
