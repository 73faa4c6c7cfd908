"""Accounts of X, between the vault and the network: tested, stored, made into channels, renewed.

A renewed pair of tokens is stored before it is used, and one worker at a time renews: whoever does
says so in the account's row first, in a transaction of its own, and the others wait. A worker
that died while renewing is waited for until its time is over; no lock is held over the network.

Keys belong to one place: those that were given to the real X are never sent to a rehearsal, nor the
other way round.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import Settings
from dashboard.accounts.connections import About, Connection, Limits, NoBudget
from dashboard.accounts.deeds import read_at_once
from dashboard.audit import Deed as AuditDeed
from dashboard.audit import record
from service.channels import Keys, Kind
from shenava.channels import (
    ChannelError,
    Cursor,
    LookedUp,
    Outgoing,
    Page,
    Profile,
    RateLimited,
    Reads,
    Sent,
    Unauthorised,
)
from shenava.channels.rules import Facts, Length, Limit, Ruling
from shenava.channels.x import Credentials, OAuth1, OAuth2, Wire, XChannel, length_of, oauth, rules
from shenava.channels.x.oauth import Authorisation
from shenava.channels.x.wire import API
from shenava.clock import Clock
from shenava.messages import Deed, MediaRef, Platform, Source
from shenava.store import Account, AccountState, App, Store
from shenava.store import spending as meter
from shenava.vault import FILE_NAME, Vault, VaultError

T = TypeVar("T")

RENEW_AHEAD = timedelta(minutes=5)
"""How long before its end a token is renewed."""

RENEWING_TAKES = timedelta(minutes=2)
"""How long a worker that renews is waited for: longer than all time-outs of a request."""

_ASK_AGAIN = timedelta(seconds=5)

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


# Keys as the vault keeps them.


def _packed(connection: Connection, *, simulated: bool) -> dict[str, str]:
    """What is kept with the account; what belongs to the app is kept there."""
    flags = {
        "simulated": simulated,
        "other_app": not connection.owns_app,
        "long_posts": connection.long_posts,
    }
    told = {name: "yes" for name, holds in flags.items() if holds}
    return told | _packed_tokens(connection.credentials)


def _packed_tokens(credentials: Credentials) -> dict[str, str]:
    if isinstance(credentials, OAuth1):
        return {"token": credentials.token, "token_secret": credentials.token_secret}
    told = {
        "access_token": credentials.access_token,
        "expires_at": credentials.expires_at.isoformat(),
        "scopes": " ".join(sorted(credentials.scopes)),
    }
    if credentials.refresh_token is not None:
        told["refresh_token"] = credentials.refresh_token
    return told


def _app_secrets(credentials: Credentials) -> dict[str, str]:
    if isinstance(credentials, OAuth1):
        return {
            "consumer_key": credentials.consumer_key,
            "consumer_secret": credentials.consumer_secret,
        }
    told = {"client_id": credentials.client_id}
    if credentials.client_secret is not None:
        told["client_secret"] = credentials.client_secret
    return told


def _unpacked(app: Mapping[str, str], own: Mapping[str, str]) -> Credentials:
    """Raises ``Unauthorised`` when a part is missing."""
    try:
        if "token" in own:
            return OAuth1(
                app["consumer_key"], app["consumer_secret"], own["token"], own["token_secret"]
            )
        return OAuth2(
            access_token=own["access_token"],
            expires_at=datetime.fromisoformat(own["expires_at"]),
            client_id=app["client_id"],
            refresh_token=own.get("refresh_token"),
            client_secret=app.get("client_secret"),
            scopes=frozenset(own.get("scopes", "").split()),
        )
    except (KeyError, ValueError):
        raise Unauthorised("a part of the stored keys is missing; connect again") from None


def _warns_at(credentials: Credentials) -> datetime | None:
    """When a person has to do something: never, where tokens can be renewed."""
    if isinstance(credentials, OAuth2) and credentials.refresh_token is None:
        return credentials.expires_at
    return None


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
        credentials = _unpacked(keys.secrets, keys.credentials)
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


# Renewing.


class Renewer:
    """Renews the tokens of one account, one worker at a time."""

    def __init__(self, store: Store, vault: Vault, platform: Platform, handle: str) -> None:
        self._store, self._vault = store, vault
        self._which = (Account.platform == platform, Account.handle == handle)

    def renew(self, used: OAuth2, refresh: Callable[[], OAuth2]) -> OAuth2:
        """The pair that follows ``used``, stored. ``refresh`` asks the platform for it.

        Raises ``RateLimited`` while another worker renews, and what ``refresh`` raises.
        """
        mark = secrets.token_hex(8)
        newer = self._begin(used, mark)
        if newer is not None:
            return newer
        try:
            fresh = refresh()
        except ChannelError:
            self._end(mark, None)
            raise
        return self._end(mark, fresh) or fresh

    def _begin(self, used: OAuth2, mark: str) -> OAuth2 | None:
        """Say that we renew. Where somebody has done so meanwhile, what they got."""
        with self._store.write() as session:
            now = self._store.clock.now()
            account, own = self._open(session)
            if own.get("access_token") != used.access_token:
                return self._stored(session, account, own)
            until = own.get("renewing_until")
            if until is not None and datetime.fromisoformat(until) > now:
                raise RateLimited(now + _ASK_AGAIN, named=False)
            own |= {"renewing_by": mark, "renewing_until": (now + RENEWING_TAKES).isoformat()}
            account.credentials = self._vault.lock(own)
        return None

    def _end(self, mark: str, fresh: OAuth2 | None) -> OAuth2 | None:
        """Store what we got, if the account is still as we found it; else hand out what stands
        there: somebody has connected it anew, and ours is of the past."""
        with self._store.write() as session:
            account, own = self._open(session)
            if own.get("renewing_by") != mark:
                return self._stored(session, account, own) if fresh else None
            del own["renewing_by"], own["renewing_until"]
            if fresh is not None:
                own.pop("refresh_token", None)
                own |= _packed_tokens(fresh)
                account.token_expires_at = _warns_at(fresh)
            account.credentials = self._vault.lock(own)
        return fresh

    def _open(self, session: Session) -> tuple[Account, dict[str, str]]:
        account = session.scalars(
            select(Account)
            .where(*self._which)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).one_or_none()
        if account is None or account.credentials is None:
            raise Unauthorised("the account is not connected any more")
        return account, _opened(self._vault, account.credentials)

    def _stored(self, session: Session, account: Account, own: Mapping[str, str]) -> OAuth2:
        app = session.get(App, account.app_id) if account.app_id is not None else None
        told = _opened(self._vault, app.secrets) if app and app.secrets else {}
        credentials = _unpacked(told, own)
        if not isinstance(credentials, OAuth2):
            raise Unauthorised("the account was connected in another way meanwhile")
        return credentials


def _opened(vault: Vault, locked: bytes) -> dict[str, str]:
    try:
        return vault.open(locked)
    except VaultError as error:
        raise Unauthorised(str(error)) from None


class Renewed:
    """An X channel whose tokens are renewed before they end, and when X refuses them early."""

    def __init__(
        self, channel: XChannel, credentials: OAuth2, renewer: Renewer, clock: Clock
    ) -> None:
        self._channel, self._credentials = channel, credentials
        self._renewer, self._clock = renewer, clock

    def __repr__(self) -> str:
        return repr(self._channel)

    def check(self) -> Profile:
        return self._do(self._channel.check)

    def sources(self) -> Sequence[Source]:
        return self._channel.sources()

    def read(self, source: Source, cursor: Cursor) -> Page:
        return self._do(lambda: self._channel.read(source, cursor))

    def cursor_from(self, source: Source, since: datetime) -> Cursor:
        return self._channel.cursor_from(source, since)

    def look_up(self, keys: Sequence[str]) -> LookedUp:
        return self._do(lambda: self._channel.look_up(keys))

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes:
        return self._do(lambda: self._channel.fetch_media(ref, max_bytes))

    def send(self, outgoing: Outgoing) -> Sent:
        return self._do(lambda: self._channel.send(outgoing))

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        return self._do(lambda: self._channel.find_sent(outgoing, after, known))

    def take_reads(self) -> Reads:
        return self._channel.take_reads()

    def _do(self, ask: Callable[[], T]) -> T:
        can = self._credentials.refresh_token is not None
        if can and self._clock.now() >= self._credentials.expires_at - RENEW_AHEAD:
            self._renew()
            return ask()
        try:
            return ask()
        except Unauthorised:
            # Nothing was done, so it may be asked again; with a pair that is newer, once.
            if not can:
                raise
            self._renew()
            return ask()

    def _renew(self) -> None:
        self._credentials = self._renewer.renew(self._credentials, self._channel.refresh)
        self._channel.use(self._credentials)


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
            app.secrets = self._vault.lock(known | _app_secrets(connection.credentials))
            account = self._account(session, connection.profile, now)
            account.app_id, account.name = app.id, connection.profile.name
            account.native_id = connection.profile.native_id
            account.credentials = self._vault.lock(_packed(connection, simulated=self.simulated))
            account.token_expires_at = _warns_at(connection.credentials)
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
            _opened(self._vault, account.credentials),
            lambda _credentials, _expires_at: None,
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
