"""The changes feed: numbers that grow in the order of commits.

A screen asks "what moved since N?". That is only sound when no number smaller than N can still
appear after N was handed out. SQLite has one writer, so its numbers follow commits. PostgreSQL
hands out numbers when a row is written and commits in any order; a lock that is held from the
writing of the numbers to the commit makes both orders one. The numbers are therefore written
last of all, by ``Store.write``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from shenava.store.bulk import insert_rows
from shenava.store.ledger import Change

_PENDING = "shenava_changed_cases"
# Any number that nothing else in the database locks on.
_LOCK = 7_301_001


@dataclass(frozen=True, slots=True)
class Moved:
    """What moved since a number: ``upto`` is the number to ask with next. ``complete`` is false
    when the asker is so far behind that it should read its page afresh."""

    upto: int
    case_ids: tuple[int, ...]
    complete: bool


def note(session: Session, case_ids: Iterable[int]) -> None:
    """Remember that these cases look different once the transaction is committed."""
    session.info.setdefault(_PENDING, set()).update(case_ids)


def write_pending(session: Session, now: datetime) -> None:
    """Write one change for each noted case. Called once, at the end of a writing transaction."""
    case_ids = sorted(session.info.pop(_PENDING, ()))
    if not case_ids:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    insert_rows(session, Change, [{"at": now, "case_id": case_id} for case_id in case_ids])


def latest(session: Session) -> int:
    """The newest number, 0 when there is none."""
    return session.scalar(select(func.max(Change.id))) or 0


def since(session: Session, number: int, limit: int = 500) -> Moved:
    """The cases that moved after ``number``, at most ``limit`` changes.

    ``complete`` is false when more than ``limit`` changes came, older ones were pruned, or
    ``number`` was never handed out. Call it on a session of ``Store.read``: its one view of the
    data keeps a change from slipping in between two of the questions asked here.
    """
    rows = session.execute(
        select(Change.id, Change.case_id)
        .where(Change.id > number)
        .order_by(Change.id)
        .limit(limit + 1)
    ).all()
    if len(rows) > limit:
        return Moved(latest(session), (), complete=False)
    if not rows:
        # A number from the future: the database was restored from a backup since, or every
        # change was pruned.
        newest = latest(session)
        return Moved(newest, (), complete=newest >= number)
    pruned = rows[0].id > number + 1 and not _exists_at_or_before(session, number)
    ids = tuple(dict.fromkeys(row.case_id for row in rows))
    return Moved(rows[-1].id, ids, complete=not pruned)


def _exists_at_or_before(session: Session, number: int) -> bool:
    return (
        session.scalar(select(Change.id).where(Change.id <= number).order_by(Change.id).limit(1))
        is not None
    )
