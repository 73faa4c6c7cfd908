"""Dates, spans of time and numbers in each language and calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from config.settings import Calendar, UiLanguage
from dashboard.dates import Dates, urgency
from dashboard.filters import initials
from dashboard.numerals import digits, number, percent

FA, AR, EN = UiLanguage.FA, UiLanguage.AR, UiLanguage.EN
TEHRAN = ZoneInfo("Asia/Tehran")
NOW = datetime(2024, 6, 1, 12, 0, tzinfo=UTC)


def reads(language: UiLanguage, calendar: Calendar = Calendar.JALALI) -> Dates:
    return Dates(language, calendar, TEHRAN)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        # The last day of a leap year, the Nowruz after it, and one instant on both sides.
        (datetime(2025, 3, 20, 8, 30, tzinfo=UTC), "پنجشنبه ۳۰ اسفند ۱۴۰۳، ۱۲:۰۰"),
        (datetime(2025, 3, 20, 20, 29, tzinfo=UTC), "پنجشنبه ۳۰ اسفند ۱۴۰۳، ۲۳:۵۹"),
        (datetime(2025, 3, 20, 20, 30, tzinfo=UTC), "جمعه ۱ فروردین ۱۴۰۴، ۰۰:۰۰"),
        # A common year ends on the 29th.
        (datetime(2024, 3, 19, 12, 0, tzinfo=UTC), "سه‌شنبه ۲۹ اسفند ۱۴۰۲، ۱۵:۳۰"),
        (datetime(2024, 3, 20, 12, 0, tzinfo=UTC), "چهارشنبه ۱ فروردین ۱۴۰۳، ۱۵:۳۰"),
        # Summer time, while Iran still had it.
        (datetime(2022, 6, 1, 12, 0, tzinfo=UTC), "چهارشنبه ۱۱ خرداد ۱۴۰۱، ۱۶:۳۰"),
    ],
)
def test_the_persian_calendar_in_the_zone_of_the_shop(at: datetime, said: str) -> None:
    assert reads(FA).exact(at) == said


@pytest.mark.parametrize(
    ("language", "calendar", "said"),
    [
        (FA, Calendar.GREGORIAN, "شنبه ۱ ژوئن ۲۰۲۴، ۱۵:۳۰"),
        (AR, Calendar.GREGORIAN, "السبت، ١ يونيو ٢٠٢٤، ١٥:٣٠"),
        (AR, Calendar.JALALI, "السبت، ١٢ خرداد ١٤٠٣، ١٥:٣٠"),
        (EN, Calendar.GREGORIAN, "Saturday, 1 June 2024, 15:30"),
        (EN, Calendar.JALALI, "Saturday, 12 Khordad 1403, 15:30"),
    ],
)
def test_each_language_has_its_own_names(
    language: UiLanguage, calendar: Calendar, said: str
) -> None:
    assert reads(language, calendar).exact(NOW) == said


def test_the_year_is_said_when_it_is_another() -> None:
    gregorian = reads(EN, Calendar.GREGORIAN)
    assert gregorian.day(datetime(2024, 1, 1, tzinfo=UTC), NOW) == "1 January"
    assert gregorian.day(datetime(2023, 12, 31, 12, tzinfo=UTC), NOW) == "31 December 2023"
    # The same instant is last year for one calendar and this year for the other.
    march = datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert reads(EN).day(march, NOW) == "11 Esfand 1402"
    assert gregorian.day(march, NOW) == "1 March"


@pytest.mark.parametrize(
    ("ago", "fa", "ar", "en"),
    [
        (timedelta(seconds=59), "همین حالا", "الآن", "just now"),
        (timedelta(minutes=1), "۱ دقیقه پیش", "قبل دقيقة", "1 min ago"),
        (timedelta(minutes=2), "۲ دقیقه پیش", "قبل دقيقتين", "2 min ago"),
        (timedelta(minutes=12), "۱۲ دقیقه پیش", "قبل ١٢ دقيقة", "12 min ago"),
        (timedelta(minutes=59, seconds=59), "۵۹ دقیقه پیش", "قبل ٥٩ دقيقة", "59 min ago"),
        (timedelta(hours=3, minutes=59), "۳ ساعت پیش", "قبل ٣ ساعات", "3 h ago"),
        (timedelta(hours=23, minutes=59), "۲۳ ساعت پیش", "قبل ٢٣ ساعة", "23 h ago"),
        (timedelta(hours=24), "۱۱ خرداد", "١١ خرداد", "11 Khordad"),
        (timedelta(minutes=-5), "۵ دقیقهٔ دیگر", "بعد ٥ دقائق", "in 5 min"),
        (timedelta(hours=-2), "۲ ساعت دیگر", "بعد ساعتين", "in 2 h"),
        (timedelta(days=-2), "۱۴ خرداد", "١٤ خرداد", "14 Khordad"),
    ],
)
def test_under_a_day_time_is_told_by_distance(ago: timedelta, fa: str, ar: str, en: str) -> None:
    said = [reads(language).when(NOW - ago, NOW) for language in (FA, AR, EN)]
    assert said == [fa, ar, en]


@pytest.mark.parametrize(
    ("left", "fa", "en", "colour"),
    [
        (timedelta(days=3), "۳ روز مانده", "3 days left", "calm"),
        (timedelta(hours=47), "۴۷ ساعت مانده", "47 h left", "calm"),
        (timedelta(minutes=18, seconds=30), "۱۸ دقیقه مانده", "18 min left", "calm"),
        (timedelta(minutes=15), "۱۵ دقیقه مانده", "15 min left", "soon"),
        (timedelta(seconds=30), "کمتر از یک دقیقه مانده", "under a minute left", "soon"),
        (timedelta(seconds=0), "کمتر از یک دقیقه مانده", "under a minute left", "soon"),
        (timedelta(seconds=-30), "همین حالا", "due now", "urgent"),
        (timedelta(minutes=-5), "۵ دقیقه دیر شده", "late by 5 min", "urgent"),
        (timedelta(hours=-2, minutes=-59), "۲ ساعت دیر شده", "late by 2 h", "urgent"),
        (timedelta(days=-2), "۲ روز دیر شده", "late by 2 days", "urgent"),
    ],
)
def test_countdowns_tell_what_is_left(left: timedelta, fa: str, en: str, colour: str) -> None:
    due = NOW + left
    assert reads(FA).countdown(due, NOW) == fa
    assert reads(EN).countdown(due, NOW) == en
    assert urgency(due, NOW) == colour


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "أقل من دقيقة"),
        (1, "دقيقة"),
        (2, "دقيقتان"),
        (3, "٣ دقائق"),
        (10, "١٠ دقائق"),
        (11, "١١ دقيقة"),
        (59, "٥٩ دقيقة"),
    ],
)
def test_arabic_counts_in_its_own_forms(count: int, said: str) -> None:
    assert reads(AR).span(timedelta(minutes=count)) == said


def test_numbers_are_written_as_each_language_writes_them() -> None:
    assert number(1234567, FA) == "۱٬۲۳۴٬۵۶۷"
    assert number(1234567, AR) == "١٬٢٣٤٬٥٦٧"
    assert number(1234567, EN) == "1,234,567"
    assert number(-1234.56, FA, 1) == "\u2212۱٬۲۳۴٫۶"
    assert number(0, AR) == "٠"
    assert digits("18:05", FA) == "۱۸:۰۵"


@pytest.mark.parametrize(
    ("share", "said"), [(0.0, "۰٪"), (0.001, "۱٪"), (0.934, "۹۳٪"), (0.999, "۹۹٪"), (1.0, "۱۰۰٪")]
)
def test_percent_is_certain_only_of_what_is_certain(share: float, said: str) -> None:
    assert percent(share, FA) == said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Sara Ahmadi", "SA"),
        ("sara", "S"),
        ("سارا احمدی", "س"),
        ("@sara", "•"),
        ("🌹 Rose", "R"),
        ("", "•"),
        ("Ana María de la Cruz", "AC"),
    ],
)
def test_initials_stand_for_a_name(name: str, said: str) -> None:
    assert initials(name) == said
