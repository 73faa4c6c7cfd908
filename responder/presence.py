"""Who has a case open now, and who writes in it: so that two people do not answer one customer.

Nobody's work moves by it, so it is no change of the case: the feed of changes does not grow while
tabs stand open. Pages are told by :func:`together`, which is asked with the feed.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shenava.store import Presence, PresenceKind
from shenava.store.bulk import insert_into

HERE_FOR = timedelta(seconds=25)
"""A page says every few seconds that it is still open; who said nothing for so long has gone."""


def come(session: Session, case_id: int, user_id: int, kind: PresenceKind, now: datetime) -> None:
    """Someone has the case open, or still has."""
    statement = insert_into(session, Presence).values(
        case_id=case_id, user_id=user_id, kind=kind, seen_at=now
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["case_id", "user_id"],
            set_={"kind": statement.excluded.kind, "seen_at": statement.excluded.seen_at},
        )
    )


def leave(session: Session, case_id: int, user_id: int) -> None:
    """Someone closed the case's page."""
    session.execute(
        delete(Presence)
        .where(Presence.case_id == case_id, Presence.user_id == user_id)
        .execution_options(synchronize_session=False)
    )


def together(session: Session, now: datetime) -> dict[int, str]:
    """The cases that several people have open now, each with a word for who they are and what
    they do: it is another as soon as one comes, goes or begins to write."""
    found: dict[int, list[str]] = {}
    for row in session.execute(
        select(Presence.case_id, Presence.user_id, Presence.kind)
        .where(Presence.seen_at > now - HERE_FOR)
        .order_by(Presence.case_id, Presence.user_id)
    ):
        found.setdefault(row.case_id, []).append(f"{row.user_id}{row.kind.value[0]}")
    return {case_id: ".".join(who) for case_id, who in found.items() if len(who) > 1}


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
    """Remove those who left without a word."""
    session.execute(
        delete(Presence)
        .where(Presence.seen_at <= now - HERE_FOR)
        .execution_options(synchronize_session=False)
    )
