"""Promises of spikes in the database: the number shown is the list, whatever people do."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from support.factories import START, incoming
from support.judges import WordJudge
from support.shop import add_person

from collectors.intake import take_in
from dashboard.inbox import queries
from dashboard.inbox.wanted import Wanted
from responder import casework, spikes
from responder.corrections import Said, correct
from responder.erasing import erase_person
from responder.policy import Policy
from responder.spikes import Watch, complaints_between
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.store import (
    Alone,
    Audit,
    Broadcast,
    BroadcastState,
    Case,
    Message,
    Spike,
    SpikeCase,
    SpikeClosed,
    Stage,
    Store,
    UsualHour,
)

ZONE = ZoneInfo("Asia/Tehran")
NOTHING = "پول کم شد"
"""What the tests' judge takes for a complaint about payment."""


class Shop:
    def __init__(self, store: Store, judge: WordJudge, policy: Policy, clock: SetClock) -> None:
        self.store, self.policy, self.clock = store, policy, clock
        self.pipeline = Pipeline(store, judge, policy)
        self.watch = Watch(store, ZONE)
        self.me = add_person(store)

    def hear(self, people: int, *, first: int = 0, text: str = NOTHING) -> None:
        """So many people write, within the last minutes."""
        now = self.clock.now()
        take_in(
            self.store,
            [
                incoming(
                    f"m{first + n}",
                    text,
                    author=f"user{first + n}",
                    written_at=now - timedelta(seconds=10 * (people - n)),
                )
                for n in range(people)
            ],
        )
        self.pipeline.run_until_idle()

    def on(self) -> list[spikes.Shown]:
        with self.store.read() as session:
            return spikes.shown(session)

    def notice(self, key: str, stage: Stage, parent: int | None) -> int:
        row = Broadcast(
            principal="user:1",
            key=key,
            body_hash="x",
            parent_id=parent,
            stage=stage,
            kind="payment",
            state=BroadcastState.SENDING,
            content={},
            aim={},
            plan_hash="x",
            created_at=self.clock.now(),
            started_at=self.clock.now(),
        )
        with self.store.write() as session:
            session.add(row)
            session.flush()
            return row.id

    def spike(self) -> Spike:
        with self.store.read() as session:
            return session.scalars(select(Spike)).one()

    def assert_number_is_the_list(self) -> int:
        """The number on the button, the count of the list and its rows."""
        with self.store.read() as session:
            (one,) = spikes.shown(session)
            wanted = Wanted(spike=one.spike.id)
            page = queries.page(session, wanted, self.me, None, 1000)
            assert one.open_cases == queries.count(session, wanted, self.me).number
            assert one.open_cases == len(page.hits)
            assert [hit.case_id for hit in sorted(page.hits, key=lambda h: h.case_id)] == (
                spikes.open_cases(session, [one.spike.id])
            )
            return one.open_cases


@pytest.fixture
def shop(store: Store, judge: WordJudge, policy: Policy, clock: SetClock) -> Shop:
    return Shop(store, judge, policy, clock)


def test_an_outage_is_seen_once_with_everyone_in_it(shop: Shop) -> None:
    shop.hear(5)
    shop.watch.tick()
    assert shop.on() == []
    shop.hear(7, first=5)
    shop.watch.tick()
    shop.clock.advance(timedelta(seconds=30))
    shop.watch.tick()
    (one,) = shop.on()
    assert (one.spike.cause, one.people, one.open_cases) == ("payment", 12, 12)
    assert START - timedelta(minutes=3) < one.spike.began_at <= START
    assert len(one.spike.examples) == 3
    assert shop.assert_number_is_the_list() == 12
    # Who complains later is part of it.
    shop.hear(8, first=20)
    shop.watch.tick()
    assert shop.assert_number_is_the_list() == 20


def test_the_number_is_the_list_after_correction_erasing_and_closing(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    now = shop.clock.now()
    with shop.store.read() as session:
        rows = session.execute(
            select(Message.id, Message.case_id, Message.identity_id).order_by(Message.id)
        ).all()
    with shop.store.write() as session:
        word = Said(complaint=False, urgent=False)
        correct(session, shop.me, rows[0].id, now, shop.policy, word)
        casework.close(session, shop.me, [rows[1].case_id], now)
    with shop.store.write() as session:
        erase_person(session, rows[2].identity_id, now, shop.policy, actor=shop.me)
    assert shop.assert_number_is_the_list() == 10
    shop.watch.tick()
    assert shop.assert_number_is_the_list() == 9
    # The closed one complained all the same; the other two are no part of it any more.
    assert [one.people for one in shop.on()] == [10]


def test_it_is_over_when_the_hour_is_as_any_other(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    for _ in range(5):
        shop.clock.advance(timedelta(minutes=15))
        shop.watch.tick()
    assert shop.on() == []
    assert shop.spike().ended_at is not None


def test_what_a_person_calls_no_outage_is_shown_no_more_while_it_lasts(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    (one,) = shop.on()
    with shop.store.write() as session:
        assert spikes.dismiss(session, shop.me, one.spike.id, shop.clock.now())
        assert not spikes.dismiss(session, shop.me, one.spike.id, shop.clock.now())
    shop.hear(12, first=50)
    shop.watch.tick()
    assert shop.on() == []
    with shop.store.read() as session:
        (line,) = session.scalars(select(Audit).where(Audit.action == "spike_dismissed"))
        assert line.details == {"spike": one.spike.id}


def test_spikes_of_mostly_the_same_cases_are_told_as_one(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    (one,) = shop.on()
    now = shop.clock.now()
    with shop.store.write() as session:
        cases = spikes.open_cases(session, [one.spike.id])
        for cause, theirs in (("outage", cases[:8]), ("delivery_late", cases[:4])):
            row = Spike(
                cause=cause, also=[], began_at=now, seen_at=now, loud_at=now, usual=0.5,
                words=[], examples=[],
            )  # fmt: skip
            session.add(row)
            session.flush()
            session.add_all(SpikeCase(spike_id=row.id, case_id=case) for case in theirs)
    shop.hear(2, first=100)
    with shop.store.write() as session:
        late = session.scalars(select(Spike.id).where(Spike.cause == "delivery_late")).one()
        others = session.scalars(select(Case.id).where(Case.id.not_in(cases))).all()
        outage = session.scalars(select(Spike.id).where(Spike.cause == "outage")).one()
        for number in (late, outage):
            session.add_all(SpikeCase(spike_id=number, case_id=case) for case in others)
    with shop.store.read() as session:
        first, second = spikes.shown(session)
        # Eight in ten of the one are in the larger; of the other only four in six.
        assert [row.cause for row in first.with_it] == ["outage"]
        assert (first.spike.cause, first.people, first.open_cases) == ("payment", 14, 14)
        wanted = Wanted(spike=first.spike.id)
        assert queries.count(session, wanted, shop.me).number == 14, "those of both, each once"
        assert len(queries.page(session, wanted, shop.me, None, 100).hits) == 14
        assert queries.count(session, Wanted(spike=9999), shop.me).number == 0
        assert (second.spike.cause, second.with_it) == ("delivery_late", ())
        same = spikes.alike(session, first.spike.id)
        assert same == [first.spike.id, first.with_it[0].id]
        assert spikes.alike(session, late) == [late]


def test_what_was_announced_leads_those_that_are_told_with_it(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    (one,) = shop.on()
    now = shop.clock.now()
    first = shop.notice("a", Stage.INVESTIGATING, None)
    with shop.store.write() as session:
        cases = spikes.open_cases(session, [one.spike.id])
        row = Spike(
            cause="outage", also=[], began_at=now, seen_at=now, loud_at=now, usual=0.5,
            words=[], examples=[],
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add_all(SpikeCase(spike_id=row.id, case_id=case) for case in cases[:10])
        spikes.link(session, row.id, first)
        assert [(s.spike.cause, len(s.with_it)) for s in spikes.shown(session)] == [("outage", 1)]


def test_it_works_again_closes_the_spike_it_was_begun_from(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    (one,) = shop.on()

    first = shop.notice("a", Stage.INVESTIGATING, None)
    with shop.store.write() as session:
        spikes.link(session, one.spike.id, first)
        spikes.link(session, one.spike.id, first + 1)
    shop.watch.tick()
    assert len(shop.on()) == 1
    middle = shop.notice("b", Stage.MONITORING, first)
    shop.watch.tick()
    assert len(shop.on()) == 1
    shop.notice("c", Stage.RESOLVED, middle)
    shop.watch.tick()
    assert shop.on() == []
    assert shop.spike().closed_because is SpikeClosed.RESOLVED


class Overtaken:
    """A store whose writer waits for its turn while another watch has its own."""

    def __init__(self, store: Store, other: Watch) -> None:
        self._store, self._other = store, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write_alone(self, work: Alone) -> AbstractContextManager[Session]:
        self._other.tick()
        return self._store.write_alone(work)


def test_two_watches_that_see_it_at_once_write_one_spike(shop: Shop) -> None:
    shop.hear(12)
    late = Watch(Overtaken(shop.store, shop.watch), ZONE)  # type: ignore[arg-type]
    assert [one.cause for one in late.tick().begun] == ["payment"]
    assert shop.spike().cause == "payment"
    assert shop.assert_number_is_the_list() == 12


def test_hours_are_folded_once_and_those_with_a_spike_are_left_out(shop: Shop) -> None:
    shop.hear(3)
    for _ in range(4):
        shop.clock.advance(timedelta(hours=1))
        shop.watch.tick()
        shop.watch.tick()
    with shop.store.read() as session:
        rows = session.scalars(
            select(UsualHour).where(UsualHour.cause == "payment").order_by(UsualHour.hour)
        ).all()
    # From the hour of the first message on; 06:29 UTC is 09:59 in Tehran, on a Saturday.
    first = rows[0]
    assert (first.hour, first.seen, first.people) == (5 * 24 + 9, 1.0, 3.0)
    assert {row.seen for row in rows} == {1.0}
    shop.hear(12, first=100)
    shop.watch.tick()
    assert len(shop.on()) == 1
    shop.clock.advance(timedelta(hours=1))
    shop.watch.tick()
    with shop.store.read() as session:
        known = session.scalar(
            select(func.sum(UsualHour.people)).where(UsualHour.cause == "payment")
        )
    assert known == 3.0


def test_old_messages_tell_what_is_usual_and_begin_no_spike(shop: Shop) -> None:
    now = shop.clock.now()
    take_in(
        shop.store,
        [
            incoming(
                f"h{n}",
                NOTHING,
                author=f"old{n}",
                written_at=now - timedelta(minutes=n + 1),
                historic=True,
            )
            for n in range(20)
        ],
    )
    shop.pipeline.run_until_idle()
    shop.watch.tick()
    assert shop.on() == []
    with shop.store.read() as session:
        assert complaints_between(session, now - timedelta(hours=1), now) == []
        assert len(complaints_between(session, now - timedelta(hours=1), now, historic=True)) == 20


def test_old_spikes_are_forgotten(shop: Shop) -> None:
    shop.hear(12)
    shop.watch.tick()
    for _ in range(5):
        shop.clock.advance(timedelta(minutes=30))
        shop.watch.tick()
    shop.clock.advance(spikes.KEEP - timedelta(hours=3))
    with shop.store.write() as session:
        spikes.prune(session, shop.clock.now())
    with shop.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Spike)) == 1
    shop.clock.advance(timedelta(days=1))
    with shop.store.write() as session:
        spikes.prune(session, shop.clock.now())
    with shop.store.read() as session:
        assert session.scalar(select(func.count()).select_from(Spike)) == 0
        assert session.scalar(select(func.count()).select_from(SpikeCase)) == 0
