"""Collecting, as the schedule calls it: every feed that is due is read, then swept."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Protocol

from collectors import fetch
from collectors.fetch import Claim, Run, Tariff
from responder.answered import own_cases, own_taker
from responder.policy import Policy
from shenava.channels import Channel
from shenava.store import Store


class Readers(Protocol):
    """What makes channels to read with: ``service.channels.Channels``, or a test's own."""

    def connect(self, account_id: int, query: str = "") -> Channel: ...

    def tariff(self, account_id: int) -> Tariff: ...


def run_due(
    store: Store,
    channels: Readers,
    policy: Policy,
    *,
    limit: int = 50,
    chance: Random | None = None,
) -> int:
    """Read the feeds that are due, at most ``limit`` runs; returns how many.

    Any number of workers may call it at once. Raises nothing that a feed or a platform causes:
    the feed's row tells.
    """
    return sum(1 for _ in range(limit) if run_one(store, channels, policy, chance=chance))


def sweep_due(
    store: Store,
    channels: Readers,
    policy: Policy,
    *,
    limit: int = 10,
    chance: Random | None = None,
) -> int:
    """Sweep the feeds whose turn it is, at most ``limit``; returns how many. As :func:`run_due`."""
    return sum(
        1 for _ in range(limit) if run_one(store, channels, policy, sweep=True, chance=chance)
    )


def run_one(
    store: Store,
    channels: Readers,
    policy: Policy,
    *,
    sweep: bool = False,
    chance: Random | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Run | None:
    """One run, or sweep, of the feed that is due longest; ``None`` when none is. It stops after
    the page in hand when ``stopping`` says so; the next run goes on from there."""
    claim = fetch.claim_due(store, sweep=sweep)
    if claim is None:
        return None
    means = fetch.Means(
        tariff=channels.tariff(claim.account_id),
        take_own=own_taker(policy),
        own_cases=own_cases,
        # Spreads turns over time; nobody must be unable to guess it.
        chance=chance or Random(),  # noqa: S311
        stopping=stopping,
    )
    return fetch.run(store, claim, lambda: _connect(channels, claim), means)


def _connect(channels: Readers, claim: Claim) -> Channel:
    return channels.connect(claim.account_id, claim.query)
