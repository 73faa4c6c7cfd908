"""How the running process is: what ``/healthz`` and the log say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from shenava.store import Message, Store

SILENT_AFTER = timedelta(minutes=2)
"""The pipeline comes by every second, a batch takes seconds: silent for longer, it hangs."""


class Health:
    """What the workers report and the web tells. Safe to use from several threads.

    Called, it returns ``{"ok": bool, "scheduler": bool, "pipeline": {"last_run": ISO time or
    None, "failing": bool, "lag_seconds": float or None}}``. ``lag_seconds``: for how long the
    oldest message that nobody works on has waited; ``None`` when the database does not answer.
    """

    def __init__(self, store: Store, scheduler_runs: Callable[[], bool]) -> None:
        self._store = store
        self._scheduler_runs = scheduler_runs
        self._lock = threading.Lock()
        self._last_run: datetime = store.clock.now()
        self._has_run = False
        self._failing = False

    def pipeline_ran(self, *, failed: bool) -> bool:
        """Note that the pipeline came by. Returns whether it began, or ceased, to fail."""
        with self._lock:
            news = self._failing != failed
            self._failing = failed
            self._last_run = self._store.clock.now()
            self._has_run = True
        return news

    def __call__(self) -> dict[str, Any]:
        now = self._store.clock.now()
        with self._lock:
            last_run, has_run, failing = self._last_run, self._has_run, self._failing
        lag = self._lag(now)
        scheduler = self._scheduler_runs()
        well = scheduler and not failing and lag is not None and now - last_run < SILENT_AFTER
        return {
            "ok": well,
            "scheduler": scheduler,
            "pipeline": {
                "last_run": last_run.isoformat() if has_run else None,
                "failing": failing,
                "lag_seconds": lag,
            },
        }

    def _lag(self, now: datetime) -> float | None:
        """Seconds; ``None`` when the database does not answer."""
        # A message not yet claimed has the instant it came in as its judge_after.
        waiting = select(func.min(Message.judge_after)).where(Message.judge_after.is_not(None))
        try:
            with self._store.read() as session:
                since = session.scalar(waiting)
        except SQLAlchemyError:
            return None
        return max(0.0, round((now - since).total_seconds(), 3)) if since else 0.0
