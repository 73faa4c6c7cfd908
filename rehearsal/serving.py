"""A simulated platform on loopback, in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from flask import Flask

from rehearsal.wire import Platform, WireServer


class Simulated(Protocol):
    """What every simulated platform tells of itself."""

    @property
    def beside(self) -> dict[str, str]: ...

    @property
    def asked_at(self) -> float: ...

    @property
    def control_token(self) -> str: ...


Sim = TypeVar("Sim", bound=Simulated)


@dataclass(frozen=True)
class Reachable(Generic[Sim]):
    """A simulated platform that can be reached. ``base_url`` has no slash at its end."""

    sim: Sim
    base_url: str

    @property
    def beside(self) -> dict[str, str]:
        return self.sim.beside

    @property
    def asked_at(self) -> float:
        return self.sim.asked_at

    @property
    def control_token(self) -> str:
        return self.sim.control_token


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
    actors: Sequence[Acting] = (),
    tick: float | None = None,
) -> Iterator[str]:
    """Serve ``app`` until the block ends; gives the base address, without a slash at its end.

    ``actors``: with ``tick`` (seconds of real time) each acts by itself, in a thread of its own;
    else when told. Raises ``OSError`` where the port is taken.
    """
    for one in actors:
        one.begin()
    server = WireServer(address, app, platform)
    over = threading.Event()
    threads = [threading.Thread(target=server.serve_forever, args=(0.05,), name="a platform")]

    def act(one: Acting) -> None:
        while not over.wait(tick):
            one.step(platform.world.clock.now())

    if tick is not None:
        threads += [threading.Thread(target=act, args=(one,), name="an actor") for one in actors]
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
