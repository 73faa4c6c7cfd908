"""Looking whether what customers wrote in public is still there.

Platforms tell nobody that something was deleted, and demand that it goes here too (X: within a
day). So messages are looked up by their keys: those of open cases daily before all others, what is
new daily for a week, then weekly, then monthly. Looking costs money for each that is still there,
so a number a day bounds it, and half of the month's budget at most.

The rows are the queue: ``look_at`` moved ahead is the claim.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import case, exists, func, or_, select, update
from sqlalchemy.orm import Session

from collectors.fetch import Tariff, price_by
from shenava.channels import (
    Channel,
    ChannelError,
    LookedUp,
    LooksUp,
    RateLimited,
    Reads,
)
from shenava.messages import Platform
from shenava.store import (
    Account,
    AccountState,
    Case,
    CaseState,
    Conversation,
    Message,
    Spend,
    Store,
)
from shenava.store import spending as meter

log = logging.getLogger(__name__)

AT_ONCE = 20
"""Messages in one request, at most, where a platform's rules name no ``LOOK_UP_LIMIT``."""

_MOST = 100

LEASE = timedelta(minutes=10)
DAILY = timedelta(hours=20)
"""A day, with room to be late in."""

WEEK = timedelta(days=7)
MONTH = timedelta(days=30)
LATER = timedelta(hours=1)
"""After a failure, or where the platform did not answer about one."""

SHARE = 0.5
"""Of the month's budget of an app; what is above is kept for what is new."""


class Fate(StrEnum):
    """What became of a message on its platform."""

    DELETED = "deleted"
    HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages of one account that are ours to look up, by their keys."""

    account_id: int
    app_id: int | None
    keys: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look came to: messages that must go, by why; how many are still there."""

    gone: Mapping[Fate, Collection[int]]
    present: int = 0
    failed: bool = False


def next_look(now: datetime, written_at: datetime, *, live: bool) -> datetime:
    """When to look at a message again that is still there."""
    age = now - written_at
    if live or age < WEEK:
        return now + DAILY
    return now + (WEEK if age < MONTH else MONTH)


def claim_due(
    store: Store, platforms: Collection[Platform], tariff: Callable[[int], Tariff], per_day: int
) -> Claim | None:
    """Claim messages that are due, of one account, those of open cases first; ``None`` when none
    are, or when the day's number or the budget's share is used up."""
    now = store.clock.now()
    with store.write() as session:
        _call_back(session, now)
        found = session.execute(
            select(Conversation.account_id, Account.app_id)
            .select_from(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(Account, Account.id == Conversation.account_id)
            .join(Case, Case.id == Message.case_id)
            .where(*_due(platforms, now))
            .order_by(*_first())
            .limit(1)
        ).one_or_none()
        if found is None:
            return None
        room = _room(session, found.account_id, found.app_id, tariff, per_day, now)
        if room <= 0:
            return None
        due = (
            select(Message.id)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .join(Account, Account.id == Conversation.account_id)
            .join(Case, Case.id == Message.case_id)
            .where(*_due(platforms, now), Conversation.account_id == found.account_id)
            .order_by(*_first())
            .limit(min(room, getattr(tariff(found.account_id), "LOOK_UP_LIMIT", AT_ONCE)))
            .with_for_update(of=Message, skip_locked=True)
            .cte("due")
        )
        rows = session.execute(
            update(Message)
            .where(Message.id.in_(select(due.c.id)), Message.look_at <= now)
            .values(look_at=now + LEASE)
            .returning(Message.id, Message.native_key)
            .execution_options(synchronize_session=False)
        ).all()
    return Claim(found.account_id, found.app_id, {row.native_key: row.id for row in rows})


def _due(platforms: Collection[Platform], now: datetime) -> list[Any]:
    return [
        Message.platform.in_(platforms),
        Message.look_at <= now,
        Message.removed_at.is_(None),
        Account.state == AccountState.CONNECTED,
    ]


def _first() -> tuple[Any, ...]:
    live = case((Case.state != CaseState.CLOSED, 0), else_=1)
    return (live, Message.written_at.desc(), Message.id.desc())


def _is_live() -> Any:
    """Whether a message stands in a case that is not closed, or is what such a one is about."""
    return exists().where(
        Case.state != CaseState.CLOSED,
        or_(Case.id == Message.case_id, Case.reopened_from_id == Message.case_id),
    )


def _call_back(session: Session, now: datetime) -> None:
    """What stands in an open case is looked at daily, however old it is."""
    session.execute(
        update(Message)
        .where(Message.look_at > now + DAILY, _is_live())
        .values(look_at=now + DAILY)
        .execution_options(synchronize_session=False)
    )


def _room(
    session: Session,
    account_id: int,
    app_id: int | None,
    tariff: Callable[[int], Tariff],
    per_day: int,
    now: datetime,
) -> int:
    """How many more may be looked up today."""
    if app_id is None:
        return _MOST
    used = session.scalar(
        select(func.coalesce(func.sum(Spend.count), 0)).where(
            Spend.app_id == app_id, Spend.day == now.date(), Spend.what == meter.LOOKED_UP
        )
    )
    room = min(_MOST, per_day - int(used or 0))
    spent = meter.spent(session, app_id, now)
    price = tariff(account_id).read_price(Reads({"post": 1}, requests=0))
    while room > 0 and not spent.fits(price * room, room, SHARE):
        room //= 2
    return room


def look(
    store: Store,
    claim: Claim,
    connect: Callable[[int], Channel],
    tariff: Callable[[int], Tariff],
) -> Looked:
    """Look up what was claimed, count what it cost, and say when to look again. What is gone is
    told; to remove it is the caller's. Raises only what the database raises."""
    try:
        channel = connect(claim.account_id)
        if not isinstance(channel, LooksUp):
            _again(store, claim, None)
            return Looked({}, failed=True)
        told = channel.look_up(list(claim.keys))
    except Exception as error:
        if not isinstance(error, ChannelError):
            log.error("looking up failed oddly", exc_info=error)
        _again(store, claim, error)
        return Looked({}, failed=True)
    with store.write() as session:
        now = store.clock.now()
        here = [claim.keys[key] for key in told.present if key in claim.keys]
        silent = set(claim.keys) - told.present - told.gone - told.hidden
        _set_next(session, here, now)
        _set(session, [claim.keys[key] for key in silent], now + DAILY)
        _pay(session, claim, told, tariff, now)
    return Looked(
        {
            Fate.DELETED: [claim.keys[key] for key in told.gone if key in claim.keys],
            Fate.HIDDEN: [claim.keys[key] for key in told.hidden if key in claim.keys],
        },
        present=len(here),
    )


def _again(store: Store, claim: Claim, error: Exception | None) -> None:
    now = store.clock.now()
    at = now + (MONTH if error is None else LATER)
    if isinstance(error, RateLimited):
        at = max(error.retry_at, now) + timedelta(seconds=5)
    with store.write() as session:
        _set(session, claim.keys.values(), at)


def _set(session: Session, ids: Collection[int], at: datetime) -> None:
    if ids:
        session.execute(
            update(Message)
            .where(Message.id.in_(ids), Message.removed_at.is_(None))
            .values(look_at=at)
            .execution_options(synchronize_session=False)
        )


def _set_next(session: Session, ids: Collection[int], now: datetime) -> None:
    if not ids:
        return
    rows = session.execute(
        select(Message.id, Message.written_at, _is_live().label("live"))
        .where(Message.id.in_(ids))
        .order_by(Message.id)
        .with_for_update(of=Message, key_share=True)
    ).all()
    by_time: dict[datetime, list[int]] = {}
    for row in rows:
        by_time.setdefault(next_look(now, row.written_at, live=row.live), []).append(row.id)
    for at, some in by_time.items():
        _set(session, some, at)


def _pay(
    session: Session,
    claim: Claim,
    told: LookedUp,
    tariff: Callable[[int], Tariff],
    now: datetime,
) -> None:
    if claim.app_id is None:
        return
    meter.lock_spent(session, claim.app_id, now)
    meter.add_reads(session, claim.app_id, now, told.reads, price_by(tariff(claim.account_id)))
    # Counted beside what it cost: how many were asked about today.
    meter.add(session, claim.app_id, now, {meter.LOOKED_UP: (len(claim.keys), 0)})
