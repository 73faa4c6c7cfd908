"""The simulated X as one WSGI application, and as a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import Flask, Response

from rehearsal.serving import Reachable, serving
from rehearsal.x import consent, control, page, problems, reading, writing
from rehearsal.x.oauth import Credentials
from rehearsal.x.simulator import Simulator, respond
from rehearsal.x.world import World

if TYPE_CHECKING:
    from rehearsal.x.crowd import Crowd


def create_app(sim: Simulator) -> Flask:
    """All addresses of one simulator. Faults are not here but on the wire."""
    app = Flask("rehearsal.x", static_folder=None)
    for part in (reading, writing, consent, control, page):
        part.install(app, sim)

    def not_found(error: Exception) -> Response:
        problem = problems.no_such_address()
        return respond(sim, problem.body, problem.status, {})

    app.register_error_handler(404, not_found)
    return app


class Served(Reachable[Simulator]):
    """A simulated X that can be reached."""

    @property
    def world(self) -> World:
        return self.sim.world

    @property
    def credentials(self) -> Credentials:
        return self.sim.credentials()

    @property
    def keys(self) -> dict[str, str]:
        return asdict(self.credentials)


@contextmanager
def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    crowd: Crowd | None = None,
    balance: int | None = None,
    control_token: str | None = None,
    tick: float | None = None,
) -> Iterator[Served]:
    """Serve ``world`` in threads of this process until the block ends.

    ``port`` 0 takes a free one. ``crowd``: customers; with ``tick`` (seconds of real time) they act
    by themselves, else when told (``Crowd.step``, ``/_control/step``). ``balance``: money of the
    app in millionths of a dollar, ``None`` without end. Raises ``OSError`` where the port is taken.
    """
    sim = Simulator(world, balance=balance, crowd=crowd)
    if control_token is not None:
        sim.control_token = control_token
    actors = [crowd] if crowd is not None else []
    with serving(sim, create_app(sim), (host, port), actors=actors, tick=tick) as base_url:
        sim.base_url = base_url
        yield Served(sim, base_url)
