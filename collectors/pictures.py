"""Pictures of customers' messages: fetched once each, made anew, kept.

The rows are the queue: an attachment that waits is claimed by moving its ``try_at`` ahead, which is
the lease; a worker that dies leaves one that runs out. The platform is asked in no transaction.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shenava.channels import (
    Channel,
    FetchesMedia,
    PaymentRequired,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.messages import MediaRef
from shenava.pictures import Made, NotAPicture, TooManyPixels, remade
from shenava.store import (
    Account,
    AccountState,
    Attachment,
    AttachmentState,
    Conversation,
    Message,
    Picture,
    Store,
    changes,
)

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
"""More than all time-outs of a channel together, and the making anew."""

MAX_ATTEMPTS = 8
"""Tries over some hours; then the picture is given up, and the thread leads to the platform."""

_FIRST_BACK_OFF = timedelta(seconds=30)
_LONGEST_BACK_OFF = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Claim:
    """An attachment that is ours to fetch. ``token`` is in its row for as long as it is."""

    attachment_id: int
    account_id: int
    ref: MediaRef
    attempts: int
    token: str


def claim_due(store: Store) -> Claim | None:
    """Claim the attachment that is due longest, of a connected account; ``None`` when none is."""
    now = store.clock.now()
    token = secrets.token_hex(16)
    due = (
        select(Attachment.id)
        .join(Message, Message.id == Attachment.message_id)
        .join(Conversation, Conversation.id == Message.conversation_id)
        .join(Account, Account.id == Conversation.account_id)
        .where(
            Attachment.try_at <= now,
            Attachment.state == AttachmentState.WAITING,
            Account.state == AccountState.CONNECTED,
        )
        .order_by(Attachment.try_at, Attachment.id)
        .limit(1)
        .with_for_update(of=Attachment, skip_locked=True)
        .cte("due")
    )
    with store.write() as session:
        found = session.scalars(
            update(Attachment)
            .where(Attachment.id.in_(select(due.c.id)), Attachment.try_at <= now)
            .values(try_at=now + LEASE, claimed_by=token)
            .returning(Attachment.id)
            .execution_options(synchronize_session=False)
        ).one_or_none()
        if found is None:
            return None
        row = session.get_one(Attachment, found, populate_existing=True)
        account_id = session.scalars(
            select(Conversation.account_id)
            .join(Message, Message.conversation_id == Conversation.id)
            .where(Message.id == row.message_id)
        ).one()
    ref = MediaRef(row.key, row.url, row.kind, row.alt, row.width, row.height)
    return Claim(row.id, account_id, ref, row.attempts, token)


def fetch(
    store: Store,
    claim: Claim,
    connect: Callable[[int], Channel],
    max_bytes: int,
    chance: Random,
) -> AttachmentState | None:
    """Fetch a claimed picture and write down what came of it; returns the state it is in now,
    ``None`` when it is no longer ours. Raises only what the database raises."""
    try:
        outcome: Made | Exception = remade(_bytes(connect(claim.account_id), claim, max_bytes))
    except Exception as error:
        outcome = error
    with store.write() as session:
        now = store.clock.now()
        row = session.scalars(
            select(Attachment)
            .where(Attachment.id == claim.attachment_id, Attachment.claimed_by == claim.token)
            .with_for_update()
        ).one_or_none()
        if row is None:
            return None
        row.claimed_by = None
        if isinstance(outcome, Made):
            _keep(session, row, outcome, now)
        else:
            _fail(row, outcome, now, chance)
        case_id = session.scalar(select(Message.case_id).where(Message.id == row.message_id))
        session.flush()
        if case_id is not None and row.state is not AttachmentState.WAITING:
            changes.note(session, [case_id])
        return row.state


def _bytes(channel: Channel, claim: Claim, max_bytes: int) -> bytes:
    if not isinstance(channel, FetchesMedia):
        raise Rejected(RejectedBecause.NOT_ALLOWED, "the channel hands out no pictures")
    return channel.fetch_media(claim.ref, max_bytes)


def _keep(session: Session, row: Attachment, made: Made, now: datetime) -> None:
    picture = Picture(
        sha256=made.sha256,
        mime=made.mime,
        width=made.width,
        height=made.height,
        size=len(made.content),
        content=made.content,
        thumb=made.thumb,
        created_at=now,
    )
    session.add(picture)
    session.flush()
    row.state, row.picture_id = AttachmentState.KEPT, picture.id
    row.try_at = None


def _fail(row: Attachment, error: Exception, now: datetime, chance: Random) -> None:
    match error:
        case TooManyPixels() | Rejected(because=RejectedBecause.TOO_LARGE):
            _end(row, AttachmentState.TOO_LARGE)
        case NotAPicture() | Rejected(because=RejectedBecause.NOT_A_PICTURE):
            _end(row, AttachmentState.NOT_A_PICTURE)
        case Rejected():
            _end(row, AttachmentState.GONE)
        case RateLimited():
            row.try_at = max(error.retry_at, now) + timedelta(seconds=chance.uniform(1, 5))
        case Unreachable() | Unauthorised() | PaymentRequired():
            _again(row, now, chance)
        case _:
            log.error("fetching attachment %d failed oddly", row.id, exc_info=error)
            _again(row, now, chance)


def _again(row: Attachment, now: datetime, chance: Random) -> None:
    row.attempts += 1
    if row.attempts >= MAX_ATTEMPTS:
        _end(row, AttachmentState.FAILED)
        return
    doubled = min(_FIRST_BACK_OFF * (1 << (2 * (row.attempts - 1))), _LONGEST_BACK_OFF)
    row.try_at = now + doubled * chance.uniform(0.5, 1)


def _end(row: Attachment, state: AttachmentState) -> None:
    row.state, row.try_at = state, None
