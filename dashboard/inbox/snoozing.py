"""The times until which a case can be put away, as people think of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.i18n import Lazy, lazy

_MORNING = time(9)


@dataclass(frozen=True, slots=True)
class Choice:
    """``until``: the instant (UTC) it means now."""

    name: str
    word: Lazy
    until: datetime


def choices(now: datetime, zone: ZoneInfo) -> tuple[Choice, ...]:
    """What is offered at ``now`` to people in ``zone``, the soonest first."""
    return (
        Choice("1h", lazy("in an hour"), now + timedelta(hours=1)),
        Choice("3h", lazy("in three hours"), now + timedelta(hours=3)),
        Choice("tomorrow", lazy("tomorrow morning"), _morning(now, zone, 1)),
        Choice("3d", lazy("in three days"), _morning(now, zone, 3)),
        Choice("week", lazy("in a week"), _morning(now, zone, 7)),
    )


def until(name: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that the choice ``name`` means; ``None`` when there is no such choice."""
    return next((choice.until for choice in choices(now, zone) if choice.name == name), None)


def _morning(now: datetime, zone: ZoneInfo, days: int) -> datetime:
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, _MORNING, zone).astimezone(UTC)
