"""Looking whether messages are still there, as the schedule calls it; what is not is removed."""

from __future__ import annotations

from typing import Protocol

from collectors import lookups
from collectors.fetch import Tariff
from collectors.lookups import Fate, Looked
from responder.circumstances import Rules
from responder.policy import Policy
from responder.removing import remove
from shenava.channels import Channel
from shenava.store import RemovedBecause, Store
from shenava.store.removal import forget_words

BECAUSE = {Fate.DELETED: RemovedBecause.DELETED, Fate.HIDDEN: RemovedBecause.HIDDEN}


class Lookers(Protocol):
    """What makes channels to look with: ``service.channels.Channels``, or a test's own."""

    @property
    def rules(self) -> Rules: ...

    def connect(self, account_id: int) -> Channel: ...

    def tariff(self, account_id: int) -> Tariff: ...


def run_one(store: Store, channels: Lookers, policy: Policy, per_day: int) -> Looked | None:
    """Look up the messages that are due first, and remove those that are gone; ``None`` when none
    are due, or no more may be asked today. Any number of workers may call it at once."""
    claim = lookups.claim_due(store, channels.rules, channels.tariff, per_day)
    if claim is None:
        return None
    looked = lookups.look(store, claim, channels.connect, channels.tariff)
    gone = 0
    for fate, ids in looked.gone.items():
        if ids:
            with store.write() as session:
                gone += remove(session, ids, BECAUSE[fate], store.clock.now(), policy)
    if gone:
        with store.write() as session:
            forget_words(session)
    return looked
