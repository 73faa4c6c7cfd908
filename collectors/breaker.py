"""A breaker: what fails again and again is left alone for a while, and for longer each time. Pure.

Closed, everything passes. After some failures in a row it opens; when its time is over it is half
open: one try passes, and decides whether it closes or opens for twice as long.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

FAILURES = 3
FIRST = timedelta(minutes=30)
LONGEST = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Breaker:
    """``failures``: in a row while closed. ``opened``: how often in a row it opened."""

    failures: int = 0
    opened: int = 0
    open_until: datetime | None = None

    def is_open(self, now: datetime) -> bool:
        return self.open_until is not None and now < self.open_until

    def is_half_open(self, now: datetime) -> bool:
        return self.open_until is not None and now >= self.open_until

    def succeeded(self) -> Breaker:
        return Breaker()

    def failed(
        self, now: datetime, *, at_once: bool = False, not_before: datetime | None = None
    ) -> Breaker:
        """``at_once``: it needs no second failure to open. ``not_before``: the platform named a
        time."""
        if not at_once and self.open_until is None and self.failures + 1 < FAILURES:
            return replace(self, failures=self.failures + 1)
        pause = min(FIRST * (1 << min(self.opened, 10)), LONGEST)
        until = max(now + pause, not_before or now)
        return Breaker(self.failures + 1, self.opened + 1, until)
