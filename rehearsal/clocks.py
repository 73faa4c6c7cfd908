"""A clock that runs, and can be pushed ahead."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from shenava.clock import Clock, SystemClock


class RunningClock:
    """Real time, plus what it was pushed ahead by: for a rehearsal that is not to wait."""

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._lock = threading.Lock()
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self._base.now() + self._ahead

    @property
    def ahead(self) -> timedelta:
        """By how much it is ahead of real time."""
        return self._ahead

    def set_ahead(self, by: timedelta) -> None:
        """Be ahead of real time by so much, whatever it was before."""
        with self._lock:
            self._ahead = by

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self._ahead += by
