"""Business hours: when the shop is open, and how long that is in real time.

Pure: no clock, no database. Instants come in aware (any zone) and go out in UTC; hours are wall
times of the shop's zone.

**One rule for days on which clocks are changed.** A wall time stands for *the first instant at
which the shop's clock shows that time or a later one*. It follows that

* a time that does not exist (clocks go forward over it) is the instant of the change;
* a time that comes twice (clocks go back) is its first coming, for opening and for closing;
* an interval that spans a gap is shorter in real time, one that spans a repeated hour is longer:
  00:00-24:00 is the whole local day, be it of 23, 24 or 25 hours; an interval, or a whole day,
  that falls into a gap has no length;
* each interval is one unbroken stretch of real time, and its order never changes.

Open time is half open: the shop is open at the opening instant and closed at the closing one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60

HORIZON = timedelta(days=731)
"""How far ahead an opening or a due time is looked for: two years, one of them a leap year."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_DAYS = tuple(name[:3] for name in _DAYS)
_DASH = r"[-\u2013]"
_TIMES = re.compile(rf"(\d{{1,2}}):(\d{{2}})\s*{_DASH}\s*(\d{{1,2}}):(\d{{2}})")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Open from ``start`` to ``end``, both in minutes from local midnight (0 to 1440 = 24:00).

    What lasts over midnight is two intervals, one to 24:00 and one from 00:00 of the next day.
    Raises ``ValueError`` for a time outside the day or an end that is not after the start.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= DAY_MINUTES or not 0 <= self.end <= DAY_MINUTES:
            raise ValueError(f"{self} leaves the day: times go from 00:00 to 24:00.")
        if self.end <= self.start:
            raise ValueError(
                f"{self} does not end after it starts. Over midnight, write two: one to 24:00, "
                "and one from 00:00 on the next day."
            )

    def __str__(self) -> str:
        """As in :func:`parse_week`: ``09:00-13:00``."""
        return "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in (self.start, self.end))


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """When the shop is open.

    ``zone``: where its clock hangs. ``week``: the intervals of each weekday, 0 = Monday to
    6 = Sunday; a weekday left out is closed; kept sorted. ``first_weekday``: where the shop's
    week begins (0 Monday, 5 Saturday). ``holidays``: local dates on which it stays closed.
    Raises ``ValueError`` for a weekday outside 0 to 6 or intervals that overlap.
    """

    zone: ZoneInfo
    week: Mapping[int, tuple[Interval, ...]] = field(hash=False)
    first_weekday: int = 0
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not 0 <= self.first_weekday <= 6:
            raise ValueError(
                f"The week cannot begin on weekday {self.first_weekday}: "
                "use 0 (Monday) to 6 (Sunday)."
            )
        object.__setattr__(self, "week", MappingProxyType(_checked_week(self.week)))


def _checked_week(week: Mapping[int, tuple[Interval, ...]]) -> dict[int, tuple[Interval, ...]]:
    """The week with sorted intervals and without closed days; ``ValueError`` if it is none."""
    checked = {}
    for weekday in sorted(week):
        if not 0 <= weekday <= 6:
            raise ValueError(f"There is no weekday {weekday}: use 0 (Monday) to 6 (Sunday).")
        intervals = tuple(sorted(week[weekday]))
        for earlier, later in pairwise(intervals):
            if later.start < earlier.end:
                raise ValueError(f"{_SHORT_DAYS[weekday]}: {earlier} and {later} overlap.")
        if intervals:
            checked[weekday] = intervals
    return checked


# Writing a week down.


def parse_week(text: str) -> dict[int, tuple[Interval, ...]]:
    """Read a week, as in ``sat-wed 09:00-13:00,14:00-18:00; thu 09:00-13:00``.

    ::

        week  = "always" | "never" | "" | part *( ";" part )
        part  = days " " times
        days  = range *( "," range )      range = day [ "-" day ]
        day   = "mon" … "sun" or "monday" … "sunday", in any case
        times = span *( "," span )        span  = time "-" time
        time  = "0:00" … "24:00", one or two digits of hours, two of minutes

    A range of days goes round the end of the week (``sat-wed``). Blanks may stand around every
    sign, and an en dash does for a hyphen. What several parts say of one day adds up. "always"
    is every hour of every day; "never" and "" are the empty week.

    Returns the intervals by weekday, 0 = Monday. Raises ``ValueError`` that names the wrong part.
    """
    plain = text.strip().lower()
    if plain in ("", "never"):
        return {}
    if plain == "always":
        return {weekday: (Interval(0, DAY_MINUTES),) for weekday in range(7)}
    week: dict[int, tuple[Interval, ...]] = {}
    for part in plain.split(";"):
        try:
            weekdays, intervals = _parse_part(part.strip())
            for weekday in weekdays:
                week[weekday] = week.get(weekday, ()) + intervals
        except ValueError as error:
            raise ValueError(f"Business hours, in “{part.strip()}”: {error}") from None
    try:
        return _checked_week(week)
    except ValueError as error:
        raise ValueError(f"Business hours: {error}") from None


def _parse_part(part: str) -> tuple[list[int], tuple[Interval, ...]]:
    """The weekdays and the intervals of one part between semicolons."""
    if not part:
        raise ValueError("there is nothing between two semicolons, or after the last.")
    first_digit = next((i for i, sign in enumerate(part) if sign.isdigit()), len(part))
    days, times = part[:first_digit].strip(), part[first_digit:]
    if not times:
        raise ValueError("times are missing, such as “mon-fri 09:00-17:00”.")
    if not days:
        raise ValueError("days are missing before the times, such as “mon-fri 09:00-17:00”.")
    weekdays = [day for item in days.split(",") for day in _parse_days(item.strip())]
    if len(set(weekdays)) < len(weekdays):
        raise ValueError("a day is named twice.")
    return weekdays, tuple(_parse_span(span.strip()) for span in times.split(","))


def _parse_days(item: str) -> list[int]:
    """The weekdays of ``thu`` or ``sat-wed``, in order."""
    names = [name.strip() for name in re.split(_DASH, item)]
    if len(names) > 2:
        raise ValueError(f"“{item}” is no range of days; write “mon-fri”.")
    first, last = _parse_day(names[0]), _parse_day(names[-1])
    return [(first + step) % 7 for step in range((last - first) % 7 + 1)]


def _parse_day(name: str) -> int:
    for names in (_SHORT_DAYS, _DAYS):
        if name in names:
            return names.index(name)
    raise ValueError(f"“{name}” is no day; the days are {', '.join(_SHORT_DAYS)}.")


def _parse_span(span: str) -> Interval:
    match = _TIMES.fullmatch(span)
    if match is None:
        raise ValueError(f"“{span}” is no span of time; write “09:00-17:00”.")
    from_hour, from_minute, to_hour, to_minute = map(int, match.groups())
    if from_minute > 59 or to_minute > 59:
        raise ValueError(f"“{span}” has more than 59 minutes in an hour.")
    return Interval(from_hour * 60 + from_minute, to_hour * 60 + to_minute)


def format_week(week: Mapping[int, tuple[Interval, ...]], first_weekday: int = 0) -> str:
    """Write a week so that :func:`parse_week` reads the same week back.

    Days in order from ``first_weekday`` (0 = Monday); neighbours with the same hours share a
    part. The empty week is ``never``.
    """
    checked = _checked_week(week)
    if not checked:
        return "never"
    if checked == parse_week("always"):
        return "always"
    order = [(first_weekday + step) % 7 for step in range(7)]
    parts = []
    for intervals, run in groupby(order, key=lambda weekday: checked.get(weekday, ())):
        days = [_SHORT_DAYS[weekday] for weekday in run]
        if intervals:
            named = days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}"
            parts.append(f"{named} {','.join(map(str, intervals))}")
    return "; ".join(parts)


# Asking.


def is_open(hours: BusinessHours, at: datetime) -> bool:
    """Whether the shop is open at the instant ``at`` (aware)."""
    return next_opening(hours, at) == at


def next_opening(hours: BusinessHours, at: datetime) -> datetime | None:
    """The first instant, at ``at`` or after it, at which the shop is open; in UTC.

    ``at`` itself while the shop is open; ``None`` when it does not open within :data:`HORIZON`.
    """
    return add_business_time(hours, at, timedelta(0))


def next_closing(hours: BusinessHours, at: datetime) -> datetime | None:
    """The first instant, at ``at`` or after it, at which the shop is closed; in UTC.

    ``at`` itself while it is closed; intervals that adjoin, over midnight too, are one. ``None``
    when the shop stays open for all of :data:`HORIZON`.
    """
    since = _utc(at)
    end = since
    for opens, closes in _openings(hours, since, since + HORIZON):
        if opens > end:
            break
        end = max(end, closes)
    return None if end >= since + HORIZON else end


def add_business_time(hours: BusinessHours, start: datetime, amount: timedelta) -> datetime | None:
    """The instant at which ``amount`` of open time has passed since ``start`` (aware); in UTC.

    It is the earliest such instant, so it may be a closing one: 9 hours from the opening of a
    shop open 09:00-18:00 are over at 18:00, not the next morning. For no time at all it is the
    next opening, ``start`` itself while open. ``None`` when the shop is not open for that long
    within :data:`HORIZON`. Raises ``ValueError`` for a naive ``start`` or a negative ``amount``.
    """
    if amount < timedelta(0):
        raise ValueError(f"Business time only runs forward; {amount} is negative.")
    since = _utc(start)
    left = amount
    for opens, closes in _openings(hours, since, since + HORIZON):
        begin = max(opens, since)
        if left <= closes - begin:
            return begin + left
        left -= closes - begin
    return None


def business_time_between(hours: BusinessHours, a: datetime, b: datetime) -> timedelta:
    """How long the shop is open from ``a`` to ``b`` (both aware), in real elapsed time.

    Zero when ``b`` is not after ``a``: two platforms' clocks may disagree about what came first.
    """
    since, until = _utc(a), _utc(b)
    if until <= since:
        return timedelta(0)
    spans = (
        min(closes, until) - max(opens, since) for opens, closes in _openings(hours, since, until)
    )
    return sum(spans, timedelta(0))


def week_start(hours: BusinessHours, at: datetime) -> datetime:
    """The instant at which the shop's week that holds ``at`` (aware) began; in UTC.

    Weeks begin at local midnight of ``hours.first_weekday``. They leave no gap and never overlap.
    """
    instant = _utc(at)
    today = instant.astimezone(hours.zone).date()
    tomorrow = today + timedelta(days=1)
    # Where clocks go back just after midnight, the date shown is yesterday's once more.
    day = tomorrow if _instant(hours.zone, tomorrow, 0) <= instant else today
    return _instant(hours.zone, day - timedelta(days=(day.weekday() - hours.first_weekday) % 7), 0)


def day_start(zone: ZoneInfo, day: date, minutes: int = 0) -> datetime:
    """The instant at which the local date ``day`` begins in ``zone``, or so many ``minutes`` of
    the clock later; in UTC, by the rule at the top of this file."""
    return _instant(zone, day, minutes)


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ValueError(f"{at} has no time zone; business hours need an aware time.")
    return at.astimezone(UTC)


def _openings(
    hours: BusinessHours, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Every stretch of open time that lies between ``since`` and ``until`` or laps into it.

    Pairs of instants in UTC, in order, none empty, not clipped. Adjoining intervals stay two.
    """
    if not hours.week:
        return
    # Intervals of earlier days are over once the clock has shown this date.
    day = since.astimezone(hours.zone).date()
    # One more: just after midnight the clock may have been put back to the day before.
    last = until.astimezone(hours.zone).date() + timedelta(days=1)
    while day <= last:
        if day not in hours.holidays:
            for interval in hours.week.get(day.weekday(), ()):
                opens = _instant(hours.zone, day, interval.start)
                closes = _instant(hours.zone, day, interval.end)
                if opens < closes and closes > since and opens < until:
                    yield opens, closes
        day += timedelta(days=1)


def _instant(zone: ZoneInfo, day: date, minute: int) -> datetime:
    """The first instant, in UTC, at which the clock in ``zone`` shows that minute or a later one.

    ``minute`` counts from midnight of ``day``; 1440 is the next midnight.
    """
    wall = datetime.combine(day, time.min) + timedelta(minutes=minute)
    # PEP 495: in a gap the offset of fold 0 is that before the change and smaller than that of
    # fold 1; in a repeated hour it is greater; else both are the same.
    before = _offset(wall.replace(tzinfo=zone))
    after = _offset(wall.replace(tzinfo=zone, fold=1))
    if before >= after:
        return (wall - before).replace(tzinfo=UTC)
    return _change(zone, (wall - after).replace(tzinfo=UTC), (wall - before).replace(tzinfo=UTC))


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The instant between the two at which ``zone`` changes its offset, to the second."""
    old = _offset(before.astimezone(zone))
    low, high = 0, int((after - before).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if _offset((before + timedelta(seconds=middle)).astimezone(zone)) == old:
            low = middle
        else:
            high = middle
    return before + timedelta(seconds=high)


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None
    return offset
