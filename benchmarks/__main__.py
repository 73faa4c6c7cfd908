"""``python -m benchmarks [NAME]``: one JSON line a benchmark, and a table for people at the end.

The JSON goes to standard output, the table to standard error. Names: ``model`` (the classifier: its
speed and size), ``import`` (a file to triaged
rows, messages a second), ``memory`` (of ``shenava run`` at rest), ``inbox`` (pages and searches
over HTTP while an import runs, at 10,000 and at 200,000 conversations), ``customers`` (their lists,
searches and pages, at 200,000 identities), ``report`` (the report of a week with a million
messages, on SQLite and PostgreSQL). Real processes, a real model, SQLite but for the last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench_report import measure_report
from benchmarks.bench_sentiment import measure_sentiment
from benchmarks.customers import measure_customers
from benchmarks.importing import measure_import
from benchmarks.inbox import measure_inbox
from benchmarks.memory import measure_memory
from benchmarks.result import Result


def main() -> int:
    """Measure what was asked for; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "name", nargs="?", choices=["model", "import", "memory", "inbox", "customers", "report"]
    )
    parser.add_argument("--file", type=Path, help="import this CSV instead of a made-up one")
    parser.add_argument("--messages", type=int, default=20_000, help="to import, made up [20000]")
    parser.add_argument(
        "--conversations", type=int, nargs="+", default=[10_000, 200_000], metavar="N"
    )
    asked = parser.parse_args()
    known: dict[str, Callable[[], Iterator[Result]]] = {
        "model": measure_sentiment,
        "import": lambda: measure_import(asked.messages, asked.file),
        "memory": measure_memory,
        "inbox": lambda: measure_inbox(asked.conversations),
        "customers": lambda: measure_customers(max(asked.conversations)),
        "report": measure_report,
    }
    results = []
    for name, measure in known.items():
        if asked.name in (None, name):
            for result in measure():
                print(json.dumps(result.as_json(), ensure_ascii=False), flush=True)
                results.append(result)
    _table(results)
    return int(any(result.met is False for result in results))


def _table(results: list[Result]) -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\n{os.cpu_count()} cores, load {load}", file=sys.stderr)
    for result in results:
        for name, value, target, met in result.lines():
            mark = {True: "✓", False: "✗", None: " "}[met]
            print(f"{mark} {result.name:<22}{name:<26}{value:>12,.1f}  {target}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
