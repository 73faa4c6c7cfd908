"""Ids that grow with time, as X makes them.

An id is 63 bits: milliseconds since X's own epoch, then 22 bits that tell ids of one millisecond
apart (X: "Snowflake", open-sourced 2010; developer docs, "X IDs", read 2026-08). The simulator
counts in those 22 bits, so ids of one clock are the same in every run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shenava.clock import Clock

EPOCH_MS = 1_288_834_974_657
"""4 November 2010, 01:42:54.657 UTC, in milliseconds of Unix time."""

_MILLISECOND = timedelta(milliseconds=1)
_UNIX = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(at: datetime) -> int:
    """Unix time of an aware instant, in whole milliseconds."""
    return (at - _UNIX) // _MILLISECOND


def first_id_at(at: datetime) -> int:
    """The smallest id that could be made at ``at``; never below 1."""
    return max(1, (milliseconds(at) - EPOCH_MS) << 22)


def made_at(native_id: int) -> datetime:
    """When an id was made, to the millisecond."""
    return _UNIX + _MILLISECOND * ((native_id >> 22) + EPOCH_MS)


class Ids:
    """Hands out ids, each greater than the last, even where the clock stands or goes back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def seen(self, native_id: str) -> None:
        """An id that exists already (from a state file): later ones will be greater."""
        self._last = max(self._last, int(native_id))

    def new(self) -> str:
        self._last = max(self._last + 1, first_id_at(self._clock.now()))
        return str(self._last)
