"""Promises of the detector: it speaks of one trouble once, soon, and of nothing that is usual."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sentiment.spikes import (
    HOUR,
    Rules,
    Running,
    Usual,
    began,
    hour_of_week,
    look,
    tail,
)
from sentiment.topics import (
    ANY,
    WORD,
    Complaint,
    Words,
    examples,
    has_cause,
    leading_words,
    words_of,
)
from shenava.messages import Intent

NOW = datetime(2026, 1, 7, 14, 0, tzinfo=UTC)
RULES = Rules()


def complaint(
    number: int,
    at: datetime,
    *intents: Intent,
    person: int | None = None,
    text: str = "",
) -> Complaint:
    return Complaint(
        number, number if person is None else person, at, frozenset(intents), words_of(text)
    )


def burst(
    people: int,
    minutes: float,
    *intents: Intent,
    end: datetime = NOW,
    first: int = 0,
    text: str = "",
) -> list[Complaint]:
    """So many people, evenly, in the minutes up to ``end``."""
    step = timedelta(minutes=minutes) / people
    return [
        complaint(first + n, end - step * (people - 1 - n), *intents, text=text)
        for n in range(people)
    ]


def usually(a_day: dict[int, float], weeks: int = 5, cause: str = "payment") -> Usual:
    """What is known after some weeks with so many people at each hour of the day."""
    usual = Usual()
    for _ in range(weeks):
        for hour in range(168):
            usual.hours[cause].fold(hour, round(a_day.get(hour % 24, 0)))
    return usual


def causes(*complaints: Complaint, usual: Usual | None = None, now: datetime = NOW) -> list[str]:
    ordered = sorted(complaints, key=lambda one: one.at)
    return [one.cause for one in look((), ordered, usual or Usual(), now, RULES).begun]


def test_the_tail_is_that_of_the_negative_binomial() -> None:
    # Shape 1 is the geometric distribution, where the tail is a power.
    assert tail(5, 2.0, 1.0) == pytest.approx((2 / 3) ** 5)
    assert tail(0, 2.0, 1.0) == 1.0
    # A great shape is a Poisson: P(N >= 3 | 1) = 1 - 2.5 / e.
    assert tail(3, 1.0, 1e7) == pytest.approx(0.0803, abs=1e-4)
    assert 0 < tail(60, 1.0, 6.0) < 1e-40


def test_on_its_first_day_a_shop_hears_of_an_outage_by_the_sixth_person() -> None:
    assert causes(*burst(5, 3, Intent.PAYMENT)) == []
    assert causes(*burst(6, 3, Intent.PAYMENT)) == ["payment"]


def test_one_loud_author_is_no_spike() -> None:
    loud = [complaint(n, NOW - timedelta(seconds=n), Intent.PAYMENT, person=1) for n in range(200)]
    assert causes(*loud) == []
    # Nor are they among others who complain of something else.
    assert causes(*loud, *burst(6, 170, Intent.REFUND, first=300)) == []


def test_what_is_usual_at_this_hour_of_the_week_is_no_spike() -> None:
    usual = usually({14: 40, 3: 0})
    afternoon = NOW + HOUR
    crowd = burst(40, 60, Intent.PAYMENT, end=afternoon)
    assert causes(*crowd, usual=usual, now=afternoon) == []
    # The same crowd at night has never been seen.
    night = NOW.replace(hour=4)
    assert causes(*burst(40, 60, Intent.PAYMENT, end=night), usual=usual, now=night) == ["payment"]


def test_a_slow_rise_is_seen_in_the_long_windows() -> None:
    usual = usually(dict.fromkeys(range(24), 1), cause="delivery_late")
    # Twenty-five people in three hours, where three are usual: no five minutes show anything.
    crowd = burst(25, 170, Intent.DELIVERY_LATE)
    assert causes(*crowd, usual=usual) == ["delivery_late"]
    assert causes(*crowd[-8:], usual=usual) == []


def test_it_tells_when_it_began() -> None:
    before = [
        complaint(900 + n, NOW - timedelta(minutes=150 - 40 * n), Intent.PAYMENT) for n in range(3)
    ]
    (found,) = look((), [*before, *burst(30, 20, Intent.PAYMENT)], Usual(), NOW, RULES).begun
    assert abs(found.began_at - (NOW - timedelta(minutes=20))) <= timedelta(minutes=2)
    assert len(found.people) in (29, 30)
    assert began(burst(1, 1, Intent.PAYMENT), 0.0, NOW) == NOW


def test_two_causes_at_once_are_two_spikes() -> None:
    both = [
        *burst(12, 10, Intent.PAYMENT),
        *burst(9, 10, Intent.DELIVERY_LATE, first=100),
    ]
    assert causes(*both) == ["payment", "delivery_late"]


def test_one_trouble_with_two_names_is_one_spike() -> None:
    """Who cannot pay also says that the order is not there."""
    assert causes(*burst(12, 10, Intent.PAYMENT, Intent.ORDER_NOT_REGISTERED)) == [
        "order_not_registered"
    ]


def settled() -> Usual:
    """A shop that knows five people an hour, who complain of all sorts of things."""
    usual = usually(dict.fromkeys(range(24), 5), cause=ANY)
    usual.words.learn(burst(400, 60, Intent.OTHER, text="my parcel came broken yesterday"))
    return usual


def test_a_cause_that_no_intent_knows_is_found_by_its_word() -> None:
    crowd = burst(9, 20, Intent.OTHER, text="nobody in Shiraz gets water today")
    (cause,) = causes(*crowd, usual=settled())
    assert cause.removeprefix(WORD) in ("shiraz", "water", "nobody", "gets", "today")
    assert all(has_cause(one, cause) for one in crowd)
    # Before there is anything to compare with, a word is nothing new.
    assert causes(*crowd) == []


def test_a_word_that_is_always_said_names_nothing() -> None:
    assert causes(*burst(7, 60, Intent.OTHER, text="my parcel"), usual=settled()) == []


def through(complaints: list[Complaint], end: datetime) -> Iterator[tuple[datetime, str]]:
    """A look every half minute: what begins and what ends."""
    running: list[Running] = []
    now = complaints[0].at
    while now < end:
        now += timedelta(seconds=30)
        there = [one for one in complaints if now - RULES.longest < one.at <= now]
        step = look(running, there, Usual(), now, RULES)
        running = [
            Running(one.cause, one.began_at, now if one.cause in step.loud else one.loud_at)
            for one in running
            if one.cause not in step.ended
        ]
        for found in step.begun:
            running.append(Running(found.cause, found.began_at, now))
            yield now, f"+{found.cause}"
        for cause in sorted(step.ended):
            yield now, f"-{cause}"


def test_an_outage_that_comes_and_goes_is_one_spike_and_ends_once() -> None:
    waves = [
        *burst(20, 10, Intent.PAYMENT, end=NOW),
        *burst(20, 10, Intent.PAYMENT, end=NOW + timedelta(minutes=40), first=100),
    ]
    told = list(through(waves, NOW + 6 * HOUR))
    assert [what for _, what in told] == ["+payment", "-payment"]
    (begun, _), (ended, _) = told
    assert begun <= NOW - timedelta(minutes=6)
    assert ended - (NOW + timedelta(minutes=40)) >= RULES.rest


@pytest.mark.parametrize("seed", range(3))
def test_ordinary_weeks_stay_quiet(seed: int) -> None:
    """Two weeks of a shop with days and nights, from an empty start: at most one false alarm a
    week, of what is random alone."""
    chance = random.Random(seed)
    usual, alarms, running = Usual(), 0, []
    start = datetime(2026, 1, 5, tzinfo=UTC)
    recent: list[Complaint] = []
    number = 0
    for hour in range(24 * 14):
        at = start + hour * HOUR
        rate = 6.0 if 9 <= at.hour < 23 else 0.5
        times = sorted(chance.random() for _ in range(_poisson(chance, rate)))
        fresh = []
        for part in times:
            number += 1
            intent = chance.choice([Intent.PAYMENT, Intent.DELIVERY_LATE, Intent.REFUND])
            fresh.append(complaint(number, at + part * HOUR, intent))
            now = fresh[-1].at
            recent = [one for one in recent if one.at > now - RULES.longest] + [fresh[-1]]
            step = look(running, recent, usual, now, RULES)
            running = [one for one in running if one.cause not in step.ended]
            running += [Running(one.cause, one.began_at, now) for one in step.begun]
            alarms += len(step.begun)
        for name in usual.hours:
            people = {one.person for one in fresh if has_cause(one, name)}
            usual.hours[name].fold(hour_of_week(at), len(people))
    assert alarms <= 2


def _poisson(chance: random.Random, mean: float) -> int:
    at, number = chance.expovariate(mean), 0
    while at < 1:
        number += 1
        at += chance.expovariate(mean)
    return number


def test_leading_words_set_a_group_apart_and_are_nobodys_own() -> None:
    group = [
        *burst(6, 5, Intent.PAYMENT, text="درگاه بانک ملت خطا می‌دهد"),
        complaint(50, NOW, Intent.PAYMENT, text="من سارا کریمی هستم درگاه خراب است"),
    ]
    leading = leading_words(group, Words())
    assert "ملت" in leading or "درگاه" in leading
    assert not {"سارا", "کریمی"} & set(leading_words(group, Words(), 20))


def test_examples_are_of_different_people() -> None:
    group = [
        *burst(4, 5, Intent.PAYMENT, text="the gateway fails"),
        complaint(70, NOW, Intent.PAYMENT, person=0, text="the gateway fails"),
    ]
    chosen = examples(group, Words())
    assert len(chosen) == len({one % 70 for one in chosen}) == 3


def test_words_hold_no_handles_links_or_numbers() -> None:
    assert words_of("@shop سفارش ۱۲۳۴۵ نرسید https://t.co/x A1") == {"سفارش", "نرسید"}


def test_the_other_names_of_a_trouble_are_parts_of_it() -> None:
    """Who names only one of them belongs to it too."""
    both = [
        *burst(12, 10, Intent.PAYMENT, Intent.OUTAGE),
        *burst(6, 10, Intent.OUTAGE, first=100),
    ]
    step = look((), sorted(both, key=lambda one: one.at), Usual(), NOW, RULES)
    assert [one.cause for one in step.begun] == ["outage"]
    assert step.parts == {"outage": {"payment"}}
