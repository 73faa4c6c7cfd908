"""A simulated X (Twitter): speaks the wire protocol of API v2 on loopback, to the real adapter.

``serve(World(clock))`` is the door; ``python -m rehearsal`` runs one as a process of its own.

    world       state: people, posts, private messages, pictures, the ledger of what was taken in
    server      all addresses as one WSGI application; ``serve``
    reading, writing, consent     the interface itself
    oauth, limits, paging, shapes, search, text, problems     its rules, one a module
    faults, refusing    what goes wrong, on demand
    control     the strings behind the stage
    crowd       customers with stories
    page        the timeline, for people to look at
"""

from rehearsal.faults import Fault, Faults
from rehearsal.x.faults import Kind
from rehearsal.x.oauth import Credentials
from rehearsal.x.server import Served, create_app, serve
from rehearsal.x.simulator import Manners, Simulator
from rehearsal.x.world import World

__all__ = [
    "Credentials",
    "Fault",
    "Faults",
    "Kind",
    "Manners",
    "Served",
    "Simulator",
    "World",
    "create_app",
    "serve",
]
