"""Two people, one customer: has something happened to the case since the page was read?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shenava.store import Message, OutboxRow, OutboxState, OwnMessageRow


class OutboxError(Exception):
    """Something cannot be put into the outbox at all. Nothing was written."""


class CollisionKind(StrEnum):
    CUSTOMER_WROTE = "customer_wrote"
    COLLEAGUE = "colleague"
    """A colleague's answer is on its way or was sent."""
    ELSEWHERE = "elsewhere"
    """Someone answered in the platform's own app."""


class Collision(OutboxError):
    """Something happened to the case since the page was read; nothing was written.

    ``row_id`` names the message (``CUSTOMER_WROTE``), the outbox row (``COLLEAGUE``) or the own
    message (``ELSEWHERE``), ``user_id`` the colleague, where one is known.
    """

    def __init__(self, kind: CollisionKind, row_id: int, user_id: int | None = None) -> None:
        super().__init__(
            "Something happened to this case in the meantime. Nothing was sent; look at it first."
        )
        self.kind = kind
        self.row_id = row_id
        self.user_id = user_id


@dataclass(frozen=True, slots=True)
class Seen:
    """What someone has seen of a case: the numbers of its newest message, outbox row and own
    message; 0 where there was none."""

    message_id: int = 0
    outbox_id: int = 0
    own_id: int = 0


def seen(session: Session, case_id: int) -> Seen:
    """What there is to see of a case now."""

    def newest(row: Any) -> int:
        return session.scalar(select(func.max(row.id)).where(row.case_id == case_id)) or 0

    return Seen(newest(Message), newest(OutboxRow), newest(OwnMessageRow))


def look_for_collision(session: Session, case_id: int, seen: Seen, principal: str) -> None:
    """Raises :class:`Collision` for the first thing that the person has not seen. Who asks is
    ``principal``: what one sent oneself is no surprise."""
    message = session.scalar(
        select(Message.id)
        .where(Message.case_id == case_id, Message.id > seen.message_id)
        .order_by(Message.id)
        .limit(1)
    )
    if message is not None:
        raise Collision(CollisionKind.CUSTOMER_WROTE, message)
    theirs = session.execute(
        select(OutboxRow.id, OutboxRow.created_by)
        .where(
            OutboxRow.case_id == case_id,
            OutboxRow.id > seen.outbox_id,
            OutboxRow.state.not_in(
                (
                    OutboxState.DRAFT,
                    OutboxState.REFUSED,
                    OutboxState.FAILED,
                    OutboxState.CANCELLED,
                )
            ),
            OutboxRow.principal != principal,
        )
        .order_by(OutboxRow.id)
        .limit(1)
    ).one_or_none()
    if theirs is not None:
        raise Collision(CollisionKind.COLLEAGUE, theirs.id, theirs.created_by)
    own = session.scalar(
        select(OwnMessageRow.id)
        .where(
            OwnMessageRow.case_id == case_id,
            OwnMessageRow.id > seen.own_id,
            OwnMessageRow.outbox_id.is_(None),
        )
        .order_by(OwnMessageRow.id)
        .limit(1)
    )
    if own is not None:
        raise Collision(CollisionKind.ELSEWHERE, own)
