"""Stopping work at any statement, as a power cut would."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from shenava.store import Store


class Stopped(Exception):
    """The work was cut off here."""


def _raise() -> None:
    raise Stopped


def kill_self() -> None:
    """SIGKILL: nothing is flushed, rolled back or closed by us."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def stop_at(store: Store, statement: int, stop: Callable[[], None] = _raise) -> Iterator[None]:
    """Call ``stop`` when ``statement`` statements (from 0) have been executed within.

    Every BEGIN, row and COMMIT counts: where a transaction commits, a stop may come just before.
    """
    left = statement

    def count(*_: Any) -> None:
        nonlocal left
        if left == 0:
            left -= 1
            stop()
        left -= 1

    event.listen(store.engine, "before_cursor_execute", count)
    event.listen(store.engine, "commit", count)
    try:
        yield
    finally:
        event.remove(store.engine, "before_cursor_execute", count)
        event.remove(store.engine, "commit", count)
