"""Fetching the pictures of customers' messages, as the schedule calls it."""

from __future__ import annotations

from random import Random

from collectors import pictures
from service.sending import Senders
from shenava.store import Store

MEGABYTE = 1024 * 1024


def run_one(store: Store, channels: Senders, max_bytes: int, chance: Random | None = None) -> bool:
    """Fetch the picture that is due longest; whether there was one. Any number of workers may
    call it at once. Raises what the database raises."""
    claim = pictures.claim_due(store)
    if claim is None:
        return False
    # Spreads tries over time; nobody must be unable to guess it.
    pictures.fetch(store, claim, channels.connect, max_bytes, chance or Random())  # noqa: S311
    return True
