"""Promises of the policy: triage goes by what an operator set, or a sentence says why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config import Settings, SettingsError
from responder.policy import policy_of
from responder.triage import Priority
from shenava.hours import add_business_time, is_open


def test_the_settings_become_hours_and_targets() -> None:
    policy = policy_of(
        Settings(
            time_zone="Asia/Dubai",
            business_hours="mon-fri 10:00-12:00",
            first_weekday="monday",
            answer_urgent_minutes=5,
            answer_high_minutes=6,
            answer_normal_minutes=7,
            reach_followers=99,
            urgent_around_the_clock=True,
        )
    )
    assert [policy.targets.minutes(priority) for priority in Priority] == [None, 7, 6, 5]
    assert (policy.targets.reach_followers, policy.targets.urgent_around_the_clock) == (99, True)
    monday = datetime(2026, 1, 5, 10, tzinfo=ZoneInfo("Asia/Dubai"))
    assert is_open(policy.hours, monday)
    assert not is_open(policy.hours, monday - timedelta(minutes=1))
    assert policy.hours.first_weekday == 0


def test_a_shop_that_set_nothing_is_open_as_shops_in_tehran_are() -> None:
    hours = policy_of(Settings()).hours
    thursday_evening = datetime(2026, 1, 8, 13, 20, tzinfo=UTC)  # 16:50 in Tehran
    due = add_business_time(hours, thursday_evening, timedelta(minutes=15))
    assert due == datetime(2026, 1, 10, 5, 35, tzinfo=UTC)  # Saturday, 09:05


@pytest.mark.parametrize("hours", ["mon 9-17", "funday 09:00-17:00", "mon 17:00-09:00", "always x"])
def test_unreadable_hours_are_named_with_their_setting_and_variable(hours: str) -> None:
    with pytest.raises(SettingsError) as stopped:
        policy_of(Settings(business_hours=hours))
    sentence = "The setting business_hours (SHENAVA_BUSINESS_HOURS) cannot be "
    assert str(stopped.value).startswith(f"{sentence}{hours!r}: ")


@pytest.mark.parametrize(("urgent", "high", "normal"), [(61, 60, 240), (15, 241, 240)])
def test_due_times_that_shrink_with_the_priority_are_refused(
    urgent: int, high: int, normal: int
) -> None:
    with pytest.raises(SettingsError, match="do not fit together"):
        policy_of(
            Settings(
                answer_urgent_minutes=urgent,
                answer_high_minutes=high,
                answer_normal_minutes=normal,
            )
        )
