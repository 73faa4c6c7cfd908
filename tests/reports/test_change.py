"""Promises of the plain words about a change: chance is called chance."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from reports.change import LEVEL, Says, of_counts, of_shares, of_times, wilson
from reports.counting import Times


@pytest.mark.parametrize(
    ("now", "before", "says"),
    [
        (0, 0, Says.FEW),
        (6, 3, Says.FEW),
        (10, 10, Says.CHANCE),
        (60, 50, Says.CHANCE),
        (100, 50, Says.MORE),
        (50, 100, Says.FEWER),
        (20, 0, Says.MORE),
        (1_000_000, 1_000_000, Says.CHANCE),
        (1_010_000, 1_000_000, Says.MORE),
    ],
)
def test_counts(now: int, before: int, says: Says) -> None:
    assert of_counts(now, before).says is says


def test_the_probability_is_exact_and_the_same_by_every_way_of_reckoning_it() -> None:
    assert of_counts(8, 2).p == pytest.approx(2 * (1 + 10 + 45) / 2**10)
    # Where one way of reckoning takes over from another, they agree.
    for total in (1_000, 1_001, 2_000, 2_001):
        now = total // 2 + 40
        assert of_counts(now, total - now).p == pytest.approx(
            of_counts(now + 1, total + 2 - now - 1).p, rel=0.05
        )


def test_two_equal_weeks_are_called_different_once_in_a_hundred_at_most() -> None:
    dice = Random(7)
    said = Counter(
        of_counts(
            sum(dice.random() < 0.03 for _ in range(1_000)),
            sum(dice.random() < 0.03 for _ in range(1_000)),
        ).says
        for _ in range(1_500)
    )
    assert said[Says.MORE] + said[Says.FEWER] <= LEVEL * 1_500 * 1.5


def test_shares() -> None:
    assert of_shares(50, 100, 45, 100).says is Says.CHANCE
    assert of_shares(80, 100, 40, 100).says is Says.MORE
    assert of_shares(10, 1_000, 100, 1_000).says is Says.FEWER
    assert of_shares(3, 5, 1, 5).says is Says.FEW
    assert of_shares(1, 5, 0, 0).says is Says.FEW
    low, high = wilson(0, 50)
    assert low == 0 and 0.1 < high < 0.15


def test_times() -> None:
    quick, slow = Times(((60, 40), (120, 40))), Times(((600, 40), (900, 40)))
    assert of_times(slow, quick).says is Says.MORE
    assert of_times(quick, slow).says is Says.FEWER
    assert of_times(quick, quick).says is Says.CHANCE
    assert of_times(quick, Times()).says is Says.FEW
    assert of_times(Times(((60, 3),)), Times(((600, 50),))).says is Says.FEW


def test_a_quantile_is_a_time_that_was_measured() -> None:
    times = Times(((10, 1), (20, 1), (30, 1), (40, 1)))
    assert (times.median, times.p90) == (20, 40)
    assert Times(((5, 10),)).p90 == 5
    ten = Times(tuple((n, 1) for n in range(1, 11)))
    assert (ten.median, ten.p90) == (5, 9)
    assert Times().median is None
