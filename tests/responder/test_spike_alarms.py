"""Promises of alarms of spikes: those on duty are called, once, until somebody acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from support.ringing import RULES, add_colleague, add_spike, begin_notice, set_duty, spike_calls

from responder import alerts, duty, spikes
from responder.policy import Policy
from service.upkeep import prune_alarms
from shenava.clock import SetClock
from shenava.store import Alarm, EndedBecause, Spike, SpikeClosed, Store

MINUTE = timedelta(minutes=1)

Ring = Callable[[], alerts.Tick]


@pytest.fixture
def ring(store: Store, policy: Policy) -> Ring:
    return lambda: alerts.tick(store, RULES, policy.hours)


def alarm_of(store: Store, spike: int) -> Alarm:
    with store.read() as session:
        return session.scalars(select(Alarm).where(Alarm.spike_id == spike)).one()


def test_a_spike_calls_everyone_on_duty_once(store: Store, ring: Ring, clock: SetClock) -> None:
    sara, omid = add_colleague(store, "sara", on=True), add_colleague(store, "omid", on=True)
    spike = add_spike(store)
    assert ring() == alerts.Tick(rung=1, called=2)
    clock.advance(MINUTE)
    assert ring() == alerts.Tick()
    assert spike_calls(store, spike) == [(sara, 0, "on_duty"), (omid, 0, "on_duty")]


def test_nobody_on_duty_calls_the_admins_and_who_comes_is_called_too(
    store: Store, ring: Ring, clock: SetClock
) -> None:
    mina, sara = add_colleague(store, "mina", admin=True), add_colleague(store, "sara")
    spike = add_spike(store)
    ring()
    clock.advance(MINUTE)
    set_duty(store, sara, on=True)
    assert ring() == alerts.Tick(called=1)
    assert spike_calls(store, spike) == [(mina, 0, "nobody_on_duty"), (sara, 0, "on_duty")]


def test_the_next_is_called_when_nobody_acts_and_who_opens_its_page_puts_that_off_once(
    store: Store, ring: Ring, clock: SetClock
) -> None:
    sara, omid = add_colleague(store, "sara", on=True), add_colleague(store, "omid")
    mina = add_colleague(store, "mina", admin=True)
    with store.write() as session:
        duty.put_in_order(session, [sara, omid, mina])
    spike = add_spike(store)
    ring()
    clock.advance(10 * MINUTE)
    assert ring() == alerts.Tick(escalated=1, called=1)
    clock.advance(8 * MINUTE)
    with store.write() as session:
        assert alerts.spike_rings(session, spike)
        assert alerts.opened_spike(session, spike, omid, RULES, clock.now())
        assert not alerts.opened_spike(session, spike, omid, RULES, clock.now())
    clock.advance(9 * MINUTE)
    assert ring() == alerts.Tick()
    clock.advance(MINUTE)
    assert ring().escalated == 1
    assert spike_calls(store, spike) == [
        (sara, 0, "on_duty"),
        (omid, 1, "next_in_order"),
        (mina, 2, "next_in_order"),
    ]


def dismiss(store: Store, spike: int, by: int) -> None:
    with store.write() as session:
        spikes.dismiss(session, by, spike, store.clock.now())


def resolve(store: Store, spike: int, by: int) -> None:
    with store.write() as session:
        row = session.get_one(Spike, spike)
        row.closed_at, row.closed_because = store.clock.now(), SpikeClosed.RESOLVED


def announce(store: Store, spike: int, by: int) -> None:
    begin_notice(store, spike, by)


def calm(store: Store, spike: int, by: int) -> None:
    with store.write() as session:
        session.get_one(Spike, spike).ended_at = store.clock.now()


DEEDS = [
    (dismiss, EndedBecause.CLOSED),
    (resolve, EndedBecause.CLOSED),
    (announce, EndedBecause.ANSWERED),
    (calm, EndedBecause.CALMED),
]


@pytest.mark.parametrize(("deed", "because"), DEEDS)
def test_it_stops_when_somebody_acts_or_it_is_over(
    store: Store,
    ring: Ring,
    clock: SetClock,
    deed: Callable[[Store, int, int], None],
    because: EndedBecause,
) -> None:
    sara = add_colleague(store, "sara", on=True)
    add_colleague(store, "mina", admin=True)
    spike = add_spike(store)
    ring()
    clock.advance(9 * MINUTE)
    deed(store, spike, sara)
    clock.advance(MINUTE)
    assert ring() == alerts.Tick(ended=1)
    assert alarm_of(store, spike).ended_because is because
    clock.advance(timedelta(hours=5))
    assert ring() == alerts.Tick()
    assert spike_calls(store, spike) == [(sara, 0, "on_duty")]


@pytest.mark.parametrize("deed", [deed for deed, _ in DEEDS])
def test_what_was_dealt_with_before_anyone_was_called_calls_nobody(
    store: Store, ring: Ring, deed: Callable[[Store, int, int], None]
) -> None:
    sara = add_colleague(store, "sara", on=True)
    spike = add_spike(store)
    deed(store, spike, sara)
    assert ring() == alerts.Tick()


def test_one_that_was_seen_long_ago_does_not_begin_to_ring(
    store: Store, ring: Ring, clock: SetClock
) -> None:
    spike = add_spike(store)
    clock.advance(timedelta(hours=25))
    add_colleague(store, "sara", on=True)
    assert ring() == alerts.Tick()
    assert spike_calls(store, spike) == []


def test_those_that_are_told_as_one_ring_as_one(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    first = add_spike(store, policy=policy, people=3)
    ring()
    second = add_spike(store, cause="outage", of=first)
    assert ring() == alerts.Tick()
    assert spike_calls(store, second) == []
    # Whoever opens one of them looks at both.
    with store.write() as session:
        leader = spikes.shown(session)[0].spike.id
        assert alerts.opened_spike(session, leader, sara, RULES, clock.now())


def test_a_spike_is_forgotten_after_its_alarm_never_before(
    store: Store, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    spike = add_spike(store)
    ring()
    calm(store, spike, sara)
    clock.advance(MINUTE)
    ring()

    def prune() -> list[int | None]:
        prune_alarms(store)
        with store.write() as session:
            spikes.prune(session, clock.now())
        with store.read() as session:
            return [session.scalar(select(func.count()).select_from(one)) for one in (Alarm, Spike)]

    clock.advance(spikes.KEEP - timedelta(seconds=30))
    # The spike has served its time; its alarm ended a minute later.
    assert prune() == [1, 1]
    clock.advance(MINUTE)
    assert prune() == [0, 0]
