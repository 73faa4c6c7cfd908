"""Counting: the numbers of one week, from the book, as it stood at an instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, cast, exists, func, select
from sqlalchemy.orm import Session, aliased

from reports.figures import (
    FIGURES,
    PARTS,
    TIMES,
    By,
    Condition,
    Figure,
    Key,
    names,
    speed_of,
)
from reports.weeks import Span, Week, micros
from shenava.store import EntryKind, ReportEntry


@dataclass(frozen=True, slots=True)
class Times:
    """Lengths of time, in seconds: how often each was measured, sorted."""

    counted: tuple[tuple[int, int], ...] = ()

    @property
    def number(self) -> int:
        return sum(count for _, count in self.counted)

    def quantile(self, share: float) -> int | None:
        """The smallest time within which at least ``share`` of all were done: one that was
        measured, never one between two. ``None`` without any."""
        total = self.number
        if not total:
            return None
        wanted, seen = share * total, 0
        for seconds, count in self.counted:
            seen += count
            if seen >= wanted - 1e-9:
                return seconds
        return self.counted[-1][0]

    def ranked(self, rank: int) -> int:
        """The ``rank``-th smallest, from 1."""
        seen = 0
        for seconds, count in self.counted:
            seen += count
            if seen >= rank:
                return seconds
        raise IndexError(rank)

    @property
    def median(self) -> int | None:
        return self.quantile(0.5)

    @property
    def p90(self) -> int | None:
        return self.quantile(0.9)


@dataclass(frozen=True, slots=True)
class Counts:
    """All numbers of the part ``span`` of a week. A key that is not there is 0. ``times`` are in
    opening hours, ``elapsed`` by the clock on the wall."""

    week: Week
    span: Span
    numbers: Counter[Key] = field(default_factory=Counter)
    times: dict[Figure, Times] = field(default_factory=dict)
    elapsed: dict[Figure, Times] = field(default_factory=dict)

    def of(self, figure: Figure, by: By | None = None, value: object = "") -> int:
        return self.numbers[Key(figure, by, str(value))]

    def share(self, part: Figure, whole: Figure) -> float | None:
        """``None`` where there is nothing to have a share of."""
        total = self.of(whole)
        return self.of(part) / total if total else None


def count(session: Session, week: Week, span: Span, as_of: datetime) -> Counts:
    """Count everything of the part ``span`` of ``week``, as the book stood at ``as_of``."""
    found = Counts(week, span)
    shapes: dict[EntryKind, Counter[int]] = {kind: Counter() for kind in EntryKind}
    slots: dict[Figure, Counter[int]] = {}
    timed = {
        kind: [
            (figure, told.mask, told.value, Counter[int]())
            for figure, told in FIGURES.items()
            if told.kind is kind and told.without is None and By.DAY in told.by
        ]
        for kind in EntryKind
    }
    for kind, slot, told, number in _sums(session, span, as_of):
        shapes[EntryKind(kind)][told] += number
        for _, mask, value, by_slot in timed[EntryKind(kind)]:
            if told & mask == value:
                by_slot[slot] += number
    for group in timed.values():
        slots |= {figure: by_slot for figure, _, _, by_slot in group}
    for figure, definition in FIGURES.items():
        if definition.without is None:
            _by_shape(found, figure, shapes[definition.kind])
    for figure, by_slot in slots.items():
        _by_time(found, figure, by_slot)
    # Every message that is read was received, in the same slot.
    unread = found.of(Figure.MESSAGES) - found.of(Figure.READ)
    if unread:
        found.numbers[Key(Figure.UNREAD)] = unread
    _times(session, found, as_of)
    return found


def _sums(session: Session, span: Span, as_of: datetime) -> Iterable[tuple[int, int, int, int]]:
    """How much stands in the book, by kind, slot and shape."""
    e = ReportEntry
    for kind in EntryKind:
        yield from (
            (int(kind), slot, told, number)
            for slot, told, number in session.execute(
                select(e.slot, e.shape, cast(func.sum(e.count), Integer))
                .where(
                    e.kind == int(kind),
                    e.slot >= span.begin,
                    e.slot < span.end,
                    e.recorded_us <= micros(as_of),
                )
                .group_by(e.slot, e.shape)
            )
            if number
        )


def _by_shape(found: Counts, figure: Figure, shapes: Counter[int]) -> None:
    told = FIGURES[figure]
    mask, value = told.mask, told.value
    parts = [(by, PARTS[by][0], names(by)) for by in told.by if by in PARTS]
    for one, number in shapes.items():
        if one & mask != value:
            continue
        found.numbers[Key(figure)] += number
        for by, part, called in parts:
            name = called.get((one & part.mask) >> part.at)
            if name is not None:
                found.numbers[Key(figure, by, name)] += number


def _by_time(found: Counts, figure: Figure, by_slot: Counter[int]) -> None:
    for day, hour, span in found.week.hours():
        number = sum(by_slot[slot] for slot in range(span.begin, span.end))
        if number:
            found.numbers[Key(figure, By.DAY, str(day))] += number
            if By.HOUR in FIGURES[figure].by:
                found.numbers[Key(figure, By.HOUR, f"{day}-{hour}")] += number


def _times(session: Session, found: Counts, as_of: datetime) -> None:
    e = ReportEntry
    for figure in TIMES:
        told = FIGURES[figure]
        rows = session.execute(
            select(e.measure, e.elapsed, cast(func.sum(e.count), Integer))
            .where(
                e.kind == int(told.kind),
                e.slot >= found.span.begin,
                e.slot < found.span.end,
                e.recorded_us <= micros(as_of),
                e.shape.op("&")(told.mask) == told.value,
            )
            .group_by(e.measure, e.elapsed)
        ).all()
        measured: Counter[int] = Counter()
        passed: Counter[int] = Counter()
        for measure, elapsed, number in rows:
            if number:
                measured[measure] += number
                passed[elapsed] += number
        found.times[figure] = Times(tuple(sorted(measured.items())))
        found.elapsed[figure] = Times(tuple(sorted(passed.items())))
        if By.SPEED in told.by:
            for measure, number in measured.items():
                found.numbers[Key(figure, By.SPEED, str(speed_of(measure)))] += number


def count_one(session: Session, condition: Condition, as_of: datetime) -> int:
    """What one figure comes to: the sum over what :func:`standing` lists."""
    e = ReportEntry
    return (
        session.scalar(select(cast(func.sum(e.count), Integer)).where(*_meant(e, condition, as_of)))
        or 0
    )


def _meant(entry: Any, condition: Condition, as_of: datetime) -> list[Any]:
    """What is asked of ``entry`` so that it speaks of what the condition counts, be it written in
    or off."""
    asked = [
        entry.kind == int(condition.kind),
        entry.slot >= condition.span.begin,
        entry.slot < condition.span.end,
        entry.recorded_us <= micros(as_of),
        entry.shape.op("&")(condition.mask) == condition.value,
    ]
    if condition.least is not None:
        asked.append(entry.measure >= condition.least)
    if condition.most is not None:
        asked.append(entry.measure < condition.most)
    if condition.since_us is not None:
        asked.append(entry.happened_us >= condition.since_us)
    if condition.until_us is not None:
        asked.append(entry.happened_us < condition.until_us)
    return asked


def standing(entry: Any, condition: Condition, as_of: datetime) -> Sequence[Any]:
    """What is asked of ``entry`` so that it is one row behind a number: it was written in, and was
    not written off by ``as_of``."""
    at = micros(as_of)
    off = aliased(ReportEntry)
    asked = [
        *_meant(entry, condition, as_of),
        entry.count == 1,
        ~exists().where(
            off.kind == entry.kind,
            off.subject_id == entry.subject_id,
            off.count == -1,
            off.recorded_us <= at,
            off.id > entry.id,
            off.shape == entry.shape,
            off.slot == entry.slot,
        ),
    ]
    if condition.without is not None:
        other = aliased(ReportEntry)
        asked.append(
            ~exists().where(
                other.kind == int(condition.without),
                other.subject_id == entry.subject_id,
                other.recorded_us <= at,
            )
        )
    return asked
