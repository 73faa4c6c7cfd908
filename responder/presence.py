"""Who has a case open now, and who writes in it: so that two people do not answer one customer."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shenava.store import Presence, PresenceKind, changes
from shenava.store.bulk import insert_into

HERE_FOR = timedelta(seconds=25)
"""A page says every few seconds that it is still open; who said nothing for so long has gone."""


def come(session: Session, case_id: int, user_id: int, kind: PresenceKind, now: datetime) -> None:
    """Someone has the case open. Other screens hear of it when that is new."""
    before = session.get(Presence, (case_id, user_id), populate_existing=True)
    was_here = before is not None and before.seen_at > now - HERE_FOR and before.kind is kind
    statement = insert_into(session, Presence).values(
        case_id=case_id, user_id=user_id, kind=kind, seen_at=now
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["case_id", "user_id"],
            set_={"kind": statement.excluded.kind, "seen_at": statement.excluded.seen_at},
        )
    )
    if not was_here:
        changes.note(session, [case_id])


def leave(session: Session, case_id: int, user_id: int) -> None:
    """Someone closed the case's page."""
    gone = session.scalars(
        delete(Presence)
        .where(Presence.case_id == case_id, Presence.user_id == user_id)
        .returning(Presence.case_id)
        .execution_options(synchronize_session=False)
    ).all()
    changes.note(session, gone)


def others(session: Session, case_id: int, user_id: int, now: datetime) -> list[Presence]:
    """Who else has the case open, writers first."""
    found = session.scalars(
        select(Presence).where(
            Presence.case_id == case_id,
            Presence.user_id != user_id,
            Presence.seen_at > now - HERE_FOR,
        )
    ).all()
    return sorted(found, key=lambda row: (row.kind is not PresenceKind.WRITING, row.user_id))


def prune(session: Session, now: datetime) -> None:
    """Remove those who left without a word; their screens' changes were told by time alone."""
    session.execute(
        delete(Presence)
        .where(Presence.seen_at <= now - HERE_FOR)
        .execution_options(synchronize_session=False)
    )
