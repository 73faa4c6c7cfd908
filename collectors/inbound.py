"""Bodies of webhooks: kept before the platform is told that they arrived, worked through after.

A body is one row, unique by its hash, however often it is sent. Its worker claims it by a
conditional update with a lease; whoever dies leaves a lease that runs out. What it holds goes
through intake like everything else, so that a replay changes nothing. No cursor moves and no
stretch is vouched for: reading stays the proof that nothing is missing, and counts what webhooks
missed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from shenava.messages import AccountRef, Deed, MessageKind, Platform, Source
from shenava.store import (
    Account,
    AccountState,
    InboundDoor,
    InboundEvent,
    InboundReason,
    InboundState,
    Message,
    OwnMessageRow,
    Post,
    Sighting,
    Store,
    WebhookAccount,
    WebhookMiss,
)
from shenava.store.bulk import insert_into, insert_rows

LEASE = timedelta(minutes=2)

MAY_STILL_COME = timedelta(minutes=5)
"""So much later than a reading may a webhook come and not be a miss."""

COUNTED = timedelta(days=1)
"""Misses of the last day are shown."""

KEEP_MISSES = timedelta(days=7)
KEEP_FAILED = timedelta(days=90)

_BROUGHT = (MessageKind.COMMENT, MessageKind.DM)
"""What webhooks should bring. Tags come by reading only, mentions by webhook only."""


# --- coming in ------------------------------------------------------------------------------


def keep(
    session: Session,
    platform: Platform,
    app_id: int,
    body: bytes,
    headers: Mapping[str, str],
    now: datetime,
) -> None:
    """Store a body that was signed. Once this is committed the platform may be told 200."""
    insert = insert_into(session, InboundEvent).values(
        platform=platform,
        app_id=app_id,
        body=body,
        body_hash=hashlib.sha256(body).hexdigest(),
        headers=dict(headers),
        received_at=now,
        deliveries=1,
        state=InboundState.WAITING,
        next_at=now,
        attempts=0,
        outcome={},
        program="",
        forget=False,
    )
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["app_id", "body_hash"],
            set_={"deliveries": InboundEvent.deliveries + 1},
        )
    )
    _door(session, app_id, {"good_at": now, "bad_in_a_row": 0})


def note_tried(session: Session, app_id: int, now: datetime) -> None:
    """The platform tried the address, and was answered."""
    _door(session, app_id, {"tried_at": now})


def note_bad(session: Session, app_id: int, now: datetime) -> None:
    """A body came that nobody had signed, or with another secret. Nothing of it is kept."""
    _door(
        session,
        app_id,
        {
            "bad_at": now,
            "bad": InboundDoor.bad + 1,
            "bad_in_a_row": InboundDoor.bad_in_a_row + 1,
        },
        first={"bad_at": now, "bad": 1, "bad_in_a_row": 1},
    )


def _door(
    session: Session,
    app_id: int,
    values: Mapping[str, Any],
    first: Mapping[str, Any] | None = None,
) -> None:
    made = {"app_id": app_id, "bad": 0, "bad_in_a_row": 0, **(values if first is None else first)}
    insert = insert_into(session, InboundDoor).values(**made)
    session.execute(insert.on_conflict_do_update(index_elements=["app_id"], set_=dict(values)))


# --- being worked through --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """An event that is ours. ``token`` is in its row for as long as it is."""

    event_id: int
    platform: Platform
    app_id: int
    body: bytes
    attempts: int
    token: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an event. ``again_at``: it waits, and is tried then."""

    outcome: Mapping[str, Any]
    reason: InboundReason | None = None
    again_at: datetime | None = None


class Lost(Exception):
    """Another worker has the event now: ours took longer than its lease."""


def claim_due(store: Store) -> Claim | None:
    """Claim the event that waits longest; ``None`` when none does."""
    now, token = store.clock.now(), secrets.token_hex(16)
    waiting = (
        select(InboundEvent.id)
        .where(
            InboundEvent.next_at <= now,
            or_(InboundEvent.claimed_until.is_(None), InboundEvent.claimed_until <= now),
        )
        .order_by(InboundEvent.next_at, InboundEvent.id)
        .limit(1)
    )
    with store.read() as session:
        # A look that writes nothing and locks nothing, each second: SQLite's one writer is left
        # alone.
        if session.scalar(waiting) is None:
            return None
    free = waiting.with_for_update(skip_locked=True).cte("free")
    with store.write() as session:
        row = session.execute(
            update(InboundEvent)
            .where(InboundEvent.id.in_(select(free.c.id)))
            .values(claimed_until=now + LEASE, claimed_by=token, attempts=InboundEvent.attempts + 1)
            .returning(
                InboundEvent.id,
                InboundEvent.platform,
                InboundEvent.app_id,
                InboundEvent.body,
                InboundEvent.attempts,
            )
            .execution_options(synchronize_session=False)
        ).one_or_none()
    return None if row is None else Claim(*row, token=token)


def settle(session: Session, claim: Claim, verdict: Verdict, program: str, now: datetime) -> None:
    """Write down what became of an event that is ours. Raises :class:`Lost`."""
    state = InboundState.DONE
    if verdict.again_at is not None:
        state = InboundState.WAITING
    elif verdict.reason is not None:
        state = InboundState.FAILED
    forget = session.execute(
        update(InboundEvent)
        .where(InboundEvent.id == claim.event_id, InboundEvent.claimed_by == claim.token)
        .values(
            state=state,
            next_at=verdict.again_at,
            claimed_until=None,
            claimed_by=None,
            reason=verdict.reason,
            outcome=dict(verdict.outcome),
            program=program,
            done_at=None if state is InboundState.WAITING else now,
        )
        .returning(InboundEvent.forget)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if forget is None:
        raise Lost
    if forget[0] and state is not InboundState.WAITING:
        session.execute(delete(InboundEvent).where(InboundEvent.id == claim.event_id))


def accounts_of(session: Session, app_id: int) -> dict[str, tuple[int, AccountRef]]:
    """The accounts of an app by the platform's id: row number and name."""
    rows = session.execute(
        select(Account.id, Account.native_id, Account.platform, Account.handle).where(
            Account.app_id == app_id,
            Account.native_id.is_not(None),
            Account.state != AccountState.IMPORTED,
        )
    )
    return {row.native_id: (row.id, AccountRef(row.platform, row.handle)) for row in rows}


def known_posts(session: Session, platform: Platform, keys: Collection[str]) -> set[str]:
    """Which of these are posts under the name that a reading has for them."""
    if not keys:
        return set()
    own = select(OwnMessageRow.native_key).where(
        OwnMessageRow.platform == platform,
        OwnMessageRow.native_key.in_(keys),
        OwnMessageRow.kind == Deed.POST,
    )
    # Only a reading tells the address of a post.
    read = select(Post.native_key).where(
        Post.platform == platform, Post.native_key.in_(keys), Post.permalink.is_not(None)
    )
    return {*session.scalars(own), *session.scalars(read)}


def note_came(session: Session, account_ids: Collection[int], now: datetime) -> None:
    """Webhooks brought something for these accounts."""
    for account_id in sorted(account_ids):
        insert = insert_into(session, WebhookAccount).values(
            account_id=account_id, since=now, last_at=now
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["account_id"],
                set_={"last_at": now, "since": func.coalesce(WebhookAccount.since, now)},
            )
        )


def note_ordered(store: Store, account_id: int) -> None:
    """Webhooks were ordered for an account just now."""
    with store.write() as session:
        now = store.clock.now()
        insert = insert_into(session, WebhookAccount).values(
            account_id=account_id, subscribed=True, asked_at=now
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["account_id"], set_={"subscribed": True, "asked_at": now}
            )
        )


# --- what readings found first ---------------------------------------------------------------


def note_misses(
    session: Session, account_id: int, message_ids: Sequence[int], now: datetime
) -> None:
    """Of new messages that a reading brought: those that a webhook should have brought."""
    if not message_ids:
        return
    since = session.scalar(
        select(WebhookAccount.since).where(WebhookAccount.account_id == account_id)
    )
    if since is None:
        return
    missed = session.scalars(
        select(Message.id).where(
            Message.id.in_(message_ids),
            Message.kind.in_(_BROUGHT),
            ~Message.historic,
            Message.written_at > since,
        )
    )
    insert_rows(
        session,
        WebhookMiss,
        [{"message_id": id_, "account_id": account_id, "found_at": now} for id_ in missed],
    )


# --- a second try, an end ---------------------------------------------------------------------


def retry(session: Session, now: datetime, event_id: int | None = None) -> int:
    """Have failed events tried again, one or all; returns how many."""
    which = () if event_id is None else (InboundEvent.id == event_id,)
    return _again(session, now, *which)


def retry_after_upgrade(session: Session, program: str, now: datetime) -> int:
    """Have those tried again that another version failed at; returns how many."""
    return _again(session, now, InboundEvent.program != program)


def _again(session: Session, now: datetime, *which: Any) -> int:
    done = session.connection().execute(
        update(InboundEvent)
        .where(InboundEvent.state == InboundState.FAILED, *which)
        .values(state=InboundState.WAITING, next_at=now, attempts=0, done_at=None)
    )
    return int(done.rowcount)


def prune(session: Session, now: datetime, days: int, limit: int) -> int:
    """Remove bodies that were taken in ``days`` ago, failed ones and misses that nobody looks at
    any more; at most ``limit`` of each. Returns how many."""
    over = or_(
        (InboundEvent.state == InboundState.DONE)
        & (InboundEvent.received_at < now - timedelta(days=days)),
        (InboundEvent.state == InboundState.FAILED)
        & (InboundEvent.received_at < now - KEEP_FAILED),
    )
    removed = 0
    for row, which in (
        (InboundEvent.id, over),
        (WebhookMiss.message_id, WebhookMiss.found_at < now - KEEP_MISSES),
    ):
        old = select(row).where(which).limit(limit)
        done = session.connection().execute(delete(row.class_).where(row.in_(old)))
        removed += int(done.rowcount)
    return removed


# --- how it is ---------------------------------------------------------------------------------

WAITS_TOO_LONG = timedelta(minutes=2)
BAD_IN_A_ROW = 3
"""So many bodies with a wrong signature, and none right between: the secret is wrong."""
SILENT_MISSES = 3
"""So many misses since webhooks last brought anything: they do not come any more."""


@dataclass(frozen=True, slots=True)
class AccountWebhooks:
    """Webhooks of one account. ``missed``: in the last day. ``silent``: nothing came while readings
    found several new messages. ``lost``: the platform says that nothing is ordered."""

    account_id: int
    since: datetime | None
    last_at: datetime | None
    missed: int
    silent: bool
    lost: bool


@dataclass(frozen=True, slots=True)
class Webhooks:
    """``waits_since``: since when the event that waits too long is due. ``failed``: how many were
    not understood. ``refused``: apps whose bodies all have a wrong signature."""

    waits_since: datetime | None
    failed: int
    refused: frozenset[int]
    accounts: Mapping[int, AccountWebhooks]

    @property
    def is_well(self) -> bool:
        return not (self.waits_since or self.failed or self.refused) and not any(
            one.missed or one.lost for one in self.accounts.values()
        )


def webhooks(session: Session, now: datetime) -> Webhooks:
    """How webhooks are at ``now``. Reads only, and little."""
    waits_since = session.scalar(
        select(func.min(InboundEvent.next_at)).where(InboundEvent.next_at < now - WAITS_TOO_LONG)
    )
    failed = session.scalar(select(func.count()).where(InboundEvent.state == InboundState.FAILED))
    refused = session.scalars(
        select(InboundDoor.app_id).where(InboundDoor.bad_in_a_row >= BAD_IN_A_ROW)
    )
    return Webhooks(waits_since, failed or 0, frozenset(refused), _accounts(session, now))


def _accounts(session: Session, now: datetime) -> dict[int, AccountWebhooks]:
    brought = (
        select(Sighting.message_id)
        .where(Sighting.message_id == WebhookMiss.message_id, Sighting.source == Source.WEBHOOK)
        .exists()
    )
    missed = {
        row.account_id: row
        for row in session.execute(
            select(
                WebhookMiss.account_id,
                func.count().label("missed"),
                func.count()
                .filter(
                    or_(
                        WebhookAccount.last_at.is_(None),
                        WebhookMiss.found_at > WebhookAccount.last_at,
                    )
                )
                .label("lately"),
            )
            .outerjoin(WebhookAccount, WebhookAccount.account_id == WebhookMiss.account_id)
            .where(
                WebhookMiss.found_at > now - COUNTED,
                WebhookMiss.found_at <= now - MAY_STILL_COME,
                ~brought,
            )
            .group_by(WebhookMiss.account_id)
        )
    }
    found = {}
    for row in session.scalars(select(WebhookAccount)):
        of_it = missed.get(row.account_id)
        found[row.account_id] = AccountWebhooks(
            account_id=row.account_id,
            since=row.since,
            last_at=row.last_at,
            missed=of_it.missed if of_it else 0,
            silent=of_it is not None and of_it.lately >= SILENT_MISSES,
            lost=row.subscribed is False,
        )
    return found
