"""Quiet hours: when no broadcast leaves, unless it is urgent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From one time of the day until another, perhaps past midnight, in ``zone``."""

    begin: time
    end: time
    zone: ZoneInfo

    def over_at(self, at: datetime) -> datetime | None:
        """When the quiet hours that ``at`` falls into are over; ``None``: it falls into none."""
        local = at.astimezone(self.zone)
        for days in (-1, 0):
            day = local.date() + timedelta(days=days)
            begin = datetime.combine(day, self.begin, self.zone)
            end_day = day if self.end > self.begin else day + timedelta(days=1)
            end = datetime.combine(end_day, self.end, self.zone)
            if begin.astimezone(UTC) <= at < end.astimezone(UTC):
                return end.astimezone(UTC)
        return None


def quiet_hours(told: str, zone: ZoneInfo) -> QuietHours | None:
    """What the setting ``broadcast_quiet_hours`` says; ``None`` when it is empty."""
    if not told:
        return None
    begin, end = (time.fromisoformat(one) for one in told.split("-"))
    return None if begin == end else QuietHours(begin, end, zone)


def start_of(wish: datetime, quiet: QuietHours | None, *, urgent: bool) -> datetime:
    """When a broadcast that is to leave at ``wish`` does leave."""
    if urgent or quiet is None:
        return wish
    return quiet.over_at(wish) or wish
