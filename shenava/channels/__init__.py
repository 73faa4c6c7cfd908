"""Channels: one folder a platform. What it reads, what it sends, its limits and its prices.

A channel knows of no database. It is handed credentials and hands back what it read, what it
sent, and tokens that were refreshed. It never sleeps and never retries: it tells how it failed
(:mod:`shenava.channels.errors`), and whoever called it decides when to try again.
"""

from shenava.channels.base import (
    Channel,
    Cursor,
    FetchesMedia,
    KnowsLinks,
    LookedUp,
    LooksUp,
    Outgoing,
    OwnMessage,
    Page,
    Profile,
    Reads,
    Rereads,
    Sent,
)
from shenava.channels.errors import (
    ChannelError,
    OutcomeUnknown,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.messages import Deed

__all__ = [
    "Channel",
    "ChannelError",
    "Cursor",
    "Deed",
    "FetchesMedia",
    "KnowsLinks",
    "LookedUp",
    "LooksUp",
    "OutcomeUnknown",
    "Outgoing",
    "OwnMessage",
    "Page",
    "PaymentRequired",
    "Profile",
    "RateLimited",
    "Reads",
    "Rejected",
    "RejectedBecause",
    "Rereads",
    "Sent",
    "Unauthorised",
    "Unreachable",
]
