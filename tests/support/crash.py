"""A worker that is killed: takes in a file of messages and judges them, or dies on the way.

    python -m support.crash URL MINUTES STATEMENT

Its clock stands ``MINUTES`` after the start of tests. At the ``STATEMENT``-th statement it kills
itself with SIGKILL, as the kernel does when memory runs out; 0: it lives. Run by
``tests/collectors/test_intake_killed.py``.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from datetime import timedelta

from collectors.intake import take_in
from config import Settings
from responder.policy import policy_of
from service.pipeline import Pipeline
from shenava.clock import SetClock
from shenava.messages import Incoming
from shenava.store import Store
from support.factories import START, many
from support.judges import WordJudge
from support.stops import kill_self, stop_at

BATCH = 20


def messages() -> list[Incoming]:
    return [*many(100, authors=9), *many(60, authors=9, first=100, historic=True)]


def work(store: Store) -> None:
    """An import as it is: batch by batch, and the pipeline after each."""
    pipeline = Pipeline(store, WordJudge(), policy_of(Settings()))
    for begin in range(0, len(messages()), BATCH):
        take_in(store, messages()[begin : begin + BATCH])
        pipeline.run_once(limit=15)
    pipeline.run_until_idle()


def main(url: str, minutes: int, statement: int) -> None:
    store = Store(url, SetClock(START + timedelta(minutes=minutes)))
    with ExitStack() as stack:
        if statement:
            stack.enter_context(stop_at(store, statement, kill_self))
        work(store)
    store.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
