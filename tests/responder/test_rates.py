"""Paces: exact in every window, with many workers, over a restart."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from support.databases import SqliteFiles
from support.factories import START
from support.platform import BASIS

from responder.rates import KEEP, Use, prune, reserve, reserve_all, uses_of, when_free
from shenava.channels.rules import Limit, Per
from shenava.clock import SetClock
from shenava.store import RateUse, Store

QUARTER = timedelta(minutes=15)


def limit(count: int, window: timedelta = QUARTER, per: Per = Per.USER) -> Limit:
    return Limit("post", per, count, window, BASIS)


def _reserve(store: Store, limits: list[Limit], now: datetime) -> datetime | None:
    with store.write() as session:
        return reserve(session, "account:1", "post", limits, now)


def _times(store: Store) -> list[datetime]:
    with store.read() as session:
        return list(session.scalars(select(RateUse.at).order_by(RateUse.at)))


def test_a_used_up_pace_says_when_it_is_free_and_is_free_then(store: Store) -> None:
    for minute in (0, 1):
        assert _reserve(store, [limit(2)], START + timedelta(minutes=minute)) is None
    free_at = _reserve(store, [limit(2)], START + timedelta(minutes=2))
    assert free_at == START + QUARTER
    assert _reserve(store, [limit(2)], free_at - timedelta(microseconds=1)) == free_at
    assert _reserve(store, [limit(2)], free_at) is None


def test_the_longest_wait_of_several_limits_counts(store: Store) -> None:
    limits = [limit(1, timedelta(minutes=1)), limit(2, timedelta(hours=24))]
    assert _reserve(store, limits, START) is None
    assert _reserve(store, limits, START) == START + timedelta(minutes=1)
    assert _reserve(store, limits, START + timedelta(minutes=1)) is None
    assert _reserve(store, limits, START + timedelta(hours=1)) == START + timedelta(hours=24)


def test_all_or_none_is_reserved(store: Store) -> None:
    uses = [Use("account:1", "dm", (limit(5),)), Use("app:1", "dm", (limit(1),))]
    with store.write() as session:
        assert reserve_all(session, uses, START) is None
    with store.write() as session:
        assert reserve_all(session, uses, START) == START + QUARTER
    assert len(_times(store)) == 2


def test_what_is_rolled_back_was_not_used(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.write() as session:
        reserve(session, "account:1", "post", [limit(1)], START)
        raise ZeroDivisionError
    assert _reserve(store, [limit(1)], START) is None


def test_three_workers_never_pass_the_limit(store: Store) -> None:
    """Their clocks differ by up to a second, as those of real workers do."""
    window = timedelta(seconds=30)

    def work(worker: int) -> int:
        chance = Random(worker)
        reserved = 0
        for step in range(40):
            now = START + timedelta(seconds=step * 2 + chance.random())
            reserved += _reserve(store, [limit(5, window)], now) is None
        return reserved

    with ThreadPoolExecutor(3) as pool:
        reserved = sum(pool.map(work, range(3)))
    times = _times(store)
    assert len(times) == reserved > 5
    assert all(later - at >= window for at, later in zip(times, times[5:], strict=False))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    st.lists(st.integers(0, 300), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(1, 60),
)
def test_no_window_wherever_it_lies_holds_more(
    sqlite_files: SqliteFiles, seconds: list[int], count: int, window: int
) -> None:
    """Asked at any instants, in any order."""
    with sqlite_files.database() as url:
        store = Store(url, SetClock(START))
        rule = limit(count, timedelta(seconds=window))
        for second in seconds:
            _reserve(store, [rule], START + timedelta(seconds=second))
        times = _times(store)
        store.close()
    for at, later in zip(times, times[count:], strict=False):
        assert later - at >= rule.window


def test_a_restart_forgets_nothing(sqlite_files: SqliteFiles) -> None:
    with sqlite_files.database() as url:
        for wanted in (None, START + QUARTER):
            store = Store(url, SetClock(START))
            assert _reserve(store, [limit(1)], START) == wanted
            store.close()


def test_uses_are_counted_by_whom_the_platform_counts(store: Store) -> None:
    limits = [limit(1), limit(9, per=Per.APP), limit(3, timedelta(days=1))]
    assert uses_of(limits, 7, 2) == [
        Use("account:7", "post", (limits[0], limits[2])),
        Use("app:2", "post", (limits[1],)),
    ]
    assert {use.subject for use in uses_of(limits, 7, None)} == {"account:7"}


def test_only_what_no_window_reaches_is_pruned(store: Store) -> None:
    _reserve(store, [limit(9)], START - KEEP - timedelta(seconds=1))
    _reserve(store, [limit(9)], START)
    with store.write() as session:
        prune(session, START)
    assert _times(store) == [START]
    with store.read() as session, pytest.raises(ValueError, match="too short"):
        when_free(session, Use("a", "b", (limit(1, KEEP * 2),)), START)
        session.scalar(select(func.count()))
