"""A simulated platform on loopback, in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from flask import Flask

from rehearsal.wire import Platform, WireServer


class Acting(Protocol):
    """Customers, or whatever else acts when its time comes."""

    def begin(self) -> None: ...

    def step(self, now: datetime) -> int: ...


@contextmanager
def serving(
    platform: Platform,
    app: Flask,
    address: tuple[str, int],
    *,
    crowd: Acting | None = None,
    tick: float | None = None,
) -> Iterator[str]:
    """Serve ``app`` until the block ends; gives the base address, without a slash at its end.

    ``crowd``: customers; with ``tick`` (seconds of real time) they act by themselves, else when
    told. Raises ``OSError`` where the port is taken.
    """
    if crowd is not None:
        crowd.begin()
    server = WireServer(address, app, platform)
    over = threading.Event()
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), name="a platform")]
    if crowd is not None and tick is not None:

        def act() -> None:
            while not over.wait(tick):
                crowd.step(platform.world.clock.now())

        threads.append(threading.Thread(target=act, name="simulated customers"))
    for thread in threads:
        thread.daemon = True
        thread.start()
    try:
        yield server.base_url
    finally:
        over.set()
        server.shutdown()
        server.stop()
        for thread in threads:
            thread.join(timeout=10)
