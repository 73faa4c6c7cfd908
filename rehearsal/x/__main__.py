"""``python -m rehearsal.x``: the simulated X as a process of its own, until SIGINT or SIGTERM.

Keeps its state in ``HOME/x.journal``, so it goes on where it was; writes ``HOME/x.json`` (readable
by its owner only) with the address, the control token and the keys of the shop, and says one line
on standard output when it can be reached.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

from rehearsal.x.clocks import RunningClock
from rehearsal.x.crowd import Crowd
from rehearsal.x.server import Served, serve
from rehearsal.x.world import World

CONNECTION_FILE = "x.json"
JOURNAL_FILE = "x.journal"


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m rehearsal.x", description="A simulated X.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    parser.add_argument("--port", type=int, default=0, help="port; 0 takes a free one")
    parser.add_argument("--home", type=Path, required=True, help="folder for state and keys")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same customers")
    parser.add_argument("--no-crowd", action="store_true", help="no customers")
    parser.add_argument("--every", type=float, default=25, help="seconds between new stories")
    parser.add_argument("--patience", type=float, default=240, help="seconds a customer waits")
    parser.add_argument("--outage-after", type=float, help="seconds until the gateway fails")
    parser.add_argument("--outage-size", type=int, default=120, help="complaints, 40 to 400")
    parser.add_argument("--balance", type=int, help="money of the app, millionths of a dollar")
    return parser.parse_args(given)


def write_connection(served: Served, home: Path) -> Path:
    """Write the file by which others find the simulator; the path of it."""
    path, fresh = home / CONNECTION_FILE, home / f"{CONNECTION_FILE}.new"
    content = {
        "base_url": served.base_url,
        "control_token": served.control_token,
        "credentials": asdict(served.credentials),
    }
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out, indent=1)
    fresh.replace(path)
    return path


def main(given: Sequence[str] | None = None) -> int:
    options = _arguments(given)
    options.home.mkdir(parents=True, exist_ok=True)
    world = World(RunningClock(), options.home / JOURNAL_FILE)
    crowd = None
    if not options.no_crowd:
        after = options.outage_after
        crowd = Crowd(
            world,
            options.seed,
            every=timedelta(seconds=options.every),
            patience=timedelta(seconds=options.patience),
            outage_after=None if after is None else timedelta(seconds=after),
            outage_size=options.outage_size,
        )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    with serve(
        world, options.host, options.port, crowd=crowd, balance=options.balance, tick=0.5
    ) as served:
        path = write_connection(served, options.home)
        sys.stdout.write(f"simulated X at {served.base_url}/ (keys in {path})\n")
        sys.stdout.flush()
        over.wait()
    world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
