"""Promises of alarms: who is called, once, when it climbs, when it stops, when it rings again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select
from support.factories import incoming
from support.judges import WordJudge
from support.ringing import (
    RULES,
    add_colleague,
    called,
    case_of,
    newest_alarm,
    set_duty,
    write,
)

from collectors.intake import take_in
from responder import alerts, casework, corrections, duty, people
from responder.answered import answered
from responder.corrections import Said
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.store import (
    Alarm,
    Alert,
    AlertMail,
    EndedBecause,
    Message,
    Store,
    User,
    UserState,
    changes,
)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ring(store: Store, policy: Policy) -> Callable[[], alerts.Tick]:
    return lambda: alerts.tick(store, RULES, policy.hours)


Ring = Callable[[], alerts.Tick]


def test_an_urgent_case_calls_everyone_on_duty_at_once(
    store: Store, policy: Policy, ring: Ring
) -> None:
    sara, omid = add_colleague(store, "sara", on=True), add_colleague(store, "omid", on=True)
    add_colleague(store, "mina", admin=True)
    case = write(store, policy)
    assert ring() == alerts.Tick(rung=1, called=2)
    assert called(store, case) == [(sara, 0, "on_duty"), (omid, 0, "on_duty")]


def test_nobody_on_duty_calls_the_admins_and_says_so(
    store: Store, policy: Policy, ring: Ring
) -> None:
    add_colleague(store, "omid")
    mina, reza = (
        add_colleague(store, "mina", admin=True),
        add_colleague(store, "reza", admin=True),
    )
    case = write(store, policy)
    ring()
    assert called(store, case) == [(mina, 0, "nobody_on_duty"), (reza, 0, "nobody_on_duty")]


@pytest.mark.parametrize("text", ["a complaint", "hello?", "thanks", "buy followers now"])
def test_what_is_not_urgent_calls_nobody(
    store: Store, policy: Policy, ring: Ring, text: str
) -> None:
    add_colleague(store, "sara", on=True)
    case = write(store, policy, text=text)
    assert ring() == alerts.Tick()
    assert called(store, case) == []


def test_history_and_what_a_file_brings_from_long_ago_call_nobody(
    store: Store, policy: Policy, ring: Ring
) -> None:
    add_colleague(store, "sara", on=True)
    take_in(
        store,
        [
            incoming("1", "urgent: help", author="a", historic=True),
            incoming("2", "urgent: help", author="b", minutes_ago=25 * 60),
        ],
    )
    Pipeline(store, WordJudge(), policy).run_until_idle()
    assert ring() == alerts.Tick()


def test_a_blocked_writer_calls_nobody_and_silences_what_rings(
    store: Store, policy: Policy, ring: Ring
) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    with store.write() as session:
        people.block(session, sara, case, store.clock.now(), policy)
    assert ring().ended == 1
    assert newest_alarm(store, case).ended_because is EndedBecause.CALMED
    write(store, policy, "2", text="urgent again")
    assert ring() == alerts.Tick()


def test_the_same_case_is_not_told_twice(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    for n in range(2, 7):
        clock.advance(MINUTE)
        assert write(store, policy, str(n), text="urgent urgent") == case
        assert ring().called == 0
    assert len(called(store, case)) == 1


def test_the_next_in_order_is_called_when_nobody_acts_and_then_the_next(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    omid, mina = add_colleague(store, "omid"), add_colleague(store, "mina", admin=True)
    with store.write() as session:
        duty.put_in_order(session, [sara, omid, mina])
    case = write(store, policy)
    ring()
    clock.advance(10 * MINUTE - timedelta(seconds=1))
    assert ring() == alerts.Tick()
    clock.advance(timedelta(seconds=1))
    assert ring() == alerts.Tick(escalated=1, called=1)
    clock.advance(10 * MINUTE)
    ring()
    clock.advance(10 * MINUTE)
    assert ring() == alerts.Tick()
    assert called(store, case) == [
        (sara, 0, "on_duty"),
        (omid, 1, "next_in_order"),
        (mina, 2, "next_in_order"),
    ]
    alarm = newest_alarm(store, case)
    assert (alarm.ended_at, alarm.escalate_at) == (None, None)


def test_who_opens_the_case_puts_the_next_call_off_once(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara, mina = add_colleague(store, "sara", on=True), add_colleague(store, "mina", admin=True)
    case = write(store, policy)
    ring()

    def open_it() -> bool:
        with store.write() as session:
            return alerts.opened(session, case, sara, RULES, clock.now())

    clock.advance(8 * MINUTE)
    assert open_it()
    clock.advance(8 * MINUTE)
    # A page left open, that loads itself again, is no sign of anybody.
    assert not open_it()
    assert ring() == alerts.Tick()
    clock.advance(2 * MINUTE)
    assert ring().escalated == 1
    assert called(store, case)[-1] == (mina, 1, "next_in_order")
    # After a new call, whoever looks again counts again; there is nobody left to put off.
    clock.advance(MINUTE)
    assert open_it()


def close(store: Store, policy: Policy, case: int, by: int) -> None:
    with store.write() as session:
        casework.close(session, by, [case], store.clock.now())


def take(store: Store, policy: Policy, case: int, by: int) -> None:
    with store.write() as session:
        casework.assign(session, by, [case], store.clock.now(), by)


def answer(store: Store, policy: Policy, case: int, by: int) -> None:
    now = store.clock.now()
    with store.write() as session:
        answered(session, case, now, now, policy, by=by)


def snooze(store: Store, policy: Policy, case: int, by: int) -> None:
    now = store.clock.now()
    with store.write() as session:
        casework.snooze(session, by, [case], now, now + timedelta(hours=1))


def calm(store: Store, policy: Policy, case: int, by: int) -> None:
    with store.write() as session:
        message = session.scalars(select(Message.id).where(Message.case_id == case)).one()
        said = Said(urgent=False, complaint=False)
        corrections.correct(session, by, message, store.clock.now(), policy, said)


@pytest.mark.parametrize(
    ("deed", "because"),
    [
        (close, EndedBecause.CLOSED),
        (take, EndedBecause.TAKEN),
        (answer, EndedBecause.ANSWERED),
        (snooze, EndedBecause.SNOOZED),
        (calm, EndedBecause.CALMED),
    ],
)
def test_an_alarm_stops_when_somebody_acts(
    store: Store,
    policy: Policy,
    ring: Ring,
    clock: SetClock,
    deed: Callable[[Store, Policy, int, int], None],
    because: EndedBecause,
) -> None:
    sara = add_colleague(store, "sara", on=True)
    add_colleague(store, "mina", admin=True)
    case = write(store, policy)
    ring()
    clock.advance(9 * MINUTE)
    deed(store, policy, case, sara)
    clock.advance(MINUTE)
    assert ring() == alerts.Tick(ended=1)
    assert newest_alarm(store, case).ended_because is because
    clock.advance(timedelta(hours=5))
    assert ring() == alerts.Tick()
    assert called(store, case) == [(sara, 0, "on_duty")]


def test_a_case_that_someone_has_rings_too_and_their_having_it_stops_nothing(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    omid = add_colleague(store, "omid")
    case = write(store, policy, text="hello?")
    take(store, policy, case, omid)
    assert write(store, policy, "2") == case
    assert ring().called == 1
    clock.advance(MINUTE)
    assert ring() == alerts.Tick()
    take(store, policy, case, sara)
    assert ring().ended == 1


def test_news_within_the_quiet_time_does_not_ring_and_after_it_does(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    clock.advance(5 * MINUTE)
    answer(store, policy, case, sara)
    ring()
    clock.advance(MINUTE)
    write(store, policy, "2", text="urgent, still")
    assert ring() == alerts.Tick()
    clock.advance(53 * MINUTE)
    assert ring() == alerts.Tick()
    clock.advance(MINUTE)
    assert ring() == alerts.Tick(rung=1, called=1)
    assert len(called(store, case)) == 2


def test_a_priority_that_goes_down_and_up_again_does_not_ring_again(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    calm(store, policy, case, sara)
    ring()
    clock.advance(timedelta(hours=2))
    with store.write() as session:
        message = session.scalars(select(Message.id).where(Message.case_id == case)).one()
        corrections.correct(session, sara, message, clock.now(), policy, Said(urgent=True))
    assert case_of(store, case).priority == 3
    assert ring() == alerts.Tick()


def test_a_case_given_back_to_nobody_rings_again_after_the_quiet_time(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    take(store, policy, case, sara)
    ring()
    with store.write() as session:
        casework.assign(session, sara, [case], clock.now(), None)
    assert ring() == alerts.Tick()
    clock.advance(timedelta(hours=1))
    assert ring().rung == 1


def test_closing_and_taking_it_back_does_not_ring(store: Store, policy: Policy, ring: Ring) -> None:
    sara = add_colleague(store, "sara", on=True)
    case = write(store, policy)
    ring()
    close(store, policy, case, sara)
    with store.write() as session:
        (again,) = casework.reopen(session, sara, [case], store.clock.now(), policy).changed
    assert ring() == alerts.Tick(ended=1)
    # But when the customer then writes, it does: that is news, in a case of its own.
    assert write(store, policy, "2", text="urgent!") == again
    assert ring().rung == 1


def test_who_comes_on_duty_while_a_case_rings_is_called_too(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    mina = add_colleague(store, "mina", admin=True)
    sara = add_colleague(store, "sara")
    case = write(store, policy)
    ring()
    clock.advance(3 * MINUTE)
    set_duty(store, sara, on=True)
    assert ring() == alerts.Tick(called=1)
    assert ring() == alerts.Tick()
    assert called(store, case) == [(mina, 0, "nobody_on_duty"), (sara, 0, "on_duty")]


def test_outside_business_hours_an_urgent_case_rings_all_the_same(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True)
    clock.advance(timedelta(hours=16))  # 02:00 in Tehran
    write(store, policy)
    write(store, policy, "2", author="other", text="a complaint")
    assert ring() == alerts.Tick(rung=1, called=1)


def test_a_disabled_colleague_is_not_called(store: Store, policy: Policy, ring: Ring) -> None:
    sara, omid = add_colleague(store, "sara", on=True), add_colleague(store, "omid", on=True)
    with store.write() as session:
        session.get_one(User, sara).state = UserState.DISABLED
    case = write(store, policy)
    ring()
    assert [row[0] for row in called(store, case)] == [omid]


def test_before_there_is_anybody_nothing_rings_and_then_it_does(
    store: Store, policy: Policy, ring: Ring
) -> None:
    write(store, policy)
    assert ring() == alerts.Tick()
    add_colleague(store, "mina", admin=True)
    assert ring().rung == 1


def test_screens_hear_of_a_call(store: Store, policy: Policy, ring: Ring) -> None:
    add_colleague(store, "sara", on=True)
    case = write(store, policy)
    with store.read() as session:
        before = changes.latest(session)
    ring()
    with store.read() as session:
        assert changes.since(session, before).case_ids == (case,)


def test_two_workers_that_tick_at_once_call_once(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    add_colleague(store, "sara", on=True)
    add_colleague(store, "mina", admin=True)
    for n in range(5):
        write(store, policy, str(n), author=f"a{n}")

    def together() -> list[alerts.Tick]:
        barrier, ticks = Barrier(2), []

        def work() -> None:
            barrier.wait()
            ticks.append(ring())

        threads = [Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return ticks

    assert sum(tick.rung for tick in together()) == 5
    clock.advance(10 * MINUTE)
    assert sum(tick.escalated for tick in together()) == 5
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(Alarm)) == 5
        assert session.scalar(select(func.count()).select_from(Alert)) == 10


def test_many_cases_at_once_are_one_mail_and_what_follows_waits_for_the_next(
    store: Store, policy: Policy, ring: Ring, clock: SetClock
) -> None:
    """The evening on which the payment gateway fails: four hundred write."""
    sara = add_colleague(store, "sara", on=True)
    batch = [
        incoming(f"m{n}", "urgent", author=f"a{n}", written_at=clock.now()) for n in range(400)
    ]
    take_in(store, batch)
    Pipeline(store, WordJudge(), policy).run_until_idle()
    assert [ring().rung for _ in range(3)] == [200, 200, 0]
    with store.read() as session:
        (mail,) = session.scalars(select(AlertMail)).all()
        assert (mail.user_id, mail.not_before) == (sara, clock.now())
        assert set(session.scalars(select(Alert.mail_id))) == {mail.id}
