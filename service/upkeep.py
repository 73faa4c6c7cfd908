"""House-keeping: rows that have served their time are removed, once an hour."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from shenava.store import Change, SignInFailure, Store

KEEP_CHANGES = timedelta(days=1)
"""A screen that slept longer reads its page afresh instead of asking what moved."""

KEEP_FAILURES = timedelta(days=1)
"""Failed sign-ins count for 15 minutes; a day of them lets an operator look back."""


def prune_changes(store: Store) -> int:
    """Remove changes older than :data:`KEEP_CHANGES`; returns how many.

    The newest stays whatever its age: the feed's number must not fall back to 0.
    """
    with store.write() as session:
        newest = select(func.max(Change.id)).scalar_subquery()
        return _removed(
            session,
            delete(Change).where(Change.at < store.clock.now() - KEEP_CHANGES, Change.id < newest),
        )


def prune_sign_in_failures(store: Store) -> int:
    """Remove failed sign-ins older than :data:`KEEP_FAILURES`; returns how many."""
    with store.write() as session:
        before = store.clock.now() - KEEP_FAILURES
        return _removed(session, delete(SignInFailure).where(SignInFailure.failed_at < before))


def _removed(session: Session, statement: object) -> int:
    result = session.connection().execute(statement)  # type: ignore[call-overload]
    return int(result.rowcount)
