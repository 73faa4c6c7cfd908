"""Promises of the book: nothing is missed, nothing changes behind a report, it can be rebuilt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import insert, select
from support.factories import START, incoming, many
from support.judges import WordJudge
from support.reporting import CountedShop, any_day, counted, numbers
from support.rows import one_of_each
from support.stops import Stopped, stop_at

from collectors.intake import take_in
from config import Settings
from reports import shape
from reports.book import rebuild, settled, write_up
from reports.figures import Figure
from reports.weeks import week_at
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Intent, Language, Platform, Sentiment
from shenava.store import Fact, FactKind, ReportEntry, Store


def entries(store: Store) -> list[Sequence[Any]]:
    """The book but for the numbers of its lines."""
    columns = [one for one in ReportEntry.__table__.columns if one.name != "id"]
    with store.read() as session:
        return sorted(tuple(row) for row in session.execute(select(*columns)))


def test_the_book_can_be_thrown_away_and_written_again(store: Store, clock: SetClock) -> None:
    shop = CountedShop(store, Settings(), clock)
    any_day(shop, 4, "2026-01-03")
    shop.now_is("2026-01-20 10:00")
    write_up(store, shop.policy.hours)
    written = entries(store)
    assert len(written) > 100
    rebuild(store, shop.policy.hours)
    assert entries(store) == written


def test_written_in_pieces_it_is_the_same(
    store: Store, clock: SetClock, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(store, many(40))
    Pipeline(store, WordJudge(), policy).run_until_idle()
    write_up(store, policy.hours)
    whole = entries(store)
    monkeypatch.setattr("reports.book.BATCH", 7)
    rebuild(store, policy.hours)
    assert entries(store) == whole


def test_two_at_once_write_it_once(store: Store, policy: Policy) -> None:
    take_in(store, many(60))
    Pipeline(store, WordJudge(), policy).run_until_idle()
    together = Barrier(3)

    def work() -> None:
        together.wait(10)
        write_up(store, policy.hours)

    workers = [Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    at = settled(store, policy.hours)
    assert counted(store, policy, week_at(policy.hours, START), at).of(Figure.MESSAGES) == 60


@pytest.mark.parametrize("statement", range(1, 16, 3))
def test_cut_off_anywhere_it_goes_on_where_it_was(
    store: Store, policy: Policy, statement: int
) -> None:
    take_in(store, many(20))
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with stop_at(store, statement), pytest.raises(Stopped):
        for _ in range(5):
            write_up(store, policy.hours)
    write_up(store, policy.hours)
    assert numbers(counted(store, policy, week_at(policy.hours, START)))["messages"] == 20


def test_what_is_recorded_late_does_not_change_a_report_that_was_made(
    store: Store, clock: SetClock, policy: Policy
) -> None:
    take_in(store, [incoming("1")])
    week = week_at(policy.hours, START)
    told = settled(store, policy.hours)
    # A worker that read the clock long before it came to write.
    clock.advance(-timedelta(minutes=5))
    take_in(store, [incoming("2")])
    clock.advance(timedelta(minutes=6))
    assert counted(store, policy, week, told).of(Figure.MESSAGES) == 1
    assert counted(store, policy, week).of(Figure.MESSAGES) == 2
    assert counted(store, policy, week, told).of(Figure.MESSAGES) == 1


def test_a_fact_committed_after_a_greater_number_is_not_missed(
    postgresql_store: Store, policy: Policy
) -> None:
    store = postgresql_store
    take_in(store, [incoming("first")])
    ids = {"message_id": 1, "case_id": 1}
    values = {
        "kind": FactKind.MESSAGE_REPAIRED,
        "happened_at": START,
        "recorded_at": START,
        "details": {},
    }
    written = Thread(target=write_up, args=(store, policy.hours))
    with store.write() as slow:
        slow.execute(insert(Fact).values(**values, **ids))
        with closing(Store(store.url, store.clock)) as another, another.write() as quick:
            quick.execute(insert(Fact).values(**values | {"kind": FactKind.FEED_GAP}))
        written.start()
        # It waits for the slow one instead of passing over its smaller number.
        written.join(0.3)
        assert written.is_alive()
    written.join(10)
    found = numbers(counted(store, policy, week_at(policy.hours, START)))
    assert (found["repaired"], found["gaps"]) == (1, 1)


def test_a_report_never_speaks_of_the_future(store: Store, clock: SetClock, policy: Policy) -> None:
    later = clock.now() + timedelta(days=3)
    assert settled(store, policy.hours, later) == clock.now()


def test_facts_of_earlier_versions_are_counted_as_their_rows_say(
    store: Store, policy: Policy
) -> None:
    ids = one_of_each(store)
    Pipeline(store, WordJudge(), policy).run_until_idle()
    plain = {"recorded_at": START, "case_id": ids.case, "message_id": ids.message}
    told = {"by": ids.user, "sentiment": None, "complaint": True, "urgent": None, "intents": None}
    with store.write() as session:
        session.execute(
            insert(Fact).values(
                kind=FactKind.VERDICT_CORRECTED, happened_at=START, details=told, **plain
            )
        )
        session.execute(
            insert(Fact).values(
                kind=FactKind.CASE_CLOSED,
                happened_at=START + timedelta(hours=1),
                details={"by": ids.user},
                **plain,
            )
        )
    counts = counted(store, policy, week_at(policy.hours, START))
    assert counts.of(Figure.COMPLAINTS) == counts.of(Figure.CORRECTED) == 1


def test_every_value_of_a_message_has_a_number_of_its_own() -> None:
    for part, values, known in (
        (shape.CHANNEL, shape.CHANNELS, Platform),
        (shape.LANGUAGE, shape.LANGUAGES, Language),
        (shape.MOOD, shape.MOODS, Sentiment),
        (shape.INTENT, shape.INTENTS, Intent),
        (shape.OUTCOME, shape.OUTCOMES, shape.Outcome),
    ):
        assert set(values) == set(known)
        assert len(set(values.values())) == len(values)
        for number in values.values():
            assert shape.value_of(shape.pack({part: number}), part) == number > 0
