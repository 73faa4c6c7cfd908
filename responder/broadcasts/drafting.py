"""A broadcast until it leaves: written, planned, approved, put off, withdrawn.

Planning writes the whole ledger, so that what a person looks at is what leaves, to the letter and
to the last recipient: the plan's hash goes with every step after it. Whoever changes a word makes
it a draft again, without a ledger.

Each function is part of the caller's transaction and says in what state it expects the broadcast;
what comes too late changes nothing and returns false.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from responder.broadcasts.content import Aim, Content
from responder.broadcasts.plan import Line, Plan
from responder.broadcasts.quiet import QuietHours, start_of
from responder.outbox import UNDO, Asker
from shenava.store import Audit, Broadcast, BroadcastState, Recipient, RecipientState, Stage
from shenava.store.bulk import insert_rows

_AT_ONCE = 5_000


class BroadcastError(Exception):
    """Something that cannot be. Nothing was written; ``str()`` is a sentence for a person."""


class KeyTaken(BroadcastError):
    """The key was used before, for another broadcast."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person writes: what to say, to whom, and how."""

    content: Content
    aim: Aim
    stage: Stage = Stage.INVESTIGATING
    kind: str = "other"
    parent_id: int | None = None
    not_before: datetime | None = None
    lasts_hours: int = 12
    urgent: bool = False
    close_cases: bool = False

    def columns(self) -> dict[str, Any]:
        return {
            "content": self.content.as_json(),
            "aim": self.aim.as_json(),
            "stage": self.stage,
            "kind": self.kind,
            "parent_id": self.parent_id,
            "not_before": self.not_before,
            "lasts_hours": self.lasts_hours,
            "urgent": self.urgent,
            "close_cases": self.close_cases,
        }

    def hash(self) -> str:
        told = {name: str(value) for name, value in self.columns().items()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def create(session: Session, asker: Asker, notice: Notice, now: datetime) -> Broadcast:
    """Write a draft, once for a (principal, key). Raises :class:`KeyTaken` when the key stands for
    another."""
    known = session.scalars(
        select(Broadcast).where(Broadcast.principal == asker.principal, Broadcast.key == asker.key)
    ).one_or_none()
    if known is not None:
        if known.body_hash != notice.hash():
            raise KeyTaken("This key was used before, for another broadcast. Nothing was written.")
        return known
    if notice.parent_id is not None:
        parent = session.get(Broadcast, notice.parent_id)
        if parent is None or parent.started_at is None:
            raise BroadcastError("A follow-up goes to those who were told, and nobody was yet.")
    row = Broadcast(
        principal=asker.principal,
        key=asker.key,
        body_hash=notice.hash(),
        state=BroadcastState.DRAFT,
        created_by=asker.user_id,
        created_at=now,
        **notice.columns(),
    )
    session.add(row)
    session.flush()
    trail(session, row.id, "broadcast_written", asker.user_id, now, parent=notice.parent_id)
    return row


def edit(
    session: Session, actor: int, broadcast_id: int, version: int, notice: Notice, now: datetime
) -> bool:
    """Write a draft, or a plan that nobody has released, anew. ``version``: that of what was
    looked at. Its ledger, if there was one, is gone."""
    moved = _move(
        session,
        broadcast_id,
        (BroadcastState.DRAFT, BroadcastState.PLANNED),
        Broadcast.version == version,
        state=BroadcastState.DRAFT,
        version=version + 1,
        plan=None,
        plan_hash=None,
        **{name: value for name, value in notice.columns().items() if name != "parent_id"},
    )
    if moved:
        session.execute(delete(Recipient).where(Recipient.broadcast_id == broadcast_id))
        trail(session, broadcast_id, "broadcast_written", actor, now)
    return moved


def keep_plan(
    session: Session,
    actor: int | None,
    broadcast_id: int,
    version: int,
    plan: Plan,
    now: datetime,
) -> bool:
    """Write the ledger that ``plan`` describes, instead of any before."""
    moved = _move(
        session,
        broadcast_id,
        (BroadcastState.DRAFT, BroadcastState.PLANNED),
        Broadcast.version == version,
        state=BroadcastState.PLANNED,
        plan=summary(plan),
        plan_hash=plan.hash,
        seen_upto=plan.seen_upto,
        submitted_at=now,
    )
    if not moved:
        return False
    session.execute(delete(Recipient).where(Recipient.broadcast_id == broadcast_id))
    for begin in range(0, len(plan.lines), _AT_ONCE):
        some = plan.lines[begin : begin + _AT_ONCE]
        insert_rows(session, Recipient, list(_values(broadcast_id, some)))
    trail(session, broadcast_id, "broadcast_planned", actor, now, people=plan.people)
    return True


def _values(broadcast_id: int, lines: Sequence[Line]) -> Iterable[dict[str, Any]]:
    for line in lines:
        yield {
            "broadcast_id": broadcast_id,
            "key": line.key,
            "kind": line.kind,
            "state": line.state,
            "reason": line.reason,
            "account_id": line.account_id,
            "identity_id": line.identity_id,
            "case_id": line.case_id,
            "message_id": line.message_id,
            "to_key": line.to_key,
            "deed": line.deed,
            "language": line.language,
        }


def summary(plan: Plan) -> dict[str, Any]:
    """What is kept of a plan beside its ledger: counts, price, minutes, texts as they will look."""
    return {
        "places": [
            {
                "account": one.account_id,
                "platform": one.platform.value,
                "handle": one.handle,
                "language": one.language.value,
                "text": one.text,
                "length": list(one.length),
                "price": one.price_micros,
                "state": one.state.value,
                "reason": one.reason,
                "picture": one.picture,
                "continues": one.continues,
            }
            for one in plan.places
        ],
        "groups": [
            {
                "account": one.account_id,
                "deed": one.deed.value,
                "kind": one.kind.value,
                "language": one.language.value,
                "count": one.count,
                "price": one.price_micros,
            }
            for one in plan.groups
        ],
        "paces": [
            {
                "account": one.account_id,
                "deed": one.deed.value,
                "count": one.count,
                "seconds": one.seconds,
            }
            for one in plan.paces
        ],
        "left_out": [
            {"account": account, "reason": reason, "count": count}
            for (account, reason), count in sorted(plan.left_out.items())
        ],
        "people": plan.people,
        "told": plan.told,
        "price": plan.price_micros,
        "seconds": plan.seconds,
    }


def release(
    session: Session,
    actor: int | None,
    broadcast_id: int,
    plan_hash: str,
    now: datetime,
    quiet: QuietHours | None,
    *,
    second_person: bool,
) -> BroadcastState | None:
    """Let a plan leave: at once but for the time to undo, at its time, or after the quiet hours.

    ``plan_hash``: of what the person read. ``second_person``: it waits for another one first.
    Returns its new state; ``None`` when it is another plan, or no plan any more.
    """
    row = locked_broadcast(session, broadcast_id)
    if row is None or row.state is not BroadcastState.PLANNED or row.plan_hash != plan_hash:
        return None
    if not _reaches_anyone(session, broadcast_id):
        raise BroadcastError("This plan reaches nobody: there is nothing to send.")
    row.submitted_by, row.submitted_at = actor, now
    if second_person:
        row.state = BroadcastState.AWAITING_APPROVAL
        trail(session, broadcast_id, "broadcast_submitted", actor, now)
    else:
        _schedule(row, now, quiet)
        trail(session, broadcast_id, "broadcast_released", actor, now)
    session.flush()
    return row.state


def approve(
    session: Session,
    actor: int,
    broadcast_id: int,
    plan_hash: str,
    now: datetime,
    quiet: QuietHours | None,
) -> bool:
    """A second person has read it. Raises :class:`BroadcastError` for who wrote or released it."""
    row = locked_broadcast(session, broadcast_id)
    if row is None or row.state is not BroadcastState.AWAITING_APPROVAL:
        return False
    if row.plan_hash != plan_hash:
        return False
    if actor in (row.created_by, row.submitted_by):
        raise BroadcastError("Nobody approves their own broadcast: ask a colleague.")
    row.approved_by, row.approved_at = actor, now
    _schedule(row, now, quiet)
    trail(session, broadcast_id, "broadcast_approved", actor, now)
    session.flush()
    return True


def withdraw(session: Session, actor: int | None, broadcast_id: int, now: datetime) -> bool:
    """Take it back before anything left."""
    moved = _move(
        session,
        broadcast_id,
        (
            BroadcastState.DRAFT,
            BroadcastState.PLANNED,
            BroadcastState.AWAITING_APPROVAL,
            BroadcastState.SCHEDULED,
        ),
        state=BroadcastState.WITHDRAWN,
    )
    if moved:
        trail(session, broadcast_id, "broadcast_withdrawn", actor, now)
    return moved


def hurry(session: Session, actor: int, broadcast_id: int, now: datetime) -> bool:
    """Let a scheduled one leave now: undo, send later and quiet hours are waived."""
    moved = _move(
        session,
        broadcast_id,
        (BroadcastState.SCHEDULED,),
        Broadcast.not_before > now,
        not_before=now,
        urgent=True,
    )
    if moved:
        trail(session, broadcast_id, "broadcast_hurried", actor, now)
    return moved


def _schedule(row: Broadcast, now: datetime, quiet: QuietHours | None) -> None:
    wish = max(now + UNDO, row.not_before or now)
    row.state = BroadcastState.SCHEDULED
    row.not_before = start_of(wish, quiet, urgent=row.urgent)


def _reaches_anyone(session: Session, broadcast_id: int) -> bool:
    found = session.scalar(
        select(Recipient.id)
        .where(
            Recipient.broadcast_id == broadcast_id,
            Recipient.state.in_((RecipientState.WAITING, RecipientState.BY_HAND)),
        )
        .limit(1)
    )
    return found is not None


def locked_broadcast(session: Session, broadcast_id: int) -> Broadcast | None:
    """A broadcast, nobody else's to change until the commit."""
    return session.scalars(
        select(Broadcast)
        .where(Broadcast.id == broadcast_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _move(
    session: Session,
    broadcast_id: int,
    expected: tuple[BroadcastState, ...],
    *conditions: Any,
    **values: Any,
) -> bool:
    moved = session.scalar(
        update(Broadcast)
        .where(Broadcast.id == broadcast_id, Broadcast.state.in_(expected), *conditions)
        .values(**values)
        .returning(Broadcast.id)
        .execution_options(synchronize_session=False)
    )
    return moved is not None


def trail(
    session: Session,
    broadcast_id: int,
    deed: str,
    actor: int | None,
    now: datetime,
    **told: int | str | None,
) -> None:
    """One line of the trail: ids and choices, never text."""
    details = {name: value for name, value in told.items() if value is not None}
    session.execute(
        insert(Audit).values(
            at=now,
            user_id=actor,
            action=deed,
            case_id=None,
            details={"broadcast": broadcast_id} | details,
        )
    )
