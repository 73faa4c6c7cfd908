"""Accounts, between the vault and the network: tested, stored, made into channels.

Keys belong to one place: those that were given to a real platform are never sent to a rehearsal,
nor the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import Settings
from dashboard.accounts.connections import About, Connection, Limits, NoBudget
from dashboard.accounts.deeds import read_at_once
from dashboard.audit import Deed as AuditDeed
from dashboard.audit import record
from service.channels import Keys, Kind
from service.instagram_accounts import InstagramMaker, InstagramWays, instagram_channel
from service.stored_keys import app_secrets, opened, packed, warns_at
from service.x_accounts import XMaker, XWays, x_channel
from shenava.channels import Channel, Profile, Rejected, Unauthorised
from shenava.channels.instagram import InstagramChannel, Login, Token
from shenava.channels.instagram import oauth as instagram_oauth
from shenava.channels.instagram.credentials import RENEWABLE_AFTER
from shenava.channels.instagram.oauth import Authorisation as Question
from shenava.channels.x import Credentials, Wire, oauth, rules
from shenava.channels.x.client import API
from shenava.channels.x.oauth import Authorisation
from shenava.messages import Platform
from shenava.store import Account, AccountState, App, Store
from shenava.store import spending as meter
from shenava.vault import FILE_NAME, Vault, VaultError


def open_vault(settings: Settings) -> Vault:
    """The vault of this installation. Raises ``VaultError``."""
    return Vault(settings.home / FILE_NAME)


def kinds(store: Store, vault: Vault, settings: Settings) -> dict[Platform, Kind]:
    """How the channel of each platform is made: for :class:`service.channels.Channels`."""
    return {
        Platform.X: Kind(make=XMaker(store, vault, settings), ways=XWays()),
        Platform.INSTAGRAM: Kind(make=InstagramMaker(store, vault, settings), ways=InstagramWays()),
    }


APP_NAMES = {Platform.X: "X app", Platform.INSTAGRAM: "Instagram app"}
"""What an app is called when nobody gave it a name."""


# Connecting.


class Connecting:
    """What the pages and the command line ask; see ``dashboard.accounts.connections``."""

    def __init__(self, store: Store, vault: Vault, settings: Settings) -> None:
        self._store, self._vault, self._settings = store, vault, settings
        self._make: dict[Platform, Callable[[Keys], Channel]] = {
            Platform.X: XMaker(store, vault, settings),
            Platform.INSTAGRAM: InstagramMaker(store, vault, settings),
        }
        # Raises here, at the start, for an address that keys must not be sent to.
        self._wire = Wire(settings.x_base_url or API)
        self._places = instagram_oauth.Places.of(settings.instagram_base_url or None)

    def simulated(self, platform: Platform) -> bool:
        if platform is Platform.INSTAGRAM:
            return bool(self._settings.instagram_base_url)
        return bool(self._settings.x_base_url)

    def try_keys(self, app_name: str, credentials: Credentials | Token) -> Profile:
        platform = platform_of(credentials)
        with self._store.write() as session:
            app = self._app(session, platform, app_name)
            if app is not None:
                self._pay(session, app)
        return self._bare(credentials).check()

    def dated(self, token: Token) -> Token:
        if token.login is not Login.INSTAGRAM or token.expires_at is not None:
            return token
        now = self._store.clock.now()
        ends = now + instagram_oauth.LASTS
        try:
            return self._instagram(replace(token, expires_at=ends)).refresh()
        except (Unauthorised, Rejected):
            # Younger than a day, and so at the beginning of its sixty.
            return replace(token, expires_at=ends - RENEWABLE_AFTER, issued_at=now)

    def _bare(self, credentials: Credentials | Token) -> Channel:
        if isinstance(credentials, Token):
            return self._instagram(credentials)
        return x_channel(credentials, self._store.clock, self._settings)

    def _instagram(self, token: Token) -> InstagramChannel:
        return instagram_channel(token, self._store.clock, self._settings)

    def begin_instagram(self, app_id: str, redirect_uri: str) -> Question:
        return instagram_oauth.begin(self._places, app_id, redirect_uri)

    def exchange_instagram(
        self, *, app_id: str, app_secret: str, redirect_uri: str, code: str
    ) -> Token:
        return instagram_oauth.exchange(
            self._places,
            self._store.clock,
            app_id=app_id,
            app_secret=app_secret,
            redirect_uri=redirect_uri,
            code=code,
        )

    def begin(self, client_id: str, redirect_uri: str) -> Authorisation:
        base = self._settings.x_base_url
        where = f"{base}/i/oauth2/authorize" if base else oauth.AUTHORISE
        return oauth.begin(client_id, redirect_uri, authorise_url=where)

    def exchange(
        self,
        *,
        client_id: str,
        client_secret: str | None,
        redirect_uri: str,
        code: str,
        verifier: str,
    ) -> Credentials:
        return oauth.exchange(
            self._wire,
            self._store.clock,
            client_id=client_id,
            client_secret=client_secret,
            redirect_uri=redirect_uri,
            code=code,
            verifier=verifier,
        )

    def save(self, connection: Connection, limits: Limits, by: int | None) -> int:
        with self._store.write() as session:
            now = self._store.clock.now()
            platform = platform_of(connection.credentials)
            app = self._app(session, platform, connection.app_name)
            if app is None:
                app = App(
                    platform=platform,
                    name=self._app_name(platform, connection.app_name),
                    money_limit_micros=limits.money_micros,
                    reads_limit=limits.reads,
                    created_at=now,
                )
                session.add(app)
                session.flush()
                self._pay(session, app, anyway=True)
            known = self._secrets(app)
            app.secrets = self._vault.lock(known | app_secrets(connection.credentials))
            account = self._account(session, platform, connection.profile, now)
            account.app_id, account.name = app.id, connection.profile.name
            account.native_id = connection.profile.native_id
            account.credentials = self._vault.lock(
                packed(connection, simulated=self.simulated(platform))
            )
            account.token_expires_at = warns_at(connection.credentials)
            account.state, account.paused_because = AccountState.CONNECTED, None
            account.connected_at = now
            session.flush()
            read_at_once(session, account.id, now)
            record(
                session,
                AuditDeed.ACCOUNT_CONNECTED,
                now,
                by=by,
                account=f"@{account.handle}",
                account_id=str(account.id),
            )
            return account.id

    def about(self, account_id: int) -> About:
        with self._store.read() as session:
            keys = self._keys(session, account_id)
            platform = session.get_one(Account, account_id).platform
        # A search is offered where one can be made; what for is said later.
        able = replace(keys, query="?")
        sources = frozenset(self._make[platform](able).sources())
        return About(sources, owns_app="other_app" not in keys.credentials)

    def test(self, account_id: int) -> Profile:
        with self._store.write() as session:
            keys = self._keys(session, account_id)
            account = session.get_one(Account, account_id)
            self._pay(session, session.get_one(App, account.app_id))
            platform = account.platform
        return self._make[platform](keys).check()

    def _keys(self, session: Session, account_id: int) -> Keys:
        """What the channel of an account is made from. Raises ``Unauthorised``."""
        account = session.get(Account, account_id)
        app = session.get(App, account.app_id) if account and account.app_id else None
        if account is None or account.credentials is None or app is None:
            raise Unauthorised("the account is not connected")
        return Keys(
            account.handle,
            account.native_id,
            "",
            self._secrets(app),
            opened(self._vault, account.credentials),
        )

    def _app_name(self, platform: Platform, name: str) -> str:
        # What a rehearsal "costs" must not use up the budget of the real thing.
        return f"{name} (rehearsal)" if self.simulated(platform) else name

    def _app(self, session: Session, platform: Platform, name: str) -> App | None:
        return session.scalars(
            select(App)
            .where(App.platform == platform, App.name == self._app_name(platform, name))
            .with_for_update()
        ).one_or_none()

    def _secrets(self, app: App) -> dict[str, str]:
        if app.secrets is None:
            return {}
        try:
            return self._vault.open(app.secrets)
        except VaultError:
            # Of another installation's key: the new ones take their place.
            return {}

    def _account(
        self, session: Session, platform: Platform, profile: Profile, now: datetime
    ) -> Account:
        """The row of this account: by its id, else by its handle (an import knows that only)."""
        of_all = select(Account).where(Account.platform == platform).with_for_update()
        known = session.scalars(of_all.where(Account.native_id == profile.native_id)).first()
        named = session.scalars(
            of_all.where(func.lower(Account.handle) == profile.handle.lower()).order_by(Account.id)
        ).first()
        if known is None and named is not None and named.native_id is None:
            # Its spelling stays: imports go on finding it by that.
            return named
        if known is None:
            known = Account(platform=platform, handle=profile.handle, created_at=now)
            session.add(known)
        elif named is None:
            known.handle = profile.handle
        return known

    def _pay(self, session: Session, app: App, *, anyway: bool = False) -> None:
        """Count the price of asking who someone is, before it is asked. Raises ``NoBudget``."""
        now = self._store.clock.now()
        price = rules.PRICES["user"].micros if app.platform is Platform.X else 0
        if not anyway and not meter.lock_spent(session, app.id, now).fits(price, 1):
            raise NoBudget("the app's own limit of the month is reached")
        what = {"user": (1, price)} if price else {}
        meter.add(session, app.id, now, {**what, meter.REQUESTS: (1, 0)})


def platform_of(credentials: Credentials | Token) -> Platform:
    return Platform.INSTAGRAM if isinstance(credentials, Token) else Platform.X
