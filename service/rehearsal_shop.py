"""The shop of a rehearsal, connected to the simulated X as a person would connect it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from collectors.sweep import SWEEP_EVERY
from config import Settings
from dashboard.accounts.connections import Connection, Limits
from service.connecting import Connecting
from service.rehearsal import Simulated
from shenava.channels import Profile
from shenava.channels.x import OAuth1, query_of
from shenava.messages import Platform, Source
from shenava.store import Account, Feed, Store
from shenava.vault import Vault, VaultError

APP = "Noora"

TERMS = ("نورا", "Noora")
"""What customers write who speak of the shop without naming its account."""

_EVERY_S = {
    # X's paces hold here too: 300 looks at mentions in 15 minutes, but 15 at private messages.
    Source.MENTION: 5,
    Source.SEARCH: 10,
    Source.OWN: 10,
    Source.INBOX: 70,
}


def connect_shop(store: Store, vault: Vault, settings: Settings, simulated: Simulated) -> int:
    """Connect the shop's account and its feeds, as far as they are not; its number.

    What a person has changed since (paused, a feed switched off) stays as it is.
    """
    keys = simulated.x.keys
    with store.read() as session:
        account = session.scalars(
            select(Account).where(
                Account.platform == Platform.X, Account.native_id == keys["user_id"]
            )
        ).one_or_none()
    if account is not None and _has_these(vault, account, keys["access_token"]):
        account_id = account.id
    else:
        credentials = OAuth1(
            keys["consumer_key"],
            keys["consumer_secret"],
            keys["access_token"],
            keys["access_token_secret"],
        )
        profile = Profile(keys["user_id"], keys["username"], "نورا | Noora", None)
        account_id = Connecting(store, vault, settings).save(
            Connection(APP, credentials, profile), Limits(), None
        )
    _add_feeds(store, account_id, keys["username"])
    return account_id


def _has_these(vault: Vault, account: Account, token: str) -> bool:
    """Whether the account holds the keys of this simulator, and not of one before it."""
    if account.credentials is None:
        return False
    try:
        return vault.open(account.credentials).get("token") == token
    except VaultError:
        return False


def _add_feeds(store: Store, account_id: int, handle: str) -> None:
    with store.write() as session:
        now = store.clock.now()
        there = set(session.scalars(select(Feed.source).where(Feed.account_id == account_id)))
        for number, (source, every_s) in enumerate(_EVERY_S.items()):
            if source in there:
                continue
            session.add(
                Feed(
                    account_id=account_id,
                    source=source,
                    query=query_of(list(TERMS), handle) if source is Source.SEARCH else "",
                    every_s=every_s,
                    next_at=now,
                    # Not all at once.
                    sweep_at=now + SWEEP_EVERY / 12 + timedelta(minutes=number),
                )
            )
