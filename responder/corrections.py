"""Correcting the model: what a person says a message is outranks every model.

A correction is a whole statement: each field is a person's word, or ``None`` for the model's.
Corrections are only ever added, also to take one back, so that what was learned from can be told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from responder.effective import held_verdicts
from responder.policy import Policy
from responder.record import CaseworkError, Deed, Done, Refusal, audit, locked
from responder.retriage import retriage
from shenava.messages import Intent, Sentiment
from shenava.store import Case, CaseState, Correction, Fact, FactKind, Message, changes


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says of a message. ``None`` leaves the model's word."""

    sentiment: Sentiment | None = None
    complaint: bool | None = None
    urgent: bool | None = None
    intents: tuple[Intent, ...] | None = None


MODELS_WORD = Said()
"""Nothing is corrected."""


def said(session: Session, message_id: int) -> Said:
    """What people say of a message now."""
    latest = _corrections(session, message_id, 1)
    return _said(latest[0]) if latest else MODELS_WORD


def correct(
    session: Session, actor: int, message_id: int, now: datetime, policy: Policy, word: Said
) -> Done:
    """Let ``word`` stand from now on. The case is triaged anew."""
    case_id = _case_of(session, message_id)
    latest = _corrections(session, message_id, 1)
    if (_said(latest[0]) if latest else MODELS_WORD) == word:
        return Done()
    return _write(session, actor, message_id, case_id, now, policy, word, Deed.CORRECTED)


def undo_correction(
    session: Session, actor: int, correction_id: int, now: datetime, policy: Policy
) -> Done:
    """Let stand again what stood before a correction, if it is still the latest one."""
    message_id = session.scalar(select(Correction.message_id).where(Correction.id == correction_id))
    if message_id is None:
        raise CaseworkError(Refusal.NO_SUCH_MESSAGE)
    case_id = _case_of(session, message_id)
    latest = _corrections(session, message_id, 2)
    if latest[0].id != correction_id:
        return Done()
    before = _said(latest[1]) if len(latest) > 1 else MODELS_WORD
    return _write(session, actor, message_id, case_id, now, policy, before, Deed.CORRECTION_UNDONE)


def latest_correction(session: Session, message_id: int) -> int | None:
    """The number of the latest correction of a message."""
    latest = _corrections(session, message_id, 1)
    return latest[0].id if latest else None


def _write(
    session: Session,
    actor: int,
    message_id: int,
    case_id: int,
    now: datetime,
    policy: Policy,
    word: Said,
    deed: Deed,
) -> Done:
    values = _values(word)
    correction_id = session.scalar(
        insert(Correction)
        .values(message_id=message_id, user_id=actor, corrected_at=now, **values)
        .returning(Correction.id)
    )
    told = {"message": message_id, "correction": correction_id, **values}
    audit(session, actor, deed, now, {case_id: told})
    session.execute(
        insert(Fact).values(
            kind=FactKind.VERDICT_CORRECTED,
            happened_at=now,
            recorded_at=now,
            case_id=case_id,
            message_id=message_id,
            details={
                "by": actor,
                "correction": correction_id,
                **values,
                "held": _held(session, message_id),
            },
        )
    )
    # A case that was reopened is about the messages of the one before it.
    about = session.scalars(
        select(Case.id).where(
            Case.reopened_from_id == case_id,
            Case.conversation_id.in_(select(Case.conversation_id).where(Case.id == case_id)),
            Case.state != CaseState.CLOSED,
        )
    ).all()
    session.expire_all()
    retriage(session, [case_id, *about], policy, now)
    changes.note(session, [case_id])
    return Done((case_id, *about))


def _held(session: Session, message_id: int) -> dict[str, Any] | None:
    """What is held to be true of the message from now on; ``None`` while no model has read it."""
    held = held_verdicts(session, [message_id]).get(message_id)
    return held.as_json() if held else None


def _case_of(session: Session, message_id: int) -> int:
    """The case of a message, locked, so that corrections of it come one after the other."""
    case_id = session.scalar(select(Message.case_id).where(Message.id == message_id))
    if case_id is None:
        raise CaseworkError(Refusal.NO_SUCH_MESSAGE)
    locked(session, [case_id])
    return case_id


def _corrections(session: Session, message_id: int, limit: int) -> list[Correction]:
    """The latest corrections of a message, newest first."""
    rows = session.scalars(
        select(Correction)
        .where(Correction.message_id == message_id, Correction.superseded_at.is_(None))
        .order_by(Correction.id.desc())
        .limit(limit)
    )
    return list(rows)


def _said(row: Correction) -> Said:
    intents = None if row.intents is None else tuple(Intent(label) for label in row.intents)
    return Said(row.sentiment, row.complaint, row.urgent, intents)


def _values(word: Said) -> dict[str, Any]:
    return {
        "sentiment": word.sentiment,
        "complaint": word.complaint,
        "urgent": word.urgent,
        "intents": None if word.intents is None else [label.value for label in word.intents],
    }
