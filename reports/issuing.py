"""The report of each week, made once: by whichever process comes first, and mailed to whom.

A week's report is one row, unique by the week's beginning, with the instant that it speaks of;
its mails are written in the same transaction. Nothing is rendered ahead: numbers of an instant
are the same whenever they are counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from config import Settings
from config.settings import ReportTo
from reports.book import write_up
from reports.weeks import Week, slot_of, week_at, week_before
from responder.mailing import MailClaim, leaves, ours
from shenava.hours import BusinessHours, day_start
from shenava.store import (
    EntryKind,
    MailState,
    ReportEntry,
    ReportMail,
    Role,
    Store,
    User,
    UserState,
    WeeklyReport,
)
from shenava.store.bulk import insert_into, insert_rows


@dataclass(frozen=True, slots=True)
class Rules:
    """``hour``: of the shop's clock, on the first day of a week, at which the last one's report is
    made. ``mail_domain``: for Message-IDs; ``None``: no mail."""

    hour: int
    to: ReportTo
    mail_domain: str | None


def rules_of(settings: Settings) -> Rules:
    """The rules that ``settings`` describe."""
    domain = settings.mail_from.rpartition("@")[2] if settings.smtp_host else None
    return Rules(settings.report_hour, settings.report_to, domain)


def due_week(hours: BusinessHours, rules: Rules, now: datetime) -> Week:
    """The last week whose report is due at ``now``."""
    running = week_at(hours, now)
    last = week_before(hours, running)
    due_at = day_start(hours.zone, running.first, minutes=rules.hour * 60)
    return last if now >= due_at else week_before(hours, last)


def issue_due(store: Store, hours: BusinessHours, rules: Rules) -> int | None:
    """Make the report of the last week that is due, if nobody has, and queue its mails; returns
    its number, ``None`` when there is nothing to do. Any number of processes may call it at once.

    There is none of a week in which the shop had not begun to listen. After a pause of weeks
    only the last is made; those before it can be read at any time, but nobody is mailed them.
    """
    now = store.clock.now()
    week = due_week(hours, rules, now)
    with store.read() as session:
        if report_of(session, week) is not None:
            return None
    as_of = write_up(store, hours)
    with store.write() as session:
        if not _listened(session, week):
            return None
        made = _make(session, week, as_of, now)
        if made is None:
            return None
        if rules.mail_domain is not None:
            queue_mails(session, made, recipients(session, rules.to), rules.mail_domain, now)
        return made


def set_aside(session: Session, hours: BusinessHours, rules: Rules, now: datetime) -> int:
    """After a restore: what a lost database may have mailed is not mailed again. Mails on their
    way become unknown, and the last week's report counts as made. Returns how many mails."""
    waiting = (MailState.QUEUED, MailState.CLAIMED, MailState.SENDING)
    rows = session.scalars(select(ReportMail).where(ReportMail.state.in_(waiting))).all()
    for row in rows:
        row.state, row.reason, row.claimed_until = MailState.UNKNOWN, "restored", None
        row.sending_at = row.sending_at or now
    week = due_week(hours, rules, now)
    if _listened(session, week):
        _make(session, week, now, now)
    return len(rows)


def report_of(session: Session, week: Week) -> WeeklyReport | None:
    """The report that was made of a week."""
    return session.scalars(
        select(WeeklyReport).where(WeeklyReport.starts_at == week.starts_at)
    ).one_or_none()


def make_if_none(session: Session, week: Week, as_of: datetime, now: datetime) -> int:
    """The number of a week's report; it is made if there is none."""
    made = _make(session, week, as_of, now)
    if made is not None:
        return made
    there = report_of(session, week)
    assert there is not None, "a row stood in the way, and rows of reports are never deleted"
    return there.id


def recipients(session: Session, to: ReportTo) -> list[int]:
    """Who gets the report: who chose it, and who chose nothing and is meant by the setting."""
    meant: list[ColumnElement[bool]] = [User.report_mail.is_(True)]
    if to is ReportTo.EVERYONE:
        meant.append(User.report_mail.is_(None))
    elif to is ReportTo.ADMINS:
        meant.append(User.report_mail.is_(None) & (User.role == Role.ADMIN))
    return list(
        session.scalars(
            select(User.id).where(User.state == UserState.ACTIVE, or_(*meant)).order_by(User.id)
        )
    )


def queue_mails(
    session: Session, report_id: int, users: Iterable[int], domain: str, now: datetime
) -> int:
    """Queue the mail of a report to people who were not sent it; returns how many."""
    there = set(
        session.scalars(select(ReportMail.user_id).where(ReportMail.report_id == report_id))
    )
    values = [
        {
            "report_id": report_id,
            "user_id": user_id,
            "state": MailState.QUEUED,
            "message_id": f"<report.{secrets.token_hex(16)}@{domain}>",
            "made_at": now,
            "not_before": now,
            "attempts": 0,
        }
        for user_id in users
        if user_id not in there
    ]
    insert_rows(session, ReportMail, values)
    return len(values)


@dataclass(frozen=True, slots=True)
class Departure:
    """A report about to leave, to ``email``, about ``week`` as known at ``as_of``."""

    mail_id: int
    message_id: str
    at: datetime
    email: str
    name: str
    language: str | None
    calendar: str | None
    week: Week
    as_of: datetime


def depart(store: Store, claim: MailClaim) -> Departure | None:
    """Commit that the mail leaves now. ``None``: the person has left, or the row is not ours."""
    with store.write() as session:
        now = store.clock.now()
        row = ours(session, ReportMail, claim, MailState.CLAIMED)
        if row is None:
            return None
        person = session.get_one(User, row.user_id)
        if person.state is not UserState.ACTIVE:
            row.state, row.claimed_until = MailState.CANCELLED, None
            return None
        report = session.get_one(WeeklyReport, row.report_id)
        leaves(row, now)
        return Departure(
            mail_id=row.id,
            message_id=row.message_id,
            at=now,
            email=person.email,
            name=person.name,
            language=person.language,
            calendar=person.calendar,
            week=week_of(report),
            as_of=report.as_of,
        )


def week_of(report: WeeklyReport) -> Week:
    """The week that a report speaks of, where it lay then."""
    zone = ZoneInfo(report.zone)
    # Half a day in, whatever the clocks do at midnight.
    first = datetime.fromtimestamp(report.starts_at.timestamp() + 12 * 3600, zone).date()
    return Week(zone, first, report.starts_at, report.ends_at)


def _make(session: Session, week: Week, as_of: datetime, now: datetime) -> int | None:
    """The row of a week's report; ``None`` when another process was first."""
    found: int | None = session.scalar(
        insert_into(session, WeeklyReport)
        .values(
            starts_at=week.starts_at,
            ends_at=week.ends_at,
            zone=week.zone.key,
            as_of=as_of,
            made_at=now,
        )
        .on_conflict_do_nothing()
        .returning(WeeklyReport.id)
    )
    return found


def _listened(session: Session, week: Week) -> bool:
    """Whether anything had been taken in by the end of a week."""
    first = select(ReportEntry.id).where(
        ReportEntry.kind == int(EntryKind.MESSAGE), ReportEntry.slot < slot_of(week.ends_at)
    )
    return session.scalar(first.limit(1)) is not None
