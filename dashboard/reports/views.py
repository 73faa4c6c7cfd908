"""The pages of the weekly report: the weeks, one report, the list behind a number, the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from dashboard.context import desk
from dashboard.filters import present_dates
from dashboard.reader import reader
from dashboard.reports import files, words
from dashboard.reports.rows import rows_of
from dashboard.reports.sheet import Addresses, Sheet, day_names, sheet_of, week_words
from dashboard.reports.telling import telling
from reports.book import settled
from reports.charts import svg
from reports.figures import FIGURES, Key, key_of
from reports.issuing import report_of
from reports.lists import listed
from reports.making import Report, make_report
from reports.weeks import Span, Week, slot_of, week_after, week_at, week_before, week_named
from shenava.fonts import FontsMissing
from shenava.store import Message, WeeklyReport

PAGE_ROWS = 50
_WEEKS = 26


@dataclass(frozen=True, slots=True)
class _Line:
    """One week of the list."""

    week: Week
    dates: str
    finished: bool
    made: WeeklyReport | None


def index() -> ResponseReturnValue:
    """All weeks there is something of, the running one first; ``?before=2026-01-03`` goes on."""
    hours = desk().policy.hours
    now = desk().store.clock.now()
    running = week_at(hours, now)
    begin = running
    if "before" in request.args:
        begin = week_before(hours, _week(request.args["before"]))
    with desk().store.read() as session:
        oldest = session.scalar(select(Message.written_at).order_by(Message.written_at).limit(1))
        made = {row.starts_at: row for row in session.scalars(select(WeeklyReport))}
    first = week_at(hours, oldest) if oldest else running
    lines: list[_Line] = []
    one = begin
    while len(lines) < _WEEKS and one.starts_at >= first.starts_at:
        lines.append(
            _Line(one, week_words(one, present_dates()), one.is_over(now), made.get(one.starts_at))
        )
        one = week_before(hours, one)
    more = lines[-1].week.name if lines and one.starts_at >= first.starts_at else None
    return render_template(
        "reports/index.html", lines=lines, more=more, running=running, oldest=oldest
    )


def week(name: str) -> ResponseReturnValue:
    """One report, as of the instant it was made at, or ``as_of``, or now."""
    wanted = _week(name)
    if wanted.name != name:
        return redirect(url_for("reports.week", name=wanted.name))
    report, made = _report(wanted)
    sheet = _sheet(report)
    hours = desk().policy.hours
    following = week_after(hours, wanted)
    return render_template(
        "reports/week.html",
        sheet=sheet,
        report=report,
        week=wanted,
        made=made,
        quotes=telling(desk().store, report),
        svg=svg,
        matter=words.matter,
        asked=request.args.get("as_of"),
        to=Addresses(),
        previous=week_before(hours, wanted),
        following=following if following.starts_at <= report.as_of else None,
    )


def rows(name: str) -> ResponseReturnValue:
    """The list behind a number: ``figure``, ``segment``, ``as_of``, ``until``."""
    wanted = _week(name)
    try:
        key = key_of(request.args.get("figure", ""), request.args.get("segment", ""))
    except ValueError:
        abort(404)
    store = desk().store
    as_of = settled(store, desk().policy.hours, _instant("as_of"))
    span = wanted.upto(as_of)
    until = _instant("until")
    if until is not None:
        span = Span(span.begin, max(span.begin, min(wanted.span.end, slot_of(until))))
    try:
        with store.read() as session:
            page = listed(session, key, wanted, span, as_of, after=_after(), limit=PAGE_ROWS)
            shown = rows_of(session, FIGURES[key.figure].kind, page.items)
    except ValueError:
        abort(404)
    return render_template(
        "reports/list.html",
        week=wanted,
        dates=week_words(wanted, present_dates()),
        title=_title(key, wanted),
        definition=words.DEFINITIONS[key.figure],
        rows=shown,
        as_of=as_of,
        to=Addresses(),
        first="after" not in request.args,
        next=_onward(page.next),
        length=present_dates().length,
    )


def pdf(name: str) -> ResponseReturnValue:
    from dashboard.reports.pdf import pdf_of

    report, _made = _report(_week(name))
    try:
        body = pdf_of(_sheet(report, absolute=True), report, desk().settings.font_file)
    except FontsMissing as error:
        return render_template("reports/no_font.html", sentence=str(error), name=name), 503
    return _file(body, "application/pdf", report, "pdf")


def csv(name: str) -> ResponseReturnValue:
    report, _made = _report(_week(name))
    return _file(files.csv_of(report), "text/csv; charset=utf-8", report, "csv")


def json(name: str) -> ResponseReturnValue:
    report, _made = _report(_week(name))
    return _file(files.json_of(report), "application/json", report, "json")


def _file(body: bytes, kind: str, report: Report, ending: str) -> Response:
    name = f"shenava-{report.week.name}.{ending}"
    return Response(
        body,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _report(wanted: Week) -> tuple[Report, WeeklyReport | None]:
    store = desk().store
    with store.read() as session:
        made = report_of(session, wanted)
    as_of = _instant("as_of")
    if as_of is None and made is not None and "now" not in request.args:
        as_of = made.as_of
    if wanted.starts_at > store.clock.now():
        abort(404)
    return make_report(store, desk().policy.hours, wanted, as_of), made


def _sheet(report: Report, *, absolute: bool = False) -> Sheet:
    base = desk().settings.address if absolute else ""
    return sheet_of(report, reader(), report.week.zone, Addresses(base))


def _week(name: str) -> Week:
    try:
        return week_named(desk().policy.hours, name)
    except ValueError:
        abort(404)


def _instant(name: str) -> datetime | None:
    """An instant of the address; 404 for what is none."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        abort(404)
    if at.utcoffset() is None or not 1971 <= at.year <= 9000:
        abort(404)
    return at.astimezone(UTC)


def _after() -> tuple[int, int] | None:
    slot, _sign, number = request.args.get("after", "").partition("-")
    if not (slot.isdecimal() and number.isdecimal()) or len(slot + number) > 24:
        return None
    return int(slot), int(number)


def _onward(place: tuple[int, int] | None) -> str | None:
    if place is None:
        return None
    asked: dict[str, Any] = request.args.to_dict() | {"after": f"{place[0]}-{place[1]}"}
    return f"{request.path}?{urlencode(asked)}"


def _title(key: Key, wanted: Week) -> Sequence[str]:
    title = str(words.TITLES[key.figure])
    try:
        part = words.segment_words(key, present_dates(), day_names(wanted, present_dates()))
    except (ValueError, IndexError):
        abort(404)
    return (title, part) if part else (title,)
