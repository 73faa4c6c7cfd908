"""Promises of the meter: what a platform bills once a day is counted once a day."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from support.factories import START
from support.shop import connect_shop

from shenava.channels import Reads
from shenava.clock import SetClock
from shenava.store import App, Billed, Spend, Store
from shenava.store import spending as meter


def look(store: Store, reads: Reads, app_id: int = 1) -> None:
    with store.write() as session:
        now = store.clock.now()
        meter.lock_spent(session, app_id, now)
        meter.add_reads(session, app_id, now, reads, lambda what, count: count * 10)


def counted(store: Store, what: str = "dm_event") -> list[tuple[int, int]]:
    """By day: how many, and their micros."""
    with store.read() as session:
        rows = session.execute(
            select(Spend.count, Spend.micros).where(Spend.what == what).order_by(Spend.day)
        )
        return [(row.count, row.micros) for row in rows]


def events(*keys: str, what: str = "dm_event") -> Reads:
    return Reads({what: len(keys)}, keys={what: keys})


def test_a_resource_is_counted_once_a_day_however_often_it_is_read(
    store: Store, clock: SetClock
) -> None:
    connect_shop(store)
    for _ in range(15):
        look(store, events("1", "2", "3"))
    look(store, events("2", "3", "4"))
    assert counted(store) == [(4, 40)]
    assert counted(store, meter.REQUESTS) == [(16, 0)]
    with store.read() as session:
        spent = meter.spent(session, 1, clock.now())
    assert (spent.micros, spent.reads) == (40, 4)


def test_the_day_is_that_of_utc(store: Store, clock: SetClock) -> None:
    connect_shop(store)
    midnight = clock.now().replace(hour=0, minute=0) + timedelta(days=1)
    clock.advance(midnight - timedelta(minutes=1) - clock.now())
    look(store, events("1"))
    clock.advance(timedelta(minutes=2))
    look(store, events("1"))
    look(store, events("1"))
    assert counted(store) == [(1, 10), (1, 10)]


def test_one_post_at_two_prices_is_two_and_apps_are_billed_apart(store: Store) -> None:
    connect_shop(store)
    with store.write() as session:
        session.add(App(platform="x", name="another", created_at=START))
    look(store, events("7", what="owned_post"))
    look(store, events("7", what="post"))
    look(store, events("7", what="post"), app_id=2)
    assert counted(store, "owned_post") == [(1, 10)]
    assert counted(store, "post") == [(1, 10), (1, 10)]


def test_what_has_no_key_counts_each_time(store: Store) -> None:
    connect_shop(store)
    for _ in range(2):
        look(store, Reads({"dm_event": 5}, keys={"dm_event": ("1", "2")}))
    assert counted(store) == [(5 + 3, 80)]


def test_yesterdays_are_forgotten_todays_are_not(store: Store, clock: SetClock) -> None:
    connect_shop(store)
    look(store, events("1", "2"))
    clock.advance(timedelta(days=1))
    look(store, events("1"))
    with store.write() as session:
        meter.prune_billed(session, clock.now())
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Billed)) == 1
    look(store, events("1"))
    assert counted(store) == [(2, 20), (1, 10)]
