"""Channels made from rows: the account's credentials and its app's secrets, out of the vault.

Which platforms there are, and how a channel of each is made, is handed in by whoever starts the
service; here it is joined with the store. Tokens that end are renewed by whoever makes the channel
(``service.renewing``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import select

from collectors.fetch import Tariff
from responder.circumstances import PlatformRules, Rules
from service.public_reading import PublicReading
from shenava.channels import Channel, Unauthorised
from shenava.channels.instagram.links import PUBLIC
from shenava.messages import Platform
from shenava.store import Account, App, Store
from shenava.vault import Vault, VaultError


@dataclass(frozen=True, slots=True)
class Keys:
    """What a channel is made from. ``query``: of a search, else empty. Secrets never print."""

    handle: str
    native_id: str | None
    query: str
    secrets: Mapping[str, str] = field(repr=False)
    credentials: Mapping[str, str] = field(repr=False)


class PlatformWays(PlatformRules, Tariff, Protocol):
    """The rules of a platform: what may be sent, and what reading costs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One platform: how its channels are made, and its rules."""

    make: Callable[[Keys], Channel]
    ways: PlatformWays


class Channels:
    """Makes the channel of any account. Safe to use from many threads."""

    def __init__(self, store: Store, vault: Vault, kinds: Mapping[Platform, Kind]) -> None:
        self._store = store
        self._vault = vault
        self._kinds = dict(kinds)
        self._public = PublicReading(store, vault)

    @property
    def rules(self) -> Rules:
        """The rules of every platform that can be used."""
        return {platform: kind.ways for platform, kind in self._kinds.items()}

    def tariff(self, account_id: int) -> Tariff:
        """What reading costs through an account. Raises ``KeyError`` for a platform without."""
        with self._store.read() as session:
            platform = session.scalars(
                select(Account.platform).where(Account.id == account_id)
            ).one()
        return self._kinds[platform].ways

    def connect(self, account_id: int, query: str = "") -> Channel:
        """Make the channel of an account.

        Raises ``Unauthorised`` when it has no credentials, or none that the vault opens.
        """
        if query.startswith(PUBLIC):
            return self._public.connect(account_id, query)
        with self._store.read() as session:
            account = session.get(Account, account_id)
            app = session.get(App, account.app_id) if account and account.app_id else None
        if account is None or account.credentials is None:
            raise Unauthorised("the account is not connected")
        kind = self._kinds.get(account.platform)
        if kind is None:
            raise Unauthorised(f"there is no channel for {account.platform}")
        try:
            secrets = self._vault.open(app.secrets) if app and app.secrets else {}
            credentials = self._vault.open(account.credentials)
        except VaultError as error:
            raise Unauthorised(str(error)) from None

        return kind.make(Keys(account.handle, account.native_id, query, secrets, credentials))
