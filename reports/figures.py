"""Every figure of the report: what it counts, and by what it can be split.

A figure is one condition on the book. The number is the sum over it, the list behind the number
are its rows: both are made from what stands here, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from reports import shape
from reports.shape import CHANNELS, INTENTS, LANGUAGES, MOODS, OUTCOMES, Part
from reports.weeks import SLOT_S, Span, Week
from shenava.messages import Intent
from shenava.store import EntryKind


class Figure(StrEnum):
    """The name of a figure, as addresses and JSON say it."""

    MESSAGES = "messages"
    READ = "read"
    UNREAD = "unread"
    COMPLAINTS = "complaints"
    UNSURE = "unsure"
    COMPLAINTS_ABOUT = "complaints_about"
    URGENT = "urgent"
    URGENT_UNANSWERED = "urgent_unanswered"
    CORRECTED = "corrected"
    CASES = "cases"
    REOPENED = "reopened"
    FIRST_ANSWERS = "first_answers"
    FIRST_ANSWERS_URGENT = "first_answers_urgent"
    CLOSED = "closed"
    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REPAIRED = "repaired"
    GAPS = "gaps"
    BROADCASTS = "broadcasts"


class By(StrEnum):
    """By what a figure is split."""

    CHANNEL = "channel"
    LANGUAGE = "language"
    MOOD = "mood"
    INTENT = "intent"
    DAY = "day"
    """The days of the week, 0 to 6 from its first."""
    HOUR = "hour"
    """One hour of one day: ``4-18``."""
    SPEED = "speed"
    """How long it took, by :data:`SPEEDS`."""
    SINCE = "since"
    """Between two instants: ``<second>-<second>``, from the epoch; for what came before a broadcast
    and what followed it."""


NOTHING_NAMED = "none"
"""The segment of complaints of which nobody says what they are about."""

SPEEDS = (15 * 60, 60 * 60, 4 * 60 * 60, 24 * 60 * 60)
"""Seconds of opening hours up to which a time belongs to the first, second… group; the last group
has all that took longer."""


@dataclass(frozen=True, slots=True)
class Definition:
    """``shape``: what its entries must say. ``without``: a kind of which there must be none about
    the same."""

    kind: EntryKind
    shape: Mapping[Part, int] = field(default_factory=lambda: MappingProxyType({}))
    by: tuple[By, ...] = ()
    without: EntryKind | None = None

    @property
    def mask(self) -> int:
        return sum(part.mask for part in self.shape)

    @property
    def value(self) -> int:
        return shape.pack(self.shape)


_WHEN = (By.DAY, By.HOUR, By.SINCE)

FIGURES: Mapping[Figure, Definition] = {
    Figure.MESSAGES: Definition(EntryKind.MESSAGE, by=(By.CHANNEL, *_WHEN)),
    Figure.READ: Definition(EntryKind.JUDGED, by=(By.LANGUAGE, By.MOOD)),
    Figure.UNREAD: Definition(EntryKind.MESSAGE, without=EntryKind.JUDGED),
    Figure.COMPLAINTS: Definition(
        EntryKind.JUDGED, {shape.COMPLAINT: shape.YES}, (By.CHANNEL, By.LANGUAGE, *_WHEN)
    ),
    Figure.UNSURE: Definition(EntryKind.JUDGED, {shape.COMPLAINT: shape.UNSURE}),
    Figure.COMPLAINTS_ABOUT: Definition(EntryKind.COMPLAINT, by=(By.INTENT,)),
    Figure.URGENT: Definition(EntryKind.URGENT, by=(By.DAY,)),
    Figure.URGENT_UNANSWERED: Definition(EntryKind.URGENT_WAITING),
    Figure.CORRECTED: Definition(EntryKind.JUDGED, {shape.CORRECTED: 1}),
    Figure.CASES: Definition(EntryKind.CASE),
    Figure.REOPENED: Definition(EntryKind.CASE, {shape.REOPENED: 1}),
    Figure.FIRST_ANSWERS: Definition(EntryKind.FIRST_ANSWER, by=(By.SPEED,)),
    Figure.FIRST_ANSWERS_URGENT: Definition(EntryKind.FIRST_ANSWER, {shape.URGENT: shape.YES}),
    Figure.CLOSED: Definition(EntryKind.CLOSED),
    Figure.SENT: Definition(EntryKind.ANSWER, {shape.OUTCOME: OUTCOMES[shape.Outcome.SENT]}),
    Figure.REFUSED: Definition(EntryKind.ANSWER, {shape.OUTCOME: OUTCOMES[shape.Outcome.REFUSED]}),
    Figure.FAILED: Definition(EntryKind.ANSWER, {shape.OUTCOME: OUTCOMES[shape.Outcome.FAILED]}),
    Figure.UNKNOWN: Definition(EntryKind.ANSWER, {shape.OUTCOME: OUTCOMES[shape.Outcome.UNKNOWN]}),
    Figure.REPAIRED: Definition(EntryKind.REPAIRED),
    Figure.GAPS: Definition(EntryKind.GAP),
    Figure.BROADCASTS: Definition(EntryKind.BROADCAST),
}

TIMES = (Figure.FIRST_ANSWERS, Figure.FIRST_ANSWERS_URGENT, Figure.CLOSED)
"""Those whose entries are lengths of time."""

PARTS: Mapping[By, tuple[Part, Mapping[str, int]]] = {
    By.CHANNEL: (shape.CHANNEL, {one.value: n for one, n in CHANNELS.items()}),
    By.LANGUAGE: (shape.LANGUAGE, {one.value: n for one, n in LANGUAGES.items()}),
    By.MOOD: (shape.MOOD, {one.value: n for one, n in MOODS.items()}),
    By.INTENT: (
        shape.INTENT,
        {one.value: n for one, n in INTENTS.items()} | {NOTHING_NAMED: shape.NOTHING_NAMED},
    ),
}
"""Where a shape says what a figure is split by, and what its values are called."""

assert set(INTENTS) == set(Intent), "every intent has a number in the book"


@dataclass(frozen=True, slots=True)
class Key:
    """One number: a figure, or one segment of it (``channel:x``)."""

    figure: Figure
    by: By | None = None
    value: str = ""

    def __str__(self) -> str:
        return self.figure.value if self.by is None else f"{self.figure.value}.{self.segment}"

    @property
    def segment(self) -> str:
        """As addresses say it; empty for the whole figure."""
        return "" if self.by is None else f"{self.by.value}:{self.value}"


def key_of(figure: str, segment: str = "") -> Key:
    """The key that an address names; ``ValueError`` when there is none of that name."""
    name = Figure(figure)
    if not segment:
        return Key(name)
    by, _, value = segment.partition(":")
    key = Key(name, By(by), value)
    if key.by not in FIGURES[name].by:
        raise ValueError(f"{figure} is not told by {by}")
    if key.by in PARTS and value not in PARTS[key.by][1]:
        raise ValueError(f"there is no {by} {value}")
    return key


def names(by: By) -> Mapping[int, str]:
    """What the values of a part are called, by their numbers."""
    return {number: name for name, number in PARTS[by][1].items()}


@dataclass(frozen=True, slots=True)
class Condition:
    """A key in terms of the book: within ``span``, ``shape & mask = value``, ``least`` ≤
    ``measure`` < ``most``, and ``since_us`` ≤ ``happened_us`` < ``until_us``."""

    kind: EntryKind
    span: Span
    mask: int
    value: int
    without: EntryKind | None = None
    least: int | None = None
    most: int | None = None
    since_us: int | None = None
    until_us: int | None = None


def condition_of(key: Key, week: Week, span: Span) -> Condition:
    """What ``key`` counts of the part ``span`` of a week. ``ValueError`` for a segment that no
    week has."""
    told = FIGURES[key.figure]
    mask, value = told.mask, told.value
    least = most = since = until = None
    match key.by:
        case By.CHANNEL | By.LANGUAGE | By.MOOD | By.INTENT:
            part, values = PARTS[key.by]
            mask |= part.mask
            value |= shape.pack({part: values[key.value]})
        case By.DAY:
            span = _within(week.days()[_number(key.value, 7)].span, span)
        case By.HOUR:
            day, _, hour = key.value.partition("-")
            span = _within(week.hour(_number(day, 7), _number(hour, 24)), span)
        case By.SINCE:
            begin, _, end = key.value.partition("-")
            first, last = _number(begin, _LATEST_S), _number(end, _LATEST_S)
            # Slots are found quickly; the first and the last of them belong in part only.
            span = Span(first // SLOT_S, -(-last // SLOT_S))
            since, until = first * 1_000_000, last * 1_000_000
        case By.SPEED:
            group = _number(key.value, len(SPEEDS) + 1)
            least = SPEEDS[group - 1] if group else 0
            most = SPEEDS[group] if group < len(SPEEDS) else None
        case None:
            pass
    return Condition(told.kind, span, mask, value, told.without, least, most, since, until)


def between(figure: Figure, begin: datetime, end: datetime) -> Key:
    """The key of what a figure counts from ``begin`` to before ``end``, both to the second."""
    return Key(figure, By.SINCE, f"{int(begin.timestamp())}-{int(end.timestamp())}")


_LATEST_S = 1 << 33
"""A second in the year 2242, which every calendar can say."""


def _number(text: str, below: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) >= below:
        raise ValueError(f"{text!r} is no number below {below}")
    return int(text)


def _within(one: Span, other: Span) -> Span:
    begin = max(one.begin, other.begin)
    return Span(begin, max(begin, min(one.end, other.end)))


def speed_of(seconds: int) -> int:
    """The group of :data:`SPEEDS` that a time belongs to."""
    return sum(seconds >= limit for limit in SPEEDS)
