"""A file to triaged rows: the whole command ``shenava import``, from its start to its end."""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.messages import write_csv
from benchmarks.result import Result, Target
from tests.support.processes import COMMAND, environment

TARGET_PER_S = 1_000


def measure_import(number: int, file: Path | None) -> Iterator[Result]:
    """Import ``number`` made-up messages, or ``file``, into an empty home; the model included."""
    with tempfile.TemporaryDirectory(prefix="shenava-bench-") as folder:
        source = file
        if source is None:
            source = Path(folder) / "messages.csv"
            write_csv(source, number)
        begin, computed = time.perf_counter(), _computed()
        done = subprocess.run(
            [*COMMAND, "import", str(source.absolute()), "--platform", "x", "--json"],
            env=environment(Path(folder) / "home"),
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
        )
        seconds = time.perf_counter() - begin
        computed = _computed() - computed
        report = json.loads(done.stdout.splitlines()[-1])
        size = (Path(folder) / "home" / "shenava.db").stat().st_size
    yield Result(
        "import",
        {
            "messages_per_s": report["read"] / seconds,
            "seconds": seconds,
            "processor_seconds": computed,
            "database_bytes_per_message": size / max(report["new"], 1),
        },
        {"messages_per_s": Target(TARGET_PER_S, at_least=True)},
        {"file": source.name if file else "made up", "read": report["read"], "new": report["new"]},
    )


def _computed() -> float:
    """Seconds that processors spent for commands so far: what a busy machine does not lengthen
    as much as the clock on the wall."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
