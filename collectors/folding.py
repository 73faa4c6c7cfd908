"""Old lines of the coverage ledger become few: what they claim together stays the same.

A feed that is read each minute writes a line each quarter of an hour, and one for each sweep.
After some months nobody asks for the single ones any more, but whether something is missing from
a stretch can be asked for ever. So readings that follow each other without a hole become one line
with the sums of theirs; the sweeps within that stretch are counted in with it; what claimed
nothing goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from collectors.coverage import Stretch, stitch
from shenava.store import Coverage, CoverageKind, Store

_SUMS = ("pages", "messages", "new", "repaired")


def fold(store: Store, before: datetime) -> int:
    """Fold the lines that were finished before ``before``, each feed in a transaction of its
    own; returns how many lines went."""
    with store.read() as session:
        feeds = session.scalars(
            select(Coverage.feed_id)
            .where(Coverage.finished_at < before)
            .group_by(Coverage.feed_id)
            .having(func.count() > 1)
            .order_by(Coverage.feed_id)
        ).all()
    gone = 0
    for feed_id in feeds:
        with store.write() as session:
            gone += _fold(session, feed_id, before)
    return gone


def _fold(session: Session, feed_id: int, before: datetime) -> int:
    lines = session.scalars(
        select(Coverage)
        .where(Coverage.feed_id == feed_id, Coverage.finished_at < before)
        .order_by(Coverage.covered_from, Coverage.id)
        .with_for_update()
    ).all()
    runs = [line for line in lines if line.complete and line.kind is not CoverageKind.SWEEP]
    gone = [line.id for line in lines if not line.complete]
    for stretch in stitch(map(_stretch, runs)):
        # Sweeps too, where they claim nothing that the readings do not; another stays as it is.
        within = [line for line in lines if line.complete and _is_within(_stretch(line), stretch)]
        first = next(line for line in within if line.kind is not CoverageKind.SWEEP)
        gone += _join(first, within)
    if gone:
        session.flush()
        session.execute(
            delete(Coverage)
            .where(Coverage.id.in_(gone))
            .execution_options(synchronize_session=False)
        )
    return len(gone)


def _join(kept: Coverage, lines: Sequence[Coverage]) -> list[int]:
    """Let ``kept``, the first reading of a stretch, stand for all of it; the lines to remove.

    Whether there is a gap before the stretch, and what kind of reading it began with, is told by
    its first.
    """
    others = [line for line in lines if line is not kept]
    for line in others:
        for name in _SUMS:
            setattr(kept, name, getattr(kept, name) + getattr(line, name))
    stretch = stitch(map(_stretch, lines))
    assert len(stretch) == 1
    kept.covered_from, kept.covered_to = stretch[0].start, stretch[0].end
    kept.started_at = min(line.started_at for line in lines)
    kept.finished_at = max(_finished(line) for line in lines)
    return [line.id for line in others]


def _stretch(line: Coverage) -> Stretch:
    assert line.covered_from is not None and line.covered_to is not None
    return Stretch(line.covered_from, line.covered_to)


def _finished(line: Coverage) -> datetime:
    assert line.finished_at is not None
    return line.finished_at


def _is_within(inner: Stretch, outer: Stretch) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end
