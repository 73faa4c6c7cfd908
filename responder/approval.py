"""Approval: what some people answer is read by somebody else before it leaves.

An answer of a person whose answers need approval (``User.approval_since``), or of a program that
asks for it, waits as ``AWAITING_APPROVAL``. Anybody may approve it whose own answers leave at
once, but for the person who wrote it. What was read is what leaves: an approval names the
``body_hash`` of the text that was on the screen, and the gate compares it again on the way out.
Or it goes back to its writer with a word; then it is ``CANCELLED`` for :data:`RETURNED`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from responder.collision import Cannot, OutboxError
from responder.outbox import lock_case_of, move
from shenava.store import Case, CaseState, OutboxRow, OutboxState, User, UserState

RETURNED = "returned"
"""``OutboxRow.reason`` of what was not approved."""

WORD_LIMIT = 1_000
"""Characters of what is said to its writer."""


def approve(
    session: Session,
    actor: int,
    row_id: int,
    approved_hash: str,
    now: datetime,
    *,
    seen_message_id: int = 0,
) -> bool:
    """Let a row leave that waits for approval.

    ``approved_hash``: the ``body_hash`` of what the person read; false when it is another, or the
    row waits no more. ``seen_message_id``: the newest message of the case that they had before
    them. Raises :class:`OutboxError` for who may not.
    """
    row = _to_decide(session, actor, row_id)
    values: dict[str, Any] = {"state": OutboxState.QUEUED, "approved_by": actor}
    if row.expected_last_message_id is not None and seen_message_id:
        # The writer had not seen it, but who approves has.
        values["expected_last_message_id"] = max(row.expected_last_message_id, seen_message_id)
    return move(
        session,
        row_id,
        (OutboxState.AWAITING_APPROVAL,),
        actor,
        "outbox_approved",
        now,
        OutboxRow.body_hash == approved_hash,
        **values,
    )


def send_back(session: Session, actor: int, row_id: int, now: datetime, word: str = "") -> bool:
    """Give a row back to its writer, with a word; false when it waits no more. Raises
    :class:`OutboxError` for who may not."""
    _to_decide(session, actor, row_id)
    if len(word) > WORD_LIMIT:
        raise OutboxError(Cannot.WORD_TOO_LONG)
    return move(
        session,
        row_id,
        (OutboxState.AWAITING_APPROVAL,),
        actor,
        "outbox_returned",
        now,
        state=OutboxState.CANCELLED,
        reason=RETURNED,
        returned_by=actor,
        returned_word=word.strip() or None,
    )


def may_approve(session: Session, user_id: int) -> bool:
    """Whether this person may approve what others wrote: their own answers leave at once."""
    return (
        session.scalar(
            select(User.id).where(
                User.id == user_id, User.state == UserState.ACTIVE, User.approval_since.is_(None)
            )
        )
        is not None
    )


def is_ones_own(row: OutboxRow, user_id: int) -> bool:
    """Whether this person wrote it: pressed the button themselves. What a program wrote with a
    token of theirs they may well approve."""
    return row.principal == f"user:{user_id}"


def cases_with(user_id: int) -> CompoundSelect[int]:
    """The cases in which something waits for this person: for who may approve, what others wrote;
    for who may not, their own that waits. For both, what came back to them."""
    asks = select(User.approval_since).where(User.id == user_id).scalar_subquery()
    waits = select(OutboxRow.case_id).where(
        OutboxRow.state == OutboxState.AWAITING_APPROVAL,
        OutboxRow.case_id.is_not(None),
        or_(
            and_(asks.is_(None), OutboxRow.principal != f"user:{user_id}"),
            and_(asks.is_not(None), OutboxRow.created_by == user_id),
        ),
    )
    return waits.union(_came_back(user_id))  # type: ignore[return-value]  # null is left out


def _came_back(user_id: int) -> Select[int | None]:
    """What came back to its writer, who has not answered anew since, nor closed the case."""
    later = aliased(OutboxRow)
    anew = select(later.id).where(later.case_id == OutboxRow.case_id, later.id > OutboxRow.id)
    is_open = select(Case.id).where(Case.id == OutboxRow.case_id, Case.state != CaseState.CLOSED)
    return select(OutboxRow.case_id).where(
        OutboxRow.returned_by.is_not(None),
        OutboxRow.created_by == user_id,
        ~anew.exists(),
        is_open.exists(),
    )


def how_many(session: Session, user_id: int) -> int:
    """How many cases :func:`cases_with` has."""
    return session.scalar(select(func.count()).select_from(cases_with(user_id).subquery())) or 0


def _to_decide(session: Session, actor: int, row_id: int) -> OutboxRow:
    """The row, its case locked, if ``actor`` may decide on it."""
    lock_case_of(session, row_id)
    row = session.get(OutboxRow, row_id, populate_existing=True)
    if row is None:
        raise OutboxError(Cannot.NO_SUCH_ANSWER)
    if is_ones_own(row, actor):
        raise OutboxError(Cannot.ONES_OWN)
    if not may_approve(session, actor):
        raise OutboxError(Cannot.MAY_NOT_APPROVE)
    return row
