"""The shop's own rules, read from the settings once: when it is open, how fast it answers."""

from __future__ import annotations

from dataclasses import dataclass

from config import Settings, SettingsError
from responder.triage import Targets
from shenava.hours import BusinessHours, parse_week


@dataclass(frozen=True, slots=True)
class Policy:
    """What triage needs to know of the shop."""

    hours: BusinessHours
    targets: Targets


def policy_of(settings: Settings) -> Policy:
    """The policy that ``settings`` describe.

    Raises ``SettingsError`` on unreadable hours, or due times that shrink with the priority.
    """
    try:
        week = parse_week(settings.business_hours)
    except ValueError as error:
        raise SettingsError(
            f"The setting business_hours (SHENAVA_BUSINESS_HOURS) cannot be "
            f"{settings.business_hours!r}: {error}"
        ) from None
    try:
        targets = Targets(
            urgent=settings.answer_urgent_minutes,
            high=settings.answer_high_minutes,
            normal=settings.answer_normal_minutes,
            reach_followers=settings.reach_followers,
            urgent_around_the_clock=settings.urgent_around_the_clock,
        )
    except ValueError as error:
        raise SettingsError(
            f"The settings answer_urgent_minutes, answer_high_minutes and answer_normal_minutes "
            f"(SHENAVA_ANSWER_…_MINUTES) do not fit together: {error}"
        ) from None
    hours = BusinessHours(
        zone=settings.zone, week=week, first_weekday=settings.first_weekday.number
    )
    return Policy(hours=hours, targets=targets)
