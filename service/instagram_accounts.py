"""Accounts of Instagram: how their channels are made, and its rules as the rest of the house asks
them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from config import Settings
from service.channels import Keys
from service.renewing import Renewal, Renewed, Renewer
from service.stored_keys import packed_token, unpacked_token
from shenava.channels import Outgoing, Profile, Reads, Unauthorised
from shenava.channels.instagram import InstagramChannel, Token, length_of, rules
from shenava.channels.instagram.credentials import RENEWABLE_AFTER
from shenava.channels.rules import Facts, Length, Limit, Ruling, Window
from shenava.channels.webhooks import Fetched, Pointer
from shenava.clock import Clock
from shenava.messages import Deed, Platform, Source
from shenava.store import Store
from shenava.vault import Vault

ELSEWHERE = (
    "the account was connected to another Instagram than the one in use now; connect it again"
)

RENEW_AHEAD = timedelta(days=30)
"""How long before its end a token is renewed: half of its life is left for trying again."""


class InstagramWays:
    """The rules of Instagram."""

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
        return rules.page_price(source)

    def needs_picture(self, deed: Deed) -> bool:
        return rules.needs_picture(deed)

    def window_of(self, deed: Deed, opened_at: datetime, now: datetime) -> Window | None:
        return rules.window_of(deed, opened_at, now)

    def may_repeat(self, deed: Deed) -> bool:
        return rules.may_repeat(deed)


class InstagramRenewal(Renewal[Token]):
    """A token is renewed long before its end, while the old one still works: if that fails, it is
    tried again at the next occasion. One that has ended cannot be renewed."""

    after_refusal = False
    at_leisure = True

    def is_due(self, credentials: Token, now: datetime) -> bool:
        ends, made = credentials.expires_at, credentials.issued_at
        if not credentials.renews or ends is None or now < ends - RENEW_AHEAD:
            return False
        return made is None or now >= made + RENEWABLE_AFTER

    def can(self, credentials: Token) -> bool:
        return credentials.renews

    def packed(self, credentials: Token) -> dict[str, str]:
        return packed_token(credentials)

    def unpacked(self, app: Mapping[str, str], own: Mapping[str, str]) -> Token:
        return unpacked_token(app, own)

    def warns_at(self, credentials: Token) -> datetime | None:
        return credentials.expires_at


def instagram_channel(
    token: Token,
    clock: Clock,
    settings: Settings,
    *,
    profile: Profile | None = None,
    query: str = "",
) -> InstagramChannel:
    base_url = settings.instagram_base_url or None
    return InstagramChannel(token, clock, base_url=base_url, profile=profile, query=query)


class InstagramRenewed(Renewed[Token]):
    """With what webhooks ask of a channel, the same way."""

    def __init__(
        self,
        channel: InstagramChannel,
        credentials: Token,
        renewer: Renewer[Token],
        clock: Clock,
    ) -> None:
        super().__init__(channel, credentials, renewer, clock)
        self._instagram = channel

    def follow(self, pointer: Pointer) -> Fetched:
        return self._do(lambda: self._instagram.follow(pointer))

    def subscribed(self) -> frozenset[str]:
        return self._do(self._instagram.subscribed)

    def subscribe(self) -> None:
        self._do(self._instagram.subscribe)


class InstagramMaker:
    """Makes channels of Instagram accounts from their rows."""

    def __init__(self, store: Store, vault: Vault, settings: Settings) -> None:
        self._store, self._vault, self._settings = store, vault, settings

    def __call__(self, keys: Keys) -> InstagramRenewed:
        if ("simulated" in keys.credentials) is not bool(self._settings.instagram_base_url):
            raise Unauthorised(ELSEWHERE)
        token = unpacked_token(keys.secrets, keys.credentials)
        profile = None
        if keys.native_id is not None:
            profile = Profile(keys.native_id, keys.handle, keys.handle, None)
        clock = self._store.clock
        channel = instagram_channel(token, clock, self._settings, profile=profile, query=keys.query)
        renewer = Renewer(
            self._store, self._vault, Platform.INSTAGRAM, keys.handle, InstagramRenewal()
        )
        return InstagramRenewed(channel, token, renewer, clock)
