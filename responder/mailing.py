"""Mail as rows: each leaves once, or it is said that nobody knows. For every kind of mail alike.

    claim      queued → claimed, by one conditional UPDATE, with a lease; nothing has left
    depart     claimed → sending: committed just before the mail leaves (each kind has its own)
    arrive     sending → sent, failed, unknown, or queued again where it was certainly not taken

A worker may die anywhere. Before ``depart`` commits, the row is queued again when its lease ends.
After it, the row becomes ``unknown`` and is not sent again. All attempts carry one Message-ID, so
that a mail server or a mailbox that was reached after all can tell a repeat.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shenava.store import AlertMail, MailState, ReportMail, Store

CLAIM_LEASE = timedelta(minutes=5)
"""To connect, encrypt and sign in: more than all of a mail server's time-outs together."""

SENDING_LEASE = timedelta(minutes=5)
"""From the departure to the mail server's word."""

MAX_ATTEMPTS = 6
"""Tries of a mail that was not taken, over some quarter of an hour; then it is old news."""

_FIRST_BACK_OFF = timedelta(seconds=30)

Mail = TypeVar("Mail", AlertMail, ReportMail)
"""A kind of mail."""


@dataclass(frozen=True, slots=True)
class MailClaim:
    """A row that is ours for as long as ``attempt`` is in it."""

    mail_id: int
    attempt: str


class Outcome(Enum):
    """What came of an attempt."""

    SENT = auto()
    AGAIN = auto()
    """Not taken, for a reason that may pass."""
    FAILED = auto()
    """Not taken, and it would not be the next time."""
    UNKNOWN = auto()


def claim_due(store: Store, mail: type[Mail]) -> MailClaim | None:
    """Claim the mail of this kind that is due longest; ``None`` when none is."""
    now = store.clock.now()
    attempt = secrets.token_hex(16)
    due = (
        select(mail.id)
        .where(mail.state == MailState.QUEUED, mail.not_before <= now)
        .order_by(mail.not_before, mail.id)
        .limit(1)
    )
    with store.read() as session:
        # A look that writes nothing and locks nothing: SQLite's one writer is left alone.
        if session.scalar(due) is None:
            return None
    free = due.with_for_update(skip_locked=True).cte("free")
    with store.write() as session:
        mail_id = session.scalar(
            update(mail)
            .where(mail.id.in_(select(free.c.id)), mail.state == MailState.QUEUED)
            .values(
                state=MailState.CLAIMED,
                claimed_until=now + CLAIM_LEASE,
                attempt=attempt,
                attempts=mail.attempts + 1,
            )
            .returning(mail.id)
            .execution_options(synchronize_session=False)
        )
    return None if mail_id is None else MailClaim(mail_id, attempt)


def leaves(row: AlertMail | ReportMail, now: datetime) -> None:
    """The mail leaves as soon as this is committed."""
    row.state = MailState.SENDING
    row.sending_at, row.claimed_until = now, now + SENDING_LEASE


def arrive(
    store: Store,
    mail: type[Mail],
    claim: MailClaim,
    outcome: Outcome,
    reason: str | None = None,
) -> MailState | None:
    """Write down what came of it; returns the state the row is in now, ``None`` when it is no
    longer ours. Word from the mail server that comes after the lease ended still counts.
    ``reason``: a code of what went wrong; given unless it was sent."""
    with store.write() as session:
        now = store.clock.now()
        row = ours(session, mail, claim, MailState.CLAIMED, MailState.SENDING, MailState.UNKNOWN)
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


def recover(store: Store, mail: type[Mail]) -> int:
    """Take up mails whose worker vanished; returns how many."""
    now = store.clock.now()
    lapsed = (mail.claimed_until.is_not(None), mail.claimed_until <= now)
    with store.read() as session:
        if session.scalar(select(mail.id).where(*lapsed).limit(1)) is None:
            return 0
    with store.write() as session:
        again = session.scalars(
            update(mail)
            .where(mail.state == MailState.CLAIMED, *lapsed)
            .values(state=MailState.QUEUED, claimed_until=None, attempt=None)
            .returning(mail.id)
            .execution_options(synchronize_session=False)
        ).all()
        # The attempt stays in the row: should its worker live, its word still counts.
        lost = session.scalars(
            update(mail)
            .where(mail.state == MailState.SENDING, *lapsed)
            .values(state=MailState.UNKNOWN, claimed_until=None, reason="vanished")
            .returning(mail.id)
            .execution_options(synchronize_session=False)
        ).all()
    return len(again) + len(lost)


def back_off(attempts: int) -> timedelta:
    """How long to wait after ``attempts`` (1 or more) that were not taken: doubling."""
    return _FIRST_BACK_OFF * (1 << min(max(attempts, 1) - 1, 8))


def ours(session: Session, mail: type[Mail], claim: MailClaim, *states: MailState) -> Mail | None:
    """The claimed row, locked, if it still is ours and in one of ``states``."""
    row: Any = session.scalars(
        select(mail)
        .where(mail.id == claim.mail_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    return row if row.attempt == claim.attempt and row.state in states else None
