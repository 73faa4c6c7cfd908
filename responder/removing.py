"""Removing what customers wrote: because it was deleted on its platform, or made private there.

The message becomes a tombstone (:mod:`shenava.store.removal`). What staff wrote for themselves and
quotes it goes too: notes, and answers that never left. What was sent is the shop's own word, stands
on the platform, and stays.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from responder.circumstances import body_hash
from responder.policy import Policy
from responder.record import Deed, audit, locked
from responder.retriage import retriage
from shenava.store import (
    Case,
    CaseState,
    Message,
    MessageVersion,
    Note,
    OutboxRow,
    OutboxState,
    RemovedBecause,
    changes,
)
from shenava.store.removal import strip
from shenava.text import search_tokens

RUN = 6
"""So many words in a row that are the same are a quote."""

FEWEST = 3
"""Fewer words than this cannot be told from chance."""

_NEVER_LEFT = (
    OutboxState.DRAFT,
    OutboxState.AWAITING_APPROVAL,
    OutboxState.CANCELLED,
    OutboxState.REFUSED,
    OutboxState.FAILED,
)


def remove(
    session: Session,
    message_ids: Collection[int],
    because: RemovedBecause,
    now: datetime,
    policy: Policy,
    *,
    actor: int | None = None,
) -> int:
    """Make tombstones of messages, and do what follows; returns how many were none before.

    Messages are locked before cases, as everywhere. Told twice, it changes nothing.
    """
    words = _words(session, message_ids)
    stripped = strip(session, message_ids, because, now)
    if not stripped:
        return 0
    cases = sorted({row.case_id for row in stripped})
    about = session.scalars(select(Case.id).where(Case.reopened_from_id.in_(cases))).all()
    rows = locked(session, {*cases, *about})
    forget_quotes(session, [row.id for row in rows], words)
    live = [row for row in rows if row.state is not CaseState.CLOSED]
    for case in live:
        if case.waiting_since is not None:
            case.waiting_since = _waits_since(session, case)
    session.flush()
    retriage(session, [row.id for row in rows], policy, now)
    details: dict[int | None, dict[str, Any]] = {
        case_id: {
            "because": because.value,
            "messages": [row.message_id for row in stripped if row.case_id == case_id][:50],
        }
        for case_id in cases
    }
    audit(session, actor, Deed.REMOVED, now, details)
    changes.note(session, [row.id for row in rows])
    return len(stripped)


def _words(session: Session, message_ids: Collection[int]) -> list[str]:
    """All that these messages say, and said before they were edited."""
    ids = list(message_ids)
    now = session.scalars(select(Message.text).where(Message.id.in_(ids), Message.text != ""))
    before = session.scalars(
        select(MessageVersion.text).where(
            MessageVersion.message_id.in_(ids), MessageVersion.text.is_not(None)
        )
    )
    return [*now, *(text for text in before if text)]


def _waits_since(session: Session, case: Case) -> datetime | None:
    """Since when the case waits for an answer to what is still there; ``None`` for nothing."""
    said_at = func.coalesce(Message.edited_at, Message.written_at)
    asked = select(func.min(said_at)).where(
        or_(Message.case_id == case.id, Message.case_id == case.reopened_from_id),
        Message.removed_at.is_(None),
    )
    if case.answered_at is not None:
        asked = asked.where(said_at > case.answered_at)
    found = session.scalar(asked)
    if found is None or case.waiting_since is None:
        return None
    return max(found, case.waiting_since)


def forget_quotes(session: Session, case_ids: Collection[int], words: Iterable[str]) -> None:
    """Take away what quotes ``words``: notes of these cases, and their answers that never left."""
    runs = {run for text in words for run in _runs(text)}
    if not runs:
        return
    for note in session.scalars(select(Note).where(Note.case_id.in_(case_ids))):
        if quotes(note.text, runs):
            note.text = ""
    for row in session.scalars(
        select(OutboxRow)
        .where(OutboxRow.case_id.in_(case_ids), OutboxRow.state.in_(_NEVER_LEFT))
        .with_for_update(of=OutboxRow)
    ):
        if quotes(row.text, runs):
            row.text = ""
            row.body_hash = body_hash(row)
    session.flush()


def quotes(text: str, runs: Collection[tuple[str, ...]]) -> bool:
    """Whether ``text`` has one of ``runs`` of words in it."""
    words = search_tokens(text)
    for length in {len(run) for run in runs}:
        if any(tuple(words[at : at + length]) in runs for at in range(len(words) - length + 1)):
            return True
    return False


def _runs(text: str) -> list[tuple[str, ...]]:
    words = search_tokens(text)
    if len(words) < FEWEST:
        return []
    length = min(RUN, len(words))
    return [tuple(words[at : at + length]) for at in range(len(words) - length + 1)]
