"""Killed −9 in the middle of intake and pipeline, and run again: the same end, nothing twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from support.content import content, differences
from support.crash import messages, work
from support.factories import START

from service.pipeline import LEASE
from shenava.clock import SetClock
from shenava.store import Store

# Where the worker dies, counted in statements of its own run: within the first batch, which is
# then not there at all; between the first claim and its verdicts; while verdicts and decisions
# are written; just before a commit; and far into the file.
MOMENTS = (16, 23, 30, 38, 90)


def test_a_worker_killed_again_and_again_ends_where_one_that_lives_ends(
    make_database: Callable[..., AbstractContextManager[str]], open_store: Callable[[str], Store]
) -> None:
    lease = int(LEASE.total_seconds() // 60)
    with make_database() as url, make_database() as other:
        for number, moment in enumerate(MOMENTS):
            # Each comes after the claims of the one before have run out.
            assert _run(url, number * lease, moment) == -signal.SIGKILL
        assert _run(url, len(MOMENTS) * lease, 0) == 0

        clean = Store(other, SetClock(START))
        work(clean)
        killed = open_store(url)
        assert differences(content(killed), content(clean)) == []
        assert len(content(clean)["messages"]) == len(messages())
        clean.close()
        killed.close()


def _run(url: str, minutes: int, statement: int) -> int:
    arguments = [sys.executable, "-m", "support.crash", url, str(minutes), str(statement)]
    done = subprocess.run(
        arguments, env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode
