"""Notes about a customer: for colleagues, kept with the customer, deleted by who wrote them."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from responder.casework import NOTE_LIMIT
from responder.merging import customer_of, lock_people
from responder.record import CaseworkError, Deed, Refusal, audit
from shenava.store import CustomerNote


def write_note(
    session: Session,
    actor: int,
    identity_id: int,
    now: datetime,
    text: str,
    *,
    principal: str | None = None,
    key: str | None = None,
) -> int:
    """Write a note about the person that this identity belongs to; returns its number.

    ``principal`` and ``key``: of a program, which gets the note that it wrote under this key
    before. Raises ``CaseworkError``, with ``KEY_REUSED`` when that note was another.
    """
    text = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not text:
        raise CaseworkError(Refusal.NOTE_EMPTY)
    if len(text) > NOTE_LIMIT:
        raise CaseworkError(Refusal.NOTE_TOO_LONG)
    if not lock_people(session, [identity_id]):
        raise CaseworkError(Refusal.NO_SUCH_CUSTOMER)
    body_hash = hashlib.sha256(f"{identity_id}\n{text}".encode()).hexdigest() if key else None
    if key is not None:
        known = session.execute(
            select(CustomerNote.id, CustomerNote.body_hash).where(
                CustomerNote.principal == principal, CustomerNote.key == key
            )
        ).one_or_none()
        if known is not None:
            if known.body_hash != body_hash:
                raise CaseworkError(Refusal.KEY_REUSED)
            return int(known.id)
    note = CustomerNote(
        customer_id=customer_of(session, identity_id, now),
        user_id=actor,
        text=text,
        written_at=now,
        principal=principal if key else None,
        key=key,
        body_hash=body_hash,
    )
    session.add(note)
    session.flush()
    told = {"customer": note.customer_id, "note": note.id}
    audit(session, actor, Deed.CUSTOMER_NOTED, now, {None: told})
    return note.id


def delete_note(session: Session, actor: int, note_id: int, now: datetime) -> None:
    """Delete a note that the actor wrote. Raises ``CaseworkError`` where there is none."""
    gone = session.scalar(
        delete(CustomerNote)
        .where(CustomerNote.id == note_id, CustomerNote.user_id == actor)
        .returning(CustomerNote.customer_id)
    )
    if gone is None:
        raise CaseworkError(Refusal.NO_SUCH_NOTE)
    told = {"customer": gone, "note": note_id}
    audit(session, actor, Deed.CUSTOMER_NOTE_DELETED, now, {None: told})
