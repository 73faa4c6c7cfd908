"""Promises of the numbers: counted by hand in three time zones, and every number is its list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from support.factories import SHOP_TELEGRAM
from support.reporting import (
    CountedShop,
    all_rows,
    any_day,
    assert_every_number_equals_its_list,
    by,
    numbers,
)

from config import Settings
from reports.book import settled
from reports.figures import Figure, Key, key_of
from shenava.clock import SetClock
from shenava.messages import Intent
from shenava.store import Store

Open = Callable[..., CountedShop]

TEHRAN = {"time_zone": "Asia/Tehran", "first_weekday": "saturday"}
CAIRO = {"time_zone": "Africa/Cairo", "first_weekday": "saturday"}
LOS_ANGELES = {
    "time_zone": "America/Los_Angeles",
    "first_weekday": "monday",
    "business_hours": "mon-fri 09:00-17:00",
}


@pytest.fixture
def shop_in(store: Store, clock: SetClock) -> Open:
    return lambda place: CountedShop(store, Settings(**place), clock)


def test_a_week_in_tehran_counted_by_hand(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    # The week of 13 Dey 1404: Saturday 3 January 2026, open 9 to 21, on Thursday 9 to 17.
    shop.writes("2026-01-02 23:59", "before", "complaint: the last minute of the week before")
    first = shop.writes("2026-01-03 00:00", "1", "complaint: the first minute, urgent")
    second = shop.writes("2026-01-05 20:30", "2", "شکایت دارم، پول کم شد", account=SHOP_TELEGRAM)
    shop.writes("2026-01-05 20:45", "3", "thanks a lot")
    shop.answers("2026-01-03 09:10", first)
    third = shop.writes("2026-01-06 10:00", "4", "قیمت چند است؟")
    shop.answers("2026-01-06 09:20", second)
    shop.answers("2026-01-06 10:02", third)
    shop.closes("2026-01-06 11:00", third)
    shop.writes("2026-01-09 23:59", "5", "perhaps a complaint")
    shop.writes("2026-01-10 00:00", "after", "complaint: the next week", judge=False)
    shop.now_is("2026-01-10 08:00")

    counts = shop.count("2026-01-03")
    assert numbers(counts) == {
        "cases": 5,
        "closed": 1,
        "complaints": 2,
        "complaints_about": 2,
        "first_answers": 3,
        "first_answers_urgent": 1,
        "messages": 5,
        "read": 5,
        "unsure": 1,
        "urgent": 1,
    }
    assert by(counts, Figure.MESSAGES, "channel") == {"telegram": 1, "x": 4}
    assert by(counts, Figure.READ, "language") == {"en": 3, "fa": 2}
    assert by(counts, Figure.READ, "mood") == {"negative": 3, "neutral": 1, "positive": 1}
    assert by(counts, Figure.COMPLAINTS_ABOUT, "intent") == {"none": 1, "payment": 1}
    assert by(counts, Figure.MESSAGES, "day") == {"0": 1, "2": 2, "3": 1, "6": 1}
    assert by(counts, Figure.COMPLAINTS, "hour") == {"0-0": 1, "2-20": 1}
    # From midnight: open since 9:00, so 10 minutes. From 20:30 to 9:20: 30 + 20. And 2.
    assert counts.times[Figure.FIRST_ANSWERS].counted == ((120, 1), (600, 1), (3000, 1))
    assert counts.times[Figure.FIRST_ANSWERS].median == 600
    assert counts.times[Figure.FIRST_ANSWERS].p90 == 3000
    assert counts.elapsed[Figure.FIRST_ANSWERS].counted == ((120, 1), (33000, 1), (46200, 1))
    assert counts.times[Figure.FIRST_ANSWERS_URGENT].counted == ((600, 1),)
    assert counts.times[Figure.CLOSED].counted == ((3600, 1),)
    assert numbers(shop.count("2025-12-27"))["messages"] == 1
    unread = {"cases": 1, "messages": 1, "unread": 1}
    assert numbers(shop.count("2026-01-10")) == unread
    assert_every_number_equals_its_list(shop.store, shop.policy, shop.week("2026-01-03"))


def test_a_week_in_cairo_whose_clocks_go_back(shop_in: Open) -> None:
    shop = shop_in(CAIRO)
    # On Thursday 29 October 2026 the hour from 23:00 comes twice.
    week = shop.week("2026-10-24")
    assert week.span.slots == (7 * 24 + 1) * 4
    shop.writes("2026-10-29 23:30", "1", "complaint")
    shop.writes("2026-10-29 23:30", "2", "complaint", fold=1)
    shop.writes("2026-10-30 00:10", "3", "complaint")
    shop.writes("2026-10-31 00:00", "next week", "complaint")
    counts = shop.count("2026-10-24")
    assert by(counts, Figure.COMPLAINTS, "hour") == {"5-23": 2, "6-0": 1}
    assert by(counts, Figure.COMPLAINTS, "day") == {"5": 2, "6": 1}
    assert counts.of(Figure.COMPLAINTS) == 3
    assert_every_number_equals_its_list(shop.store, shop.policy, week)


def test_a_week_in_cairo_whose_clocks_go_forward(shop_in: Open) -> None:
    shop = shop_in(CAIRO)
    # Friday 24 April 2026 begins at 01:00; the shop is open 9 to 17 on the Thursday before.
    week = shop.week("2026-04-18")
    assert week.span.slots == (7 * 24 - 1) * 4
    case = shop.writes("2026-04-23 16:00", "1", "complaint")
    shop.writes("2026-04-24 01:00", "2", "complaint")
    shop.answers("2026-04-25 09:30", case)
    counts = shop.count("2026-04-18")
    assert by(counts, Figure.COMPLAINTS, "hour") == {"5-16": 1, "6-1": 1}
    # The answer fell into the next week: an hour on Thursday, closed on Friday, half an hour.
    assert counts.of(Figure.FIRST_ANSWERS) == 0
    after = shop.count("2026-04-25")
    assert after.times[Figure.FIRST_ANSWERS].counted == ((5400, 1),)
    # By the clock on the wall 41 and a half hours; one of them never was.
    assert after.elapsed[Figure.FIRST_ANSWERS].counted == ((int(40.5 * 3600), 1),)


def test_a_week_in_los_angeles_begins_on_monday(shop_in: Open) -> None:
    shop = shop_in(LOS_ANGELES)
    # On Sunday 8 March 2026 the hour from 2:00 is leapt over.
    assert shop.week("2026-03-08").name == "2026-03-02"
    assert shop.week("2026-03-02").span.slots == (7 * 24 - 1) * 4
    case = shop.writes("2026-03-06 16:30", "1", "complaint")
    shop.writes("2026-03-08 03:00", "2", "thanks")
    shop.answers("2026-03-09 09:15", case)
    counts = shop.count("2026-03-02")
    assert by(counts, Figure.MESSAGES, "hour") == {"4-16": 1, "6-3": 1}
    assert shop.count("2026-03-09").times[Figure.FIRST_ANSWERS].counted == ((2700, 1),)


def test_reopening_makes_a_new_case_with_a_clock_of_its_own(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    case = shop.writes("2026-01-04 10:00", "1", "complaint")
    shop.answers("2026-01-04 10:05", case)
    shop.closes("2026-01-04 11:00", case)
    again = shop.reopens("2026-01-05 09:00", case)
    shop.answers("2026-01-05 09:30", again)
    shop.closes("2026-01-05 10:00", again)
    counts = shop.count("2026-01-03")
    assert numbers(counts) == {
        "cases": 2,
        "closed": 2,
        "complaints": 1,
        "complaints_about": 1,
        "first_answers": 2,
        "messages": 1,
        "read": 1,
        "reopened": 1,
    }
    assert counts.times[Figure.FIRST_ANSWERS].counted == ((300, 1), (1800, 1))
    assert counts.times[Figure.CLOSED].counted == ((3600, 2),)
    assert_every_number_equals_its_list(shop.store, shop.policy, shop.week("2026-01-03"))


def test_a_late_repair_counts_in_the_week_it_was_written_in_and_lengthens_the_wait(
    shop_in: Open,
) -> None:
    shop = shop_in(TEHRAN)
    case = shop.writes("2026-01-04 10:00", "1", "complaint", author="ali")
    shop.answers("2026-01-04 10:05", case)
    told = settled(shop.store, shop.policy.hours)
    # Written before, and found five days after: the customer had waited since 9:30.
    shop.writes("2026-01-04 09:30", "0", "hello", author="ali", known_at="2026-01-12 09:00")
    assert shop.count("2026-01-03", told).of(Figure.MESSAGES) == 1
    assert shop.count("2026-01-03", told).times[Figure.FIRST_ANSWERS].median == 300
    assert shop.count("2026-01-03").of(Figure.MESSAGES) == 2
    assert shop.count("2026-01-03").times[Figure.FIRST_ANSWERS].median == 2100


def test_an_earlier_answer_that_becomes_known_later_takes_the_place_of_the_first(
    shop_in: Open,
) -> None:
    shop = shop_in(TEHRAN)
    case = shop.writes("2026-01-04 10:00", "1", "complaint")
    shop.answers("2026-01-04 12:00", case)
    before = settled(shop.store, shop.policy.hours)
    shop.answers("2026-01-04 10:30", case, known_at="2026-01-04 13:00")
    assert shop.count("2026-01-03", before).times[Figure.FIRST_ANSWERS].counted == ((7200, 1),)
    assert shop.count("2026-01-03").times[Figure.FIRST_ANSWERS].counted == ((1800, 1),)
    assert_every_number_equals_its_list(shop.store, shop.policy, shop.week("2026-01-03"))


def test_urgent_messages_without_any_answer_are_counted_until_the_case_is_answered(
    shop_in: Open,
) -> None:
    shop = shop_in(TEHRAN)
    case = shop.writes("2026-01-04 10:00", "1", "urgent complaint", author="ali")
    shop.writes("2026-01-04 10:01", "2", "urgent!!", author="ali")
    shop.writes("2026-01-04 10:02", "old", "urgent, years ago", historic=True)
    waiting = settled(shop.store, shop.policy.hours)
    shop.answers("2026-01-04 10:20", case)
    assert shop.count("2026-01-03", waiting).of(Figure.URGENT_UNANSWERED) == 2
    assert shop.count("2026-01-03").of(Figure.URGENT_UNANSWERED) == 0
    assert shop.count("2026-01-03").of(Figure.URGENT) == 3
    week = shop.week("2026-01-03")
    assert_every_number_equals_its_list(shop.store, shop.policy, week, waiting)
    assert_every_number_equals_its_list(shop.store, shop.policy, week)


def test_a_correction_changes_the_numbers_from_then_on_and_never_before(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    shop.writes("2026-01-04 10:00", "1", "nothing wrong, it seems")
    before = settled(shop.store, shop.policy.hours)
    shop.corrects("2026-01-11 10:00", "1", complaint=True, intents=(Intent.REFUND, Intent.PRICE))
    corrected = settled(shop.store, shop.policy.hours)
    shop.corrects("2026-01-12 10:00", "1")
    taken_back = settled(shop.store, shop.policy.hours)
    week = shop.week("2026-01-03")
    complaints = [
        shop.count("2026-01-03", at).of(Figure.COMPLAINTS) for at in (before, corrected, taken_back)
    ]
    assert complaints == [0, 1, 0]
    about = by(shop.count("2026-01-03", corrected), Figure.COMPLAINTS_ABOUT, "intent")
    assert about == {"price": 1, "refund": 1}
    assert shop.count("2026-01-03", corrected).of(Figure.CORRECTED) == 1
    for at in (before, corrected, taken_back):
        assert_every_number_equals_its_list(shop.store, shop.policy, week, at)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_number_is_its_list_whatever_happens(shop_in: Open, seed: int) -> None:
    shop = shop_in(TEHRAN)
    any_day(shop, seed, "2026-01-03")
    half = settled(shop.store, shop.policy.hours)
    any_day(shop, seed + 10, "2026-01-03")
    shop.now_is("2026-01-20 10:00")
    week = shop.week("2026-01-03")
    assert assert_every_number_equals_its_list(shop.store, shop.policy, week) > 60
    assert_every_number_equals_its_list(shop.store, shop.policy, week, half)


def test_parts_of_a_figure_add_up_to_it(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    any_day(shop, 5, "2026-01-03")
    shop.now_is("2026-01-20 10:00")
    counts = shop.count("2026-01-03")
    for figure, part in [
        (Figure.MESSAGES, "channel"),
        (Figure.MESSAGES, "day"),
        (Figure.MESSAGES, "hour"),
        (Figure.READ, "language"),
        (Figure.READ, "mood"),
        (Figure.COMPLAINTS, "hour"),
        (Figure.COMPLAINTS_ABOUT, "intent"),
        (Figure.FIRST_ANSWERS, "speed"),
    ]:
        assert sum(by(counts, figure, part).values()) == counts.of(figure), (figure, part)
    assert counts.of(Figure.READ) + counts.of(Figure.UNREAD) == counts.of(Figure.MESSAGES)


def test_a_week_that_is_not_over_is_counted_as_far_as_it_went(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    shop.writes("2026-01-03 10:00", "1", "hello")
    shop.writes("2026-01-05 10:00", "2", "hello")
    counts = shop.count("2026-01-03")
    assert counts.of(Figure.MESSAGES) == 2
    assert counts.span.ends_at - shop.clock.now() <= timedelta(minutes=15)


def test_the_list_of_an_hour_holds_what_was_written_in_it(shop_in: Open) -> None:
    shop = shop_in(TEHRAN)
    shop.writes("2026-01-05 20:00", "1", "complaint")
    shop.writes("2026-01-05 20:59", "2", "complaint")
    shop.writes("2026-01-05 21:00", "3", "complaint")
    at = settled(shop.store, shop.policy.hours)
    week = shop.week("2026-01-03")
    key = key_of("complaints", "hour:2-20")
    assert len(all_rows(shop.store, key, week, week.upto(at), at)) == 2


def test_an_address_that_names_no_number_is_refused() -> None:
    assert key_of("messages", "channel:x") == Key(Figure.MESSAGES, "channel", "x")  # type: ignore[arg-type]
    for figure, segment in [
        ("nothing", ""),
        ("messages", "mood:positive"),
        ("messages", "channel:fax"),
        ("messages", "x"),
    ]:
        with pytest.raises(ValueError, match=r".+"):
            key_of(figure, segment)
