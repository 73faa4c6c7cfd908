"""What became of it? Leases that ran out, and outcomes that nobody knows.

A row that was claimed and not sent when its worker vanished is queued again: nothing had left. A
row that was being sent is ``unknown``. It is looked up on the platform, a bounded number of
times, later each time. Found, it is sent. Surely absent, twice, and long enough after the
request that none can still be under way, it is queued again where the platform would refuse a
repeat (``may_repeat``), or had said that the request failed: this is the only way by which a row
leaves twice. Where the platform refused such a repeat as a duplicate, it has the first, seen or
not: then absence proves nothing, and nothing leaves any more. Where it would take the same words
twice, absence proves nothing either. What reading back cannot tell waits for a person
(``look_at`` null; ``responder.outbox.settle``).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from responder.answered import echo_of
from responder.circumstances import outgoing_of
from responder.dispatch import (
    MAX_ATTEMPTS,
    SENDING_LEASE,
    Means,
    lock_with_case,
    mark_sent,
)
from responder.outcome import fact, take_back
from shenava.channels import Channel, ChannelError, Outgoing, RateLimited, Reads, Sent
from shenava.channels import OutcomeUnknown as CannotTell
from shenava.store import (
    Account,
    FactKind,
    OutboxRow,
    OutboxState,
    OwnMessageRow,
    Picture,
    Store,
    changes,
)
from shenava.store import spending as meter

log = logging.getLogger(__name__)

LOOK_AFTER = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
"""How long after each look that told nothing the next comes; after the last, a person decides."""

SURE_AFTER = SENDING_LEASE + timedelta(minutes=2)
"""So long after a request left, none of it can still be under way: only then does "not there"
count. Twice, with a pause between, for platforms show what they took with some delay."""

_LOOK_LEASE = timedelta(minutes=3)
_CLOCKS_DIFFER = timedelta(minutes=2)


def recover(store: Store, limit: int = 100) -> int:
    """Take up rows whose worker's lease ran out, at most ``limit``; returns how many."""
    with store.read() as session:
        now = store.clock.now()
        held = session.scalars(
            select(OutboxRow.id)
            .where(OutboxRow.claimed_until <= now)
            .order_by(OutboxRow.claimed_until)
            .limit(limit)
        ).all()
    return sum(_recover(store, row_id) for row_id in held)


def _recover(store: Store, row_id: int) -> bool:
    with store.write() as session:
        now = store.clock.now()
        row = lock_with_case(session, row_id)
        if row is None or row.claimed_until is None or row.claimed_until > now:
            return False
        if row.state is OutboxState.CLAIMED:
            row.state = OutboxState.QUEUED
            row.claimed_until = row.attempt = None
            session.flush()
        else:
            # Without a policy nothing can stop the clock; an echo that came is found by the look.
            row.state, row.reason = OutboxState.UNKNOWN, "worker_lost"
            row.claimed_until, row.look_at = None, now
            session.flush()
            fact(session, row, FactKind.ANSWER_UNKNOWN, now)
        _tell(session, row)
        return True


@dataclass(frozen=True, slots=True)
class Look:
    """An unknown outcome that is ours to look up."""

    row_id: int
    account_id: int
    app_id: int | None
    outgoing: Outgoing
    after: datetime
    known: frozenset[str]


def claim_look(store: Store) -> Look | None:
    """Claim the unknown row whose look is due longest; ``None`` when none is."""
    now = store.clock.now()
    due = (
        select(OutboxRow.id)
        .where(OutboxRow.state == OutboxState.UNKNOWN, OutboxRow.look_at <= now)
        .order_by(OutboxRow.look_at, OutboxRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    with store.write() as session:
        row_id = session.scalar(
            update(OutboxRow)
            .where(OutboxRow.id.in_(select(due.c.id)), OutboxRow.look_at <= now)
            .values(look_at=now + _LOOK_LEASE)
            .returning(OutboxRow.id)
            .execution_options(synchronize_session=False)
        )
        if row_id is None:
            return None
        row = session.scalars(
            select(OutboxRow)
            .where(OutboxRow.id == row_id)
            .options(joinedload(OutboxRow.picture).undefer(Picture.content))
            .execution_options(populate_existing=True)
        ).one()
        assert row.sending_at is not None
        after = row.sending_at - _CLOCKS_DIFFER
        app_id = session.scalar(select(Account.app_id).where(Account.id == row.account_id))
        return Look(
            row_id, row.account_id, app_id, outgoing_of(row), after, _known(session, row, after)
        )


def look(store: Store, claimed: Look, means: Means) -> OutboxState | None:
    """Look up what became of a row; returns the state it is in now, ``None`` when others have
    decided meanwhile."""
    found: Sent | Exception | None
    reads = None
    try:
        channel: Channel = means.connect(claimed.account_id)
        found = channel.find_sent(claimed.outgoing, claimed.after, claimed.known)
        reads = channel.take_reads()
    except ChannelError as error:
        found = error
    except Exception as error:
        log.error("looking up outbox row %d failed oddly", claimed.row_id, exc_info=error)
        found = error
    with store.write() as session:
        now = store.clock.now()
        row = lock_with_case(session, claimed.row_id)
        if reads is not None and claimed.app_id is not None:
            _pay(session, claimed, reads, now, means)
        if row is None or row.state is not OutboxState.UNKNOWN:
            return None
        echo = echo_of(session, row)
        if echo is not None:
            found = Sent(echo.native_key, echo.permalink, echo.written_at)
        if isinstance(found, Sent) and _is_anothers(session, row, found):
            found = CannotTell("what was found is the outcome of another row")
        _conclude(session, row, found, now, means)
        _tell(session, row)
        return row.state


def _pay(session: Session, claimed: Look, reads: Reads, now: datetime, means: Means) -> None:
    platform = session.scalars(
        select(Account.platform).where(Account.id == claimed.account_id)
    ).one()
    rules = means.rules.get(platform)

    def price(what: str, count: int) -> int:
        return rules.read_price(Reads({what: count}, requests=0)) if rules else 0

    assert claimed.app_id is not None
    meter.lock_spent(session, claimed.app_id, now)
    meter.add_reads(session, claimed.app_id, now, reads, price)


def _conclude(
    session: Session,
    row: OutboxRow,
    found: Sent | Exception | None,
    now: datetime,
    means: Means,
) -> None:
    if isinstance(found, Sent):
        mark_sent(session, row, found, now, means.policy, found="read_back", looks=row.looks + 1)
        return
    if isinstance(found, RateLimited):
        # Nothing was looked at: it does not count as a look.
        row.look_at = max(found.retry_at, now) + timedelta(seconds=1)
        return
    assert row.sending_at is not None
    absent = row.evidence.get("absent", 0)
    if found is None and row.reason != "duplicate":
        if now - row.sending_at < SURE_AFTER:
            row.look_at = row.sending_at + SURE_AFTER
            return
        absent += 1
        row.evidence = row.evidence | {"absent": absent}
        if absent > 1 and _may_leave_again(session, row, means):
            _send_again(session, row, now)
            return
    row.looks += 1
    row.look_at = now + LOOK_AFTER[row.looks - 1] if row.looks <= len(LOOK_AFTER) else None
    session.flush()


def _may_leave_again(session: Session, row: OutboxRow, means: Means) -> bool:
    """Whether what is not to be seen may be sent once more.

    A platform may have it and not show it: a filter took it, staff removed it. One that refuses a
    repeat then says so. Of one that takes the same words twice that cannot be learnt; there its
    own word that the request failed, and nothing less, lets it leave again.
    """
    platform = session.scalars(select(Account.platform).where(Account.id == row.account_id)).one()
    rules = means.rules.get(platform)
    if rules is None:
        return False
    return rules.may_repeat(row.deed) or row.evidence.get("said_failed") == row.attempts


def _send_again(session: Session, row: OutboxRow, now: datetime) -> None:
    """It surely never arrived."""
    take_back(session, row)
    row.evidence = row.evidence | {"absent": 0, "never_arrived": row.attempts}
    row.look_at = None
    row.looks = 0
    if row.attempts >= MAX_ATTEMPTS:
        row.state, row.reason = OutboxState.FAILED, "never_arrived"
        session.flush()
        fact(session, row, FactKind.ANSWER_FAILED, now)
        return
    row.state, row.reason = OutboxState.QUEUED, "never_arrived"
    row.not_before, row.attempt = now, None
    session.flush()


def _known(session: Session, row: OutboxRow, after: datetime) -> frozenset[str]:
    """Keys of what other rows sent through this account since ``after``."""
    keys = session.scalars(
        select(OwnMessageRow.native_key).where(
            OwnMessageRow.account_id == row.account_id,
            OwnMessageRow.written_at >= after - _CLOCKS_DIFFER,
            OwnMessageRow.outbox_id.is_not(None),
            OwnMessageRow.outbox_id != row.id,
        )
    )
    return frozenset(keys)


def _is_anothers(session: Session, row: OutboxRow, found: Sent) -> bool:
    return (
        session.scalar(
            select(OutboxRow.id)
            .where(
                OutboxRow.account_id == row.account_id,
                OutboxRow.native_key == found.native_key,
                OutboxRow.id != row.id,
            )
            .limit(1)
        )
        is not None
    )


def _tell(session: Session, row: OutboxRow) -> None:
    if row.case_id is not None:
        changes.note(session, [row.case_id])
