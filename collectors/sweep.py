"""Sweeps: the last hours of a feed are read again, and what had to be repaired is counted.

A sweep moves no cursor of the feed's own. It stops at a share of the month's budget, for new
messages come first, and it has its own line in the ledger: how many messages it found that an
earlier reading had claimed to have. That number should be 0, and is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from collectors.coverage import last_complete, open_line
from shenava.channels.base import Channel, Rereads
from shenava.store import Coverage, CoverageKind, Feed

SWEEP_BACK = timedelta(hours=6)
"""How far back a sweep reads."""

SWEEP_EVERY = timedelta(hours=3)
"""Each hour is so read again twice."""

SWEEP_SHARE = 0.8
"""Of the month's budget of an app: what is above is kept for what is new."""


def resume_sweep(session: Session, feed: Feed, channel: Channel, now: datetime) -> Coverage | None:
    """The line of the sweep that was cut off, or of a new one; its cursor is where to read from.

    ``None`` when there is nothing to sweep: the feed was never read to its end, or its channel
    cannot read a stretch again.
    """
    line = open_line(session, feed.id, sweep=True)
    if line is not None:
        return line
    if last_complete(session, feed.id) is None or not isinstance(channel, Rereads):
        return None
    since = now - SWEEP_BACK
    cursor: Mapping[str, str] = channel.cursor_from(feed.source, since)
    line = Coverage(
        feed_id=feed.id,
        kind=CoverageKind.SWEEP,
        since=since,
        started_at=now,
        cursor=dict(cursor),
    )
    session.add(line)
    session.flush()
    return line


def end_sweep(session: Session, feed_id: int, now: datetime) -> None:
    """Close a sweep that was stopped before its end; it claims nothing."""
    session.execute(
        update(Coverage)
        .where(
            Coverage.feed_id == feed_id,
            Coverage.kind == CoverageKind.SWEEP,
            Coverage.finished_at.is_(None),
        )
        .values(finished_at=now)
        .execution_options(synchronize_session=False)
    )
