"""The list behind a number: the rows that it counts, in pages, the latest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from reports import shape
from reports.counting import standing
from reports.figures import PARTS, By, Key, condition_of, names
from reports.shape import pack
from reports.weeks import Span, Week, from_micros, micros
from shenava.store import EntryKind, ReportEntry


@dataclass(frozen=True, slots=True)
class Item:
    """One row: the number of a message, case, outbox row or fact, by the kind of the figure."""

    subject_id: int
    happened_at: datetime
    shape: int
    measure: int
    elapsed: int
    place: tuple[int, int]


@dataclass(frozen=True, slots=True)
class ListPage:
    """Some rows, and where the next begin; ``None`` at the end."""

    items: tuple[Item, ...]
    next: tuple[int, int] | None


def listed(
    session: Session,
    key: Key,
    week: Week,
    span: Span,
    as_of: datetime,
    *,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> ListPage:
    """The rows behind the number of ``key``, at most ``limit``, from ``after`` on."""
    entry = aliased(ReportEntry)
    asked = list(standing(entry, condition_of(key, week, span), as_of))
    if after is not None:
        slot, number = after
        asked.append(or_(entry.slot < slot, and_(entry.slot == slot, entry.id < number)))
    rows = session.execute(
        select(
            entry.id,
            entry.slot,
            entry.subject_id,
            entry.happened_us,
            entry.shape,
            entry.measure,
            entry.elapsed,
        )
        .where(*asked)
        .order_by(entry.slot.desc(), entry.id.desc())
        .limit(limit + 1)
    ).all()
    items = tuple(
        Item(
            subject_id=row.subject_id,
            happened_at=from_micros(row.happened_us),
            shape=row.shape,
            measure=row.measure,
            elapsed=row.elapsed,
            place=(row.slot, row.id),
        )
        for row in rows[:limit]
    )
    return ListPage(items, items[-1].place if len(rows) > limit else None)


def tellingest(
    session: Session, intents: Sequence[str], span: Span, as_of: datetime, limit: int
) -> dict[str, list[int]]:
    """By what complaints are about, the ``limit`` messages of which the model is most certain, or
    a person; the most certain first.

    All at once, and from the index alone: what was written off is found by its sum, for to look
    for it row by row would read the whole table.
    """
    entry = ReportEntry
    values, called = PARTS[By.INTENT][1], names(By.INTENT)
    about = entry.shape.op("&")(shape.INTENT.mask)
    stands = (
        select(about.label("about"), entry.subject_id, entry.measure, entry.slot)
        .where(
            entry.kind == int(EntryKind.COMPLAINT),
            entry.slot >= span.begin,
            entry.slot < span.end,
            entry.recorded_us <= micros(as_of),
            about.in_([pack({shape.INTENT: values[name]}) for name in intents]),
        )
        .group_by(about, entry.subject_id, entry.measure, entry.slot)
        .having(func.sum(entry.count) > 0)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=stands.c.about,
        order_by=(stands.c.measure.desc(), stands.c.slot.desc(), stands.c.subject_id.desc()),
    )
    ranked = select(stands.c.about, stands.c.subject_id, place.label("place")).subquery()
    found: dict[str, list[int]] = {name: [] for name in intents}
    for one in session.execute(
        select(ranked).where(ranked.c.place <= limit).order_by(ranked.c.about, ranked.c.place)
    ):
        found[called[one.about >> shape.INTENT.at]].append(one.subject_id)
    return found


assert EntryKind.COMPLAINT, "complaints carry how sure the model is"
