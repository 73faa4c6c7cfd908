"""Accounts of X: how their channels are made, and X's rules as the rest of the house asks them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from config import Settings
from service.channels import Keys
from service.renewing import Renewal, Renewed, Renewer
from service.stored_keys import packed_tokens, unpacked, warns_at
from shenava.channels import Outgoing, Profile, Reads, Unauthorised
from shenava.channels.rules import Facts, Length, Limit, Ruling, Window
from shenava.channels.x import Credentials, OAuth1, OAuth2, XChannel, length_of, rules
from shenava.channels.x.links import key_of
from shenava.clock import Clock
from shenava.messages import Deed, Platform, Source
from shenava.store import Store
from shenava.vault import Vault

ELSEWHERE = "the account was connected to another X than the one in use now; connect it again"

RENEW_AHEAD = timedelta(minutes=5)
"""How long before its end a token is renewed."""


class XWays:
    """The rules of X, with the dearest price of a page.

    What is set aside before a page must be enough whoever owns the app, and where mentions have to
    be filled up by a search; what was really read is counted afterwards.
    """

    LOOK_UP_LIMIT = rules.LOOK_UP_LIMIT

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

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
        return rules.window_of(deed, opened_at, now)

    def may_repeat(self, deed: Deed) -> bool:
        return rules.may_repeat(deed)


class XRenewal(Renewal[OAuth2]):
    """A pair is renewed shortly before its end, and when X refuses it early."""

    after_refusal = True
    at_leisure = False

    def is_due(self, credentials: OAuth2, now: datetime) -> bool:
        return self.can(credentials) and now >= credentials.expires_at - RENEW_AHEAD

    def can(self, credentials: OAuth2) -> bool:
        return credentials.refresh_token is not None

    def packed(self, credentials: OAuth2) -> dict[str, str]:
        return packed_tokens(credentials)

    def unpacked(self, app: Mapping[str, str], own: Mapping[str, str]) -> OAuth2:
        credentials = unpacked(app, own)
        if not isinstance(credentials, OAuth2):
            raise Unauthorised("the account was connected in another way meanwhile")
        return credentials

    def warns_at(self, credentials: OAuth2) -> datetime | None:
        return warns_at(credentials)


def x_channel(
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

    def __call__(self, keys: Keys) -> XChannel | Renewed[OAuth2]:
        if ("simulated" in keys.credentials) is not bool(self._settings.x_base_url):
            raise Unauthorised(ELSEWHERE)
        credentials = unpacked(keys.secrets, keys.credentials)
        profile = None
        if keys.native_id is not None:
            profile = Profile(keys.native_id, keys.handle, keys.handle, None)
        channel = x_channel(
            credentials,
            self._store.clock,
            self._settings,
            profile=profile,
            query=keys.query,
            own=keys.credentials,
        )
        if isinstance(credentials, OAuth1):
            return channel
        renewer = Renewer(self._store, self._vault, Platform.X, keys.handle, XRenewal())
        return Renewed(channel, credentials, renewer, self._store.clock)
