"""Messages that their authors took back: the words go, that they were there stays known."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from shenava.messages import AboutKind
from shenava.store import Message, RemovedBecause, changes
from shenava.store.removal import strip


def take_back(session: Session, message_ids: Collection[int], now: datetime) -> None:
    """Make tombstones of messages. What was counted stays.

    Platforms ask for it (Instagram: developers.facebook.com, "Webhooks: messages", read
    2026-11-22), and whoever unsends a message expects it.
    """
    if not message_ids:
        return
    stripped = strip(session, message_ids, RemovedBecause.DELETED, now)
    session.execute(
        update(Message)
        .where(Message.id.in_(message_ids))
        .values(about=AboutKind.UNSENT)
        .execution_options(synchronize_session=False)
    )
    changes.note(session, [row.case_id for row in stripped])
