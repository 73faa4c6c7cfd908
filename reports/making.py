"""One report whole: both weeks counted, what followed broadcasts, the most telling complaints."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from reports.book import settled
from reports.counting import Counts, count, count_one
from reports.figures import By, Figure, Key, between, condition_of
from reports.lists import listed, tellingest
from reports.weeks import Span, Week, week_before
from shenava.hours import BusinessHours
from shenava.store import Fact, FactKind, Store

AROUND = timedelta(hours=3)
"""How long before and after a broadcast complaints are compared."""
TOLD = 6
"""Things that complaints are about, of each of which one is quoted."""
MOST_BROADCASTS = 20


@dataclass(frozen=True, slots=True)
class Followed:
    """A broadcast, and the complaints before and after the second in which it began. ``ended``:
    what its ledger came to, by what became of its recipients; empty while it runs. ``until``: the
    end of the time after it, which may still be to come."""

    broadcast_id: int
    stage: str
    at: datetime
    ended: dict[str, Any]
    before: Key
    after: Key
    until: datetime
    complaints_before: int
    complaints_after: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one report says. ``now`` and ``before`` are counted over as many quarters of
    an hour; ``compared`` tells whether there is a week before to compare with."""

    week: Week
    as_of: datetime
    finished: bool
    now: Counts
    before: Counts
    compared: bool
    broadcasts: tuple[Followed, ...]
    telling: tuple[tuple[str, int], ...]
    """The most certain complaint of each of the most frequent matters: (intent, message)."""


def make_report(
    store: Store, hours: BusinessHours, week: Week, as_of: datetime | None = None
) -> Report:
    """The report of ``week`` as known at ``as_of``, or now. The same instant, the same report."""
    at = settled(store, hours, as_of)
    span = week.upto(at)
    last = week_before(hours, week)
    last_span = Span(last.span.begin, min(last.span.end, last.span.begin + span.slots))
    if week.is_over(at):
        last_span = last.span
    with store.read() as session:
        now = count(session, week, span, at)
        before = count(session, last, last_span, at)
        return Report(
            week=week,
            as_of=at,
            finished=week.is_over(at),
            now=now,
            before=before,
            compared=before.of(Figure.MESSAGES) > 0,
            broadcasts=tuple(_followed(session, week, span, at)),
            telling=tuple(_telling(session, now, at)),
        )


def _telling(session: Any, now: Counts, as_of: datetime) -> list[tuple[str, int]]:
    about = sorted(
        (
            (-number, key.value)
            for key, number in now.numbers.items()
            if key.figure is Figure.COMPLAINTS_ABOUT and key.by is By.INTENT and number
        )
    )
    matters = [name for _, name in about[:TOLD]]
    if not matters:
        return []
    surest = tellingest(session, matters, now.span, as_of, limit=TOLD)
    found: dict[int, str] = {}
    for name in matters:
        message = next((one for one in surest[name] if one not in found), None)
        if message is not None:
            found[message] = name
    return [(name, message) for message, name in found.items()]


def _followed(session: Any, week: Week, span: Span, as_of: datetime) -> list[Followed]:
    page = listed(session, Key(Figure.BROADCASTS), week, span, as_of, limit=MOST_BROADCASTS)
    facts = {
        row.id: row
        for row in session.scalars(
            select(Fact).where(Fact.id.in_([item.subject_id for item in page.items]))
        )
    }
    ends: dict[int, dict[str, Any]] = {}
    for row in session.scalars(
        select(Fact)
        .where(
            Fact.kind == FactKind.BROADCAST_ENDED,
            Fact.happened_at >= week.starts_at,
            Fact.recorded_at <= as_of,
        )
        .order_by(Fact.id)
    ):
        ends[int(row.details["broadcast"])] = row.details
    found = []
    for item in reversed(page.items):
        fact = facts[item.subject_id]
        at = fact.happened_at
        before = between(Figure.COMPLAINTS, at - AROUND, at)
        after = between(Figure.COMPLAINTS, at, at + AROUND)
        found.append(
            Followed(
                broadcast_id=int(fact.details["broadcast"]),
                stage=str(fact.details["stage"]),
                at=at,
                ended=ends.get(int(fact.details["broadcast"]), {}),
                before=before,
                after=after,
                until=at + AROUND,
                complaints_before=count_one(session, condition_of(before, week, span), as_of),
                complaints_after=count_one(session, condition_of(after, week, span), as_of),
            )
        )
    return found
