"""What admins do to the shop's own places. Each function works within a writing session."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.coverage import last_complete, open_line
from collectors.sweep import SWEEP_EVERY
from dashboard.accounts.connections import Limits
from dashboard.audit import Deed, record
from dashboard.i18n import lazy
from dashboard.staff.members import Refusal
from shenava.channels import Cursor
from shenava.channels.instagram.links import PUBLIC
from shenava.messages import Source
from shenava.store import (
    Account,
    AccountState,
    App,
    Coverage,
    CoverageKind,
    Feed,
    FeedError,
    PausedBecause,
)

EVERY_S: Mapping[Source, int] = {
    Source.MENTION: 60,
    Source.COMMENT: 60,
    Source.SEARCH: 120,
    Source.OWN: 120,
    # X allows fifteen looks in a quarter of an hour, all pages counted: this leaves a third of
    # them for inboxes that need more than one. X bills each message once a day, however often.
    Source.INBOX: 90,
}
"""Seconds between two readings of a source."""

_CHOSEN_HERE = ~Feed.query.startswith(PUBLIC)
"""What is public is switched on and off on the command line, with its risk."""

CursorFrom = Callable[[Source, datetime], Cursor]
"""A cursor that begins a reading from now down to an instant."""

NO_ACCOUNT = lazy("There is no such account.")
NOT_CONNECTED = lazy("This account is not connected. Connect it first.")
BEING_READ = lazy("This account is being read at this moment. Try again in a minute.")
NOTHING_CHOSEN = lazy("Nothing is collected from this account yet. Choose that first.")


def pause(session: Session, by: int | None, account_id: int, now: datetime) -> Account:
    """Hold an account still: nothing is read, nothing is sent. Raises ``Refusal``."""
    account = _account(session, account_id)
    if account.state in (AccountState.IMPORTED, AccountState.UNAUTHORISED):
        raise Refusal(NOT_CONNECTED)
    if account.paused_because is not PausedBecause.PERSON:
        account.state, account.paused_because = AccountState.PAUSED, PausedBecause.PERSON
        _record(session, Deed.ACCOUNT_PAUSED, now, by, account)
    return account


def resume(session: Session, by: int | None, account_id: int, now: datetime) -> Account:
    """Go on: what was written meanwhile is read now. Raises ``Refusal``."""
    account = _account(session, account_id)
    if account.credentials is None or account.state is AccountState.UNAUTHORISED:
        raise Refusal(NOT_CONNECTED)
    if account.state is AccountState.PAUSED:
        account.state, account.paused_because = AccountState.CONNECTED, None
        session.flush()
        read_at_once(session, account.id, now)
        _record(session, Deed.ACCOUNT_RESUMED, now, by, account)
    return account


def set_limits(session: Session, by: int | None, app_id: int, limits: Limits, now: datetime) -> App:
    """Set an app's hard stops of the month. What stopped for want of budget is due again, and
    stops again if the new limit is too low as well."""
    app = session.get(App, app_id, with_for_update=True)
    if app is None:
        raise Refusal(lazy("There is no such app."))
    if (app.money_limit_micros, app.reads_limit) == (limits.money_micros, limits.reads):
        return app
    app.money_limit_micros, app.reads_limit = limits.money_micros, limits.reads
    stopped = (
        select(Feed)
        .join(Account, Account.id == Feed.account_id)
        .where(Account.app_id == app.id, Feed.last_error == FeedError.BUDGET)
        .with_for_update(of=Feed)
    )
    for feed in session.scalars(stopped):
        feed.next_at = now
    record(session, Deed.APP_LIMITS_CHANGED, now, by=by, app=app.name)
    return app


def choose(
    session: Session,
    by: int | None,
    account_id: int,
    wanted: Collection[tuple[Source, str]],
    cursor: Callable[[Source], Cursor],
    now: datetime,
) -> int:
    """Collect ``wanted`` (source and query) from an account, and nothing else; returns how many
    of them are new. A new one is read from now down to where its ``cursor`` says.

    What is not wanted any more keeps what it brought, and its place: chosen again, it goes on
    there. Raises ``Refusal``.
    """
    account = _account(session, account_id)
    if account.credentials is None:
        raise Refusal(NOT_CONNECTED)
    known = {
        (feed.source, feed.query): feed
        for feed in session.scalars(
            select(Feed).where(Feed.account_id == account_id, _CHOSEN_HERE).with_for_update()
        )
    }
    for key, feed in known.items():
        if (key in wanted) is not feed.enabled:
            feed.enabled = key in wanted
            feed.next_at = now
    new = [key for key in wanted if key not in known]
    for source, query in new:
        session.add(
            Feed(
                account_id=account_id,
                source=source,
                query=query,
                cursor=dict(cursor(source)),
                every_s=EVERY_S[source],
                next_at=now,
                # Every look at the inbox reads the newest again anyway.
                sweep_at=None if source is Source.INBOX else now + SWEEP_EVERY,
            )
        )
    session.flush()
    _record(session, Deed.ACCOUNT_SOURCES_CHOSEN, now, by, account)
    return len(new)


def backfill(
    session: Session,
    by: int | None,
    account_id: int,
    since: datetime,
    cursor_from: CursorFrom,
    now: datetime,
) -> int:
    """Read every source of an account again, from now down to ``since``; returns how many.

    A source that was last read to its end before ``since`` is read down to there: no hole is
    made by asking for less. Raises ``Refusal``, also while one of them is being read.
    """
    account = _account(session, account_id)
    if account.state is not AccountState.CONNECTED:
        raise Refusal(NOT_CONNECTED)
    feeds = session.scalars(
        select(Feed)
        .where(Feed.account_id == account_id, Feed.enabled, _CHOSEN_HERE)
        .with_for_update()
    ).all()
    if not feeds:
        raise Refusal(NOTHING_CHOSEN)
    if any(feed.claimed_until is not None and feed.claimed_until > now for feed in feeds):
        raise Refusal(BEING_READ)
    for feed in feeds:
        last = last_complete(session, feed.id)
        reached = last.covered_to if last is not None else None
        down_to = min(since, reached) if reached is not None else since
        feed.cursor = dict(cursor_from(feed.source, down_to))
        feed.next_at = now
        line = open_line(session, feed.id, sweep=False)
        if line is None:
            line = Coverage(feed_id=feed.id, since=reached, started_at=now)
            session.add(line)
        # As a first reading: what is long past is marked as history.
        line.kind = CoverageKind.BACKFILL
    _record(session, Deed.ACCOUNT_BACKFILLED, now, by, account)
    return len(feeds)


def read_at_once(session: Session, account_id: int, now: datetime) -> None:
    """Let every chosen source of the account be due, and forget what stopped it."""
    for feed in session.scalars(
        select(Feed).where(Feed.account_id == account_id, Feed.enabled).with_for_update()
    ):
        feed.next_at = now
        feed.failures = 0
        feed.last_error = feed.last_error_at = None


def days_back(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _account(session: Session, account_id: int) -> Account:
    account = session.get(Account, account_id, with_for_update=True)
    if account is None:
        raise Refusal(NO_ACCOUNT)
    return account


def _record(session: Session, deed: Deed, now: datetime, by: int | None, account: Account) -> None:
    record(session, deed, now, by=by, account=f"@{account.handle}", account_id=str(account.id))
