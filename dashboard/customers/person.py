"""Everything that the page of a customer shows beside the timeline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from dashboard.customers.people import Face, Listed, listed
from dashboard.inbox.queries import Hit
from dashboard.inbox.rows import Row, Staff, plain, rows
from responder.likeness import Evidence, EvidenceKind, Strength
from responder.merging import merges_of, tree_of
from responder.suggesting import between, person_of, suggestions
from shenava.store import (
    Case,
    CaseState,
    CustomerNote,
    Identity,
    IdentityHandle,
    Message,
    User,
)

_PAST = 20
_LIVE = 50
_NOTES = 50
_ANSWERED = 500
"""Cases whose first answers the mean is of, the newest."""


@dataclass(frozen=True, slots=True)
class Handle:
    """A former handle, and until when it was seen."""

    handle: str
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class NoteView:
    id: int
    text: str
    by: Staff
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Joint:
    """A merge that holds: who came with it, who said so, and what spoke for it then."""

    id: int
    faces: tuple[Face, ...]
    by: str
    at: datetime
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Maybe:
    """Someone who may be the same person."""

    who: Listed
    evidence: tuple[Evidence, ...]
    strength: Strength


@dataclass(frozen=True, slots=True)
class Counts:
    """``first_answer``: the mean, by the clock; ``None`` where nothing was answered."""

    messages: int
    complaints: int
    cases: int
    first_answer: timedelta | None


@dataclass(frozen=True, slots=True)
class Person:
    """``id``: the identity that the page was asked for."""

    id: int
    who: Listed
    handles: Mapping[int, Sequence[Handle]]
    counts: Counts
    live: tuple[Row, ...]
    past: tuple[Row, ...]
    notes: tuple[NoteView, ...]
    joints: tuple[Joint, ...]
    maybe: tuple[Maybe, ...]

    @property
    def identity_ids(self) -> tuple[int, ...]:
        return tuple(sorted(one.identity_id for one in self.who.faces))


def person(session: Session, identity_id: int, me: int, people: Mapping[int, str]) -> Person | None:
    """The customer that this identity belongs to; ``None`` without one."""
    found = listed(session, [identity_id])
    if not found:
        return None
    who = found[0]
    ids = [one.identity_id for one in who.faces]
    customer_id = session.scalar(select(Identity.customer_id).where(Identity.id == identity_id))
    live, past = _case_ids(session, ids)
    shown = {row.id: row for row in rows(session, [Hit(key) for key in [*live, *past]], me)}
    return Person(
        id=identity_id,
        who=who,
        handles=_handles(session, who.faces),
        counts=_counts(session, ids),
        live=tuple(shown[key] for key in live if key in shown),
        past=tuple(shown[key] for key in past if key in shown),
        notes=notes_of(session, customer_id, people),
        joints=_joints(session, customer_id, people),
        maybe=maybe_same(session, ids),
    )


def names_of_staff(session: Session) -> dict[int, str]:
    return {row.id: row.name for row in session.execute(select(User.id, User.name))}


def maybe_same(session: Session, ids: Sequence[int]) -> tuple[Maybe, ...]:
    """Who may be the same as the person of these identities."""
    found = suggestions(session, ids)
    who = {one.id: one for one in listed(session, [found_.identity_ids[0] for found_ in found])}
    by_identity = {face.identity_id: one for one in who.values() for face in one.faces}
    return tuple(
        Maybe(by_identity[one.identity_ids[0]], one.evidence, one.strength)
        for one in found
        if one.identity_ids[0] in by_identity
    )


def evidence_between(session: Session, mine: int, theirs: int) -> tuple[Evidence, ...]:
    return between(session, person_of(session, mine), person_of(session, theirs))


def notes_of(
    session: Session, customer_id: int | None, people: Mapping[int, str]
) -> tuple[NoteView, ...]:
    """The notes about a customer and whoever was merged into it, the newest first."""
    if customer_id is None:
        return ()
    found = session.scalars(
        select(CustomerNote)
        .where(CustomerNote.customer_id.in_(tree_of(session, customer_id)))
        .order_by(CustomerNote.id.desc())
        .limit(_NOTES)
    )
    return tuple(
        NoteView(row.id, row.text, Staff(row.user_id, people.get(row.user_id, "?")), row.written_at)
        for row in found
    )


def _case_ids(session: Session, ids: Sequence[int]) -> tuple[list[int], list[int]]:
    """The live cases, the most pressing first, and the past ones, the latest first.

    All of the person's are read and sorted here: asked for a few in order, SQLite goes through
    everyone's by the index of that order.
    """
    found = session.execute(
        select(Case.id, Case.state, Case.rank, Case.last_message_at).where(
            Case.identity_id.in_(ids)
        )
    ).all()
    live = [row for row in found if row.state is not CaseState.CLOSED]
    past = [row for row in found if row.state is CaseState.CLOSED]
    live.sort(key=lambda row: (row.rank, row.id))
    past.sort(key=lambda row: (row.last_message_at, row.id), reverse=True)
    return [row.id for row in live[:_LIVE]], [row.id for row in past[:_PAST]]


def _handles(session: Session, faces: Sequence[Face]) -> dict[int, list[Handle]]:
    """Former handles of each identity, the latest first."""
    present = {one.identity_id: one.handle for one in faces}
    found: dict[int, list[Handle]] = defaultdict(list)
    for row in session.scalars(
        select(IdentityHandle)
        .where(IdentityHandle.identity_id.in_(present))
        .order_by(IdentityHandle.last_seen.desc())
    ):
        if plain(row.handle) != present[row.identity_id]:
            found[row.identity_id].append(Handle(plain(row.handle), row.last_seen))
    return found


def _counts(session: Session, ids: Sequence[int]) -> Counts:
    messages = session.scalar(
        select(func.count()).select_from(Message).where(Message.identity_id.in_(ids))
    )
    told: Any = session.execute(
        select(
            func.count(Case.id).label("cases"),
            func.count(Case.id).filter(Case.complaint.is_(True)).label("complaints"),
        ).where(Case.identity_id.in_(ids))
    ).one()
    answered = session.execute(
        select(Case.opened_at, Case.first_response_at)
        .where(
            Case.identity_id.in_(ids),
            Case.first_response_at.is_not(None),
            Case.historic.is_(False),
        )
        .order_by(Case.id.desc())
        .limit(_ANSWERED)
    ).all()
    took = [max(row.first_response_at - row.opened_at, timedelta()) for row in answered]
    return Counts(
        messages=messages or 0,
        complaints=told.complaints,
        cases=told.cases,
        first_answer=sum(took, timedelta()) / len(took) if took else None,
    )


def _joints(
    session: Session, customer_id: int | None, people: Mapping[int, str]
) -> tuple[Joint, ...]:
    if customer_id is None:
        return ()
    found = []
    for row in merges_of(session, customer_id):
        came = session.scalars(
            select(Identity.id)
            .where(Identity.home_id.in_(tree_of(session, row.merged_id)))
            .order_by(Identity.id)
        ).all()
        faces = {face.identity_id: face for who in listed(session, came[:1]) for face in who.faces}
        found.append(
            Joint(
                id=row.id,
                faces=tuple(faces[one] for one in came if one in faces),
                by=people.get(row.merged_by, "?"),
                at=row.merged_at,
                evidence=tuple(
                    piece["kind"] for piece in row.evidence if piece["kind"] in set(EvidenceKind)
                ),
            )
        )
    return tuple(found)
