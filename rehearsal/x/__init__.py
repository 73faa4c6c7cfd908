"""A simulated X (Twitter): speaks the wire protocol of API v2 on loopback, to the real adapter.

``serve(World(clock))`` is the door; ``python -m rehearsal.x`` runs one as a process of its own.

    world       state: people, posts, private messages, pictures, the ledger of what was taken in
    server      all addresses as one WSGI application; ``serve``
    wire        the socket: HTTP/1.1, and faults that are real on the wire
    reading, writing, consent     the interface itself
    oauth, limits, paging, shapes, search, text, problems     its rules, one a module
    faults      what goes wrong, on demand
    control, remote     the strings behind the stage, and the hand that pulls them
    crowd       customers with stories
    page        the timeline, for people to look at
"""

from rehearsal.x.faults import Fault, Faults, Kind
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
