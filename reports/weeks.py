"""Weeks of the shop: where they begin and end, their days and hours, in quarters of an hour.

Pure. A slot is a quarter of an hour, numbered from the epoch. The clocks of all zones have
differed from UTC by whole quarters since 1972, so that every local hour is made of whole slots.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shenava.hours import BusinessHours, day_start, week_start

SLOT_S = 900

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """From slot ``begin`` to before slot ``end``."""

    begin: int
    end: int

    @property
    def slots(self) -> int:
        return max(0, self.end - self.begin)

    @property
    def starts_at(self) -> datetime:
        return instant(self.begin)

    @property
    def ends_at(self) -> datetime:
        return instant(self.end)


@dataclass(frozen=True, slots=True)
class Day:
    """One local date of a week."""

    day: date
    span: Span


@dataclass(frozen=True, slots=True)
class Week:
    """One week of the shop, named by the local date it begins on. ``starts_at`` and ``ends_at``
    are in UTC."""

    zone: ZoneInfo
    first: date
    starts_at: datetime
    ends_at: datetime

    @property
    def name(self) -> str:
        """As addresses and the command line say it: ``2026-01-03``."""
        return self.first.isoformat()

    @property
    def span(self) -> Span:
        return Span(slot_of(self.starts_at), slot_of(self.ends_at))

    def upto(self, as_of: datetime) -> Span:
        """The part of the week that had passed at ``as_of``, the running slot among it."""
        whole = self.span
        return Span(whole.begin, max(whole.begin, min(whole.end, slot_of(as_of) + 1)))

    def is_over(self, as_of: datetime) -> bool:
        return as_of >= self.ends_at

    def days(self) -> list[Day]:
        """Its seven days; where clocks change, one has an hour less or more."""
        dates = [self.first + timedelta(days=n) for n in range(8)]
        starts = [slot_of(day_start(self.zone, one)) for one in dates]
        return [Day(dates[n], Span(starts[n], starts[n + 1])) for n in range(7)]

    def hour(self, day: int, hour: int) -> Span:
        """The slots in which the clock shows that hour of the ``day``-th day (0 to 6)."""
        day_of = self.first + timedelta(days=day)
        return Span(
            slot_of(day_start(self.zone, day_of, minutes=hour * 60)),
            slot_of(day_start(self.zone, day_of, minutes=(hour + 1) * 60)),
        )

    def hours(self) -> Iterator[tuple[int, int, Span]]:
        """Every hour as (day, hour, slots); one that the clocks leap over has none."""
        for day in range(7):
            for hour in range(24):
                yield day, hour, self.hour(day, hour)


def week_at(hours: BusinessHours, at: datetime) -> Week:
    """The week of the shop that holds ``at``."""
    start = week_start(hours, at)
    # Past the end by half a day whatever the clocks do in between.
    end = week_start(hours, start + timedelta(days=7, hours=12))
    first = (start + timedelta(hours=12)).astimezone(hours.zone).date()
    return Week(hours.zone, first, start, end)


def week_before(hours: BusinessHours, week: Week) -> Week:
    return week_at(hours, week.starts_at - timedelta(hours=12))


def week_after(hours: BusinessHours, week: Week) -> Week:
    return week_at(hours, week.ends_at + timedelta(hours=12))


def week_named(hours: BusinessHours, name: str) -> Week:
    """The week that begins on the local date ``name``, or holds it. ``ValueError`` for no date."""
    day = date.fromisoformat(name)
    if not 1980 <= day.year <= 9000:
        raise ValueError(f"{name} is no date that a shop has a week of")
    return week_at(hours, datetime.combine(day, time(12), hours.zone))


def slot_of(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(seconds=SLOT_S)


def instant(slot: int) -> datetime:
    return _EPOCH + timedelta(seconds=slot * SLOT_S)


def micros(at: datetime) -> int:
    """Microseconds from the epoch, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)
