"""When a feed is read next: pure functions of what happened and a source of chance."""

from __future__ import annotations

from datetime import timedelta
from random import Random

FIRST_BACK_OFF = timedelta(seconds=30)
LONGEST_BACK_OFF = timedelta(minutes=30)
_JITTER = 0.1


def back_off(failures: int, chance: Random) -> timedelta:
    """How long to wait after ``failures`` (1 or more) failures in a row.

    Doubles from :data:`FIRST_BACK_OFF` to :data:`LONGEST_BACK_OFF`; of that, between a half and
    the whole, so that feeds that failed together do not all come back together.
    """
    doubled = FIRST_BACK_OFF * (1 << min(max(failures, 1) - 1, 16))
    return min(doubled, LONGEST_BACK_OFF) * chance.uniform(0.5, 1)


def next_turn(every_s: int, chance: Random) -> timedelta:
    """How long until the next run of a feed that is read every ``every_s`` seconds, give or take
    a tenth: many feeds then spread over time by themselves."""
    return timedelta(seconds=every_s * chance.uniform(1 - _JITTER, 1 + _JITTER))
