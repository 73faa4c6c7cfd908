"""Is a change more than chance? Plain tests of counts, shares and times between two weeks.

Pure. Each asks: if nothing had changed, how often would two weeks differ at least so much? Less
than once in a hundred counts as a change; below :data:`FEW` there is too little to tell. People
who write twice, or because others did, are not independent of each other, so that a real week
varies somewhat more than these tests suppose: what they call chance, is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import comb, erfc, exp, lgamma, log, sqrt

from reports.counting import Times

LEVEL = 0.01
FEW = 10
"""With fewer in both weeks together nothing is said."""

_Z = 2.5758293035489004
"""The normal quantile of half of :data:`LEVEL` at each end."""


class Says(StrEnum):
    """What can be said of a change."""

    MORE = "more"
    FEWER = "fewer"
    CHANCE = "chance"
    """Within what two equal weeks differ by."""
    FEW = "few"
    """Too few to tell."""
    ALONE = "alone"
    """Nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Change:
    """``by``: the relative change, ``None`` where it was nothing before. ``p``: how likely so
    great a difference is between two equal weeks, where that was asked."""

    says: Says
    by: float | None = None
    p: float | None = None


ALONE = Change(Says.ALONE)


def of_counts(now: int, before: int) -> Change:
    """Two counts of things that come one by one, over stretches of equal length.

    If the rate is the same, each of all that came is as likely to have come in either week: an
    exact two-sided test of the binomial distribution with one half.
    """
    total = now + before
    by = now / before - 1 if before else None
    if total < FEW:
        return Change(Says.FEW, by)
    p = _two_sided(now, total)
    return Change(_says(p < LEVEL, now - before), by, p)


def of_shares(part: int, whole: int, part_before: int, whole_before: int) -> Change:
    """Two shares: their difference, and whether an interval around it (Newcombe's, from two
    intervals of Wilson) leaves zero out."""
    if not whole or not whole_before:
        return Change(Says.FEW)
    if min(whole, whole_before) < FEW:
        return Change(Says.FEW, part / whole - part_before / whole_before)
    now, before = part / whole, part_before / whole_before
    low, high = wilson(part, whole)
    low_before, high_before = wilson(part_before, whole_before)
    difference = now - before
    under = difference - sqrt((now - low) ** 2 + (high_before - before) ** 2)
    over = difference + sqrt((high - now) ** 2 + (before - low_before) ** 2)
    return Change(_says(under > 0 or over < 0, difference), difference)


def of_times(now: Times, before: Times) -> Change:
    """Two medians: a change where the intervals that hold them (by rank, from the binomial
    distribution) have no time in common. Careful rather than quick."""
    first, second = now.median, before.median
    if first is None or second is None:
        return Change(Says.FEW)
    by = first / second - 1 if second else None
    if min(now.number, before.number) < FEW:
        return Change(Says.FEW, by)
    low, high = median_interval(now)
    low_before, high_before = median_interval(before)
    return Change(_says(low > high_before or high < low_before, first - second), by)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Between what a share surely lies; Wilson's score interval."""
    share, z2 = part / whole, _Z * _Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    half = _Z * sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole)) / (1 + z2 / whole)
    return max(0.0, middle - half), min(1.0, middle + half)


def median_interval(times: Times) -> tuple[int, int]:
    """Between which two measured times the median surely lies."""
    number = times.number
    half = _Z * sqrt(number) / 2
    low = max(1, int(number / 2 - half))
    high = min(number, int(number / 2 + half) + 1)
    return times.ranked(low), times.ranked(high)


def _says(differs: bool, difference: float) -> Says:
    if not differs:
        return Says.CHANCE
    return Says.MORE if difference > 0 else Says.FEWER


def _two_sided(now: int, total: int) -> float:
    """The probability of a split at least as uneven as ``now`` of ``total``."""
    less = min(now, total - now)
    if 2 * less == total:
        return 1.0
    if total > 2_000:
        # Far enough for the normal distribution, half a step taken off.
        z = (abs(now - total / 2) - 0.5) / sqrt(total / 4)
        return erfc(z / sqrt(2))
    if total <= 1_000:
        as_uneven: int = 2 * sum(comb(total, k) for k in range(less + 1))
        return min(1.0, as_uneven / (1 << total))
    logs = [
        lgamma(total + 1) - lgamma(k + 1) - lgamma(total - k + 1) - total * log(2)
        for k in range(less + 1)
    ]
    return min(1.0, 2 * sum(exp(one) for one in logs))
