"""``make bench-kill`` in short: killed at random moments, nothing lost, doubled or sent twice."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import pytest
from support.processes import ROOT


@pytest.mark.parametrize(("database", "processes"), [("sqlite_files", 1), ("postgresql", 2)])
def test_killed_at_random_moments_it_loses_doubles_and_repeats_nothing(
    database: str, processes: int, request: pytest.FixtureRequest
) -> None:
    make: Callable[[], AbstractContextManager[str]] = request.getfixturevalue(database).database
    with ExitStack() as stack:
        words = [
            "--kills=10",
            "--answers=20",
            "--pages=4",
            "--no-hide",
            f"--processes={processes}",
            f"--database-url={stack.enter_context(make())}",
        ]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.bench_kill", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == [
        "kills",
        "messages_lost",
        "messages_doubled",
        "sent_twice",
        "unknown",
        "seconds",
    ]
    assert (found["kills"], found["messages_lost"], found["messages_doubled"]) == (10, 0, 0)
    assert (found["sent_twice"], found["unknown"]) == (0, 0)
