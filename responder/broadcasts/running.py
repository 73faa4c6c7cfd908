"""A broadcast while it runs: it starts, pauses, goes on, stops, ends; what failed is tried again.

:func:`tick` is what the schedule calls: it does what is due, in short transactions, and may be
called by any number of workers, or not at all for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from responder import outbox
from responder.broadcasts.drafting import BroadcastError, locked_broadcast, trail
from responder.broadcasts.feeding import Pictures, PictureWanted, feed, pictures_wanted
from responder.broadcasts.progress import Progress, progress
from responder.broadcasts.quiet import QuietHours, start_of
from responder.casework import close
from responder.circumstances import Rules
from responder.dispatch import hold_back
from responder.gate import Refused, Way, Why
from responder.outbox import Asker, Plan
from shenava.store import (
    Alone,
    Broadcast,
    BroadcastState,
    Case,
    CaseState,
    Fact,
    FactKind,
    Message,
    OutboxRow,
    OutboxState,
    Recipient,
    RecipientState,
    Store,
)

RUNNING = (BroadcastState.SENDING, BroadcastState.PAUSED)

STOPPED_FOR_GOOD = timedelta(days=2)
"""A row that comes back to the queue of a stopped broadcast does so within this time."""

RETRIED_REASONS = frozenset({"expired", "money", "not_connected"})
"""Refusals by our own gate that may be over; what a platform or a person refused is not asked
again."""

_AT_ONCE = 200

Draw = Callable[[PictureWanted], tuple[bytes, str] | None]
"""Makes the picture of a notice, and says what it shows; ``None`` when it cannot be made."""


# What people do.


def pause(session: Session, actor: int | None, broadcast_id: int, now: datetime) -> bool:
    """Nothing more leaves until :func:`go_on`. What is under way arrives."""
    return _turn(
        session, actor, broadcast_id, now, BroadcastState.SENDING, BroadcastState.PAUSED, "paused"
    )


def go_on(session: Session, actor: int | None, broadcast_id: int, now: datetime) -> bool:
    return _turn(
        session, actor, broadcast_id, now, BroadcastState.PAUSED, BroadcastState.SENDING, "resumed"
    )


def _turn(
    session: Session,
    actor: int | None,
    broadcast_id: int,
    now: datetime,
    before: BroadcastState,
    after: BroadcastState,
    word: str,
) -> bool:
    moved = session.scalar(
        update(Broadcast)
        .where(Broadcast.id == broadcast_id, Broadcast.state == before)
        .values(state=after)
        .returning(Broadcast.id)
        .execution_options(synchronize_session=False)
    )
    if moved is not None:
        trail(session, broadcast_id, f"broadcast_{word}", actor, now)
    return moved is not None


def stop(session: Session, actor: int | None, broadcast_id: int, now: datetime) -> bool:
    """End it: what has not left never will. What is under way arrives."""
    row = locked_broadcast(session, broadcast_id)
    if row is None or row.state not in RUNNING:
        return False
    row.state, row.ended_at = BroadcastState.STOPPED, now
    session.flush()
    session.execute(
        update(Recipient)
        .where(Recipient.broadcast_id == broadcast_id, Recipient.state == RecipientState.WAITING)
        .values(state=RecipientState.STOPPED)
        .execution_options(synchronize_session=False)
    )
    _cancel_queued(session, [broadcast_id])
    trail(session, broadcast_id, "broadcast_stopped", actor, now)
    _fact(session, row, FactKind.BROADCAST_ENDED, now, _ended(session, row))
    return True


def retry_failed(
    session: Session,
    actor: int | None,
    broadcast_id: int,
    now: datetime,
    rules: Rules,
    most: int = _AT_ONCE,
) -> int:
    """Try again those that failed, and no others, at most ``most`` of them; returns how many.

    Raises :class:`BroadcastError` when the broadcast does not run, or ended by being stopped.
    """
    row = locked_broadcast(session, broadcast_id)
    if row is None or row.state not in (*RUNNING, BroadcastState.DONE):
        raise BroadcastError("This broadcast does not run any more. Write a new one.")
    failed = session.execute(
        select(OutboxRow.id, Recipient.key)
        .join(Recipient, Recipient.outbox_id == OutboxRow.id)
        .where(
            Recipient.broadcast_id == broadcast_id,
            (OutboxRow.state == OutboxState.FAILED)
            | (
                (OutboxRow.state == OutboxState.REFUSED)
                & OutboxRow.reason.in_(sorted(RETRIED_REASONS))
            ),
        )
        .order_by(OutboxRow.case_id, OutboxRow.id)
        .limit(most)
    ).all()
    if not failed:
        return 0
    until = now + timedelta(hours=row.lasts_hours)
    if row.state is BroadcastState.DONE:
        row.state, row.ended_at = BroadcastState.SENDING, None
    row.expires_at = until
    session.flush()
    for row_id, key in failed:
        asker = Asker(f"broadcast:{broadcast_id}", f"{key}:{row_id}", actor, automatic=True)
        outbox.retry(session, asker, row_id, now, rules, plan=Plan(now, until))
    trail(session, broadcast_id, "broadcast_retried", actor, now, count=len(failed))
    return len(failed)


def posted_by_hand(
    session: Session,
    actor: int,
    recipient_id: int,
    draft: outbox.Draft,
    now: datetime,
    policy: Any,
    *,
    permalink: str | None = None,
    native_key: str | None = None,
) -> bool:
    """A person did what only a person can: posted the notice on the platform itself."""
    line = session.scalars(
        select(Recipient).where(Recipient.id == recipient_id).with_for_update()
    ).one_or_none()
    if line is None or line.state is not RecipientState.BY_HAND:
        return False
    asker = Asker(f"broadcast:{line.broadcast_id}", line.key, actor)
    row = outbox.record_by_hand(
        session, asker, draft, now, policy, native_key=native_key, permalink=permalink
    )
    row.broadcast_id = line.broadcast_id
    line.state, line.outbox_id = RecipientState.HANDED, row.id
    session.flush()
    broadcast = session.get_one(Broadcast, line.broadcast_id)
    _fact(session, broadcast, FactKind.BROADCAST_POSTED, now, {"outbox": row.id, "by_hand": True})
    return True


# What the schedule does.


def tick(store: Store, quiet: QuietHours | None, draw: Draw) -> int:
    """Start what is due, feed what runs, end what is through; returns how many rows moved."""
    with store.read() as session:
        now = store.clock.now()
        due = session.scalars(
            select(Broadcast.id).where(
                Broadcast.state == BroadcastState.SCHEDULED, Broadcast.not_before <= now
            )
        ).all()
        running = session.scalars(
            select(Broadcast.id).where(Broadcast.state.in_(RUNNING)).order_by(Broadcast.id)
        ).all()
        stopped = session.scalars(
            select(Broadcast.id)
            .join(OutboxRow, OutboxRow.broadcast_id == Broadcast.id)
            .where(
                Broadcast.state == BroadcastState.STOPPED,
                Broadcast.ended_at > now - STOPPED_FOR_GOOD,
                OutboxRow.state == OutboxState.QUEUED,
            )
            .distinct()
        ).all()
        closing = session.scalars(
            select(Broadcast.id).where(
                Broadcast.close_cases,
                Broadcast.started_at > now - STOPPED_FOR_GOOD,
            )
        ).all()
    moved = 0
    for broadcast_id in due:
        moved += _start(store, broadcast_id, quiet)
    for broadcast_id in dict.fromkeys([*due, *running]):
        moved += _advance(store, broadcast_id, draw)
    if stopped:
        with store.write() as session:
            moved += _cancel_queued(session, stopped)
    for broadcast_id in closing:
        moved += _close_cases(store, broadcast_id)
    return moved


def _start(store: Store, broadcast_id: int, quiet: QuietHours | None) -> bool:
    with store.write() as session:
        now = store.clock.now()
        row = locked_broadcast(session, broadcast_id)
        if row is None or row.state is not BroadcastState.SCHEDULED:
            return False
        if row.not_before is None or row.not_before > now:
            return False
        start = start_of(now, quiet, urgent=row.urgent)
        if start > now:
            row.not_before = start
            return False
        row.state, row.started_at = BroadcastState.SENDING, now
        row.expires_at = now + timedelta(hours=row.lasts_hours)
        plan = row.plan or {}
        told = {
            "places": len([one for one in plan.get("places", ()) if one["reason"] is None]),
            "people": plan.get("people", 0),
            "left_out": sum(one["count"] for one in plan.get("left_out", ())),
        }
        _fact(session, row, FactKind.BROADCAST_STARTED, now, told)
        trail(session, broadcast_id, "broadcast_started", None, now)
        return True


def _advance(store: Store, broadcast_id: int, draw: Draw) -> int:
    """1. Pictures are made, which takes a while, outside of any transaction. 2. What has expired
    ends. 3. The next rows are fed. 4. When nothing moves any more, it is done."""
    with store.read() as session:
        row = session.get(Broadcast, broadcast_id)
        if row is None or row.state not in RUNNING:
            return 0
        wanted = pictures_wanted(session, row)
    pictures: Pictures = {one.account_id: draw(one) for one in wanted}
    with store.write_alone(Alone.BROADCAST) as session:
        now = store.clock.now()
        row = locked_broadcast(session, broadcast_id)
        if row is None or row.state not in RUNNING:
            return 0
        moved = _expire(session, row, now)
        if row.state is BroadcastState.PAUSED:
            return moved
        moved += feed(session, row, pictures, now)
        if moved:
            return moved
        if not _still_moves(session, broadcast_id):
            row.state, row.ended_at = BroadcastState.DONE, now
            session.flush()
            _fact(session, row, FactKind.BROADCAST_ENDED, now, _ended(session, row))
            trail(session, broadcast_id, "broadcast_ended", None, now)
            return 1
        return 0


def _still_moves(session: Session, broadcast_id: int) -> bool:
    moving = (OutboxState.QUEUED, OutboxState.CLAIMED, OutboxState.SENDING)
    found = session.scalar(
        select(OutboxRow.id)
        .where(
            OutboxRow.broadcast_id == broadcast_id,
            OutboxRow.state.in_(moving)
            | ((OutboxRow.state == OutboxState.UNKNOWN) & OutboxRow.look_at.is_not(None)),
        )
        .limit(1)
    )
    return found is not None


def _expire(session: Session, row: Broadcast, now: datetime) -> int:
    """What did not leave in time never will, be it because its account was out of order."""
    if row.expires_at is None or row.expires_at > now:
        return 0
    late = session.scalars(
        update(Recipient)
        .where(Recipient.broadcast_id == row.id, Recipient.state == RecipientState.WAITING)
        .values(state=RecipientState.LEFT_OUT, reason=Why.EXPIRED.value)
        .returning(Recipient.id)
        .execution_options(synchronize_session=False)
    ).all()
    queued = session.scalars(
        select(OutboxRow)
        .where(
            OutboxRow.broadcast_id == row.id,
            OutboxRow.state == OutboxState.QUEUED,
            OutboxRow.expires_at <= now,
        )
        .order_by(OutboxRow.case_id, OutboxRow.id)
        .limit(_AT_ONCE)
        .with_for_update()
    ).all()
    for waiting in queued:
        hold_back(session, waiting, Refused(Why.EXPIRED, Way.SEND_AGAIN), now)
    return len(late) + len(queued)


def _cancel_queued(session: Session, broadcasts: Any) -> int:
    cancelled = session.scalars(
        update(OutboxRow)
        .where(OutboxRow.broadcast_id.in_(broadcasts), OutboxRow.state == OutboxState.QUEUED)
        .values(state=OutboxState.CANCELLED)
        .returning(OutboxRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(cancelled)


def _close_cases(store: Store, broadcast_id: int) -> int:
    """Close the cases of those who were told, unless they wrote since it was planned."""
    with store.read() as session:
        row = session.get_one(Broadcast, broadcast_id)
        wrote = (
            select(Message.id)
            .where(Message.case_id == Case.id, Message.id > (row.seen_upto or 0))
            .exists()
        )
        cases = session.scalars(
            select(Case.id)
            .join(Recipient, Recipient.case_id == Case.id)
            .join(OutboxRow, OutboxRow.id == Recipient.outbox_id)
            .where(
                Recipient.broadcast_id == broadcast_id,
                OutboxRow.state == OutboxState.SENT,
                Case.state != CaseState.CLOSED,
                ~wrote,
            )
            .order_by(Case.id)
            .limit(_AT_ONCE)
        ).all()
        actor = row.submitted_by or row.created_by
    if not cases or actor is None:
        return 0
    with store.write() as session:
        done = close(session, actor, cases, store.clock.now(), seen_upto=row.seen_upto)
    return len(done.changed)


# Facts.


def _ended(session: Session, row: Broadcast) -> dict[str, Any]:
    counted = progress(session, row.id)
    return {"recipients": dict(counted.counts()), "reasons": dict(_reasons(counted))}


def _reasons(counted: Progress) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for one in counted.tallies:
        if one.reason is not None:
            name = f"{one.outcome.value}:{one.reason}"
            found[name] = found.get(name, 0) + one.count
    return found


def _fact(
    session: Session, row: Broadcast, kind: FactKind, now: datetime, told: dict[str, Any]
) -> None:
    details = {
        "broadcast": row.id,
        "parent": row.parent_id,
        "stage": row.stage.value,
        "kind": row.kind,
        "by": row.submitted_by or row.created_by,
    }
    session.execute(
        insert(Fact).values(
            kind=kind,
            happened_at=now,
            recorded_at=now,
            case_id=None,
            message_id=None,
            details=details | told,
        )
    )
