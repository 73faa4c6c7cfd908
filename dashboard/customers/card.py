"""What stands of a customer beside a case: the newest notes, and who may be the same person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboard.customers.person import Maybe, NoteView, maybe_same, notes_of
from responder.suggesting import person_of
from shenava.store import Identity

_NOTES = 3


@dataclass(frozen=True, slots=True)
class Card:
    """``more``: notes that only the customer's page shows."""

    notes: tuple[NoteView, ...]
    more: int
    maybe: tuple[Maybe, ...]


def card(session: Session, identity_id: int, people: Mapping[int, str]) -> Card:
    """The card of the customer that this identity belongs to."""
    customer_id = session.scalar(select(Identity.customer_id).where(Identity.id == identity_id))
    notes = notes_of(session, customer_id, people)
    maybe = maybe_same(session, person_of(session, identity_id))
    return Card(notes[:_NOTES], max(len(notes) - _NOTES, 0), maybe)
