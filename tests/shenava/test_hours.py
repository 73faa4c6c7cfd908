"""Promises of business hours: over clock changes, midnight, holidays and empty weeks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shenava.hours import (
    DAY_MINUTES,
    HORIZON,
    BusinessHours,
    Interval,
    add_business_time,
    business_time_between,
    format_week,
    is_open,
    next_opening,
    parse_week,
    week_start,
)

TEHRAN = ZoneInfo("Asia/Tehran")
CAIRO = ZoneInfo("Africa/Cairo")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
ALWAYS = parse_week("always")
MINUTE = timedelta(minutes=1)

# Days on or about which clocks were changed. Apia left out the whole of 30 December 2011; Lord
# Howe moves by half an hour; St John's changed at 00:01, so that a date came twice.
CLOCK_CHANGES = {
    "Asia/Tehran": [date(2022, 3, 22), date(2022, 9, 22), date(2026, 3, 22)],
    "Africa/Cairo": [date(2026, 4, 24), date(2026, 10, 29), date(2026, 10, 30)],
    "America/Los_Angeles": [date(2026, 3, 8), date(2026, 11, 1)],
    "Europe/London": [date(2026, 3, 29), date(2026, 10, 25)],
    "Asia/Riyadh": [date(2026, 3, 29)],
    "Pacific/Apia": [date(2011, 12, 30), date(2011, 9, 24), date(2011, 4, 2)],
    "Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)],
    "America/St_Johns": [date(2010, 3, 14), date(2010, 11, 6), date(2010, 11, 7)],
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours_of(zone: ZoneInfo, week: str, *holidays: date) -> BusinessHours:
    return BusinessHours(zone, parse_week(week), holidays=frozenset(holidays))


@st.composite
def days(draw: st.DrawFn) -> tuple[Interval, ...]:
    """Intervals of one weekday: none, a few, up to midnight, from midnight, or the full day."""
    edges = draw(
        st.lists(
            st.one_of(
                st.integers(0, DAY_MINUTES),
                st.sampled_from([0, 1, 60, 90, 120, 150, 180, 1380, 1410, DAY_MINUTES]),
            ),
            max_size=6,
            unique=True,
        )
    )
    edges.sort()
    spans = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Interval(start, end) for start, end in spans)


weeks = st.one_of(
    st.dictionaries(st.integers(0, 6), days()),
    st.just(ALWAYS),
    st.just(parse_week("sat-wed 09:00-13:00,14:00-18:00; thu 09:00-13:00")),
    st.just(parse_week("mon-sun 22:00-24:00,00:00-02:00")),
)


@st.composite
def places(draw: st.DrawFn) -> tuple[BusinessHours, datetime]:
    """Some business hours, and an instant near a day on which their clocks change."""
    name = draw(st.sampled_from(sorted(CLOCK_CHANGES)))
    change = draw(st.sampled_from(CLOCK_CHANGES[name]))
    near = st.integers(-3, 8).map(lambda step: change + timedelta(days=step))
    hours = BusinessHours(
        ZoneInfo(name),
        draw(weeks),
        draw(st.integers(0, 6)),
        draw(st.frozensets(near, max_size=3)),
    )
    noon = datetime(change.year, change.month, change.day, 12, tzinfo=hours.zone).astimezone(UTC)
    at = noon + timedelta(minutes=draw(st.integers(-2 * DAY_MINUTES, 2 * DAY_MINUTES)))
    return hours, at + timedelta(microseconds=draw(st.sampled_from([0, 0, 1, 30_000_001])))


amounts = st.one_of(
    st.timedeltas(timedelta(0), timedelta(days=3)),
    st.integers(0, 5000).map(lambda minutes: timedelta(minutes=minutes)),
)


# Against an oracle that looks at the clock on the wall, minute by minute, and knows no offsets.


def wall_clock_minutes(hours: BusinessHours, start: datetime, minutes: int) -> list[bool]:
    """For each minute from ``start`` (a whole one): is the shop open?

    A clock that is put back is not believed until it is past where it was before.
    """
    latest = None
    minute = start - timedelta(days=1)
    found = []
    while minute < start + minutes * MINUTE:
        wall = minute.astimezone(hours.zone).replace(tzinfo=None)
        latest = max(latest or wall, wall)
        if minute >= start:
            of_day = latest.hour * 60 + latest.minute
            found.append(
                latest.date() not in hours.holidays
                and any(
                    interval.start <= of_day < interval.end
                    for interval in hours.week.get(latest.weekday(), ())
                )
            )
        minute += MINUTE
    return found


@settings(deadline=None, max_examples=200)
@given(places(), st.integers(1, 2 * DAY_MINUTES), st.data())
def test_it_agrees_with_one_who_watches_the_clock_on_the_wall(
    place: tuple[BusinessHours, datetime], span: int, data: st.DataObject
) -> None:
    hours, at = place
    start = at.replace(second=0, microsecond=0)
    watched = wall_clock_minutes(hours, start, span)
    assert business_time_between(hours, start, start + span * MINUTE) == sum(watched) * MINUTE

    picked = data.draw(st.integers(0, span - 1))
    assert is_open(hours, start + picked * MINUTE) is watched[picked]
    assert is_open(hours, start + picked * MINUTE + timedelta(seconds=59.5)) is watched[picked]

    opening = next_opening(hours, start)
    if any(watched):
        assert opening == start + watched.index(True) * MINUTE
        wanted = data.draw(st.integers(1, sum(watched)))
        seen = [place for place, is_one in enumerate(watched) if is_one]
        assert (
            add_business_time(hours, start, wanted * MINUTE)
            == start + (seen[wanted - 1] + 1) * MINUTE
        )
    else:
        assert opening is None or opening >= start + span * MINUTE


# Laws.


@given(places(), amounts)
def test_the_time_between_is_the_time_that_was_added(
    place: tuple[BusinessHours, datetime], amount: timedelta
) -> None:
    hours, at = place
    end = add_business_time(hours, at, amount)
    if end is None:
        assert business_time_between(hours, at, at + HORIZON) <= amount
    else:
        assert business_time_between(hours, at, end) == amount


@given(places(), amounts, amounts.filter(bool))
def test_adding_twice_is_adding_the_sum(
    place: tuple[BusinessHours, datetime], first: timedelta, second: timedelta
) -> None:
    hours, at = place
    end = add_business_time(hours, at, first + second)
    assume(end is not None)
    middle = add_business_time(hours, at, first)
    assert middle is not None
    assert add_business_time(hours, middle, second) == end


@given(places(), amounts, amounts, st.timedeltas(timedelta(0), timedelta(days=9)))
def test_more_time_or_a_later_start_is_never_over_sooner(
    place: tuple[BusinessHours, datetime], amount: timedelta, more: timedelta, later: timedelta
) -> None:
    hours, at = place
    end = add_business_time(hours, at, amount)
    assume(end is not None)
    assert end is not None
    assert at + amount <= end
    for other in (
        add_business_time(hours, at, amount + more),
        add_business_time(hours, at + later, amount),
    ):
        assert other is None or end <= other


@given(places(), st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), min_size=2, max_size=2))
def test_time_between_adds_up_and_is_never_more_than_the_time_that_passed(
    place: tuple[BusinessHours, datetime], steps: list[timedelta]
) -> None:
    hours, a = place
    b, c = a + steps[0], a + steps[0] + steps[1]
    assert business_time_between(hours, a, b) + business_time_between(
        hours, b, c
    ) == business_time_between(hours, a, c)
    assert timedelta(0) <= business_time_between(hours, a, b) <= b - a
    assert business_time_between(hours, b, a) == timedelta(0)


@given(places(), amounts)
def test_a_due_time_is_an_open_moment_or_a_closing_one(
    place: tuple[BusinessHours, datetime], amount: timedelta
) -> None:
    hours, at = place
    end = add_business_time(hours, at, amount)
    assume(end is not None)
    assert end is not None
    assert end.tzinfo is UTC
    assert is_open(hours, end) or (amount and is_open(hours, end - timedelta(microseconds=1)))


@given(places())
def test_the_next_opening_is_open_and_nothing_before_it_is(
    place: tuple[BusinessHours, datetime],
) -> None:
    hours, at = place
    opening = next_opening(hours, at)
    if opening is None:
        assert not hours.week
        assert not is_open(hours, at)
    else:
        assert is_open(hours, opening)
        assert business_time_between(hours, at, opening) == timedelta(0)
        assert (opening == at) is is_open(hours, at)


@given(places())
def test_every_instant_lies_in_the_week_that_began_before_it(
    place: tuple[BusinessHours, datetime],
) -> None:
    hours, at = place
    start = week_start(hours, at)
    assert start <= at
    assert week_start(hours, start) == start
    assert start.astimezone(hours.zone).weekday() in (
        hours.first_weekday,
        (hours.first_weekday + 1) % 7,  # a first day that Apia left out
    )
    before = week_start(hours, start - timedelta(microseconds=1))
    assert timedelta(days=5) < start - before < timedelta(days=8)


@given(places(), st.timedeltas(timedelta(0), timedelta(days=4)))
def test_a_shop_that_is_always_open_counts_plain_time(
    place: tuple[BusinessHours, datetime], amount: timedelta
) -> None:
    hours = BusinessHours(place[0].zone, ALWAYS)
    at = place[1]
    assert add_business_time(hours, at, amount) == at + amount
    assert business_time_between(hours, at, at + amount) == amount


@given(st.dictionaries(st.integers(0, 6), days()), st.integers(0, 6))
def test_a_week_written_down_is_read_back(
    week: Mapping[int, tuple[Interval, ...]], first: int
) -> None:
    written = format_week(week, first)
    assert parse_week(written) == {weekday: spans for weekday, spans in week.items() if spans}
    assert format_week(parse_week(written), first) == written


@given(st.text(alphabet="monsatwedfri 0123456789:-,;–", max_size=40))
def test_any_text_is_a_week_or_a_sentence_that_says_why_not(text: str) -> None:
    try:
        week = parse_week(text)
    except ValueError as error:
        assert str(error).startswith("Business hours")
        assert str(error).endswith(".")
    else:
        assert parse_week(format_week(week)) == week


# Examples worked out by hand.

TEHRAN_WEEK = "sat-wed 09:00-13:00,14:00-18:00; thu 09:00-13:00"


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        # Tehran is UTC+03:30 all year since 2022. 3 January 2026 is a Saturday.
        ("2026-01-03 06:00", 60, "2026-01-03 07:00"),
        ("2026-01-03 09:00", 60, "2026-01-03 11:00"),  # 12:30, with the noon rest, till 14:30
        ("2026-01-03 09:00", 30, "2026-01-03 09:30"),  # the closing instant, not 14:00
        ("2026-01-03 09:30", 0, "2026-01-03 10:30"),  # at 13:00 it is closed: opens at 14:00
        ("2026-01-08 09:00", 60, "2026-01-10 06:00"),  # Thursday 12:30, Friday off, Saturday 9:30
        ("2026-01-09 09:00", 15, "2026-01-10 05:45"),  # Friday
        ("2026-06-30 14:29", 1, "2026-06-30 14:30"),  # summer is no different
        ("2026-06-30 14:29", 2, "2026-07-01 05:31"),
    ],
)
def test_tehran(start: str, minutes: int, end: str) -> None:
    hours = hours_of(TEHRAN, TEHRAN_WEEK)
    assert add_business_time(hours, utc(start), minutes * MINUTE) == utc(end)


def test_a_summer_in_tehran_before_2022_had_its_own_hour() -> None:
    hours = hours_of(TEHRAN, TEHRAN_WEEK)
    assert next_opening(hours, utc("2021-07-03 00:00")) == utc("2021-07-03 04:30")
    assert next_opening(hours, utc("2023-07-01 00:00")) == utc("2023-07-01 05:30")


def test_cairo_in_spring_has_no_first_hour_of_friday() -> None:
    # At 00:00 on Friday 24 April 2026 (22:00 UTC) it becomes 01:00.
    hours = hours_of(CAIRO, "thu 20:00-24:00; fri 00:00-02:00")
    evening = utc("2026-04-23 18:00")
    assert is_open(hours, utc("2026-04-23 22:30"))
    assert business_time_between(hours, evening, utc("2026-04-25 00:00")) == timedelta(hours=5)
    assert add_business_time(hours, evening, timedelta(hours=4.5)) == utc("2026-04-23 22:30")
    early = hours_of(CAIRO, "fri 00:00-01:00")
    assert next_opening(early, utc("2026-04-23 12:00")) == utc("2026-04-30 21:00")
    half_past = hours_of(CAIRO, "fri 00:30-02:30")
    assert next_opening(half_past, evening) == utc("2026-04-23 22:00")


def test_cairo_in_autumn_has_its_last_hour_of_thursday_twice() -> None:
    # At 24:00 on Thursday 29 October 2026 (21:00 UTC) it becomes 23:00 again.
    hours = hours_of(CAIRO, "thu 20:00-24:00")
    start, end = utc("2026-10-29 17:00"), utc("2026-10-29 22:00")
    assert business_time_between(hours, utc("2026-10-29 00:00"), utc("2026-10-31 00:00")) == (
        timedelta(hours=5)
    )
    assert add_business_time(hours, start, timedelta(hours=5)) == end
    until_half_past = hours_of(CAIRO, "thu 20:00-23:30")
    assert is_open(until_half_past, utc("2026-10-29 20:29"))
    assert not is_open(until_half_past, utc("2026-10-29 21:10")), "staff go home once"


def test_los_angeles_in_spring_and_autumn() -> None:
    # 02:00 becomes 03:00 on 8 March 2026 (10:00 UTC), and 01:00 on 1 November (09:00 UTC).
    hours = hours_of(LOS_ANGELES, "sun 00:00-06:00")
    spring, autumn = utc("2026-03-08 08:00"), utc("2026-11-01 07:00")
    assert next_opening(hours, spring - MINUTE) == spring
    assert next_opening(hours, autumn - MINUTE) == autumn
    assert add_business_time(hours, spring, timedelta(hours=5)) == utc("2026-03-08 13:00")
    assert add_business_time(hours, autumn, timedelta(hours=7)) == utc("2026-11-01 14:00")
    assert is_open(hours, utc("2026-11-01 13:59"))
    assert not is_open(hours, utc("2026-03-08 13:00"))

    in_the_gap = hours_of(LOS_ANGELES, "sun 02:15-02:45")
    assert next_opening(in_the_gap, utc("2026-03-08 00:00")) == utc("2026-03-15 09:15")


def test_apia_left_out_a_whole_friday() -> None:
    hours = hours_of(ZoneInfo("Pacific/Apia"), "thu-sat 09:00-17:00")
    opening = utc("2011-12-29 19:00")  # Thursday 9:00, ten hours behind UTC
    assert add_business_time(hours, opening, timedelta(hours=8)) == utc("2011-12-30 03:00")
    assert add_business_time(hours, opening, timedelta(hours=9)) == utc("2011-12-30 20:00")


def test_lord_howe_moves_by_half_an_hour() -> None:
    hours = hours_of(ZoneInfo("Australia/Lord_Howe"), "sun 00:00-04:00")
    day = timedelta(days=1)
    for midnight, open_hours in [("2026-10-03 13:30", 3.5), ("2026-04-04 13:00", 4.5)]:
        at = utc(midnight)
        assert business_time_between(hours, at, at + day) == timedelta(hours=open_hours)


def test_a_date_that_comes_twice_is_one_day() -> None:
    # In St John's, 00:01 on Sunday 7 November 2010 (02:31 UTC) became 23:01 of Saturday again.
    sunday = BusinessHours(
        ZoneInfo("America/St_Johns"), parse_week("sun 00:00-06:00"), first_weekday=6
    )
    begins, saturday_again = utc("2010-11-07 02:30"), utc("2010-11-07 03:00")
    assert next_opening(sunday, utc("2010-11-07 00:00")) == begins
    assert is_open(sunday, saturday_again)
    assert business_time_between(sunday, begins, saturday_again) == timedelta(minutes=30)
    assert week_start(sunday, saturday_again) == begins


def test_over_midnight_is_two_intervals_and_one_evening() -> None:
    hours = hours_of(TEHRAN, "thu 22:00-24:00; fri 00:00-02:00")
    assert add_business_time(hours, utc("2026-01-08 18:30"), timedelta(hours=4)) == utc(
        "2026-01-08 22:30"
    )
    assert is_open(hours, utc("2026-01-08 20:30"))


def test_a_holiday_is_closed_by_its_local_date() -> None:
    hours = hours_of(TEHRAN, TEHRAN_WEEK, date(2026, 3, 21), date(2026, 3, 22))
    assert next_opening(hours, utc("2026-03-20 20:30")) == utc("2026-03-23 05:30")


def test_the_week_begins_on_the_shops_first_day_at_its_midnight() -> None:
    from_saturday = BusinessHours(TEHRAN, {}, first_weekday=5)
    from_monday = BusinessHours(TEHRAN, {}, first_weekday=0)
    friday_night = utc("2026-01-09 20:29")
    assert week_start(from_saturday, friday_night) == utc("2026-01-02 20:30")
    assert week_start(from_saturday, friday_night + MINUTE) == utc("2026-01-09 20:30")
    assert week_start(from_monday, friday_night) == utc("2026-01-04 20:30")


@pytest.mark.parametrize("hours", [BusinessHours(TEHRAN, {}), BusinessHours(TEHRAN, {2: ()})])
def test_an_empty_week_never_opens(hours: BusinessHours) -> None:
    at = utc("2026-01-03 09:00")
    assert not is_open(hours, at)
    assert next_opening(hours, at) is None
    assert add_business_time(hours, at, MINUTE) is None
    assert business_time_between(hours, at, at + timedelta(days=99)) == timedelta(0)


def test_a_shop_closed_for_years_is_given_up() -> None:
    first = date(2026, 1, 1)
    holidays = [first + timedelta(days=step) for step in range(1000)]
    hours = hours_of(TEHRAN, "always", *holidays)
    assert next_opening(hours, utc("2026-01-03 09:00")) is None


def test_instants_may_come_in_any_zone_but_must_have_one() -> None:
    hours = hours_of(TEHRAN, TEHRAN_WEEK)
    local = datetime(2026, 1, 3, 12, 0, tzinfo=TEHRAN)
    assert add_business_time(hours, local, MINUTE) == utc("2026-01-03 08:31")
    with pytest.raises(ValueError, match="no time zone"):
        is_open(hours, local.replace(tzinfo=None))
    with pytest.raises(ValueError, match="negative"):
        add_business_time(hours, local, -MINUTE)


def test_a_week_ahead_is_found_in_far_less_than_a_millisecond() -> None:
    hours = hours_of(LOS_ANGELES, "mon-fri 09:00-13:00,14:00-18:00")
    start = utc("2026-11-01 00:00")
    best = 1.0
    for _ in range(50):
        begun = perf_counter()
        add_business_time(hours, start, timedelta(hours=39))
        best = min(best, perf_counter() - begun)
    assert best < 0.001


# Weeks as text.


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "never"),
        (" Never ", "never"),
        ("ALWAYS", "always"),
        ("mon-sun 00:00-24:00", "always"),
        (TEHRAN_WEEK, TEHRAN_WEEK),
        ("Saturday – Wednesday 9:00 – 13:00 , 14:00-18:00 ;thu 9:00-13:00", TEHRAN_WEEK),
        ("mon,wed, fri 10:00-11:00", "mon 10:00-11:00; wed 10:00-11:00; fri 10:00-11:00"),
        ("thu 14:00-18:00; thu 09:00-13:00", "thu 09:00-13:00,14:00-18:00"),
        ("thu 09:00-13:00,13:00-18:00", "thu 09:00-13:00,13:00-18:00"),
        ("sat ۰۹:۰۰-۱۳:۳۰", "sat 09:00-13:30"),
    ],
)
def test_weeks_are_read_kindly_and_written_one_way(text: str, written: str) -> None:
    assert format_week(parse_week(text), first_weekday=5) == written


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("mon-fri 09:00-17:00; thx 09:00-13:00", "“thx” is no day"),
        ("mon-fri", "in “mon-fri”: times are missing"),
        ("09:00-17:00", "days are missing"),
        ("mon 09:00-17:00;", "nothing between two semicolons"),
        ("mon 9-17", "“9-17” is no span of time"),
        ("mon 09:00-13:00,", "“” is no span"),
        ("mon 09:60-13:00", "more than 59 minutes"),
        ("mon 09:00-25:00", "09:00-25:00 leaves the day"),
        ("wed 22:00-02:00", "22:00-02:00 does not end after it starts. Over midnight"),
        ("mon 09:00-13:00,12:00-14:00", "mon: 09:00-13:00 and 12:00-14:00 overlap"),
        ("mon-wed 09:00-13:00; tue 12:00-14:00", "tue: 09:00-13:00 and 12:00-14:00 overlap"),
        ("mon-wed-fri 09:00-13:00", "“mon-wed-fri” is no range"),
        ("mon-wed,tue 09:00-13:00", "a day is named twice"),
        ("sometimes", "times are missing"),
    ],
)
def test_a_wrong_week_is_refused_with_the_part_that_is_wrong(text: str, named: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_week(text)
    assert named in str(refused.value)


def test_impossible_hours_are_refused() -> None:
    with pytest.raises(ValueError, match="no weekday 7"):
        BusinessHours(TEHRAN, {7: (Interval(0, 60),)})
    with pytest.raises(ValueError, match="cannot begin on weekday 7"):
        BusinessHours(TEHRAN, {}, first_weekday=7)
    with pytest.raises(ValueError, match="overlap"):
        BusinessHours(TEHRAN, {0: (Interval(0, 60), Interval(59, 80))})


def test_hours_with_the_same_meaning_are_equal() -> None:
    one = BusinessHours(TEHRAN, {0: (Interval(60, 90), Interval(0, 60)), 1: ()})
    two = BusinessHours(TEHRAN, {0: (Interval(0, 60), Interval(60, 90))})
    assert one == two
    assert hash(one) == hash(two)
