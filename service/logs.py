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

_FRAMES = 4
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
    """An exception as its type and the innermost places it passed, without its text."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    places = " < ".join(
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )
    return f"{type(error).__name__} at {places or 'unknown'}"


def set_up(level: str) -> None:
    """Send events of ``level`` (debug, info, warning, error) and graver to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, root.level))
