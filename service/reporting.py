"""The weekly report, as the schedule and the command line call it: made, mailed, written out."""

from __future__ import annotations

import logging

from config import Settings
from config.settings import UiLanguage
from dashboard.duty.letters import Letter
from dashboard.reader import Reader
from dashboard.reports.letters import letter, page_alone
from reports import issuing
from reports.book import write_up
from reports.issuing import Departure, depart
from reports.making import Report, make_report
from reports.weeks import Week, week_named
from responder.mailing import MailClaim
from responder.policy import Policy
from service.errors import Halt
from service.mail import Envelope, Mailer, NotTaken
from service.posting import Posting, Ready
from shenava.fonts import FontsMissing
from shenava.store import ReportMail, Store

log = logging.getLogger(__name__)


class Reporting:
    """What the schedule calls. Any number of processes may do the same on one database."""

    def __init__(
        self, store: Store, settings: Settings, policy: Policy, mailer: Mailer | None = None
    ) -> None:
        """``mailer``: the mail server of a test; else the one that the settings name, if any."""
        self._store = store
        self._settings = settings
        self._hours = policy.hours
        self._rules = issuing.rules_of(settings)
        self._mailer = mailer or (Mailer(settings) if settings.smtp_host else None)

    def tick(self) -> int | None:
        """Write the book up, and make the report that is due, if one is; returns its number."""
        write_up(self._store, self._hours)
        made = issuing.issue_due(self._store, self._hours, self._rules)
        if made is not None:
            log.info("made the weekly report %d", made)
        return made

    def send(self, limit: int = 20) -> int:
        """Mail what is due; returns how many were tried."""
        if self._mailer is None:
            return 0
        return Posting(self._store, ReportMail, self._mailer, self._ready).send(limit)

    def queue(self, week: Week) -> int:
        """Queue the mail of a week's report to everyone who gets it and was not sent it; returns
        how many. For a person who asks for it. Raises :class:`Halt` when there is no mail."""
        if self._rules.mail_domain is None:
            raise Halt("No mail server is set (smtp_host): the report cannot be mailed.")
        now = self._store.clock.now()
        if not week.is_over(now):
            raise Halt(f"The week of {week.name} is not over; its report can be mailed when it is.")
        as_of = write_up(self._store, self._hours)
        with self._store.write() as session:
            number = issuing.make_if_none(session, week, as_of, now)
            users = issuing.recipients(session, self._rules.to)
            return issuing.queue_mails(session, number, users, self._rules.mail_domain, now)

    def _ready(self, claim: MailClaim) -> Ready | None:
        departure = depart(self._store, claim)
        if departure is None:
            return None
        envelope = Envelope(departure.email, departure.name, departure.message_id, departure.at)
        return envelope, lambda: self._said(departure)

    def _said(self, departure: Departure) -> Letter:
        """The words of the mail. What fails here has sent nothing."""
        try:
            report = make_report(self._store, self._hours, departure.week, departure.as_of)
            return letter(departure, report, self._settings)
        except Exception as error:
            log.exception("the mail %d could not be put into words", departure.mail_id)
            raise NotTaken("fault", type(error).__name__, for_good=True) from error


def written(
    store: Store,
    settings: Settings,
    policy: Policy,
    name: str | None,
    form: str,
    language: UiLanguage | None,
) -> bytes:
    """The report of a week (a date in it; the last that is over by default), as ``form``: json,
    csv, html or pdf. Raises :class:`Halt` with a sentence."""
    from dashboard.reports import files

    report = _report(store, policy, name)
    who = Reader(
        language or settings.language, settings.calendar, theme="light", density="comfortable"
    )
    match form:
        case "json":
            return files.json_of(report)
        case "csv":
            return files.csv_of(report)
        case "html":
            return page_alone(report, who, settings).encode()
        case _:
            return _pdf(report, who, settings)


def _pdf(report: Report, who: Reader, settings: Settings) -> bytes:
    from dashboard.reader import speaking_to
    from dashboard.reports.pdf import pdf_of
    from dashboard.reports.sheet import Addresses, sheet_of

    with speaking_to(who):
        sheet = sheet_of(report, who, report.week.zone, Addresses(settings.address))
        try:
            return pdf_of(sheet, report, settings.font_file)
        except FontsMissing as error:
            raise Halt(str(error)) from None


def _report(store: Store, policy: Policy, name: str | None) -> Report:
    week = chosen_week(store, policy, name)
    with store.read() as session:
        made = issuing.report_of(session, week)
    return make_report(store, policy.hours, week, made.as_of if made else None)


def chosen_week(store: Store, policy: Policy, name: str | None) -> Week:
    """The week that ``name`` is a date of; the last that is over when there is none."""
    from reports.weeks import week_at, week_before

    now = store.clock.now()
    if name is None:
        return week_before(policy.hours, week_at(policy.hours, now))
    try:
        week = week_named(policy.hours, name)
    except ValueError:
        raise Halt(f"{name!r} is no date; write it as 2026-01-03.") from None
    if week.starts_at > now:
        raise Halt(f"The week of {week.name} has not begun.")
    return week
