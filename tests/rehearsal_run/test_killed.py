"""``make bench-kill`` in short: killed at random moments, nothing lost, doubled or sent twice, on X
and on Instagram with its webhooks."""

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
            "--kills=8",
            "--answers=16",
            "--pages=2",
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
        "platforms",
    ]
    assert (found["kills"], found["messages_lost"], found["messages_doubled"]) == (8, 0, 0)
    assert found["sent_twice"] == 0
    # What a killed worker may or may not have sent, and is not to be seen, a person settles, where
    # the platform would take it twice.
    never = sum(one["never_arrived"] for one in found["platforms"].values())
    assert found["unknown"] == never
    assert found["platforms"]["instagram"]["webhooks"] > 0
