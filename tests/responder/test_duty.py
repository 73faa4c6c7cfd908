"""Promises of duty: the plan holds, whoever presses the switch outranks it until it changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from support.ringing import add_colleague

from responder import duty
from responder.duty import Colleague, on_duty, order, standing
from shenava.hours import BusinessHours, next_closing, parse_week
from shenava.store import Store, Switch

TEHRAN = ZoneInfo("Asia/Tehran")
SHOP = BusinessHours(TEHRAN, parse_week("sat-wed 09:00-21:00"))
WEEK = parse_week("sat-wed 09:00-17:00")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An hour in Tehran in January 2026, of which the 3rd is a Saturday."""
    return datetime(2026, 1, day, hour, minute, tzinfo=TEHRAN)


def planned(switched: Switch | None = None, when: datetime | None = None) -> Colleague:
    return Colleague(1, week=WEEK, switched=switched, switched_at=when)


@pytest.mark.parametrize(
    ("now", "on", "until"),
    [
        (at(3, 8, 59), False, at(3, 9)),
        (at(3, 9), True, at(3, 17)),
        (at(3, 17), False, at(4, 9)),
        (at(7, 18), False, at(10, 9)),
    ],
)
def test_without_the_switch_the_plan_holds(now: datetime, on: bool, until: datetime) -> None:
    found = standing(planned(), SHOP, now)
    assert (found.on, found.until, found.by_hand) == (on, until, False)


def test_who_goes_off_duty_in_a_shift_is_back_with_the_next() -> None:
    ill = planned(Switch.OFF, at(3, 12))
    assert not standing(ill, SHOP, at(3, 16)).on
    assert standing(ill, SHOP, at(3, 16)).until == at(4, 9)
    assert not standing(ill, SHOP, at(3, 20)).on
    assert standing(ill, SHOP, at(4, 9)).on


def test_who_goes_on_duty_at_night_goes_home_after_the_next_shift() -> None:
    keen = planned(Switch.ON, at(3, 22))
    assert standing(keen, SHOP, at(4, 3)).on
    assert standing(keen, SHOP, at(4, 3)).until == at(4, 17)
    assert standing(keen, SHOP, at(4, 12)).on
    assert not standing(keen, SHOP, at(4, 17)).on


def test_without_a_plan_the_switch_holds_until_it_is_pressed_again() -> None:
    one = Colleague(1, switched=Switch.ON, switched_at=at(3, 12))
    found = standing(one, SHOP, at(3, 12) + timedelta(days=400))
    assert (found.on, found.until, found.by_hand) == (True, None, True)
    assert not standing(Colleague(1), SHOP, at(3, 12)).on


def test_a_shift_over_midnight_is_one() -> None:
    night = Colleague(1, week=parse_week("sat 22:00-24:00; sun 00:00-06:00"))
    assert standing(night, SHOP, at(3, 23)).until == at(4, 6)


def test_whoever_is_planned_always_never_closes() -> None:
    always = BusinessHours(TEHRAN, parse_week("always"))
    assert next_closing(always, at(3, 12)) is None
    assert next_closing(BusinessHours(TEHRAN, {}), at(3, 12)) == at(3, 12)


def test_the_shops_holiday_is_no_holiday_of_who_is_on_duty() -> None:
    closed = BusinessHours(TEHRAN, SHOP.week, holidays=frozenset({at(3, 9).date()}))
    assert on_duty([planned()], closed, at(3, 12)) == (1,)


def test_all_on_duty_are_named_in_the_order_given() -> None:
    people = [
        Colleague(7, switched=Switch.ON, switched_at=at(3, 1)),
        Colleague(3),
        Colleague(5, week=WEEK),
    ]
    assert on_duty(people, SHOP, at(3, 12)) == (7, 5)
    assert on_duty(people, SHOP, at(3, 18)) == (7,)


def test_the_order_is_the_places_and_without_one_the_admins() -> None:
    assert order([Colleague(1, place=2), Colleague(2), Colleague(3, place=1)]) == (3, 1)
    assert order([Colleague(1), Colleague(2, is_admin=True)]) == (2,)


def test_what_is_kept_of_someone_is_read_back(store: Store) -> None:
    sara, omid = add_colleague(store, "sara", admin=True), add_colleague(store, "omid")
    now = store.clock.now()
    with store.write() as session:
        duty.plan(session, sara, " sat-wed 09:00-17:00 ")
        duty.switch(session, sara, Switch.OFF, now)
        duty.put_in_order(session, [omid, sara])
    with store.write() as session:
        duty.put_in_order(session, [omid])
    with store.read() as session:
        first, second = duty.colleagues(session)
    assert first == Colleague(sara, True, WEEK, Switch.OFF, now, None)
    assert second == Colleague(omid, False, {}, None, None, 1)


@pytest.mark.parametrize("wrong", ["someday", "sat 09:00-08:00", "sat 09:00-10:00; " * 40])
def test_hours_that_cannot_be_read_are_refused(store: Store, wrong: str) -> None:
    sara = add_colleague(store, "sara")
    with store.write() as session, pytest.raises(ValueError):
        duty.plan(session, sara, wrong)
    with store.read() as session:
        assert duty.colleagues(session)[0].week is None
