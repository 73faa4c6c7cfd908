"""The list behind a number: the rows that it counts, in pages, the latest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from reports.counting import standing
from reports.figures import Figure, Key, condition_of
from reports.weeks import Span, Week, from_micros
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
    session: Session, key: Key, week: Week, span: Span, as_of: datetime, limit: int = 1
) -> list[int]:
    """The messages of a figure of complaints of which the model is most certain, or a person."""
    assert key.figure is Figure.COMPLAINTS_ABOUT
    entry = aliased(ReportEntry)
    rows = session.scalars(
        select(entry.subject_id)
        .where(*standing(entry, condition_of(key, week, span), as_of))
        .order_by(entry.measure.desc(), entry.slot.desc(), entry.id.desc())
        .limit(limit)
    )
    return list(rows)


assert EntryKind.COMPLAINT, "complaints carry how sure the model is"
