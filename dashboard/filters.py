"""What templates may call: numbers and dates as the present reader reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flask import Flask
from markupsafe import Markup

from dashboard import dates, numerals
from dashboard.context import desk
from dashboard.dates import Dates
from dashboard.reader import reader
from dashboard.shown import isolated, shown
from shenava.text import direction

HUES = 8


def present_dates() -> Dates:
    """How the present reader reads time."""
    read = reader()
    return Dates(read.language, read.calendar, desk().settings.zone)


def now() -> datetime:
    """The present instant, by the store's clock."""
    return desk().store.clock.now()


def number(value: float, places: int = 0) -> str:
    return numerals.number(value, reader().language, places)


def percent(share: float) -> str:
    return numerals.percent(share, reader().language)


def digits(value: object) -> str:
    return numerals.digits(value, reader().language)


def iso(at: datetime) -> str:
    """For ``datetime=`` attributes and scripts."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def when(at: datetime) -> Markup:
    """A ``<time>``: relative under a day, exact when pointed at or focused."""
    read = present_dates()
    return Markup('<time class="when" datetime="{}" title="{}">{}</time>').format(
        iso(at), read.exact(at), read.when(at, now())
    )


def clock(at: datetime) -> Markup:
    """A ``<time>`` with the time of day."""
    read = present_dates()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(at), read.exact(at), read.clock(at)
    )


def day(at: datetime) -> Markup:
    """A ``<time>`` with the date."""
    read = present_dates()
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso(at), read.exact(at), read.day(at, now())
    )


def exact(at: datetime) -> Markup:
    """A ``<time>`` with weekday, date and time of day."""
    return Markup('<time datetime="{}">{}</time>').format(iso(at), present_dates().exact(at))


def countdown(due: datetime, at: datetime | None = None) -> Markup:
    """A ``<time>`` that says what is left, coloured by how near the end is."""
    at = at or now()
    read = present_dates()
    return Markup('<time class="countdown {}" datetime="{}" title="{}">{}</time>').format(
        dates.urgency(due, at), iso(due), read.exact(due), read.countdown(due, at)
    )


def span(length: timedelta) -> str:
    """A span of time."""
    return present_dates().span(length)


def initials(name: str) -> str:
    """At most two letters that stand for ``name`` on an avatar.

    Arabic script joins letters into shapes that two initials would break; one stands alone.
    """
    words = [word for word in name.split() if word[0].isalnum()]
    if not words:
        return "•"
    first = words[0][0].upper()
    if len(words) == 1 or not first.isascii():
        return first
    return first + words[-1][0].upper()


def hue(key: object) -> str:
    """The class that colours an avatar: the same for the same key, on every machine."""
    total = sum(ord(letter) * (place + 1) for place, letter in enumerate(str(key)))
    return f"hue-{total % HUES}"


def install(app: Flask) -> None:
    """Register all of these with the templates of ``app``."""
    for function in (
        number, percent, digits, iso, when, clock, day, exact, countdown, initials, hue,
        direction, span, shown, isolated,
    ):  # fmt: skip
        app.jinja_env.filters[function.__name__] = function
    app.jinja_env.globals["now"] = now
