"""The shop of a rehearsal, connected to the simulated platforms as a person would connect it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from collectors.sweep import SWEEP_EVERY
from config import Settings
from dashboard.accounts.connections import Connection, Limits
from dashboard.webhooks.doors import Doors
from service.connecting import Connecting
from service.rehearsal import Simulated
from shenava.channels import Profile
from shenava.channels.instagram import Login, Token
from shenava.channels.x import OAuth1, query_of
from shenava.messages import Platform, Source
from shenava.store import Account, Feed, Store
from shenava.vault import Vault, VaultError

APP = "Noora"
NAME = "نورا | Noora"

TERMS = ("نورا", "Noora")
"""What customers write who speak of the shop without naming its account."""
HASHTAG = "نورا"

_SEARCH_AFTER = timedelta(seconds=15)

_EVERY_S = {
    # X's paces hold here too: 300 looks at mentions in 15 minutes, but 15 at private messages.
    Platform.X: {Source.MENTION: 5, Source.SEARCH: 10, Source.OWN: 10, Source.INBOX: 70},
    # Meta's: two looks at conversations in a second.
    Platform.INSTAGRAM: {
        Source.COMMENT: 5,
        Source.INBOX: 8,
        Source.MENTION: 20,
        Source.SEARCH: 60,
    },
}


def connect_shop(store: Store, vault: Vault, settings: Settings, simulated: Simulated) -> None:
    """Connect the shop's accounts and their feeds, as far as they are not.

    What a person has changed since (paused, a feed switched off) stays as it is.
    """
    for connection in (_on_x(simulated.x.keys), _on_instagram(simulated.instagram.keys)):
        account_id = _known(store, vault, connection)
        if account_id is None:
            connecting = Connecting(store, vault, settings)
            account_id = connecting.save(connection, Limits(), None)
        _add_feeds(store, account_id, connection)


def order_webhooks(store: Store, simulated: Simulated, doors: Doors, address: str) -> None:
    """Give the simulated Instagram our address for webhooks, and order them, where it has not: as
    a person would do in Meta's dashboard and on the page of webhooks. ``address``: our own, which
    must be answering. Raises ``RemoteError``, ``ChannelError``, ``OSError``; try again later."""
    instagram = simulated.instagram
    with store.read() as session:
        account = session.scalars(
            select(Account).where(
                Account.platform == Platform.INSTAGRAM,
                Account.native_id == instagram.keys["user_id"],
            )
        ).one()
    url = f"{address}/webhooks/{Platform.INSTAGRAM.value}/{account.app_id}"
    state = instagram.call("GET", "/webhooks")
    if state["url"] != url and account.app_id is not None:
        token = doors.verify_token(Platform.INSTAGRAM, account.app_id)
        instagram.call("POST", "/webhooks", url=url, verify_token=token)
    if not state["fields"]:
        doors.secrets.order(account.id)


def _on_x(keys: Mapping[str, str]) -> Connection:
    credentials = OAuth1(
        keys["consumer_key"],
        keys["consumer_secret"],
        keys["access_token"],
        keys["access_token_secret"],
    )
    return Connection(APP, credentials, Profile(keys["user_id"], keys["username"], NAME, None))


def _on_instagram(keys: Mapping[str, str]) -> Connection:
    """With a page's token, which sees all: tags and hashtags too."""
    token = Token(keys["facebook_token"], Login.FACEBOOK, keys["app_id"], keys["app_secret"])
    return Connection(APP, token, Profile(keys["user_id"], keys["username"], NAME, None))


def _known(store: Store, vault: Vault, connection: Connection) -> int | None:
    """The number of the account, if it holds the keys of these simulators, and not of others
    before them."""
    with store.read() as session:
        account = session.scalars(
            select(Account).where(
                Account.platform == connection.platform,
                Account.native_id == connection.profile.native_id,
            )
        ).one_or_none()
    if account is None or account.credentials is None:
        return None
    try:
        held = vault.open(account.credentials)
    except VaultError:
        return None
    keys = connection.credentials
    same = (
        held.get("access_token") == keys.access_token
        if isinstance(keys, Token)
        else isinstance(keys, OAuth1) and held.get("token") == keys.token
    )
    return account.id if same else None


def _query(connection: Connection, source: Source) -> str:
    """What a search looks for."""
    if source is not Source.SEARCH:
        return ""
    if connection.platform is Platform.INSTAGRAM:
        return HASHTAG
    return query_of(list(TERMS), connection.profile.handle)


def _add_feeds(store: Store, account_id: int, connection: Connection) -> None:
    with store.write() as session:
        now = store.clock.now()
        there = set(session.scalars(select(Feed.source).where(Feed.account_id == account_id)))
        for number, (source, every_s) in enumerate(_EVERY_S[connection.platform].items()):
            if source in there:
                continue
            session.add(
                Feed(
                    account_id=account_id,
                    source=source,
                    query=_query(connection, source),
                    every_s=every_s,
                    # What is searched for finds the shop's own posts too: those are read first.
                    next_at=now + _SEARCH_AFTER if source is Source.SEARCH else now,
                    # Not all at once.
                    sweep_at=now + SWEEP_EVERY / 12 + timedelta(minutes=number),
                )
            )
