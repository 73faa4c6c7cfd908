"""The coverage ledger of one account: bars of the last seven days, the sentence, the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from collectors.coverage import Stretch, holes, stitch
from shenava.store import Coverage, CoverageKind, Feed

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
WIDTH = 700
"""Of a bar, in its own units: a day is a hundred."""

RUNS = 50


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar. ``kind``: covered, gap, running. ``at`` and ``width`` are units."""

    kind: str
    at: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One source over seven whole days, of which the last is today.

    ``first``: when its coverage begins within them. ``running``: a reading is under way.
    """

    feed: Feed
    start: datetime
    end: datetime
    parts: tuple[Part, ...]
    gaps: tuple[Stretch, ...]
    first: datetime | None
    running: Coverage | None
    repaired: int


@dataclass(frozen=True, slots=True)
class Whole:
    """ "Nothing is missing from ``since`` to ``upto``", of all sources together. ``since`` is
    ``None`` while a source was never read to its end, or nothing is collected."""

    since: datetime | None
    upto: datetime | None


def first_midnight(now: datetime, zone: ZoneInfo) -> datetime:
    """Where the bars begin: the shop's midnight of six days ago."""
    local = now.astimezone(zone) - timedelta(days=6)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def bars(session: Session, feeds: Sequence[Feed], start: datetime, now: datetime) -> list[Bar]:
    """Each source in the seven days from ``start``, as far as they have passed."""
    return [_bar(session, feed, Stretch(start, start + WEEK), now) for feed in feeds]


def _bar(session: Session, feed: Feed, week: Stretch, now: datetime) -> Bar:
    covered = stitch(_complete(session, feed.id, week.start))
    running = session.scalars(
        select(Coverage).where(
            Coverage.feed_id == feed.id,
            Coverage.kind != CoverageKind.SWEEP,
            Coverage.finished_at.is_(None),
        )
    ).first()
    repaired = session.scalar(
        select(func.coalesce(func.sum(Coverage.repaired), 0)).where(
            Coverage.feed_id == feed.id, Coverage.started_at > week.start
        )
    )
    shown = [_within(one, week) for one in covered if one.end > week.start and one.start < now]
    first = max(week.start, covered[0].start) if covered else None
    last = min(covered[-1].end, now) if covered else None
    missing: list[Stretch] = []
    if first is not None and last is not None and first < last:
        missing = holes(covered, Stretch(first, last))
    parts = [_part("covered", one, week) for one in shown]
    parts += [_part("gap", one, week) for one in missing]
    if running is not None:
        since = last or max(week.start, running.started_at)
        parts.append(_part("running", Stretch(min(since, now), now), week))
    return Bar(
        feed=feed,
        start=week.start,
        end=week.end,
        parts=tuple(parts),
        gaps=tuple(missing),
        first=first,
        running=running,
        repaired=int(repaired or 0),
    )


def whole(session: Session, feeds: Sequence[Feed], now: datetime) -> Whole:
    """Since when, and up to when, no source has a hole. It looks back thirty days at most."""
    starts, ends = [], []
    for feed in feeds:
        covered = stitch(_complete(session, feed.id, now - MONTH))
        if not covered:
            return Whole(None, None)
        starts.append(covered[-1].start)
        ends.append(covered[-1].end)
    if not starts or max(starts) >= min(ends):
        return Whole(None, None)
    return Whole(max(starts), min(ends))


@dataclass(frozen=True, slots=True)
class Runs:
    """A page of the ledger's lines, newest first; ``older``: where the next page begins."""

    lines: tuple[tuple[Coverage, Feed], ...]
    older: int | None


def runs(session: Session, account_id: int, before: int | None) -> Runs:
    query = (
        select(Coverage, Feed)
        .join(Feed, Feed.id == Coverage.feed_id)
        .where(Feed.account_id == account_id)
        .order_by(Coverage.id.desc())
        .limit(RUNS + 1)
    )
    if before is not None:
        query = query.where(Coverage.id < before)
    found = session.execute(query).all()
    shown = tuple((line, feed) for line, feed in found[:RUNS])
    return Runs(shown, shown[-1][0].id if len(found) > RUNS else None)


def _complete(session: Session, feed_id: int, since: datetime) -> list[Stretch]:
    rows = session.execute(
        select(Coverage.covered_from, Coverage.covered_to).where(
            Coverage.feed_id == feed_id,
            Coverage.complete,
            Coverage.covered_to >= since,
            # What was covered was read before it was written down; the index is on this.
            Coverage.finished_at > since - timedelta(hours=1),
        )
    )
    return [Stretch(row.covered_from, row.covered_to) for row in rows]


def _within(one: Stretch, week: Stretch) -> Stretch:
    return Stretch(max(one.start, week.start), min(one.end, week.end))


def _part(kind: str, one: Stretch, week: Stretch) -> Part:
    whole_week = week.end - week.start
    at = (max(one.start, week.start) - week.start) / whole_week * WIDTH
    # A gap of a minute must be seen too.
    length = (one.end - max(one.start, week.start)) / whole_week * WIDTH
    width = max(length, 0.5 if kind == "covered" else 2.0)
    return Part(kind, round(min(at, WIDTH - width), 2), round(width, 2))
