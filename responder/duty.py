"""Who is on duty.

A person plans the hours of a week. Whoever presses the switch overrides the plan until it next
changes: "off" at noon lasts until the shift would have ended, "on" at night until the next shift
begins, which then goes on by the plan. Without a plan the switch holds until it is pressed again.
The plan is kept in the shop's time zone; a shop's holiday is no holiday for who is on duty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shenava.hours import (
    BusinessHours,
    Interval,
    is_open,
    next_closing,
    next_opening,
    parse_week,
)
from shenava.store import Duty, Role, Switch, User, UserState
from shenava.store.bulk import insert_into

HOURS_LIMIT = 400
"""Characters of a planned week."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Someone who works here now. ``week``: the planned hours. ``place``: in the order of
    escalation, ``None`` outside of it."""

    user_id: int
    is_admin: bool = False
    week: Mapping[int, tuple[Interval, ...]] | None = None
    switched: Switch | None = None
    switched_at: datetime | None = None
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether someone is on duty, until when that stays so (``None``: until someone presses the
    switch), and whether it is so because of the switch."""

    on: bool
    until: datetime | None
    by_hand: bool


def standing(person: Colleague, hours: BusinessHours, now: datetime) -> Standing:
    """How ``person`` stands at ``now`` (aware). ``hours``: the shop's, for their time zone."""
    plan = BusinessHours(hours.zone, person.week or {}, hours.first_weekday)
    if person.switched is not None and person.switched_at is not None:
        on = person.switched is Switch.ON
        end = _next_change(plan, person.switched_at)
        if end is None or now < end:
            if end is not None and is_open(plan, end) is on:
                # The plan goes on as the switch stands: nothing changes for the person there.
                end = _next_change(plan, end)
            return Standing(on, end, by_hand=True)
    return Standing(is_open(plan, now), _next_change(plan, now), by_hand=False)


def on_duty(people: Iterable[Colleague], hours: BusinessHours, now: datetime) -> tuple[int, ...]:
    """The numbers of those of ``people`` who are on duty at ``now``, in the order given."""
    return tuple(person.user_id for person in people if standing(person, hours, now).on)


def order(people: Iterable[Colleague]) -> tuple[int, ...]:
    """Whom an alarm climbs to, the first first. Where no order is set: the admins."""
    everyone = list(people)
    placed = sorted(
        (person.place, person.user_id) for person in everyone if person.place is not None
    )
    if placed:
        return tuple(user_id for _, user_id in placed)
    return tuple(person.user_id for person in everyone if person.is_admin)


def _next_change(plan: BusinessHours, at: datetime) -> datetime | None:
    return next_closing(plan, at) if is_open(plan, at) else next_opening(plan, at)


# The rows.


def colleagues(session: Session) -> list[Colleague]:
    """Everyone who may sign in now, by number."""
    found = session.execute(
        select(User.id, User.role, Duty)
        .outerjoin(Duty, Duty.user_id == User.id)
        .where(User.state == UserState.ACTIVE)
        .order_by(User.id)
    )
    return [colleague(row.id, row.role, row.Duty) for row in found]


def colleague(user_id: int, role: Role, duty: Duty | None) -> Colleague:
    """Someone, by their row of duty, where they have one."""
    if duty is None:
        return Colleague(user_id, role is Role.ADMIN)
    return Colleague(
        user_id,
        role is Role.ADMIN,
        parse_week(duty.hours),
        duty.switched,
        duty.switched_at,
        duty.place,
    )


def switch(session: Session, user_id: int, to: Switch, now: datetime) -> None:
    """Put someone on or off duty, from now until the plan next changes."""
    _keep(session, user_id, switched=to, switched_at=now)


def plan(session: Session, user_id: int, hours: str) -> None:
    """Plan someone's week. Raises ``ValueError`` when ``hours`` cannot be read."""
    if len(hours) > HOURS_LIMIT:
        raise ValueError(f"at most {HOURS_LIMIT} characters")
    parse_week(hours)
    _keep(session, user_id, hours=hours.strip())


def put_in_order(session: Session, user_ids: Sequence[int]) -> None:
    """Set the whole order of escalation; who is not named is out of it."""
    for row in session.scalars(select(Duty).where(Duty.place.is_not(None)).with_for_update()):
        row.place = None
    session.flush()
    for place, user_id in enumerate(user_ids, start=1):
        _keep(session, user_id, place=place)


def _keep(session: Session, user_id: int, **values: object) -> None:
    statement = insert_into(session, Duty).values({"hours": "", **values, "user_id": user_id})
    session.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))
