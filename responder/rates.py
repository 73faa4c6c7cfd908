"""Rates: what a platform allows in a stretch of time, kept to exactly, by any number of workers.

Each use is a row. A use is allowed when the rows of the window that ends now leave room, and is
written in the transaction that asked, while nobody else may ask for the same subject and
endpoint. No interval as long as the window, wherever it lies, then holds more uses than the
limit; a restart forgets nothing. A use stays counted even if the request failed: platforms count
refused requests too.

A platform counts a request some time between its leaving and its answer. A use that is reserved
by :func:`reserve_all` is dated at the leaving: where a platform counts a sliding window as strictly
as we do, the limit handed in should be a little below its own. What :func:`take` reserves is dated
as late as the platform can possibly count it, and dated back to its answer by :func:`date_back`: so
no window of the platform, however short and wherever it lies, holds more than the limit either.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from shenava.channels.rules import Limit, Per
from shenava.store import RateUse
from shenava.store.bulk import insert_numbered, update_by_id

# The first of two numbers that PostgreSQL's advisory lock is made of; nothing else uses it.
_LOCK = 7_301_200

KEEP = timedelta(days=2)
"""Longer than any window a platform counts; older uses may be pruned."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use to come: of ``endpoint`` by ``subject`` (``app:1``, ``account:2``)."""

    subject: str
    endpoint: str
    limits: tuple[Limit, ...]


def uses_of(limits: Iterable[Limit], account_id: int, app_id: int | None) -> list[Use]:
    """What one request counts as, by the rules of its platform. An account without an app
    counts as its own app."""
    found: dict[tuple[str, str], list[Limit]] = {}
    for limit in limits:
        by_app = limit.per is Per.APP and app_id is not None
        subject = f"app:{app_id}" if by_app else f"account:{account_id}"
        found.setdefault((subject, limit.endpoint), []).append(limit)
    return [Use(subject, endpoint, tuple(held)) for (subject, endpoint), held in found.items()]


def reserve(
    session: Session, subject: str, endpoint: str, limits: Sequence[Limit], now: datetime
) -> datetime | None:
    """Reserve one use. ``None``: it is reserved, once the caller's transaction commits; else
    nothing was, and the instant returned is when to ask again."""
    return reserve_all(session, [Use(subject, endpoint, tuple(limits))], now)


def reserve_all(session: Session, uses: Iterable[Use], now: datetime) -> datetime | None:
    """Reserve all of ``uses`` or none: a request that counts for an app and for a user.

    Returns as :func:`reserve` does. The transaction must be a writing one.
    """
    wanted = _in_order(uses)
    hold(session, wanted)
    later = [at for use in wanted if (at := when_free(session, use, now)) > now]
    if later:
        return max(later)
    if wanted:
        session.execute(
            insert(RateUse),
            [{"subject": use.subject, "endpoint": use.endpoint, "at": now} for use in wanted],
        )
    return None


def hold(session: Session, uses: Iterable[Use]) -> None:
    """Nobody else may ask about these until the commit.

    Whoever sends does this before locking cases, rows of the outbox and money, in this order, so
    that no two senders wait for each other.
    """
    for use in _in_order(uses):
        _lock(session, use)


def _in_order(uses: Iterable[Use]) -> list[Use]:
    return sorted(set(uses), key=lambda use: (use.subject, use.endpoint))


@dataclass(frozen=True, slots=True)
class Room:
    """How many requests may leave now; with none, when the next may."""

    count: int
    free_at: datetime


def room_for(session: Session, uses: Iterable[Use], most: int, now: datetime) -> Room:
    """How many requests that count as ``uses`` each may leave now, at most ``most``. Nobody else
    may ask about the same until the commit. The transaction must be a writing one."""
    wanted = _in_order(uses)
    hold(session, wanted)
    count = most
    for use in wanted:
        for limit in use.limits:
            count = min(count, limit.count - used_of(session, use, limit, now))
    if count > 0:
        return Room(count, now)
    return Room(0, max([now, *(when_free(session, use, now) for use in wanted)]))


def used_of(session: Session, use: Use, limit: Limit, now: datetime) -> int:
    """How many uses the window of ``limit`` that ends now holds."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RateUse)
            .where(
                RateUse.subject == use.subject,
                RateUse.endpoint == use.endpoint,
                RateUse.at > now - limit.window,
            )
        )
        or 0
    )


def take(
    session: Session, uses: Iterable[Use], count: int, latest: datetime
) -> list[tuple[int, ...]]:
    """Reserve ``count`` requests that :func:`room_for` had room for. ``latest``: when the platform
    will surely have counted them. Returns what :func:`date_back` asks for, for each request."""
    wanted = _in_order(uses)
    taken = [
        insert_numbered(
            session,
            RateUse,
            [{"subject": use.subject, "endpoint": use.endpoint, "at": latest}] * count,
        )
        for use in wanted
    ]
    return [tuple(numbers[place] for numbers in taken) for place in range(count)]


def date_back(session: Session, answered: Mapping[int, datetime]) -> None:
    """The answers to requests that :func:`take` reserved came at these instants."""
    if answered:
        update_by_id(session, RateUse, [{"b_id": n, "at": at} for n, at in answered.items()])


def give_back(session: Session, uses: Collection[int]) -> None:
    """These requests never left."""
    if uses:
        session.execute(delete(RateUse).where(RateUse.id.in_(uses)))


def when_free(session: Session, use: Use, now: datetime) -> datetime:
    """The earliest instant, ``now`` or later, at which ``use`` would be allowed as things stand."""
    return max([now, *(_free_at(session, use, limit, now) for limit in use.limits)])


def _free_at(session: Session, use: Use, limit: Limit, now: datetime) -> datetime:
    """When the use that is ``limit.count`` back leaves the window.

    Raises ``ValueError`` for a window longer than uses are kept.

    Uses "in the future" count too: another worker's clock reading may be younger than ours
    although it asked first.
    """
    if limit.window > KEEP:
        raise ValueError(f"uses are kept for {KEEP}, too short for {limit}")
    hindmost = session.scalar(
        select(RateUse.at)
        .where(
            RateUse.subject == use.subject,
            RateUse.endpoint == use.endpoint,
            RateUse.at > now - limit.window,
        )
        .order_by(RateUse.at.desc())
        .offset(limit.count - 1)
        .limit(1)
    )
    return now if hindmost is None else hindmost + limit.window


def _lock(session: Session, use: Use) -> None:
    """One asker at a time. SQLite has one writer anyway; on PostgreSQL a lock on the pair, held
    to the commit (two pairs of one hash wait for each other needlessly, which harms nothing)."""
    if session.get_bind().dialect.name == "postgresql":
        pair = func.hashtext(f"{use.subject}\n{use.endpoint}")
        session.execute(select(func.pg_advisory_xact_lock(_LOCK, pair)))


def prune(session: Session, now: datetime) -> None:
    """Remove uses that no window reaches back to any more."""
    session.execute(delete(RateUse).where(RateUse.at < now - KEEP))
