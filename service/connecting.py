"""Accounts of X, between the vault and the network: tested, stored, made into channels.

Keys belong to one place: those that were given to the real X are never sent to a rehearsal, nor the
other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import Settings
from dashboard.accounts.connections import About, Connection, Limits, NoBudget
from dashboard.accounts.deeds import read_at_once
from dashboard.audit import Deed as AuditDeed
from dashboard.audit import record
from service.channels import Keys, Kind
from service.renewing import Renewed, Renewer
from service.stored_keys import app_secrets, opened, packed, unpacked, warns_at
from shenava.channels import (
    Outgoing,
    Profile,
    Reads,
    Unauthorised,
)
from shenava.channels.rules import Facts, Length, Limit, Ruling
from shenava.channels.x import Credentials, OAuth1, Wire, XChannel, length_of, oauth, rules
from shenava.channels.x.client import API
from shenava.channels.x.links import key_of
from shenava.channels.x.oauth import Authorisation
from shenava.clock import Clock
from shenava.messages import Deed, Platform, Source
from shenava.store import Account, AccountState, App, Store
from shenava.store import spending as meter
from shenava.vault import FILE_NAME, Vault, VaultError

ELSEWHERE = "the account was connected to another X than the one in use now; connect it again"


def open_vault(settings: Settings) -> Vault:
    """The vault of this installation. Raises ``VaultError``."""
    return Vault(settings.home / FILE_NAME)


def kinds(store: Store, vault: Vault, settings: Settings) -> dict[Platform, Kind]:
    """How the channel of each platform is made: for :class:`service.channels.Channels`."""
    return {Platform.X: Kind(make=XMaker(store, vault, settings), ways=XWays())}


class XWays:
    """The rules of X, with the dearest price of a page.

    What is set aside before a page must be enough whoever owns the app, and where mentions have to
    be filled up by a search; what was really read is counted afterwards.
    """

    def may_answer(self, facts: Facts) -> Ruling:
        return rules.may_answer(facts)

    def takes_picture(self, deed: Deed) -> bool:
        return rules.takes_picture(deed)

    def length_of(self, text: str, deed: Deed = Deed.ANSWER) -> Length:
        return length_of(text, deed)

    def price_of(self, outgoing: Outgoing, summoned: bool = False) -> int:
        return rules.price_of(outgoing, summoned)

    def limits_of(self, what: Deed) -> tuple[Limit, ...]:
        return rules.limits_of(what)

    def read_price(self, reads: Reads) -> int:
        return rules.read_price(reads)

    def page_price(self, source: Source) -> int:
        return rules.page_price(source, owns_app=False)

    def key_of(self, link: str) -> str | None:
        return key_of(link)


def _channel(
    credentials: Credentials,
    clock: Clock,
    settings: Settings,
    *,
    profile: Profile | None = None,
    query: str = "",
    own: Mapping[str, str] | None = None,
) -> XChannel:
    flags = own or {}
    return XChannel(
        credentials,
        clock,
        base_url=settings.x_base_url or None,
        profile=profile,
        query=query,
        owns_app="other_app" not in flags,
        long_posts="long_posts" in flags,
    )


class XMaker:
    """Makes channels of X accounts from their rows."""

    def __init__(self, store: Store, vault: Vault, settings: Settings) -> None:
        self._store, self._vault, self._settings = store, vault, settings

    def __call__(self, keys: Keys) -> XChannel | Renewed:
        if ("simulated" in keys.credentials) is not bool(self._settings.x_base_url):
            raise Unauthorised(ELSEWHERE)
        credentials = unpacked(keys.secrets, keys.credentials)
        profile = None
        if keys.native_id is not None:
            profile = Profile(keys.native_id, keys.handle, keys.handle, None)
        channel = _channel(
            credentials,
            self._store.clock,
            self._settings,
            profile=profile,
            query=keys.query,
            own=keys.credentials,
        )
        if isinstance(credentials, OAuth1):
            return channel
        renewer = Renewer(self._store, self._vault, Platform.X, keys.handle)
        return Renewed(channel, credentials, renewer, self._store.clock)


# Connecting.


class Connecting:
    """What the pages and the command line ask; see ``dashboard.accounts.connections``."""

    def __init__(self, store: Store, vault: Vault, settings: Settings) -> None:
        self._store, self._vault, self._settings = store, vault, settings
        self._make = XMaker(store, vault, settings)
        # Raises here, at the start, for an address that keys must not be sent to.
        self._wire = Wire(settings.x_base_url or API)

    @property
    def simulated(self) -> bool:
        return bool(self._settings.x_base_url)

    def try_keys(self, app_name: str, credentials: Credentials) -> Profile:
        with self._store.write() as session:
            app = self._app(session, app_name)
            if app is not None:
                self._pay(session, app.id)
        return _channel(credentials, self._store.clock, self._settings).check()

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
            app = self._app(session, connection.app_name)
            if app is None:
                app = App(
                    platform=Platform.X,
                    name=self._app_name(connection.app_name),
                    money_limit_micros=limits.money_micros,
                    reads_limit=limits.reads,
                    created_at=now,
                )
                session.add(app)
                session.flush()
                self._pay(session, app.id, anyway=True)
            known = self._secrets(app)
            app.secrets = self._vault.lock(known | app_secrets(connection.credentials))
            account = self._account(session, connection.profile, now)
            account.app_id, account.name = app.id, connection.profile.name
            account.native_id = connection.profile.native_id
            account.credentials = self._vault.lock(packed(connection, simulated=self.simulated))
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
        sources = frozenset({*self._make(keys).sources(), Source.SEARCH})
        return About(sources, owns_app="other_app" not in keys.credentials)

    def test(self, account_id: int) -> Profile:
        with self._store.write() as session:
            keys = self._keys(session, account_id)
            self._pay(session, session.get_one(Account, account_id).app_id)
        return self._make(keys).check()

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

    def _app_name(self, name: str) -> str:
        # What a rehearsal "costs" must not use up the budget of the real thing.
        return f"{name} (rehearsal)" if self.simulated else name

    def _app(self, session: Session, name: str) -> App | None:
        return session.scalars(
            select(App)
            .where(App.platform == Platform.X, App.name == self._app_name(name))
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

    def _account(self, session: Session, profile: Profile, now: datetime) -> Account:
        """The row of this account: by its id, else by its handle (an import knows that only)."""
        of_x = select(Account).where(Account.platform == Platform.X).with_for_update()
        known = session.scalars(of_x.where(Account.native_id == profile.native_id)).first()
        named = session.scalars(
            of_x.where(func.lower(Account.handle) == profile.handle.lower()).order_by(Account.id)
        ).first()
        if known is None and named is not None and named.native_id is None:
            # Its spelling stays: imports go on finding it by that.
            return named
        if known is None:
            known = Account(platform=Platform.X, handle=profile.handle, created_at=now)
            session.add(known)
        elif named is None:
            known.handle = profile.handle
        return known

    def _pay(self, session: Session, app_id: int | None, *, anyway: bool = False) -> None:
        """Count the price of asking X who someone is, before it is asked. Raises ``NoBudget``."""
        assert app_id is not None, "who has keys has an app"
        now = self._store.clock.now()
        price = rules.PRICES["user"].micros
        if not anyway and not meter.lock_spent(session, app_id, now).fits(price, 1):
            raise NoBudget("the app's own limit of the month is reached")
        meter.add(session, app_id, now, {"user": (1, price), meter.REQUESTS: (1, 0)})
