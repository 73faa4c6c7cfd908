"""When an answer leaves: now, or at a time that people name as they think of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dashboard.i18n import Lazy, lazy

_MORNING = time(9)
DAYS = 14
"""How many days ahead an answer can be put off; conversations do not wait for longer."""

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_LATIN = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")


class NotATime(ValueError):
    """What was chosen is no time, or has passed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``at``: the instant (UTC) it means now."""

    name: str
    word: Lazy
    at: datetime


def choices(now: datetime, zone: ZoneInfo) -> tuple[Choice, ...]:
    """What is offered by name."""
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return (
        Choice("1h", lazy("in an hour"), now + timedelta(hours=1)),
        Choice("tomorrow", lazy("tomorrow morning"), _instant(tomorrow, _MORNING, zone)),
    )


def days(now: datetime, zone: ZoneInfo) -> list[tuple[str, datetime]]:
    """The days that can be chosen: their name in the form, and an instant within them."""
    today = now.astimezone(zone).date()
    return [
        (day.isoformat(), _instant(day, time(12), zone))
        for day in (today + timedelta(days=number) for number in range(DAYS))
    ]


def chosen(form: Mapping[str, str], now: datetime, zone: ZoneInfo) -> datetime | None:
    """The instant that a form asks for; ``None``: now. Raises :class:`NotATime`."""
    when = form.get("when", "")
    if when in ("", "now"):
        return None
    for choice in choices(now, zone):
        if choice.name == when:
            return choice.at
    clock = _CLOCK.fullmatch(form.get("at_time", "").strip().translate(_LATIN))
    known = {name for name, _ in days(now, zone)}
    if when != "custom" or clock is None or form.get("at_day") not in known:
        raise NotATime
    day = date.fromisoformat(form["at_day"])
    at = _instant(day, time(int(clock[1]), int(clock[2])), zone)
    if at <= now:
        raise NotATime
    return at


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
