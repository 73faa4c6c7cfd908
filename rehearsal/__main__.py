"""``python -m rehearsal``: the simulated platforms as one process, until SIGINT or SIGTERM.

One process for all of them, so that they live by one clock; each on a port of its own. Each keeps
its state in ``HOME/NAME.journal``, so it goes on where it was, at the port it had if that is free;
for each there is ``HOME/NAME.json`` (readable by its owner only) with the process number, the
address, the control token and the keys of the shop. A line for each on standard output says that
it can be reached. One process a folder: ``HOME/process.lock`` is held for as long as it lives.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from rehearsal.clocks import RunningClock
from rehearsal.instagram.crowd import Crowd as InstagramCrowd
from rehearsal.instagram.server import serve as serve_instagram
from rehearsal.instagram.simulator import Manners
from rehearsal.instagram.world import World as InstagramWorld
from rehearsal.x.crowd import Crowd as XCrowd
from rehearsal.x.server import serve as serve_x
from rehearsal.x.world import World as XWorld

LOCK_FILE = "process.lock"

FAR = timedelta(seconds=0.55)
"""A way to Meta and back, and what it takes there."""

_C = TypeVar("_C")


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m rehearsal", description="Simulated platforms.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (loopback)")
    parser.add_argument(
        "--port", type=int, default=0, help="port of the simulated X; 0: as before, or a free one"
    )
    parser.add_argument("--home", type=Path, required=True, help="folder for state and keys")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same customers")
    parser.add_argument("--no-crowd", action="store_true", help="no customers")
    parser.add_argument("--every", type=float, default=25, help="seconds between new stories")
    parser.add_argument("--patience", type=float, default=240, help="seconds a customer waits")
    parser.add_argument("--outage-after", type=float, help="seconds until the gateway fails")
    parser.add_argument(
        "--outage-size", type=int, default=120, help="complaints on all platforms together"
    )
    parser.add_argument("--balance", type=int, help="money of the app, millionths of a dollar")
    parser.add_argument(
        "--alone", type=float, help="end after so many seconds in which nobody asked anything"
    )
    return parser.parse_args(given)


@contextmanager
def _only_one(home: Path) -> Iterator[bool]:
    """Hold the lock of the folder; false while another process holds it."""
    handle = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def _port_before(home: Path, name: str, host: str) -> int:
    """The port it had, so that addresses of posts stay good; 0 if it had none or it is taken."""
    try:
        address = json.loads((home / f"{name}.json").read_text(encoding="utf-8"))["base_url"]
        port = int(address.rpartition(":")[2])
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except (OSError, ValueError, KeyError):
        return 0
    return port


class Served(Protocol):
    """A platform that can be reached."""

    @property
    def base_url(self) -> str: ...

    @property
    def control_token(self) -> str: ...

    @property
    def keys(self) -> dict[str, str]:
        """What its developer console would show."""

    @property
    def beside(self) -> dict[str, str]:
        """Addresses of the platforms of the same rehearsal, by name."""

    @property
    def asked_at(self) -> float:
        """When it was last asked anything, on the monotonic clock."""


def write_connection(served: Served, home: Path, name: str) -> Path:
    """Write the file by which others find a platform; the path of it."""
    path, fresh = home / f"{name}.json", home / f"{name}.json.new"
    content = {
        "pid": os.getpid(),
        "base_url": served.base_url,
        "control_token": served.control_token,
        "credentials": served.keys,
    }
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(content, out, indent=1)
    fresh.replace(path)
    return path


def main(given: Sequence[str] | None = None) -> int:
    options = _arguments(given)
    options.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(options.home) as alone:
        if not alone:
            sys.stderr.write(f"a rehearsal runs on {options.home} already\n")
            return 2
        return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    clock = RunningClock()
    x = XWorld(clock, options.home / "x.journal")
    instagram = InstagramWorld(clock, options.home / "instagram.journal")
    # Whichever platform was told to move the clock, it is the clock of both.
    ahead = max(world.notes.get("clock", {}).get("ahead_s", 0) for world in (x, instagram))
    clock.set_ahead(timedelta(seconds=ahead))
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    host = options.host
    with ExitStack() as stack:
        stack.callback(x.close)
        stack.callback(instagram.close)
        served: dict[str, Served] = {
            "x": stack.enter_context(
                serve_x(
                    x,
                    host,
                    _port_before(options.home, "x", host),
                    crowd=_crowd(options, XCrowd, x),
                    balance=options.balance,
                    tick=0.5,
                )
            ),
            "instagram": stack.enter_context(
                serve_instagram(
                    instagram,
                    host,
                    _port_before(options.home, "instagram", host),
                    crowd=_crowd(options, InstagramCrowd, instagram),
                    tick=0.5,
                    manners=Manners(fetch_local=True, far=FAR),
                )
            ),
        }
        for name, one in served.items():
            one.beside.update({n: other.base_url for n, other in served.items() if n != name})
        for name, one in served.items():
            path = write_connection(one, options.home, name)
            sys.stdout.write(f"simulated {name} at {one.base_url}/ (keys in {path})\n")
        sys.stdout.flush()
        while not over.wait(None if options.alone is None else 1.0):
            idle = time.monotonic() - max(one.asked_at for one in served.values())
            if options.alone is not None and idle > options.alone:
                break
    return 0


def _crowd(options: argparse.Namespace, kind: Callable[..., _C], world: object) -> _C | None:
    """Customers of one platform; the gateway of the shop fails for those of all at once."""
    if options.no_crowd:
        return None
    after = options.outage_after
    return kind(
        world,
        options.seed,
        every=timedelta(seconds=options.every),
        patience=timedelta(seconds=options.patience),
        outage_after=None if after is None else timedelta(seconds=after),
        outage_size=options.outage_size // 2,
    )


if __name__ == "__main__":
    sys.exit(main())
