"""Renewing the tokens of an account: stored before they are used, by one worker at a time.

Whoever renews says so in the account's row first, in a transaction of its own, and the others wait.
A worker that died while renewing is waited for until its time is over; no lock is held over the
network.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.stored_keys import opened
from shenava.channels import (
    Channel,
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
from shenava.clock import Clock
from shenava.messages import MediaRef, Platform, Source
from shenava.store import Account, App, Store
from shenava.vault import Vault

log = logging.getLogger(__name__)

T = TypeVar("T")


class Ending(Protocol):
    """Credentials that end."""

    @property
    def access_token(self) -> str: ...


C = TypeVar("C", bound=Ending)


class Renewal(Protocol[C]):
    """When and how the credentials of one platform are renewed, and how they are kept.

    ``after_refusal``: also when the platform refuses them early. ``at_leisure``: they go on
    working meanwhile, so that a failure to renew them costs nothing yet."""

    after_refusal: bool
    at_leisure: bool

    def is_due(self, credentials: C, now: datetime) -> bool: ...

    def can(self, credentials: C) -> bool: ...

    def packed(self, credentials: C) -> dict[str, str]: ...

    def unpacked(self, app: Mapping[str, str], own: Mapping[str, str]) -> C: ...

    def warns_at(self, credentials: C) -> datetime | None: ...


class Renewable(Channel, Protocol[C]):
    """A channel whose credentials can be renewed, with all that is optional for a channel."""

    def refresh(self) -> C: ...

    def use(self, credentials: C, /) -> None: ...

    def cursor_from(self, source: Source, since: datetime) -> Cursor: ...

    def look_up(self, keys: Sequence[str]) -> LookedUp: ...

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes: ...


RENEWING_TAKES = timedelta(minutes=2)
"""How long a worker that renews is waited for: longer than all time-outs of a request."""

_ASK_AGAIN = timedelta(seconds=5)


class Renewer(Generic[C]):
    """Renews the tokens of one account, one worker at a time."""

    def __init__(
        self, store: Store, vault: Vault, platform: Platform, handle: str, renewal: Renewal[C]
    ) -> None:
        self._store, self._vault, self.renewal = store, vault, renewal
        self._which = (Account.platform == platform, Account.handle == handle)

    def renew(self, used: C, refresh: Callable[[], C]) -> C:
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

    def _begin(self, used: C, mark: str) -> C | None:
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

    def _end(self, mark: str, fresh: C | None) -> C | None:
        """Store what we got, if the account is still as we found it; else hand out what stands
        there: somebody has connected it anew, and ours is of the past."""
        with self._store.write() as session:
            account, own = self._open(session)
            if own.get("renewing_by") != mark:
                return self._stored(session, account, own) if fresh else None
            del own["renewing_by"], own["renewing_until"]
            if fresh is not None:
                own.pop("refresh_token", None)
                own |= self.renewal.packed(fresh)
                account.token_expires_at = self.renewal.warns_at(fresh)
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
        return account, opened(self._vault, account.credentials)

    def _stored(self, session: Session, account: Account, own: Mapping[str, str]) -> C:
        app = session.get(App, account.app_id) if account.app_id is not None else None
        told = opened(self._vault, app.secrets) if app and app.secrets else {}
        return self.renewal.unpacked(told, own)


class Renewed(Generic[C]):
    """A channel whose tokens are renewed before they end."""

    def __init__(
        self, channel: Renewable[C], credentials: C, renewer: Renewer[C], clock: Clock
    ) -> None:
        self._channel, self._credentials = channel, credentials
        self._renewer, self._clock = renewer, clock
        self._tried = False

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
        renewal = self._renewer.renewal
        again = self._tried and renewal.at_leisure
        if renewal.is_due(self._credentials, self._clock.now()) and not again:
            try:
                self._tried = True
                self._renew()
            except ChannelError:
                if not renewal.at_leisure:
                    raise
                # What there is still works; if it does not, the platform says so below.
                log.warning("a token could not be renewed yet; it is tried again")
            return ask()
        try:
            return ask()
        except Unauthorised:
            # Nothing was done, so it may be asked again; with a pair that is newer, once.
            if not (renewal.after_refusal and renewal.can(self._credentials)):
                raise
            self._renew()
            return ask()

    def _renew(self) -> None:
        self._credentials = self._renewer.renew(self._credentials, self._channel.refresh)
        self._channel.use(self._credentials)
