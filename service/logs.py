"""Logging: one line an event, to standard error, and never what customers wrote.

The text of an exception may quote a row of the database (its parameters), so it is left out: a
failure is logged as the exception's type and where it was raised.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

_FRAMES = 4
_OURS = frozenset(
    {"collectors", "config", "dashboard", "rehearsal", "reports", "responder", "sentiment"}
    | {"service", "shenava"}
)
# Libraries that say in passing what is no event of ours. APScheduler warns each time a job is
# still at work when its next turn comes, which is how the pipeline is meant to run.
_QUIET = {
    "alembic": logging.WARNING,
    "apscheduler": logging.CRITICAL,
    "sqlalchemy": logging.WARNING,
    "transformers": logging.ERROR,
    "waitress.queue": logging.ERROR,
    "werkzeug": logging.WARNING,
}


class OneLine(logging.Formatter):
    """``2026-11-20T18:05:00Z ERROR service.run the pipeline failed · ValueError at …``"""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        parts = [f"{at} {record.levelname} {record.name} {record.getMessage()}"]
        if record.exc_info and record.exc_info[1] is not None:
            parts.append(failure(record.exc_info[1]))
        # Anything that breaks a line or turns text around would let a message fake another.
        return "".join(c if c.isprintable() else " " for c in " · ".join(parts))


def failure(error: BaseException) -> str:
    """An exception as its type and the places it passed, without its text: where it was raised,
    and the innermost of our own. What PostgreSQL refused has its code (``40P01``: a deadlock)."""
    passed = [
        (_is_ours(frame), f"{Path(frame.f_code.co_filename).name}:{line} {frame.f_code.co_name}")
        for frame, line in reversed(list(traceback.walk_tb(error.__traceback__)))
    ]
    places = [place for depth, (ours, place) in enumerate(passed) if ours or not depth]
    code = getattr(getattr(error, "orig", None), "sqlstate", None)
    name = f"{type(error).__name__} {code}" if code else type(error).__name__
    return f"{name} at {' < '.join(places[:_FRAMES]) or 'unknown'}"


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in _OURS


def set_up(level: str) -> None:
    """Send events of ``level`` (debug, info, warning, error) and graver to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
