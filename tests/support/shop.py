"""A shop that is connected: its app, its account, and feeds of it."""

from __future__ import annotations

from shenava.messages import Source
from shenava.store import Account, AccountState, App, Feed, Role, Store, User, UserState
from support.factories import SHOP


def connect_shop(
    store: Store,
    *,
    money_limit_micros: int | None = None,
    reads_limit: int | None = None,
) -> int:
    """Connect :data:`support.factories.SHOP`; returns the number of its account."""
    now = store.clock.now()
    with store.write() as session:
        app = App(
            platform=SHOP.platform,
            name="the app",
            money_limit_micros=money_limit_micros,
            reads_limit=reads_limit,
            created_at=now,
        )
        session.add(app)
        session.flush()
        account = Account(
            platform=SHOP.platform,
            handle=SHOP.handle,
            created_at=now,
            app_id=app.id,
            state=AccountState.CONNECTED,
            connected_at=now,
        )
        session.add(account)
        session.flush()
        return account.id


def add_feed(
    store: Store, account_id: int, source: Source = Source.MENTION, *, sweep: bool = False
) -> int:
    """A feed of the account that is due now; returns its number."""
    now = store.clock.now()
    with store.write() as session:
        feed = Feed(
            account_id=account_id,
            source=source,
            every_s=60,
            next_at=now,
            sweep_at=now if sweep else None,
        )
        session.add(feed)
        session.flush()
        return feed.id


def add_person(store: Store, name: str = "sara") -> int:
    """Someone who works here; returns their number."""
    with store.write() as session:
        user = User(
            email=f"{name}@shop.test",
            name=name,
            role=Role.AGENT,
            state=UserState.INVITED,
            session_key=name,
            created_at=store.clock.now(),
        )
        session.add(user)
        session.flush()
        return user.id
