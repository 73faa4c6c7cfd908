"""What the pages of duty read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.context import desk
from dashboard.inbox.rows import person_of
from dashboard.reader import person_or_none
from responder import duty
from responder.duty import Colleague, Standing
from shenava.store import (
    Alarm,
    Alert,
    AlertMail,
    CalledBecause,
    Case,
    Duty,
    EndedBecause,
    Identity,
    MailState,
    Spike,
    User,
)

ALARMS = 10
"""Alarms that the page lists, the newest."""


@dataclass(frozen=True, slots=True)
class Member:
    """Someone on the page: the person, what they planned (as written), how they stand."""

    id: int
    name: str
    colleague: Colleague
    standing: Standing
    hours: str


@dataclass(frozen=True, slots=True)
class Called:
    """Someone whom an alarm called. ``mail`` is ``None`` where no mail was to be sent."""

    name: str
    at: datetime
    because: CalledBecause
    mail: MailState | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class AlarmView:
    """An alarm of a case of ``customer``, or of a ``spike``."""

    case_id: int | None
    customer: str
    spike: Spike | None
    rung_at: datetime
    opened_by: str | None
    ended_because: EndedBecause | None
    calls: tuple[Called, ...]


def my_standing() -> Standing | None:
    """How the person who is signed in stands; ``None`` before the sign-in. For every page."""
    person = person_or_none()
    if person is None:
        return None
    with desk().store.read() as session:
        row = session.get(Duty, person.id)
    me = duty.colleague(person.id, person.role, row)
    return duty.standing(me, desk().policy.hours, desk().store.clock.now())


def members(session: Session, now: datetime) -> list[Member]:
    """Everyone who works here now: who is on duty first, then by name."""
    rows = {row.id: row for row in session.execute(select(User.id, User.name))}
    rows_of_duty = session.execute(select(Duty.user_id, Duty.hours))
    written = {row.user_id: row.hours for row in rows_of_duty}
    found = [
        Member(
            id=one.user_id,
            name=rows[one.user_id].name,
            colleague=one,
            standing=duty.standing(one, desk().policy.hours, now),
            hours=written.get(one.user_id, ""),
        )
        for one in duty.colleagues(session)
    ]
    return sorted(found, key=lambda one: (not one.standing.on, one.name.casefold(), one.id))


def alarms(session: Session) -> list[AlarmView]:
    """The newest alarms, with everyone they called."""
    found = session.execute(
        select(Alarm, Spike, Identity, User.name.label("opener"))
        .outerjoin(Case, Case.id == Alarm.case_id)
        .outerjoin(Identity, Identity.id == Case.identity_id)
        .outerjoin(Spike, Spike.id == Alarm.spike_id)
        .outerjoin(User, User.id == Alarm.opened_by)
        .order_by(Alarm.id.desc())
        .limit(ALARMS)
    ).all()
    calls = _calls(session, [row.Alarm.id for row in found])
    return [
        AlarmView(
            case_id=row.Alarm.case_id,
            customer=person_of(row.Identity, vip=False).name if row.Identity else "",
            spike=row.Spike,
            rung_at=row.Alarm.rung_at,
            opened_by=row.opener,
            ended_because=row.Alarm.ended_because,
            calls=tuple(calls.get(row.Alarm.id, ())),
        )
        for row in found
    ]


def _calls(session: Session, alarm_ids: Sequence[int]) -> dict[int, list[Called]]:
    found: dict[int, list[Called]] = {}
    rows: Any = session.execute(
        select(
            Alert.alarm_id,
            User.name,
            Alert.made_at,
            Alert.because,
            AlertMail.state,
            AlertMail.reason,
        )
        .join(User, User.id == Alert.user_id)
        .outerjoin(AlertMail, AlertMail.id == Alert.mail_id)
        .where(Alert.alarm_id.in_(alarm_ids))
        .order_by(Alert.id)
    )
    for alarm_id, *told in rows:
        found.setdefault(alarm_id, []).append(Called(*told))
    return found
