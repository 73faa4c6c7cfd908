"""Sending, as the schedule calls it: what is due leaves, what is in doubt is looked up."""

from __future__ import annotations

import os
import threading
from random import Random
from typing import Protocol

from responder.circumstances import Host, Rules
from responder.dispatch import Means, claim_due, dispatch
from responder.policy import Policy
from responder.unknowns import claim_look, look, recover
from shenava.channels import Channel
from shenava.store import Store


class Senders(Protocol):
    """What makes channels to send with: ``service.channels.Channels``, or a test's own."""

    @property
    def rules(self) -> Rules: ...

    def connect(self, account_id: int) -> Channel: ...


def run_due(
    store: Store,
    channels: Senders,
    policy: Policy,
    *,
    limit: int = 100,
    host: Host | None = None,
    chance: Random | None = None,
) -> int:
    """1. Take up rows whose worker vanished. 2. Send what is due. 3. Look up what is in doubt.

    Each step does at most ``limit`` rows; returns how many were touched. Any number of workers
    may call it at once. ``host``: for pictures that platforms fetch. Raises what the database
    raises; the rows then tell where it stopped.
    """
    means = Means(
        connect=channels.connect,
        rules=channels.rules,
        policy=policy,
        # Spreads tries over time; nobody must be unable to guess it.
        chance=chance or Random(),  # noqa: S311
        host=host,
    )
    touched = recover(store, limit)
    worker = f"{os.getpid()}:{threading.current_thread().name}"[:80]
    for _ in range(limit):
        claim = claim_due(store, worker)
        if claim is None:
            break
        dispatch(store, claim, means)
        touched += 1
    for _ in range(limit):
        doubt = claim_look(store)
        if doubt is None:
            break
        look(store, doubt, means)
        touched += 1
    return touched
