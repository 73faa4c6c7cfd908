"""Who wants to hear nothing more: what people wrote, or staff were told, written down.

What it means: nothing that the shop starts, and nothing automatic, goes to them any more. It is
no gag for the shop's staff: whoever writes to the shop again may be answered by a person
(:func:`asked_for`). X asks that opt-outs from automated replies and messages be honoured at once
(X automation rules, read 2026-11-22); Meta lets a business answer who writes to it, and nobody
else. Both are kept by this reading.

The last word counts, by the time it was written, so that the order of arrival changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from responder.opt_out import is_opt_in, is_opt_out
from responder.record import Deed, audit, facts
from shenava.messages import MessageKind
from shenava.store import Case, FactKind, Identity, Message, OutboxRow, changes

_TO_US = frozenset(MessageKind) - {MessageKind.POST, MessageKind.REVIEW}
"""Kinds of messages that are said to the shop, not of it."""


@dataclass(frozen=True, slots=True)
class OptWord:
    """Someone said it, in a message: ``out`` (no more), or the way back."""

    identity_id: int
    case_id: int
    message_id: int
    out: bool
    at: datetime


def opt_words(session: Session, message_ids: Iterable[int]) -> list[OptWord]:
    """Those of these messages that say so. Reads only."""
    rows = session.execute(
        select(
            Message.id,
            Message.identity_id,
            Message.case_id,
            Message.kind,
            Message.text,
            Message.written_at,
        ).where(Message.id.in_(list(message_ids)))
    )
    found = []
    for row in rows:
        if row.kind not in _TO_US:
            continue
        out = is_opt_out(row.text)
        if out or is_opt_in(row.text):
            found.append(OptWord(row.identity_id, row.case_id, row.id, out, row.written_at))
    return found


def heed(session: Session, words: Iterable[OptWord]) -> list[OptWord]:
    """Set what the words say on their identities; returns those that changed something.

    Identities are locked by ascending id, and before any case: call it first in a transaction.
    """
    moved = []
    for word in sorted(words, key=lambda word: (word.identity_id, word.at, word.message_id)):
        was = session.execute(
            select(Identity.opted_out_at, Identity.opt_word_at)
            .where(Identity.id == word.identity_id)
            .with_for_update(key_share=True)
        ).one()
        if was.opt_word_at is not None and was.opt_word_at >= word.at:
            continue
        session.execute(
            update(Identity)
            .where(Identity.id == word.identity_id)
            .values(opted_out_at=word.at if word.out else None, opt_word_at=word.at)
        )
        if word.out != (was.opted_out_at is not None):
            moved.append(word)
    return moved


def note_heeded(session: Session, words: Sequence[OptWord], now: datetime) -> None:
    """A fact and a line of the trail for each word that changed something."""
    for word in words:
        deed = Deed.OPTED_OUT if word.out else Deed.OPTED_IN
        kind = FactKind.OPTED_OUT if word.out else FactKind.OPTED_IN
        told = {"identity": word.identity_id, "message": word.message_id}
        audit(session, None, deed, now, {word.case_id: told})
        facts(session, kind, word.at, {word.case_id: {"identity": word.identity_id}}, now)
    changes.note(session, {word.case_id for word in words})


def wrote_again(session: Session, rows: Iterable[OutboxRow]) -> set[tuple[int, int]]:
    """The (case, identity) of ``rows`` in which someone wrote after they had opted out."""
    cases = {row.case_id for row in rows if row.case_id is not None}
    if not cases:
        return set()
    found = session.execute(
        select(Case.id, Case.identity_id)
        .join(Identity, Identity.id == Case.identity_id)
        .where(
            Case.id.in_(cases),
            Identity.opted_out_at.is_not(None),
            exists().where(Message.case_id == Case.id, Message.written_at > Identity.opted_out_at),
        )
    )
    return {(row.id, row.identity_id) for row in found}


def asked_for(row: OutboxRow, again: Collection[tuple[int, int]]) -> bool:
    """Whether ``row`` is a person's answer to someone who wrote in the same conversation after
    they had opted out; ``again``: :func:`wrote_again`.

    They asked, and a direct answer is none of the messages that they wanted no more of.
    """
    if row.automatic or row.broadcast_id is not None:
        return False
    return (row.case_id, row.identity_id) in again
