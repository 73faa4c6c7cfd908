"""A simulated Instagram: speaks Meta's Graph API on loopback, to the real adapter.

``serve(World(clock))`` is the door; ``python -m rehearsal`` runs one beside the simulated X. One
address stands for all hosts of Meta's: graph.instagram.com, api.instagram.com, www.instagram.com
and graph.facebook.com; a client is given it in place of each of them. Paths may carry any version
(``/v25.0/…``) or none.

    world, model, ids   state: people, posts, comments, messages, pictures, the ledger
    server      all addresses as one WSGI application; ``serve``
    simulator, doors    what a request goes through, and which door it knocks at
    reading, writing, publishing, consent   the interface itself
    asking, shapes, paging, oauth, limits, fetching, problems   its rules, one a module
    faults      what goes wrong, on demand
    webhooks    what is told unasked, signed
    public      the public pages, for instaloader
    control     the strings behind the stage
"""

from rehearsal.faults import Fault, Faults
from rehearsal.instagram.faults import Kind
from rehearsal.instagram.oauth import Credentials
from rehearsal.instagram.server import Served, create_app, serve
from rehearsal.instagram.simulator import Manners, Simulator
from rehearsal.instagram.world import World

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
