"""What duty and alarms are called, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby

from dashboard.dates import DAY, Dates
from dashboard.i18n import gettext as _
from dashboard.i18n import lazy
from responder.duty import Standing
from shenava.hours import DAY_MINUTES, Interval
from shenava.store import CalledBecause, EndedBecause, MailState

_MAIL_BECAUSE = {
    CalledBecause.ON_DUTY: lazy("You get this e-mail because you are on duty."),
    CalledBecause.NOBODY_ON_DUTY: lazy(
        "You get this e-mail because nobody is on duty and you are an admin."
    ),
    CalledBecause.NEXT_IN_ORDER: lazy(
        "You get this e-mail because nobody has acted yet and you are next in the order."
    ),
}

_BECAUSE = {
    CalledBecause.ON_DUTY: lazy("You are on duty."),
    CalledBecause.NOBODY_ON_DUTY: lazy("Nobody is on duty, and you are an admin."),
    CalledBecause.NEXT_IN_ORDER: lazy("Nobody has acted yet, and you are next in the order."),
}

CALLED = {
    CalledBecause.ON_DUTY: lazy("on duty"),
    CalledBecause.NOBODY_ON_DUTY: lazy("nobody was on duty"),
    CalledBecause.NEXT_IN_ORDER: lazy("next in the order"),
}

ENDED = {
    EndedBecause.ANSWERED: lazy("answered"),
    EndedBecause.TAKEN: lazy("taken"),
    EndedBecause.CLOSED: lazy("closed"),
    EndedBecause.SNOOZED: lazy("snoozed"),
    EndedBecause.CALMED: lazy("no longer urgent"),
}

SPIKE_ENDED = {
    EndedBecause.ANSWERED: lazy("announced"),
    EndedBecause.CLOSED: lazy("closed"),
    EndedBecause.CALMED: lazy("over"),
}
"""What came of an alarm of a spike: nobody takes or snoozes one."""

MAIL = {
    MailState.QUEUED: lazy("e-mail waits"),
    MailState.CLAIMED: lazy("e-mail waits"),
    MailState.SENDING: lazy("e-mail on its way"),
    MailState.SENT: lazy("e-mail sent"),
    MailState.FAILED: lazy("e-mail failed"),
    MailState.UNKNOWN: lazy("e-mail: not known whether it arrived"),
    MailState.CANCELLED: lazy("e-mail not needed any more"),
}

MAIL_TROUBLE = {
    "unreachable": lazy("the mail server did not answer"),
    "sign_in": lazy("the mail server refused the sign-in"),
    "encryption": lazy("no trusted encryption with the mail server"),
    "address_refused": lazy("the mail server refused the address"),
    "refused": lazy("the mail server refused the mail"),
    "no_answer": lazy("the mail server did not say whether it took it"),
    "vanished": lazy("Shenava was stopped while sending"),
    "fault": lazy("the mail could not be made; the log has the details"),
}


def because_in_mail(because: CalledBecause) -> str:
    """Why someone gets a mail, as a sentence to them."""
    return str(_MAIL_BECAUSE[because])


def because_on_screen(because: CalledBecause) -> str:
    """Why someone is called, as a sentence to them."""
    return str(_BECAUSE[because])


def plan_in_words(
    week: Mapping[int, tuple[Interval, ...]], dates: Dates, first_weekday: int
) -> str:
    """A planned week for people to read; empty for an empty one."""
    if not week:
        return ""
    if all(week.get(day) == (Interval(0, DAY_MINUTES),) for day in range(7)):
        return _("always")
    order = [(first_weekday + step) % 7 for step in range(7)]
    parts = []
    for intervals, run in groupby(order, key=lambda day: week.get(day, ())):
        days = [dates.weekday(day) for day in run]
        if not intervals:
            continue
        named = days[0] if len(days) == 1 else _("%(a)s to %(b)s", a=days[0], b=days[-1])
        hours = _(" and ").join(
            _("%(a)s to %(b)s", a=_wall(each.start, dates), b=_wall(each.end, dates))
            for each in intervals
        )
        parts.append(_("%(days)s, %(hours)s", days=named, hours=hours))
    return " · ".join(parts)


def _wall(minute: int, dates: Dates) -> str:
    return dates.digits(f"{minute // 60}:{minute % 60:02d}")


def until_in_words(standing: Standing, dates: Dates, now: datetime) -> str:
    """Until when someone stands as they do; empty where only the switch changes it."""
    if standing.until is None:
        return ""
    left = standing.until - now
    clock = dates.clock(standing.until)
    local, today = standing.until.astimezone(dates.zone), now.astimezone(dates.zone)
    if local.date() == today.date():
        return _("until %(when)s", when=clock)
    if left < 6 * DAY:
        day = dates.weekday(local.weekday())
        return _("until %(day)s, %(clock)s", day=day, clock=clock)
    return _("until %(when)s", when=dates.day(standing.until, now))
