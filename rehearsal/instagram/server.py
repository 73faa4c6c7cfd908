"""The simulated Instagram as one WSGI application, and as a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from rehearsal.instagram import (
    consent,
    control,
    page,
    public,
    publishing,
    reading,
    webhooks,
    writing,
)
from rehearsal.instagram.oauth import Credentials
from rehearsal.instagram.simulator import Manners, Simulator, answer
from rehearsal.instagram.world import World
from rehearsal.serving import Reachable, serving

if TYPE_CHECKING:
    from rehearsal.serving import Acting


def create_app(sim: Simulator) -> Flask:
    """All addresses of one simulator. Faults are not here but on the wire."""
    app = Flask("rehearsal.instagram", static_folder=None)
    for part in (reading, writing, publishing, webhooks):
        part.install(sim)
    for more in (consent, control, page, public):
        more.install(app, sim)

    @app.get("/media/<name>")
    def media_file(name: str) -> Response:
        """A picture, as Meta's picture servers give it: to anyone who knows the address."""
        picture = sim.world.pictures.get(name.partition(".")[0])
        if picture is None or picture.file_name != name:
            return Response(status=404)
        return Response(picture.content, mimetype=picture.mime)

    @app.route("/<path:path>", methods=["GET", "POST", "DELETE"])
    def graph(path: str) -> Response:
        return answer(sim, request.path)

    return app


class Served(Reachable[Simulator]):
    """A simulated Instagram that can be reached."""

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
    crowd: Acting | None = None,
    control_token: str | None = None,
    tick: float | None = None,
    manners: Manners | None = None,
) -> Iterator[Served]:
    """Serve ``world`` in threads of this process until the block ends.

    ``port`` 0 takes a free one. ``crowd``: customers; with ``tick`` (seconds of real time) they act
    by themselves, else when told. Raises ``OSError`` where the port is taken.
    """
    sim = Simulator(world, crowd=crowd, manners=manners or Manners())
    if control_token is not None:
        sim.control_token = control_token
    actors: list[Acting] = [sim.webhooks, *([crowd] if crowd is not None else [])]
    with serving(sim, create_app(sim), (host, port), actors=actors, tick=tick) as base_url:
        sim.base_url = base_url
        yield Served(sim, base_url)
