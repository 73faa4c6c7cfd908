"""Dates, clocks and spans of time as people of each language read them.

Pure: the instant of "now" is handed in. Instants come in aware; they are shown in the shop's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import jdatetime
from hijridate import Gregorian

from config.settings import Calendar, UiLanguage
from dashboard.i18n import words
from dashboard.numerals import digits

FA, AR, EN = UiLanguage.FA, UiLanguage.AR, UiLanguage.EN

_JALALI = {
    FA: (
        "فروردین",
        "اردیبهشت",
        "خرداد",
        "تیر",
        "مرداد",
        "شهریور",
        "مهر",
        "آبان",
        "آذر",
        "دی",
        "بهمن",
        "اسفند",
    ),
    AR: (
        "فروردين",
        "أرديبهشت",
        "خرداد",
        "تير",
        "مرداد",
        "شهريور",
        "مهر",
        "آبان",
        "آذر",
        "دي",
        "بهمن",
        "إسفند",
    ),
    EN: (
        "Farvardin",
        "Ordibehesht",
        "Khordad",
        "Tir",
        "Mordad",
        "Shahrivar",
        "Mehr",
        "Aban",
        "Azar",
        "Dey",
        "Bahman",
        "Esfand",
    ),
}
_GREGORIAN = {
    FA: (
        "ژانویه",
        "فوریه",
        "مارس",
        "آوریل",
        "مه",
        "ژوئن",
        "ژوئیه",
        "اوت",
        "سپتامبر",
        "اکتبر",
        "نوامبر",
        "دسامبر",
    ),
    AR: (
        "يناير",
        "فبراير",
        "مارس",
        "أبريل",
        "مايو",
        "يونيو",
        "يوليو",
        "أغسطس",
        "سبتمبر",
        "أكتوبر",
        "نوفمبر",
        "ديسمبر",
    ),
    EN: (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
_HIJRI = {
    FA: (
        "محرم",
        "صفر",
        "ربیع‌الاول",
        "ربیع‌الثانی",
        "جمادی‌الاول",
        "جمادی‌الثانی",
        "رجب",
        "شعبان",
        "رمضان",
        "شوال",
        "ذیقعده",
        "ذیحجه",
    ),
    AR: (
        "محرم",
        "صفر",
        "ربيع الأول",
        "ربيع الآخر",
        "جمادى الأولى",
        "جمادى الآخرة",
        "رجب",
        "شعبان",
        "رمضان",
        "شوال",
        "ذو القعدة",
        "ذو الحجة",
    ),
    EN: (
        "Muharram",
        "Safar",
        "Rabi I",
        "Rabi II",
        "Jumada I",
        "Jumada II",
        "Rajab",
        "Shaban",
        "Ramadan",
        "Shawwal",
        "Dhu al-Qada",
        "Dhu al-Hijja",
    ),
}
_NAMES = {Calendar.JALALI: _JALALI, Calendar.GREGORIAN: _GREGORIAN, Calendar.HIJRI: _HIJRI}

# From Monday, as Python counts.
_WEEKDAYS = {
    FA: ("دوشنبه", "سه‌شنبه", "چهارشنبه", "پنجشنبه", "جمعه", "شنبه", "یکشنبه"),
    AR: ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"),
    EN: ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_COMMA = {FA: "،", AR: "،", EN: ","}

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

SOON = timedelta(minutes=15)
"""How long before its end a span of time counts as nearly over."""


@dataclass(frozen=True, slots=True)
class Dates:
    """How one reader reads time."""

    language: UiLanguage
    calendar: Calendar
    zone: ZoneInfo

    def clock(self, at: datetime) -> str:
        """The time of day, as 18:05."""
        return digits(at.astimezone(self.zone).strftime("%H:%M"), self.language)

    def day(self, at: datetime, now: datetime) -> str:
        """The date; the year only when it is not that of ``now``."""
        year, month, day = self._parts(at)
        return self._date(year if year != self._parts(now)[0] else None, month, day)

    def exact(self, at: datetime) -> str:
        """Weekday, full date and time of day."""
        weekday = _WEEKDAYS[self.language][at.astimezone(self.zone).weekday()]
        # The comma belongs between the parts in all but the Persian weekday and its date.
        first = " " if self.language is FA else f"{_COMMA[self.language]} "
        date = self._date(*self._parts(at))
        return f"{weekday}{first}{date}{_COMMA[self.language]} {self.clock(at)}"

    def weekday(self, number: int) -> str:
        """The name of a weekday; 0 is Monday."""
        return _WEEKDAYS[self.language][number]

    def digits(self, value: object) -> str:
        """``value`` in the digits of the language."""
        return digits(value, self.language)

    def when(self, at: datetime, now: datetime) -> str:
        """How long ago, or in how long, under a day; else the date."""
        said = words(self.language)
        gone = now - at
        if abs(gone) >= DAY:
            return self.day(at, now)
        if abs(gone) < MINUTE:
            return said.gettext("just now")
        minutes, hours = abs(gone) // MINUTE, abs(gone) // HOUR
        if gone > timedelta(0):
            if hours:
                return said.ngettext("%(num)s h ago", "%(num)s h ago", hours)
            return said.ngettext("%(num)s min ago", "%(num)s min ago", minutes)
        if hours:
            return said.ngettext("in %(num)s h", "in %(num)s h", hours)
        return said.ngettext("in %(num)s min", "in %(num)s min", minutes)

    def countdown(self, due: datetime, now: datetime) -> str:
        """What is left until ``due``, or how late it is. Whole units, rounded towards now."""
        said = words(self.language)
        left = due - now
        span = abs(left)
        minutes, hours, days = span // MINUTE, span // HOUR, span // DAY
        if left >= timedelta(0):
            if span < MINUTE:
                return said.gettext("under a minute left")
            if span < HOUR:
                return said.ngettext("%(num)s min left", "%(num)s min left", minutes)
            if span < 2 * DAY:
                return said.ngettext("%(num)s h left", "%(num)s h left", hours)
            return said.ngettext("%(num)s day left", "%(num)s days left", days)
        if span < MINUTE:
            return said.gettext("due now")
        if span < HOUR:
            return said.ngettext("late by %(num)s min", "late by %(num)s min", minutes)
        if span < 2 * DAY:
            return said.ngettext("late by %(num)s h", "late by %(num)s h", hours)
        return said.ngettext("late by %(num)s day", "late by %(num)s days", days)

    def span(self, length: timedelta) -> str:
        """A length of time by itself, in its largest whole unit."""
        said = words(self.language)
        if length < HOUR:
            return said.ngettext("%(num)s min", "%(num)s min", max(0, length // MINUTE))
        if length < 2 * DAY:
            return said.ngettext("%(num)s h", "%(num)s h", length // HOUR)
        return said.ngettext("%(num)s day", "%(num)s days", length // DAY)

    def date(self, at: datetime) -> str:
        """The date with its year."""
        return self._date(*self._parts(at))

    def length(self, seconds: int) -> str:
        """A length of time in two units at most, as 1 h 40 min: for figures. A part of a minute is
        one: nothing takes no time."""
        said = words(self.language)
        minutes = -(-seconds // 60)
        if minutes < 60:
            return said.ngettext("%(num)s min", "%(num)s min", minutes)
        if minutes < 48 * 60:
            hours, rest = divmod(minutes, 60)
            whole = said.ngettext("%(num)s h", "%(num)s h", hours)
            if not rest:
                return whole
            return f"{whole} {said.ngettext('%(num)s min', '%(num)s min', rest)}"
        days, rest = divmod(minutes // 60, 24)
        whole = said.ngettext("%(num)s day", "%(num)s days", days)
        return f"{whole} {said.ngettext('%(num)s h', '%(num)s h', rest)}" if rest else whole

    def _parts(self, at: datetime) -> tuple[int, int, int]:
        local = at.astimezone(self.zone).date()
        if self.calendar is Calendar.GREGORIAN:
            return local.year, local.month, local.day
        if self.calendar is Calendar.HIJRI:
            return Gregorian(local.year, local.month, local.day).to_hijri().datetuple()
        jalali = jdatetime.date.fromgregorian(date=local)
        return jalali.year, jalali.month, jalali.day

    def _date(self, year: int | None, month: int, day: int) -> str:
        text = f"{day} {_NAMES[self.calendar][self.language][month - 1]}"
        return digits(text if year is None else f"{text} {year}", self.language)


def urgency(due: datetime, now: datetime) -> str:
    """``urgent`` when it is late, ``soon`` when nearly so, else ``calm``: the colour's meaning."""
    left = due - now
    if left < timedelta(0):
        return "urgent"
    return "soon" if left <= SOON else "calm"
