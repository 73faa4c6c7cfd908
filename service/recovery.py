"""After a kill: what the dead process had claimed is taken up at once.

Leases are for workers on other machines, of whom nobody knows whether they live. On SQLite one
service runs on a data folder, which the system's own lock proves; when it starts, whoever held a
claim is dead, and a customer need not wait for the lease to end.
"""

from __future__ import annotations

from sqlalchemy import update

from responder.unknowns import recover
from service.pipeline import LEASE
from shenava.store import Feed, InboundEvent, Message, OutboxRow, RateUse, Store


def take_over(store: Store) -> int:
    """Free the feeds, webhooks, messages and outbox rows that a dead process held; returns how many
    rows of the outbox that were. Only for the one who holds the lock of the data folder.

    What was being sent becomes ``unknown`` and is looked up: see ``responder.unknowns``.
    """
    with store.write() as session:
        now = store.clock.now()
        session.execute(
            update(Feed)
            .where(Feed.claimed_by.is_not(None))
            .values(claimed_by=None, claimed_until=None)
        )
        session.execute(
            update(InboundEvent)
            .where(InboundEvent.claimed_by.is_not(None))
            .values(claimed_by=None, claimed_until=None)
        )
        session.execute(
            update(Message)
            .where(Message.judge_after > now, Message.judge_after <= now + LEASE)
            .values(judge_after=now)
        )
        session.execute(
            update(OutboxRow).where(OutboxRow.claimed_until > now).values(claimed_until=now)
        )
        # Of what left with a convoy, the dead have sent all they will ever send.
        session.execute(update(RateUse).where(RateUse.at > now).values(at=now))
    taken = 0
    while some := recover(store):
        taken += some
    return taken
