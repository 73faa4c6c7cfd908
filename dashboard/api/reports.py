"""Weekly reports. The docstrings stand in the API's document."""

from __future__ import annotations

from datetime import datetime

from dashboard.api import asked, shapes
from dashboard.api.problems import invalid
from dashboard.api.tokens import Caller
from dashboard.context import desk
from dashboard.reports.files import told_of
from reports.book import settled
from reports.figures import FIGURES, TIMES, key_of
from reports.issuing import report_of
from reports.lists import listed
from reports.making import make_report
from reports.weeks import Span, Week, slot_of, week_at, week_before, week_named
from shenava.store import EntryKind

_KINDS = {
    EntryKind.CASE: "case",
    EntryKind.FIRST_ANSWER: "case",
    EntryKind.CLOSED: "case",
    EntryKind.ANSWER: "answer",
    EntryKind.GAP: "fact",
    EntryKind.BROADCAST: "fact",
}


def get_report(caller: Caller, query: asked.ReportQuery) -> shapes.Report:
    """Read the report of a week. The same `as_of`, the same answer, whatever comes in later."""
    week = _week(query)
    made = make_report(desk().store, desk().policy.hours, week, _as_of(query, week))
    return shapes.Report.model_validate(told_of(made))


def list_report_rows(caller: Caller, query: asked.ReportRowQuery) -> shapes.ReportRows:
    """List what a number counts. As many rows as the report of the same `as_of` says."""
    week = _week(query)
    try:
        key = key_of(query.figure, query.segment)
    except ValueError as error:
        raise invalid(str(error), parameter="figure") from None
    at = settled(desk().store, desk().policy.hours, _as_of(query, week))
    span = week.upto(at)
    if query.until is not None:
        span = Span(span.begin, max(span.begin, min(week.span.end, slot_of(query.until))))
    after = None
    if query.cursor is not None:
        slot, _sign, number = query.cursor.partition("-")
        if not (slot.isdecimal() and number.isdecimal()) or len(query.cursor) > 24:
            raise invalid("Give the `next` of the answer before.", parameter="cursor")
        after = (int(slot), int(number))
    try:
        with desk().store.read() as session:
            page = listed(session, key, week, span, at, after=after, limit=query.limit)
    except ValueError as error:
        raise invalid(str(error), parameter="segment") from None
    timed = key.figure in TIMES
    kind = _KINDS.get(FIGURES[key.figure].kind, "message")
    items = [
        shapes.ReportRow(
            kind=kind,
            id=str(one.subject_id),
            happened_at=one.happened_at,
            open_s=one.measure if timed else None,
            elapsed_s=one.elapsed if timed else None,
        )
        for one in page.items
    ]
    onward = f"{page.next[0]}-{page.next[1]}" if page.next else None
    return shapes.ReportRows(as_of=at, items=items, next=onward)


def _week(query: asked.ReportQuery) -> Week:
    hours, now = desk().policy.hours, desk().store.clock.now()
    if query.week is None:
        return week_before(hours, week_at(hours, now))
    try:
        week = week_named(hours, query.week)
    except ValueError:
        raise invalid("This is no date; write it as 2026-01-03.", parameter="week") from None
    if week.starts_at > now:
        raise invalid("This week has not begun.", parameter="week")
    return week


def _as_of(query: asked.ReportQuery, week: Week) -> datetime | None:
    if query.as_of is not None:
        return query.as_of
    with desk().store.read() as session:
        made = report_of(session, week)
    return made.as_of if made else None
