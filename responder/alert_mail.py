"""The e-mail of alerts: each leaves once, or it is said that nobody knows.

    claim      queued → claimed, by one conditional UPDATE, with a lease; nothing has left
    depart     what still rings is read, claimed → sending: committed just before the mail leaves
    arrive     sending → sent, failed, unknown, or queued again where it was certainly not taken

A worker may die anywhere. Before ``depart`` commits, the row is queued again when its lease ends.
After it, the row becomes ``unknown`` and is not sent again: the browser has told the same, and
whoever is next is called in any case. All attempts carry one Message-ID, so that a mail server
or a mailbox that was reached after all can tell a repeat.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shenava.messages import Platform
from shenava.store import (
    Account,
    Alarm,
    Alert,
    AlertMail,
    CalledBecause,
    Case,
    Identity,
    MailState,
    Store,
    User,
    UserState,
)

CLAIM_LEASE = timedelta(minutes=5)
"""To connect, encrypt and sign in: more than all of a mail server's time-outs together."""

SENDING_LEASE = timedelta(minutes=5)
"""From the departure to the mail server's word."""

MAX_ATTEMPTS = 6
"""Tries of a mail that was not taken, over some quarter of an hour; then it is old news."""

_FIRST_BACK_OFF = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class MailClaim:
    """A row that is ours for as long as ``attempt`` is in it."""

    mail_id: int
    attempt: str


@dataclass(frozen=True, slots=True)
class Item:
    """One case that rings, for the words of the mail. ``reasons`` as ``Case.reasons`` has them."""

    case_id: int
    because: CalledBecause
    reasons: Sequence[Any]
    name: str | None
    handle: str | None
    platform: Platform
    waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class Departure:
    """A mail about to leave, to ``email``. ``at``: the instant of which it tells."""

    mail_id: int
    message_id: str
    at: datetime
    email: str
    name: str
    language: str | None
    calendar: str | None
    items: tuple[Item, ...]


class Outcome(Enum):
    """What came of an attempt."""

    SENT = auto()
    AGAIN = auto()
    """Not taken, for a reason that may pass."""
    FAILED = auto()
    """Not taken, and it would not be the next time."""
    UNKNOWN = auto()


def claim_due(store: Store) -> MailClaim | None:
    """Claim the mail that is due longest; ``None`` when none is."""
    now = store.clock.now()
    attempt = secrets.token_hex(16)
    due = (
        select(AlertMail.id)
        .where(AlertMail.state == MailState.QUEUED, AlertMail.not_before <= now)
        .order_by(AlertMail.not_before, AlertMail.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    with store.read() as session:
        if session.scalar(select(due.c.id)) is None:
            return None
    with store.write() as session:
        mail_id = session.scalar(
            update(AlertMail)
            .where(AlertMail.id.in_(select(due.c.id)), AlertMail.state == MailState.QUEUED)
            .values(
                state=MailState.CLAIMED,
                claimed_until=now + CLAIM_LEASE,
                attempt=attempt,
                attempts=AlertMail.attempts + 1,
            )
            .returning(AlertMail.id)
            .execution_options(synchronize_session=False)
        )
    return None if mail_id is None else MailClaim(mail_id, attempt)


def depart(store: Store, claim: MailClaim) -> Departure | None:
    """Commit that the mail leaves now. ``None``: nothing is to leave, as nothing in it rings any
    more, the person has left, or the row is no longer ours."""
    with store.write() as session:
        now = store.clock.now()
        row = _ours(session, claim, MailState.CLAIMED)
        if row is None:
            return None
        person = session.get_one(User, row.user_id)
        items = _items(session, row.id) if person.state is UserState.ACTIVE else ()
        if not items:
            row.state, row.claimed_until = MailState.CANCELLED, None
            return None
        row.state = MailState.SENDING
        row.sending_at, row.claimed_until = now, now + SENDING_LEASE
        return Departure(
            mail_id=row.id,
            message_id=row.message_id,
            at=now,
            email=person.email,
            name=person.name,
            language=person.language,
            calendar=person.calendar,
            items=items,
        )


def arrive(
    store: Store, claim: MailClaim, outcome: Outcome, reason: str | None = None
) -> MailState | None:
    """Write down what came of it; returns the state the row is in now, ``None`` when it is no
    longer ours. Word from the mail server that comes after the lease ended still counts.
    ``reason``: a code of what went wrong; given unless it was sent."""
    with store.write() as session:
        now = store.clock.now()
        row = _ours(session, claim, MailState.CLAIMED, MailState.SENDING, MailState.UNKNOWN)
        if row is None:
            return None
        if row.state is MailState.UNKNOWN and outcome is not Outcome.SENT:
            return row.state
        row.claimed_until = None
        row.reason = reason
        match outcome:
            case Outcome.SENT:
                row.state, row.sent_at = MailState.SENT, now
            case Outcome.AGAIN if row.attempts < MAX_ATTEMPTS:
                row.state, row.attempt = MailState.QUEUED, None
                row.not_before = now + back_off(row.attempts)
            case Outcome.UNKNOWN:
                row.state = MailState.UNKNOWN
            case _:
                row.state = MailState.FAILED
        return row.state


def recover(store: Store) -> int:
    """Take up mails whose worker vanished; returns how many."""
    now = store.clock.now()
    lapsed = (AlertMail.claimed_until.is_not(None), AlertMail.claimed_until <= now)
    with store.read() as session:
        if session.scalar(select(AlertMail.id).where(*lapsed).limit(1)) is None:
            return 0
    with store.write() as session:
        again = session.scalars(
            update(AlertMail)
            .where(AlertMail.state == MailState.CLAIMED, *lapsed)
            .values(state=MailState.QUEUED, claimed_until=None, attempt=None)
            .returning(AlertMail.id)
            .execution_options(synchronize_session=False)
        ).all()
        # The attempt stays in the row: should its worker live, its word still counts.
        lost = session.scalars(
            update(AlertMail)
            .where(AlertMail.state == MailState.SENDING, *lapsed)
            .values(state=MailState.UNKNOWN, claimed_until=None, reason="vanished")
            .returning(AlertMail.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(again) + len(lost)


def back_off(attempts: int) -> timedelta:
    """How long to wait after ``attempts`` (1 or more) that were not taken: doubling."""
    return _FIRST_BACK_OFF * (1 << min(max(attempts, 1) - 1, 8))


def _ours(session: Session, claim: MailClaim, *states: MailState) -> AlertMail | None:
    row = session.scalars(
        select(AlertMail)
        .where(AlertMail.id == claim.mail_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row if row.attempt == claim.attempt and row.state in states else None


def _items(session: Session, mail_id: int) -> tuple[Item, ...]:
    """What the mail has to tell: of its alerts those that still ring, the longest wait first."""
    found = session.execute(
        select(
            Case.id,
            Alert.because,
            Case.reasons,
            Identity.name,
            Identity.handle,
            Account.platform,
            Case.waiting_since,
        )
        .join(Alarm, Alarm.id == Alert.alarm_id)
        .join(Case, Case.id == Alarm.case_id)
        .join(Identity, Identity.id == Case.identity_id)
        .join(Account, Account.id == Case.account_id)
        .where(Alert.mail_id == mail_id, Alarm.ended_at.is_(None))
        .order_by(Case.rank, Case.id)
    )
    return tuple(Item(*row) for row in found)
