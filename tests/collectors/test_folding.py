"""Promises of old lines of the ledger: few of them, and not a minute claimed more or less."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select, text
from support.factories import START
from support.shop import add_feed, connect_shop

from collectors.coverage import Stretch, first_complete, gaps, last_complete
from collectors.folding import fold
from dashboard.accounts import ledger
from shenava.clock import SetClock
from shenava.messages import Source
from shenava.store import Coverage, CoverageKind, Feed, Store

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


def line(
    feed_id: int,
    start: datetime,
    end: datetime,
    kind: CoverageKind = CoverageKind.RUN,
    *,
    complete: bool = True,
    gap: bool = False,
) -> Coverage:
    return Coverage(
        feed_id=feed_id,
        kind=kind,
        covered_from=start if complete else None,
        covered_to=end if complete else None,
        started_at=start,
        finished_at=end,
        pages=2,
        messages=3,
        new=1,
        repaired=1 if kind is CoverageKind.SWEEP else 0,
        complete=complete,
        gap=gap,
    )


def a_year(store: Store, feed_id: int, chance: Random) -> None:
    """Readings of a quarter of an hour, with holes, sweeps, and sweeps that were stopped."""
    at = START
    lines = [line(feed_id, START - DAY, START, CoverageKind.BACKFILL)]
    while at < START + 20 * DAY:
        end = at + chance.randint(10, 90) * MINUTE
        lines.append(line(feed_id, at, end, gap=chance.random() < 0.02))
        if chance.random() < 0.1:
            sweep = CoverageKind.SWEEP
            lines.append(line(feed_id, max(START, end - 6 * 60 * MINUTE), end, sweep))
            lines.append(line(feed_id, at, end, sweep, complete=False))
        at = end + (chance.randint(1, 500) * MINUTE if chance.random() < 0.05 else MINUTE * 0)
    with store.write() as session:
        session.add_all(lines)


def claimed(store: Store, feed_id: int) -> list[Stretch]:
    with store.read() as session:
        return gaps(session, feed_id, Stretch(START - 2 * DAY, START + 40 * DAY))


def ends(store: Store, feed_id: int) -> tuple[datetime | None, ...]:
    with store.read() as session:
        first, last = first_complete(session, feed_id), last_complete(session, feed_id)
    assert first is not None and last is not None
    return first.covered_from, last.covered_to


def totals(store: Store, feed_id: int) -> tuple[int, int, int]:
    """Readings, messages found, messages repaired."""
    with store.read() as session:
        row = session.execute(
            select(
                func.sum(Coverage.pages), func.sum(Coverage.messages), func.sum(Coverage.repaired)
            ).where(Coverage.feed_id == feed_id, Coverage.complete)
        ).one()
    return int(row[0]), int(row[1]), int(row[2])


def count(store: Store) -> int:
    with store.read() as session:
        return session.scalar(select(func.count()).select_from(Coverage)) or 0


def test_what_is_claimed_stays_claimed_however_much_is_folded(
    store: Store, clock: SetClock
) -> None:
    feed_id = add_feed(store, connect_shop(store))
    a_year(store, feed_id, Random(7))
    before = claimed(store, feed_id), ends(store, feed_id), totals(store, feed_id)
    lines = count(store)
    assert len(before[0]) > 10, "there are holes to be kept"
    for day in (5, 12, 30):
        fold(store, START + day * DAY)
        assert (claimed(store, feed_id), ends(store, feed_id), totals(store, feed_id)) == before
    # One line for each stretch without a hole, and a few for sweeps that reach across one.
    assert count(store) < lines / 5
    assert fold(store, START + 30 * DAY) == 0, "what is folded stays as it is"


def test_the_page_says_the_same_after_folding(store: Store, clock: SetClock) -> None:
    feed_id = add_feed(store, connect_shop(store))
    a_year(store, feed_id, Random(8))
    clock.advance(51 * DAY)
    with store.write() as session:
        last = last_complete(session, feed_id)
        assert last is not None and last.covered_to is not None
        session.add(line(feed_id, last.covered_to, clock.now()))

    def said() -> object:
        with store.read() as session:
            feed = session.get_one(Feed, feed_id)
            bars = ledger.bars(session, [feed], clock.now() - 7 * DAY, clock.now())
            told = [(bar.parts, bar.gaps, bar.first, bar.repaired) for bar in bars]
            return told, ledger.whole(session, [feed], clock.now())

    before = said()
    assert fold(store, clock.now() - 31 * DAY) > 0
    assert said() == before


def test_what_is_young_or_of_another_feed_is_left_alone(store: Store) -> None:
    account = connect_shop(store)
    one, other = add_feed(store, account), add_feed(store, account, Source.SEARCH)
    with store.write() as session:
        for number in range(4):
            at = START + number * DAY
            session.add_all([line(one, at, at + DAY), line(other, at, at + DAY)])
        session.add(Coverage(feed_id=one, kind=CoverageKind.RUN, started_at=START))
    assert fold(store, START + 2 * DAY + MINUTE) == 2
    with store.read() as session:
        found = session.execute(
            select(Coverage.feed_id, Coverage.covered_to)
            .where(Coverage.complete)
            .order_by(Coverage.feed_id, Coverage.covered_to)
        ).all()
        open_ones = session.scalars(select(Coverage).where(Coverage.finished_at.is_(None))).all()
    kept = [START + n * DAY for n in (2, 3, 4)]
    assert [tuple(row) for row in found] == [(f, at) for f in (one, other) for at in kept]
    assert len(open_ones) == 1


def test_how_far_a_feed_reaches_is_read_off_an_index(store: Store) -> None:
    feed_id = add_feed(store, connect_shop(store))
    with store.write() as session:
        start = START
        session.add_all(
            line(feed_id, start + n * MINUTE, start + (n + 1) * MINUTE) for n in range(3_000)
        )
    asked: list[str] = []
    with store.write() as session:
        explain = "EXPLAIN QUERY PLAN " if store.is_sqlite else "EXPLAIN "
        if not store.is_sqlite:
            session.execute(text("ANALYZE coverage"))
        wanted = (
            "SELECT * FROM coverage WHERE feed_id = 1 AND kind IN ('run', 'backfill') AND complete"
            " AND covered_to IS NOT NULL ORDER BY covered_to DESC LIMIT 1"
        )
        asked = [str(row[-1]) for row in session.execute(text(explain + wanted))]
    plan = "\n".join(asked)
    assert "ix_coverage_feed_id_covered_to" in plan
    assert "TEMP B-TREE" not in plan and "Sort" not in plan
