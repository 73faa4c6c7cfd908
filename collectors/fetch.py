"""One run of one feed: claimed, read page by page, each page stored with all that hangs on it.

A page is ONE transaction: messages, what the shop wrote itself, the cursor, what it cost, and the
coverage ledger. A process that is killed has either stored a page and moved on, or done neither;
the next run goes on from the cursor, and the ledger's line with it: a reading is one line however
often it was cut off, and claims its stretch only when the channel said that it was complete.

Money and reads are set aside before the platform is asked, so that the budget of the month is a
hard stop for any number of workers; a killed run's share stays set aside until the next begins.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Protocol

from sqlalchemy import or_, select, update
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.orm import Session

from collectors import coverage, inbound
from collectors.intake import take_in_session
from collectors.pace import back_off, next_turn
from collectors.sweep import SWEEP_EVERY, SWEEP_SHARE, end_sweep, resume_sweep
from shenava.channels import (
    Channel,
    ChannelError,
    OwnMessage,
    Page,
    PaymentRequired,
    RateLimited,
    Reads,
    Rejected,
    Unauthorised,
)
from shenava.messages import Incoming, Source
from shenava.store import (
    Account,
    AccountState,
    Alone,
    Feed,
    FeedError,
    PausedBecause,
    Store,
)
from shenava.store import spending as meter
from shenava.store.session import may_be_repeated

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""How long one page may take, time-outs and all; each page renews it."""

MAX_PAGES = 50
"""Pages of one run. What is left is read by the next, which may be of another feed first."""

STILL_FRESH = timedelta(hours=24)
"""The first reading of a feed brings the past too, and so does a back-fill. What was written
longer than this before the feed was first read is history: found and counted, but nobody is
alerted."""


_REPEATS = 3
"""Of the transaction that stores a page, where another stood in its way."""

PAGE_READS = 100
"""Resources that one page holds at most, on every platform we read."""


class Tariff(Protocol):
    """What reading costs at a platform, in millionths of a US dollar: the ``rules`` module of a
    channel."""

    def read_price(self, reads: Reads) -> int:
        """The price of what was read."""

    def page_price(self, source: Source) -> int:
        """The most that one page can cost."""


class Free:
    """The tariff of a platform that asks for nothing."""

    def read_price(self, reads: Reads) -> int:
        return 0

    def page_price(self, source: Source) -> int:
        return 0


def price_by(tariff: Tariff) -> Callable[[str, int], int]:
    """What so many of one kind of resource cost there, for the meter."""
    return lambda what, count: tariff.read_price(Reads({what: count}, requests=0))


TakeOwn = Callable[[Session, int, Sequence[OwnMessage], datetime], None]
"""Stores what the shop wrote itself: (session, account, messages, now). ``responder`` has it."""

OwnCases = Callable[[Session, int, Sequence[OwnMessage]], Collection[int]]
"""The cases that storing it will change: (session, account, messages)."""


def ignore_own(session: Session, account_id: int, own: Sequence[OwnMessage], now: datetime) -> None:
    """Takes no note of what the shop wrote itself."""


def no_cases(session: Session, account_id: int, own: Sequence[OwnMessage]) -> Collection[int]:
    """No case."""
    return ()


@dataclass(frozen=True, slots=True)
class Means:
    """What a run needs beside its channel."""

    tariff: Tariff = field(default_factory=Free)
    take_own: TakeOwn = ignore_own
    own_cases: OwnCases = no_cases
    # Spreads turns over time; nobody must be unable to guess it.
    chance: Random = field(default_factory=Random)
    max_pages: int = MAX_PAGES
    # Asked between two pages: the service is about to stop, and the rest can wait.
    stopping: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Claim:
    """A feed that is ours to read. ``token`` is in its row for as long as it is."""

    feed_id: int
    account_id: int
    app_id: int | None
    source: Source
    query: str
    connected_at: datetime | None
    token: str
    sweep: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to. ``error``: what stopped it, ``None`` if nothing did. ``complete``: the
    feed was read to its end; else the next run goes on. ``stopped``: it was asked to stop.
    ``again_at``: it ended because the platform's pace allows the next page from then on only."""

    pages: int = 0
    new: int = 0
    repaired: int = 0
    complete: bool = False
    error: FeedError | None = None
    stopped: bool = False
    again_at: datetime | None = None


class _Lost(Exception):
    """Another worker has the feed now: ours took longer than its lease."""


class _Broke(Exception):
    """The budget of the month has no room for another page."""


def claim_due(store: Store, *, sweep: bool = False) -> Claim | None:
    """Claim the feed that is due longest, for a run or for a sweep; ``None`` when none is.

    Only feeds of connected accounts are due, and none that another worker reads now.
    """
    now = store.clock.now()
    due = Feed.sweep_at if sweep else Feed.next_at
    token = secrets.token_hex(16)
    free = (
        select(Feed.id)
        .join(Account, Account.id == Feed.account_id)
        .where(
            Feed.enabled,
            due <= now,
            or_(Feed.claimed_until.is_(None), Feed.claimed_until <= now),
            Account.state == AccountState.CONNECTED,
        )
        .order_by(due, Feed.id)
        .limit(1)
        .with_for_update(of=Feed, skip_locked=True)
        .cte("free")
    )
    with store.write() as session:
        feed_id = session.scalar(
            update(Feed)
            .where(Feed.id.in_(select(free.c.id)))
            .values(claimed_until=now + LEASE, claimed_by=token)
            .returning(Feed.id)
            .execution_options(synchronize_session=False)
        )
        if feed_id is None:
            return None
        row = session.execute(
            select(Feed.account_id, Account.app_id, Feed.source, Feed.query, Account.connected_at)
            .join(Account, Account.id == Feed.account_id)
            .where(Feed.id == feed_id)
        ).one()
    return Claim(feed_id, *row, token=token, sweep=sweep)


def run(store: Store, claim: Claim, connect: Callable[[], Channel], means: Means) -> Run:
    """Read a claimed feed until it is complete, ``means.max_pages`` are read, ``means.stopping``
    says so between two pages, the platform's pace wants a wait, or something fails; then give it
    back with its next turn. Raises nothing: what stopped it is in the result.

    ``connect`` makes the channel, and may raise ``ChannelError`` too.
    """
    done = Run()
    try:
        channel = connect()
        cursor = _begin(store, claim, means, channel)
        while cursor is not None and done.pages < means.max_pages and not done.complete:
            if means.stopping():
                done = replace(done, stopped=True)
                break
            page = channel.read(claim.source, cursor)
            done = _store_page(store, claim, means, page, done)
            cursor = page.cursor
            if done.error is FeedError.BUDGET:
                raise _Broke
            if page.again_at is not None and page.again_at > store.clock.now():
                done = replace(done, again_at=page.again_at)
                break
    except _Lost:
        log.warning("feed %d was taken over by another worker", claim.feed_id)
        return done
    except Exception as error:
        kind = _kind(error)
        done = replace(done, error=kind)
        _log(claim, error, kind)
        _give_back(store, claim, means, done, error)
        return done
    _give_back(store, claim, means, done)
    return done


# The transactions of a run: its beginning, each page, its end.


def _begin(store: Store, claim: Claim, means: Means, channel: Channel) -> Mapping[str, str] | None:
    """Open the ledger's line and set the first page's price aside; returns where to read from,
    or ``None`` when there is nothing to sweep."""
    with store.write() as session:
        now = store.clock.now()
        feed = _ours(session, claim)
        # A killed run may have left something set aside for this feed.
        feed.held_micros, feed.held_reads = 0, 0
        feed.began_at = feed.began_at or now
        session.flush()
        cursor = feed.cursor
        if claim.sweep:
            line = resume_sweep(session, feed, channel, now)
            if line is None:
                return None
            cursor = line.cursor
        else:
            coverage.resume_run(session, feed, now)
        _hold(session, claim, feed, means, now)
        return dict(cursor)


def _store_page(store: Store, claim: Claim, means: Means, page: Page, done: Run) -> Run:
    """Store one page with all that hangs on it; it was paid for, and is not given up for a
    deadlock."""
    for _ in range(_REPEATS):
        try:
            return _try_to_store(store, claim, means, page, done)
        except DBAPIError as error:
            if not may_be_repeated(error):
                raise
    return _try_to_store(store, claim, means, page, done)


def _try_to_store(store: Store, claim: Claim, means: Means, page: Page, done: Run) -> Run:
    with store.write_alone(Alone.INTAKE) as session:
        now = store.clock.now()
        try:
            feed = _ours(session, claim)
        except _Lost:
            feed = None
        if feed is None:
            # Read is read: it cost its money also where another worker has the feed by now.
            _pay(session, claim, means, page, now)
            lost = True
        else:
            lost = False
            done = _store_ours(session, claim, means, page, done, feed, now)
    if lost:
        raise _Lost
    return done


def _store_ours(
    session: Session, claim: Claim, means: Means, page: Page, done: Run, feed: Feed, now: datetime
) -> Run:
    line = coverage.open_line(session, feed.id, sweep=claim.sweep)
    assert line is not None, "a page belongs to a reading that was begun"
    # A page may hold both: the cases of either are locked in one order, as everywhere.
    also = means.own_cases(session, claim.account_id, page.own)
    result = take_in_session(session, _aged(page.incoming, feed.began_at), now, also=also)
    means.take_own(session, claim.account_id, page.own, now)
    inbound.note_misses(session, claim.account_id, result.message_ids, now)
    repaired = coverage.repaired_of(session, feed.id, result.message_ids)
    coverage.note_facts(session, feed, line, repaired, page.gap and not line.gap, now)
    if not claim.sweep:
        feed.cursor = dict(page.cursor)
        if result.new:
            feed.last_new_at = now
    feed.claimed_until = now + LEASE
    feed.held_micros, feed.held_reads = 0, 0
    coverage.add_page(session, line, page, result.new, len(repaired), now)
    session.flush()
    _pay(session, claim, means, page, now)
    done = replace(
        done,
        pages=done.pages + 1,
        new=done.new + result.new,
        repaired=done.repaired + len(repaired),
        complete=page.complete,
    )
    if not page.complete and done.pages < means.max_pages:
        try:
            _hold(session, claim, feed, means, now)
        except _Broke:
            # This page is paid for and stays.
            done = replace(done, error=FeedError.BUDGET)
    return done


def _give_back(
    store: Store, claim: Claim, means: Means, done: Run, error: Exception | None = None
) -> None:
    """End a run: let go of the feed, say when its next turn is, and how the account stands."""
    with store.write() as session:
        now = store.clock.now()
        try:
            feed = _ours(session, claim)
        except _Lost:
            return
        feed.claimed_until = feed.claimed_by = None
        feed.held_micros, feed.held_reads = 0, 0
        if claim.sweep:
            _end_sweep(session, feed, done, error, now, means.chance)
        else:
            _end_run(feed, done, error, now, means.chance)
        if isinstance(error, Unauthorised):
            _set_account(session, claim, AccountState.UNAUTHORISED)
        elif isinstance(error, PaymentRequired):
            _set_account(session, claim, AccountState.PAUSED, PausedBecause.PAYMENT)


def _end_run(feed: Feed, done: Run, error: Exception | None, now: datetime, chance: Random) -> None:
    if done.error is not None:
        feed.last_error, feed.last_error_at = done.error, now
        feed.next_at, counts = _next_try(error, feed.failures + 1, now, chance)
        feed.failures += counts
        return
    feed.failures = 0
    feed.last_error = feed.last_error_at = None
    if done.complete:
        feed.last_ok_at = now
        feed.next_at = now + next_turn(feed.every_s, chance)
    else:
        feed.next_at = max(now, done.again_at or now)


def _end_sweep(
    session: Session,
    feed: Feed,
    done: Run,
    error: Exception | None,
    now: datetime,
    chance: Random,
) -> None:
    """A sweep never weighs on the feed's own turns. One that failed, or had to stop, is taken up
    again; one that the budget, or its number of pages, stopped is over and claims nothing."""
    if done.stopped or done.again_at is not None:
        feed.sweep_at = max(now, done.again_at or now)
    elif done.error in (None, FeedError.BUDGET):
        end_sweep(session, feed.id, now)
        feed.sweep_at = now + SWEEP_EVERY
    else:
        feed.sweep_at, _ = _next_try(error, 3, now, chance)


def _next_try(
    error: Exception | None, failures: int, now: datetime, chance: Random
) -> tuple[datetime, int]:
    """When to try again after ``error``, and whether (1 or 0) it counts as a failure."""
    if isinstance(error, RateLimited):
        # A little after the time named: a platform's clock need not be ours.
        return max(error.retry_at, now) + timedelta(seconds=chance.uniform(1, 5)), 0
    if isinstance(error, _Broke):
        return meter.next_month(now), 0
    return now + back_off(failures, chance), 1


# Smaller steps.


def _ours(session: Session, claim: Claim) -> Feed:
    """The feed, locked, if it is still ours. Raises ``_Lost``."""
    feed = session.scalars(
        select(Feed)
        .where(Feed.id == claim.feed_id, Feed.claimed_by == claim.token)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if feed is None:
        raise _Lost
    return feed


def _hold(session: Session, claim: Claim, feed: Feed, means: Means, now: datetime) -> None:
    """Set aside what the next page may cost at most. Raises ``_Broke`` when it does not fit."""
    if claim.app_id is None:
        return
    micros = means.tariff.page_price(claim.source)
    share = SWEEP_SHARE if claim.sweep else 1.0
    if not meter.lock_spent(session, claim.app_id, now).fits(micros, PAGE_READS, share):
        raise _Broke
    feed.held_micros, feed.held_reads = micros, PAGE_READS


def _pay(session: Session, claim: Claim, means: Means, page: Page, now: datetime) -> None:
    """Count what a page cost. Cases first, then the app, then its meter, as where answers are
    sent and looked up: in another order two transactions could wait for each other."""
    if claim.app_id is not None:
        meter.lock_spent(session, claim.app_id, now)
        meter.add_reads(session, claim.app_id, now, page.reads, price_by(means.tariff))


def _aged(incoming: Sequence[Incoming], began_at: datetime | None) -> list[Incoming]:
    """What a page brings, with what was written long before the feed began marked as history."""
    assert began_at is not None, "set before the first page is read"
    before = began_at - STILL_FRESH
    return [replace(item, historic=item.historic or item.written_at < before) for item in incoming]


def _set_account(
    session: Session, claim: Claim, state: AccountState, because: PausedBecause | None = None
) -> None:
    """Unless a person has connected it anew meanwhile: then it was the old token that failed."""
    values: dict[str, Any] = {"state": state, "paused_because": because}
    session.execute(
        update(Account)
        .where(
            Account.id == claim.account_id,
            Account.state == AccountState.CONNECTED,
            Account.connected_at.is_not_distinct_from(claim.connected_at),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def _kind(error: Exception) -> FeedError:
    kinds: tuple[tuple[type[Exception], FeedError], ...] = (
        (_Broke, FeedError.BUDGET),
        (RateLimited, FeedError.RATE_LIMITED),
        (Unauthorised, FeedError.UNAUTHORISED),
        (PaymentRequired, FeedError.PAYMENT),
        (Rejected, FeedError.REJECTED),
        # A request that only reads may be repeated however it failed.
        (ChannelError, FeedError.UNREACHABLE),
    )
    return next((kind for cls, kind in kinds if isinstance(error, cls)), FeedError.INTERNAL)


def _log(claim: Claim, error: Exception, kind: FeedError) -> None:
    if kind is FeedError.INTERNAL:
        if isinstance(error, StatementError):
            # Its parameters are what customers wrote.
            error.hide_parameters = True
        log.error("reading feed %d failed", claim.feed_id, exc_info=error)
    else:
        log.warning("reading feed %d stopped: %s: %s", claim.feed_id, kind, error)
