"""The coverage ledger: what is known without a gap, and how well a feed is.

A line of the ledger is one reading (``shenava.store.Coverage``). Here lines are opened, grow by
pages and are completed, and stretches are stitched into what is covered and what is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shenava.channels import Page
from shenava.store import (
    Coverage,
    CoverageKind,
    Fact,
    FactKind,
    Feed,
    Message,
)
from shenava.store.bulk import insert_rows

QUIET = timedelta(minutes=15)
"""Runs that follow each other without a gap share one line of the ledger for so long."""

_RUNS = (CoverageKind.RUN, CoverageKind.BACKFILL)


# Lines.


def resume_run(session: Session, feed: Feed, now: datetime) -> Coverage:
    """The open line of a feed's own reading, or a new one. It is read from ``feed.cursor``."""
    line = open_line(session, feed.id, sweep=False)
    if line is None:
        last = last_complete(session, feed.id)
        line = Coverage(
            feed_id=feed.id,
            kind=CoverageKind.RUN if last else CoverageKind.BACKFILL,
            since=last.covered_to if last else None,
            started_at=now,
        )
        session.add(line)
        session.flush()
    return line


def open_line(session: Session, feed_id: int, *, sweep: bool) -> Coverage | None:
    """The line of the sweep, or of the feed's own reading, that is not finished yet."""
    kinds = (CoverageKind.SWEEP,) if sweep else _RUNS
    return session.scalars(
        select(Coverage).where(
            Coverage.feed_id == feed_id, Coverage.kind.in_(kinds), Coverage.finished_at.is_(None)
        )
    ).one_or_none()


def add_page(
    session: Session, line: Coverage, page: Page, new: int, repaired: int, now: datetime
) -> None:
    """Write down one page; the last one completes the line and makes its claim."""
    line.pages += 1
    line.messages += len(page.incoming)
    line.new += new
    line.repaired += repaired
    line.gap = line.gap or page.gap
    line.cursor = dict(page.cursor)
    if not page.complete:
        return
    line.finished_at = now
    if page.covered_to is None:
        # Complete, but the channel does not say what that covers: nothing is claimed.
        return
    line.complete = True
    line.covered_to = page.covered_to
    line.covered_from = claimed_from(page, line.since, line.gap)
    _join_quiet(session, line)


def claimed_from(page: Page, since: datetime | None, gap: bool) -> datetime:
    """Where the stretch begins that a complete reading may claim.

    ``since``: up to where the reading before had covered. A reading with a gap that does not say
    how far it reached claims nothing but its own end.
    """
    assert page.covered_to is not None
    begins = page.covered_from
    if begins is None and not gap:
        begins = since
    return page.covered_to if begins is None else min(begins, page.covered_to)


def repaired_of(
    session: Session, feed_id: int, message_ids: Sequence[int]
) -> list[tuple[int, int]]:
    """Which of these new messages an earlier reading of the feed had claimed to have: (message,
    case).

    The end of a stretch is not counted in: within one tick of the platform's clock more may come.
    """
    if not message_ids:
        return []
    within = (
        select(Coverage.id)
        .where(
            Coverage.feed_id == feed_id,
            Coverage.complete,
            Coverage.covered_from <= Message.written_at,
            Coverage.covered_to > Message.written_at,
        )
        .exists()
    )
    found = session.execute(
        select(Message.id, Message.case_id)
        .where(Message.id.in_(message_ids), within)
        .order_by(Message.id)
    )
    return [(row.id, row.case_id) for row in found]


def note_facts(
    session: Session,
    feed: Feed,
    line: Coverage,
    repaired: Sequence[tuple[int, int]],
    gap: bool,
    now: datetime,
) -> None:
    """What reports count of a page: each message that was missing, and a ``gap`` that it told of
    first."""
    about = {"account": feed.account_id, "feed": feed.id, "reading": line.id}
    found: list[tuple[FactKind, int | None, int | None]] = [
        (FactKind.MESSAGE_REPAIRED, case_id, message_id) for message_id, case_id in repaired
    ]
    if gap:
        found.append((FactKind.FEED_GAP, None, None))
    insert_rows(
        session,
        Fact,
        [
            {
                "kind": kind,
                "happened_at": now,
                "recorded_at": now,
                "case_id": case_id,
                "message_id": message_id,
                "details": about,
            }
            for kind, case_id, message_id in found
        ],
    )


def last_complete(session: Session, feed_id: int) -> Coverage | None:
    """The feed's own reading that reaches furthest."""
    return _complete(session, feed_id, Coverage.covered_to.desc())


def first_complete(session: Session, feed_id: int) -> Coverage | None:
    """The feed's first complete reading."""
    return _complete(session, feed_id, Coverage.covered_to)


def _complete(session: Session, feed_id: int, order: Any) -> Coverage | None:
    return session.scalars(
        select(Coverage)
        .where(
            Coverage.feed_id == feed_id,
            Coverage.kind.in_(_RUNS),
            Coverage.complete,
            # Said for the index, of which it is the second half; it is so where complete is.
            Coverage.covered_to.is_not(None),
        )
        .order_by(order)
        .limit(1)
    ).one_or_none()


def _join_quiet(session: Session, line: Coverage) -> None:
    """Let ``line`` take in the one before it, if that ends where it begins and is young: a feed
    that is read each minute would else write half a million lines a year."""
    if line.kind is not CoverageKind.RUN or line.gap:
        return
    before = session.scalars(
        select(Coverage).where(
            Coverage.feed_id == line.feed_id,
            Coverage.kind == CoverageKind.RUN,
            Coverage.complete,
            ~Coverage.gap,
            Coverage.covered_to == line.covered_from,
            Coverage.started_at > line.started_at - QUIET,
            Coverage.id != line.id,
        )
    ).first()
    if before is None:
        return
    line.covered_from, line.since, line.started_at = (
        before.covered_from,
        before.since,
        before.started_at,
    )
    for name in ("pages", "messages", "new", "repaired"):
        setattr(line, name, getattr(line, name) + getattr(before, name))
    session.execute(delete(Coverage).where(Coverage.id == before.id))


# Stretches.


@dataclass(frozen=True, slots=True, order=True)
class Stretch:
    """From one instant to another, both the platform's."""

    start: datetime
    end: datetime


def stitch(stretches: Iterable[Stretch]) -> list[Stretch]:
    """The same time covered, in as few stretches as possible, in order."""
    found: list[Stretch] = []
    for stretch in sorted(stretches):
        if found and stretch.start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(found[-1].end, stretch.end))
        else:
            found.append(stretch)
    return found


def holes(stretches: Iterable[Stretch], within: Stretch) -> list[Stretch]:
    """What of ``within`` no stretch covers, in order."""
    found = []
    reached = within.start
    for stretch in stitch(stretches):
        if stretch.start > reached and reached < within.end:
            found.append(Stretch(reached, min(stretch.start, within.end)))
        reached = max(reached, stretch.end)
    if reached < within.end:
        found.append(Stretch(reached, within.end))
    return found


def gaps(session: Session, feed_id: int, within: Stretch) -> list[Stretch]:
    """The stretches within ``within`` that no complete reading of the feed covers.

    What came after the last complete reading is among them: it is not known yet.
    """
    rows = session.execute(
        select(Coverage.covered_from, Coverage.covered_to).where(
            Coverage.feed_id == feed_id,
            Coverage.complete,
            Coverage.covered_to >= within.start,
            Coverage.covered_from <= within.end,
        )
    )
    return holes((Stretch(row.covered_from, row.covered_to) for row in rows), within)
