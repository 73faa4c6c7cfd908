"""What a database that comes out of a backup must not do by itself: send again.

Since the backup was made, whatever it shows as on its way may have left. Such rows become
``unknown`` and are looked up no more: "not there" proves little about something that left long
ago, or was cancelled, so a person settles them (``responder.outbox.settle``). The echo of one
that did leave still settles it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from responder.outcome import audit_row, fact
from shenava.store import (
    Broadcast,
    BroadcastState,
    FactKind,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientState,
    changes,
)

REASON = "restored"
_ON_ITS_WAY = (OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)


def set_aside(session: Session, made_at: datetime, now: datetime) -> int:
    """Hand every row that could still leave to a person; returns how many those are.

    ``made_at``: when the backup was made. What waited then cannot have left before.
    """
    rows = session.scalars(
        select(OutboxRow)
        .where(
            or_(
                OutboxRow.state.in_(_ON_ITS_WAY),
                (OutboxRow.state == OutboxState.UNKNOWN) & OutboxRow.look_at.is_not(None),
            )
        )
        .order_by(OutboxRow.id)
    ).all()
    for row in rows:
        # What a look did not find before the backup says nothing about the time since.
        kept = {name: told for name, told in row.evidence.items() if name != "absent"}
        row.evidence = kept | {
            "restored_at": now.isoformat(),
            "backup_of": made_at.isoformat(),
            "state_then": row.state.value,
        }
        row.look_at = row.claimed_until = row.attempt = None
        was_unknown = row.state is OutboxState.UNKNOWN
        if not was_unknown:
            if row.state is not OutboxState.SENDING or row.sending_at is None:
                row.sending_at = min(made_at, now)
            row.state, row.reason = OutboxState.UNKNOWN, REASON
        session.flush()
        audit_row(session, row, "outbox_set_aside", None, now)
        if not was_unknown:
            fact(session, row, FactKind.ANSWER_UNKNOWN, now)
    _stop_broadcasts(session, made_at, now)
    changes.note(session, sorted({row.case_id for row in rows if row.case_id is not None}))
    return len(rows)


def _stop_broadcasts(session: Session, made_at: datetime, now: datetime) -> None:
    """Whom a broadcast has told since the backup, nobody knows: it tells nobody more."""
    on_its_way = (
        BroadcastState.AWAITING_APPROVAL,
        BroadcastState.SCHEDULED,
        BroadcastState.SENDING,
        BroadcastState.PAUSED,
    )
    for row in session.scalars(select(Broadcast).where(Broadcast.state.in_(on_its_way))):
        row.state, row.ended_at = BroadcastState.STOPPED, now
        row.started_at = row.started_at or min(made_at, now)
        session.execute(
            update(Recipient)
            .where(Recipient.broadcast_id == row.id, Recipient.state == RecipientState.WAITING)
            .values(state=RecipientState.STOPPED)
        )
