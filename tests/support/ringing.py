"""People on and off duty, and cases and spikes that ring."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from collectors.intake import take_in
from responder import duty, spikes
from responder.alerts import Rules
from responder.policy import Policy
from service.pipeline import Pipeline
from shenava.store import (
    Alarm,
    Alert,
    Broadcast,
    BroadcastState,
    Case,
    Message,
    Role,
    Spike,
    SpikeCase,
    Stage,
    Store,
    Switch,
    User,
    UserState,
)
from support.factories import incoming
from support.judges import WordJudge

RULES = Rules(
    escalate_after=timedelta(minutes=10),
    quiet=timedelta(minutes=60),
    mail_every=timedelta(minutes=5),
    mail_domain="shop.test",
)


def add_colleague(
    store: Store, name: str, *, on: bool = False, admin: bool = False, language: str | None = None
) -> int:
    """Someone who may sign in, on duty or not; returns their number."""
    with store.write() as session:
        user = User(
            email=f"{name}@shop.test",
            name=name,
            role=Role.ADMIN if admin else Role.AGENT,
            state=UserState.ACTIVE,
            password_hash="x",
            session_key=name,
            language=language,
            created_at=store.clock.now(),
        )
        session.add(user)
        session.flush()
        if on:
            duty.switch(session, user.id, Switch.ON, store.clock.now())
        return user.id


def set_duty(store: Store, user_id: int, *, on: bool) -> None:
    with store.write() as session:
        duty.switch(session, user_id, Switch.ON if on else Switch.OFF, store.clock.now())


def write(
    store: Store, policy: Policy, key: str = "1", *, author: str = "ali", text: str = "urgent: help"
) -> int:
    """A customer writes now, and is judged; returns the number of their case."""
    take_in(store, [incoming(key, text, author=author, written_at=store.clock.now())])
    Pipeline(store, WordJudge(), policy).run_until_idle()
    with store.read() as session:
        found = session.scalars(select(Message.case_id).where(Message.native_key == key))
        return found.one()


def called(store: Store, case_id: int) -> list[tuple[int, int, str]]:
    """Whom a case has called, in order, as (person, step, because)."""
    with store.read() as session:
        rows = session.execute(
            select(Alert.user_id, Alert.step, Alert.because)
            .join(Alarm, Alarm.id == Alert.alarm_id)
            .where(Alarm.case_id == case_id)
            .order_by(Alert.id)
        )
        return [(row.user_id, row.step, row.because.value) for row in rows]


def newest_alarm(store: Store, case_id: int) -> Alarm:
    with store.read() as session:
        return session.scalars(
            select(Alarm).where(Alarm.case_id == case_id).order_by(Alarm.id.desc()).limit(1)
        ).one()


def case_of(store: Store, case_id: int) -> Case:
    with store.read() as session:
        return session.get_one(Case, case_id)


def add_spike(
    store: Store,
    *,
    cause: str = "payment",
    policy: Policy | None = None,
    people: int = 0,
    of: int | None = None,
) -> int:
    """A spike is seen now, of so many people who just wrote, or of the cases of another one;
    returns its number."""
    cases = []
    if policy is not None:
        for n in range(people):
            cases.append(
                write(store, policy, f"spike{n}", author=f"someone{n}", text="a complaint")
            )
    now = store.clock.now()
    with store.write() as session:
        if of is not None:
            cases = spikes.open_cases(session, [of])
        spike = Spike(
            cause=cause,
            also=[],
            began_at=now - timedelta(minutes=3),
            seen_at=now,
            loud_at=now,
            usual=0.2,
            words=[],
            examples=[],
        )
        session.add(spike)
        session.flush()
        session.add_all(SpikeCase(spike_id=spike.id, case_id=case) for case in cases)
        return spike.id


def spike_calls(store: Store, spike_id: int) -> list[tuple[int, int, str]]:
    """Whom a spike has called, as :func:`called` tells it of a case."""
    with store.read() as session:
        rows = session.execute(
            select(Alert.user_id, Alert.step, Alert.because)
            .join(Alarm, Alarm.id == Alert.alarm_id)
            .where(Alarm.spike_id == spike_id)
            .order_by(Alert.id)
        )
        return [(row.user_id, row.step, row.because.value) for row in rows]


def begin_notice(store: Store, spike_id: int, by: int) -> int:
    """A notice is begun from a spike; returns the notice's number."""
    with store.write() as session:
        notice = Broadcast(
            principal=f"user:{by}",
            key=f"spike-{spike_id}",
            body_hash="x",
            stage=Stage.INVESTIGATING,
            kind="payment",
            state=BroadcastState.SENDING,
            content={},
            aim={},
            plan_hash="x",
            created_at=store.clock.now(),
            started_at=store.clock.now(),
        )
        session.add(notice)
        session.flush()
        spikes.link(session, spike_id, notice.id)
        return notice.id
