"""How the service is, as the strip and the pages read it, and what admins' deeds write: on both
databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from support.shop import add_feed, connect_shop

from dashboard.accounts import deeds
from dashboard.accounts.connections import Limits
from dashboard.accounts.ledger import bars, runs, whole
from dashboard.accounts.overview import overview
from dashboard.accounts.state import Habits, State, state
from dashboard.staff.members import Refusal
from shenava.channels import Cursor
from shenava.channels.x.read import cursor_from
from shenava.clock import SetClock
from shenava.messages import Source
from shenava.store import (
    Account,
    AccountState,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    PausedBecause,
    Store,
)

HOUR = timedelta(hours=1)


def look(store: Store) -> State:
    with store.read() as session:
        return state(session, Habits(), store.clock.now())


def covered(store: Store, feed_id: int, start: float, end: float, **more: object) -> None:
    """A complete reading of a feed, from so many hours ago to so many hours ago."""
    now = store.clock.now()
    with store.write() as session:
        session.add(
            Coverage(
                feed_id=feed_id,
                kind=more.pop("kind", CoverageKind.RUN),
                covered_from=now - start * HOUR,
                covered_to=now - end * HOUR,
                started_at=now - end * HOUR,
                finished_at=now - end * HOUR,
                complete=True,
                **more,
            )
        )


def read_now(store: Store, feed_id: int, **more: object) -> None:
    with store.write() as session:
        feed = session.get_one(Feed, feed_id)
        feed.last_ok_at = store.clock.now()
        for name, value in more.items():
            setattr(feed, name, value)


def test_imported_accounts_are_no_concern_of_the_strip(store: Store, clock: SetClock) -> None:
    with store.write() as session:
        session.add(Account(platform="x", handle="old", created_at=clock.now()))
    found = look(store)
    assert found.places == ()
    assert found.is_well


def test_all_is_well(store: Store) -> None:
    account = connect_shop(store)
    feed = add_feed(store, account)
    covered(store, feed, 30, 2)
    covered(store, feed, 2, 0)
    read_now(store, feed)
    found = look(store)
    assert found.is_well
    (place,) = found.places
    assert (place.read_at, place.gaps, place.late) == (store.clock.now(), (), False)


@pytest.mark.parametrize(
    ("stretches", "expected"),
    [
        ([(10, 5), (3, 0)], [(5, 3)]),
        # It began before the day, so the hole at the beginning of the day is one too.
        ([(50, 30), (10, 0)], [(24, 10)]),
        ([(50, 20), (10, 0)], [(20, 10)]),
        # What was before the first reading was never promised.
        ([(10, 0)], []),
        # Of a hole older than a day nothing is said any more.
        ([(60, 50), (40, 0)], []),
    ],
)
def test_gaps_of_the_last_day(
    store: Store, stretches: list[tuple[float, float]], expected: list[tuple[float, float]]
) -> None:
    feed = add_feed(store, connect_shop(store))
    for start, end in stretches:
        covered(store, feed, start, end)
    read_now(store, feed)
    (place,) = look(store).places
    now = store.clock.now()
    assert [((now - gap.start) / HOUR, (now - gap.end) / HOUR) for gap in place.gaps] == expected
    # The page of the accounts says the same.
    (view,) = overview(store).accounts
    assert view.gap_count == len(expected)


def test_late_but_not_while_it_is_read_or_out_of_budget(store: Store, clock: SetClock) -> None:
    feed = add_feed(store, connect_shop(store))
    read_now(store, feed)
    clock.advance(timedelta(minutes=5))
    assert look(store).is_well
    clock.advance(timedelta(minutes=2))
    assert look(store).places[0].late
    with store.write() as session:
        row = session.get_one(Feed, feed)
        row.claimed_until, row.claimed_by = clock.now() + HOUR, "someone"
    assert not look(store).places[0].late
    with store.write() as session:
        row = session.get_one(Feed, feed)
        row.claimed_until = row.claimed_by = None
        row.last_error = FeedError.BUDGET
    (place,) = look(store).places
    assert not place.late
    assert not place.is_well


def test_the_sentence_holds_for_all_sources_together(store: Store) -> None:
    account = connect_shop(store)
    one, two = add_feed(store, account), add_feed(store, account, Source.OWN)
    covered(store, one, 100, 50)
    covered(store, one, 40, 1)
    covered(store, two, 30, 2)
    now = store.clock.now()
    with store.read() as session:
        feeds = [session.get_one(Feed, number) for number in (one, two)]
        told = whole(session, feeds, now)
        assert (told.since, told.upto) == (now - 30 * HOUR, now - 2 * HOUR)
        first, second = bars(session, feeds, now - 7 * 24 * HOUR, now)
    assert [part.kind for part in first.parts] == ["covered", "covered", "gap"]
    assert first.gaps[0].end - first.gaps[0].start == 10 * HOUR
    assert second.gaps == ()
    assert all(part.at >= 0 and part.at + part.width <= 700 for part in first.parts)


def test_a_source_that_was_never_read_makes_no_promise(store: Store) -> None:
    account = connect_shop(store)
    one, two = add_feed(store, account), add_feed(store, account, Source.OWN)
    covered(store, one, 100, 0)
    with store.read() as session:
        feeds = [session.get_one(Feed, number) for number in (one, two)]
        assert whole(session, feeds, store.clock.now()).since is None
        assert (
            bars(session, feeds, store.clock.now() - 7 * 24 * HOUR, store.clock.now())[1].first
            is None
        )


def test_the_ledger_goes_on_page_by_page(store: Store) -> None:
    account = connect_shop(store)
    feed = add_feed(store, account)
    for number in range(60):
        covered(store, feed, number + 1, number)
    with store.read() as session:
        first = runs(session, account, None)
        rest = runs(session, account, first.older)
    ids = [line.id for line, _feed in (*first.lines, *rest.lines)]
    assert (len(first.lines), len(rest.lines), rest.older) == (50, 10, None)
    assert ids == sorted(set(ids), reverse=True)


# Deeds.


def choose(store: Store, account: int, *wanted: tuple[Source, str], days: int = 7) -> int:
    now = store.clock.now()
    with store.write() as session:
        return deeds.choose(
            session, None, account, set(wanted), lambda _s: cursor_from(now - days * 24 * HOUR), now
        )


@pytest.fixture
def account(store: Store) -> int:
    number = connect_shop(store)
    with store.write() as session:
        session.get_one(Account, number).credentials = b"locked"
    return number


def test_what_is_chosen_again_goes_on_where_it_stood(store: Store, account: int) -> None:
    assert choose(store, account, (Source.MENTION, ""), (Source.SEARCH, "shoes")) == 2
    with store.write() as session:
        for feed in session.scalars(select(Feed)):
            assert "down_to" in feed.cursor
            feed.cursor = {"floor": "9"}
    assert choose(store, account, (Source.MENTION, "")) == 0
    assert choose(store, account, (Source.MENTION, ""), (Source.SEARCH, "shoes")) == 0
    with store.read() as session:
        found = {feed.source: feed for feed in session.scalars(select(Feed))}
    assert all(feed.enabled and feed.cursor == {"floor": "9"} for feed in found.values())


def backfill(store: Store, account: int, days: int) -> int:
    now = store.clock.now()

    def cursor(_source: Source, since: datetime) -> Cursor:
        return cursor_from(since)

    with store.write() as session:
        return deeds.backfill(session, None, account, now - days * 24 * HOUR, cursor, now)


def test_reading_back_less_than_was_missed_makes_no_hole(store: Store, account: int) -> None:
    feed = add_feed(store, account)
    covered(store, feed, 24 * 20, 24 * 10)
    assert backfill(store, account, 3) == 1
    with store.read() as session:
        row = session.get_one(Feed, feed)
        assert row.cursor["down_to"] == (store.clock.now() - 10 * 24 * HOUR).isoformat()
        line = session.scalars(select(Coverage).where(Coverage.finished_at.is_(None))).one()
        assert line.kind is CoverageKind.BACKFILL
    # Asked again before it was read: the one line that is open stays the only one.
    backfill(store, account, 15)
    with store.read() as session:
        assert session.scalars(select(Coverage).where(Coverage.finished_at.is_(None))).one()


def test_a_source_that_is_being_read_is_left_alone(store: Store, account: int) -> None:
    feed = add_feed(store, account)
    with store.write() as session:
        row = session.get_one(Feed, feed)
        row.claimed_until, row.claimed_by = store.clock.now() + HOUR, "someone"
    with pytest.raises(Refusal, match="being read"):
        backfill(store, account, 3)


def test_a_raised_limit_lets_go_on_what_stopped_for_it(store: Store, account: int) -> None:
    feed = add_feed(store, account)
    later = store.clock.now() + 100 * HOUR
    with store.write() as session:
        row = session.get_one(Feed, feed)
        row.last_error, row.next_at = FeedError.BUDGET, later
        app = session.get_one(Account, account).app_id
    assert app is not None
    with store.write() as session:
        deeds.set_limits(session, None, app, Limits(5_000_000, 10), store.clock.now())
    with store.read() as session:
        assert session.get_one(Feed, feed).next_at == store.clock.now()


def test_pause_and_resume(store: Store, account: int) -> None:
    feed = add_feed(store, account)
    now = store.clock.now()
    with store.write() as session:
        deeds.pause(session, None, account, now)
        session.get_one(Feed, feed).next_at = now + HOUR
    (place,) = look(store).places
    assert (place.state, place.paused_because) == (AccountState.PAUSED, PausedBecause.PERSON)
    with store.write() as session:
        deeds.resume(session, None, account, now)
    with store.read() as session:
        assert session.get_one(Feed, feed).next_at == now
        assert session.get_one(Account, account).state is AccountState.CONNECTED


def test_a_dead_account_is_not_resumed_but_connected_again(store: Store, account: int) -> None:
    with store.write() as session:
        session.get_one(Account, account).state = AccountState.UNAUTHORISED
    for deed in (deeds.pause, deeds.resume):
        with pytest.raises(Refusal, match="Connect it first"), store.write() as session:
            deed(session, None, account, store.clock.now())
