"""The list of the shop's own places, as the page shows it: how each is, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors.health import Health, health
from collectors.inbound import AccountWebhooks, webhooks
from dashboard.accounts import words
from dashboard.accounts.state import is_late
from dashboard.accounts.words import Trouble
from shenava.store import Account, AccountState, App, Feed, FeedError, PublicReader, Store
from shenava.store.spending import Spent, spent


@dataclass(frozen=True, slots=True)
class FeedView:
    """One source of an account."""

    feed: Feed
    health: Health
    late: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A trouble, and where: the sources it was seen at."""

    trouble: Trouble
    at: tuple[Feed, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountView:
    account: Account
    feeds: tuple[FeedView, ...]
    troubles: tuple[Told, ...]
    expiry_days: int | None
    webhooks: AccountWebhooks | None = None
    public: PublicReader | None = None

    @property
    def read_at(self) -> datetime | None:
        """When the source that was read longest ago was read; ``None`` while one never was."""
        read = [one.feed.last_ok_at for one in self.feeds]
        known = [at for at in read if at is not None]
        return min(known) if known and len(known) == len(read) else None

    @property
    def gap_count(self) -> int:
        return sum(len(one.health.gaps) for one in self.feeds)

    @property
    def gap_since(self) -> datetime | None:
        return min((gap.start for one in self.feeds for gap in one.health.gaps), default=None)

    @property
    def silent_since(self) -> datetime | None:
        silent = [one.health.last_new_at for one in self.feeds if one.health.silent]
        return min(filter(None, silent), default=None)

    @property
    def repaired(self) -> int:
        return sum(one.health.repaired for one in self.feeds)


@dataclass(frozen=True, slots=True)
class AppView:
    """An app with what it used this month."""

    app: App
    spent: Spent
    accounts: tuple[AccountView, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Overview:
    apps: tuple[AppView, ...]
    without_app: tuple[AccountView, ...]

    @property
    def accounts(self) -> tuple[AccountView, ...]:
        return (*(one for app in self.apps for one in app.accounts), *self.without_app)


def overview(store: Store) -> Overview:
    """All accounts by app; those known from files last."""
    with store.read() as session:
        now = store.clock.now()
        accounts = session.scalars(select(Account).order_by(Account.platform, Account.id)).all()
        views = {account.id: account_view(session, account, now) for account in accounts}
        apps = session.scalars(select(App).order_by(App.name, App.id)).all()
        return Overview(
            tuple(
                AppView(
                    app,
                    spent(session, app.id, now),
                    tuple(views[one.id] for one in accounts if one.app_id == app.id),
                )
                for app in apps
            ),
            tuple(views[one.id] for one in accounts if one.app_id is None),
        )


def account_view(session: Session, account: Account, now: datetime) -> AccountView:
    """One account with its sources and what is wrong."""
    feeds = session.scalars(
        select(Feed).where(Feed.account_id == account.id, Feed.enabled).order_by(Feed.id)
    ).all()
    views = tuple(
        FeedView(feed, health(session, feed, account, now), is_late(feed, account, now))
        for feed in feeds
    )
    expiry = next((one.health.expiry_days for one in views), None)
    hooks = webhooks(session, now).accounts.get(account.id)
    troubles = (*_troubles(account, views, expiry), *_of_webhooks(account, hooks))
    public = session.get(PublicReader, account.id)
    if public is not None and public.trouble is not None and public.open_until is not None:
        troubles = (*troubles, Told(words.PUBLIC[public.trouble]))
    return AccountView(account, views, troubles, expiry, hooks, public)


def _of_webhooks(account: Account, hooks: AccountWebhooks | None) -> Iterable[Told]:
    if hooks is None or account.state is not AccountState.CONNECTED:
        return
    if hooks.lost:
        yield Told(words.NO_WEBHOOKS)
    elif hooks.silent:
        yield Told(words.SILENT_WEBHOOKS)


def _troubles(account: Account, feeds: tuple[FeedView, ...], expiry: int | None) -> Iterable[Told]:
    if account.state is AccountState.IMPORTED:
        return
    if account.state is AccountState.UNAUTHORISED:
        yield Told(words.DEAD)
        return
    if account.paused_because is not None:
        yield Told(words.PAUSED[account.paused_because])
        return
    errors: dict[FeedError, list[Feed]] = {}
    for one in feeds:
        if one.feed.last_error is not None:
            errors.setdefault(one.feed.last_error, []).append(one.feed)
    for error, at in errors.items():
        yield Told(words.TROUBLES[error], tuple(at))
    late = [one.feed for one in feeds if one.late and not one.feed.last_error]
    if late:
        yield Told(words.LATE, tuple(late))
    if any(one.health.gaps for one in feeds):
        yield Told(words.GAPS, tuple(one.feed for one in feeds if one.health.gaps))
    silent = [one.feed for one in feeds if one.health.silent]
    if silent:
        yield Told(words.SILENT, tuple(silent))
    if expiry is not None:
        yield Told(words.EXPIRES)
