"""House-keeping: rows that have served their time are removed, once an hour.

Which rows are kept for ever, and which for how long, is told in ``docs/architecture.md`` ("What is
kept how long"); a test holds every table to that page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from collectors import inbound
from collectors.folding import fold
from config import Settings
from responder import presence, rates, spikes
from responder.pictures import KEEP_UNSENT, let_go
from shenava.store import (
    Alarm,
    Alert,
    AlertMail,
    Change,
    MailState,
    OneTimeLink,
    SignInFailure,
    Store,
)
from shenava.store.spending import prune_billed

KEEP_CHANGES = timedelta(days=1)
"""A screen that slept longer reads its page afresh instead of asking what moved."""

KEEP_FAILURES = timedelta(days=1)
"""Failed sign-ins count for 15 minutes; a day of them lets an operator look back."""

KEEP_LINKS = timedelta(days=30)
"""A one-time link that was used, or is over, opens nothing; for so long the row tells of it."""

KEEP_ALARMS = timedelta(days=90)
"""An alarm that has ended, with whom it called and by which mail."""

BATCH = 5_000
"""Rows that one statement removes at most: others wait for a turn to write."""


def jobs(settings: Settings) -> Mapping[str, Callable[[Store], object]]:
    """All of it, by name."""
    ledger = timedelta(days=settings.coverage_days)
    return {
        "prune changes": prune_changes,
        "prune sign-in failures": prune_sign_in_failures,
        "prune links": prune_links,
        "prune pictures": prune_pictures,
        "prune alarms": prune_alarms,
        "prune spikes": lambda store: _in_turn(store, spikes.prune),
        "prune rates": lambda store: _in_turn(store, rates.prune),
        "prune presence": lambda store: _in_turn(store, presence.prune),
        "prune billed": lambda store: _in_turn(store, prune_billed),
        "prune webhooks": lambda store: _in_turn(
            store,
            lambda session, now: inbound.prune(session, now, settings.webhook_days, BATCH),
        ),
        "fold coverage": lambda store: fold(store, store.clock.now() - ledger),
    }


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


def prune_links(store: Store) -> int:
    """Remove one-time links that ended longer than :data:`KEEP_LINKS` ago; returns how many."""
    with store.write() as session:
        before = store.clock.now() - KEEP_LINKS
        return _removed(session, delete(OneTimeLink).where(OneTimeLink.expires_at < before))


def prune_alarms(store: Store) -> int:
    """Remove alarms that ended longer than :data:`KEEP_ALARMS` ago, with their calls, and mails
    that told of nothing else; returns how many alarms.

    A case rings again for news only, and what is news is seen from its last alarm: by then its
    newest message is far too old to ring for.
    """
    removed = 0
    while True:
        with store.write() as session:
            before = store.clock.now() - KEEP_ALARMS
            old = session.scalars(
                select(Alarm.id).where(Alarm.ended_at < before).order_by(Alarm.id).limit(BATCH)
            ).all()
            for start in range(0, len(old), 500):
                some = old[start : start + 500]
                _removed(session, delete(Alert).where(Alert.alarm_id.in_(some)))
                _removed(session, delete(Alarm).where(Alarm.id.in_(some)))
            told = select(Alert.id).where(Alert.mail_id == AlertMail.id).exists()
            _removed(
                session,
                delete(AlertMail).where(
                    AlertMail.made_at < before, AlertMail.state.in_(_ENDS), ~told
                ),
            )
        removed += len(old)
        if len(old) < BATCH:
            return removed


_ENDS = (MailState.SENT, MailState.FAILED, MailState.UNKNOWN, MailState.CANCELLED)


def _in_turn(store: Store, prune: Callable[[Session, datetime], object]) -> None:
    with store.write() as session:
        prune(session, store.clock.now())


def prune_pictures(store: Store) -> int:
    """Remove pictures that nothing holds: attached by a colleague and never sent, or left behind;
    returns how many."""
    with store.write() as session:
        return let_go(session, store.clock.now() - KEEP_UNSENT)


def _removed(session: Session, statement: object) -> int:
    result = session.connection().execute(statement)  # type: ignore[call-overload]
    return int(result.rowcount)
