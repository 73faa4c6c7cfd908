"""What ``shenava run`` holds in memory when nobody asks anything of it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from benchmarks.result import Result, Target
from tests.support.processes import running_service

TARGET_MB = 400
_REST_S = 5


def measure_memory() -> Iterator[Result]:
    """Start the service on the bundled sample, ask for a page, let it rest, and look."""
    with tempfile.TemporaryDirectory(prefix="shenava-bench-") as folder:
        begin = time.perf_counter()
        with running_service(Path(folder) / "home", "--sample") as service:
            service.get("/sign-in")
            started = time.perf_counter() - begin
            time.sleep(_REST_S)
            resident = psutil.Process(service.process.pid).memory_info().rss
            service.stop()
    yield Result(
        "memory",
        {"resident_mb": resident / 1e6, "seconds_to_sign_in_page": started},
        {"resident_mb": Target(TARGET_MB)},
    )
