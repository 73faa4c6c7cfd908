"""Webhooks, between the door and intake: whose secret it is, and what an event comes to.

What a body says is taken in at once where it says enough. What it only points to is fetched by the
account's own channel, outside of any transaction; what cannot be fetched now is tried again, and an
event that was not understood stays, with its reason, until a person or a newer version tries it
anew.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from collectors import inbound
from collectors.inbound import Claim, Lost, Verdict
from collectors.intake import take_in_session
from collectors.pace import back_off
from responder.answered import take_own
from responder.policy import Policy
from shenava import __version__
from shenava.channels import (
    Channel,
    ChannelError,
    OwnMessage,
    RateLimited,
    Rejected,
    RejectedBecause,
    Unreachable,
)
from shenava.channels.instagram.webhook import InstagramReceiver
from shenava.channels.webhooks import (
    Delivery,
    FollowsPointers,
    Pointer,
    PointerKind,
    Receiver,
    Subscribes,
    Told,
    Unreadable,
)
from shenava.messages import AboutKind, AccountRef, Incoming, Platform, Source
from shenava.store import (
    Account,
    AccountState,
    Alone,
    App,
    InboundReason,
    Picture,
    Store,
    WebhookAccount,
)
from shenava.store.removal import forget_bodies
from shenava.vault import Vault, VaultError

log = logging.getLogger(__name__)

RECEIVERS: Mapping[Platform, Receiver] = {Platform.INSTAGRAM: InstagramReceiver()}
"""The platforms that tell unasked."""

PATIENCE = 3
"""Tries after which a comment is taken in as told, though its post could not be looked up."""
GIVES_UP = 40
"""Tries after which an event fails: some hours, as they grow apart."""
ASKED_EVERY = timedelta(hours=1)


class Connects(Protocol):
    """``service.channels.Channels``, or a test's own."""

    def connect(self, account_id: int, query: str = "") -> Channel: ...


class Doors:
    """What the dashboard asks when a body arrives: the secrets of apps. Safe to use from many
    threads."""

    def __init__(self, store: Store, vault: Vault, channels: Connects | None = None) -> None:
        self._store, self._vault, self._channels = store, vault, channels

    def receiver(self, platform: Platform) -> Receiver | None:
        return RECEIVERS.get(platform)

    def secret(self, platform: Platform, app_id: int) -> str | None:
        """What bodies for an app are signed with; ``None`` where there is no such app, or its
        secret is not known."""
        with self._store.read() as session:
            locked = session.scalar(
                select(App.secrets).where(App.id == app_id, App.platform == platform)
            )
        try:
            return (
                None if locked is None else RECEIVERS[platform].secret_of(self._vault.open(locked))
            )
        except VaultError:
            log.error("the secrets of app %d cannot be opened", app_id)
            return None

    def order(self, account_id: int) -> None:
        """Order webhooks for an account. Raises ``ChannelError``."""
        channel = self._channels.connect(account_id) if self._channels else None
        if not isinstance(channel, Subscribes):
            raise Rejected(RejectedBecause.NOT_ALLOWED, "it has no webhooks")
        channel.subscribe()
        inbound.note_ordered(self._store, account_id)


def jpeg_of(store: Store, picture_id: int) -> bytes | None:
    """A picture that a platform may fetch; ``None`` for what is none, or is no JPEG."""
    with store.read() as session:
        row = session.get(Picture, picture_id)
        return row.content if row is not None and row.mime == "image/jpeg" else None


@dataclass(slots=True)
class _Gathered:
    """What an event holds, made whole: by account."""

    incoming: list[Incoming] = field(default_factory=list)
    own: dict[int, list[OwnMessage]] = field(default_factory=dict)
    accounts: set[int] = field(default_factory=set)
    gone: int = 0
    unfetched: int = 0
    again_at: datetime | None = None

    def wait(self, until: datetime) -> None:
        self.again_at = max(self.again_at or until, until)


def run_one(store: Store, channels: Connects, policy: Policy, chance: Random | None = None) -> bool:
    """Work through the event that waits longest; false when none does. Raises nothing that an
    event or a platform causes: the row tells."""
    claim = inbound.claim_due(store)
    if claim is None:
        return False
    try:
        _work(store, channels, policy, claim, chance or Random())  # noqa: S311
    except Lost:
        log.warning("webhook event %d was taken over by another worker", claim.event_id)
    return True


def _work(store: Store, channels: Connects, policy: Policy, claim: Claim, chance: Random) -> None:
    receiver = RECEIVERS.get(claim.platform)
    with store.read() as session:
        accounts = inbound.accounts_of(session, claim.app_id)
    try:
        if receiver is None:
            raise Unreadable("there is no channel for it")
        delivery = receiver.read(claim.body, {key: ref for key, (_, ref) in accounts.items()})
        numbers = {ref: number for number, ref in accounts.values()}
        gathered = _gather(store, channels, claim, delivery, numbers, chance)
        _take_in(store, policy, claim, delivery, gathered)
    except Unreadable as error:
        verdict = Verdict({"faults": [str(error)]}, InboundReason.UNREADABLE)
        _settle(store, claim, verdict)
    except Lost:
        raise
    except Exception:
        # The words of an exception may quote a row: the log keeps its places only.
        log.exception("webhook event %d failed", claim.event_id)
        _settle(store, claim, _failed(claim, store.clock.now(), chance))


def _failed(claim: Claim, now: datetime, chance: Random) -> Verdict:
    again = now + back_off(claim.attempts, chance) if claim.attempts < PATIENCE else None
    return Verdict({}, InboundReason.INTERNAL, again)


def _settle(store: Store, claim: Claim, verdict: Verdict) -> None:
    with store.write() as session:
        inbound.settle(session, claim, verdict, __version__, store.clock.now())


# --- making whole -----------------------------------------------------------------------------


def _gather(
    store: Store,
    channels: Connects,
    claim: Claim,
    delivery: Delivery,
    numbers: Mapping[AccountRef, int],
    chance: Random,
) -> _Gathered:
    """Fetch what is only pointed to."""
    gathered = _Gathered()
    for told in delivery.told:
        number = numbers[told.account]
        gathered.accounts.add(number)
        gathered.own.setdefault(number, []).extend(told.own)
        follow = _Follower(store, channels, claim, number, gathered, chance)
        strange = _under_strange_posts(store, told)
        for item in told.incoming:
            if item.native_key in strange and item.post is not None:
                pointer = Pointer(
                    PointerKind.COMMENT, item.native_key, item.post.native_key, item.written_at
                )
                follow(pointer, as_told=item)
            else:
                gathered.incoming.append(item)
        for pointer in told.pointers:
            follow(pointer)
    return gathered


def _under_strange_posts(store: Store, told: Told) -> set[str]:
    """Keys of comments under posts that no reading has shown yet: what the webhook calls the post
    may be one picture of an album."""
    under = {item.native_key: item.post.native_key for item in told.incoming if item.post}
    if not under:
        return set()
    with store.read() as session:
        known = inbound.known_posts(session, told.account.platform, set(under.values()))
    return {key for key, post in under.items() if post not in known}


@dataclass(slots=True)
class _Follower:
    """Fetches by pointers, with one channel that is made when it is first needed."""

    store: Store
    channels: Connects
    claim: Claim
    account_id: int
    gathered: _Gathered
    chance: Random
    channel: Channel | None = None

    def __call__(self, pointer: Pointer, as_told: Incoming | None = None) -> None:
        """``as_told``: what to take in where it cannot be fetched."""
        try:
            if self.channel is None:
                self.channel = self.channels.connect(self.account_id)
            if not isinstance(self.channel, FollowsPointers):
                raise Rejected(RejectedBecause.NOT_ALLOWED, "it cannot be fetched")
            found = self.channel.follow(pointer)
        except (RateLimited, Unreachable) as error:
            self._later(error, as_told)
        except ChannelError as error:
            self._without(error, as_told)
        else:
            self.gathered.incoming += [
                replace(one, source=Source.WEBHOOK) for one in found.incoming
            ]
            self.gathered.own.setdefault(self.account_id, []).extend(found.own)
            if found.incoming or found.own:
                return
            if as_told is not None:
                # Whatever became of it, it was written.
                self.gathered.incoming.append(as_told)
            else:
                self.gathered.gone += 1

    def _later(self, error: ChannelError, as_told: Incoming | None) -> None:
        if as_told is not None and self.claim.attempts >= PATIENCE:
            self.gathered.incoming.append(as_told)
        elif self.claim.attempts >= GIVES_UP:
            self.gathered.unfetched += 1
        else:
            now = self.store.clock.now()
            at = now + back_off(self.claim.attempts, self.chance)
            self.gathered.wait(max(at, error.retry_at) if isinstance(error, RateLimited) else at)

    def _without(self, error: ChannelError, as_told: Incoming | None) -> None:
        if as_told is not None:
            self.gathered.incoming.append(as_told)
        elif isinstance(error, Rejected) and error.because is RejectedBecause.NOT_FOUND:
            self.gathered.gone += 1
        else:
            self.gathered.unfetched += 1


# --- taking in --------------------------------------------------------------------------------


def _take_in(
    store: Store, policy: Policy, claim: Claim, delivery: Delivery, gathered: _Gathered
) -> None:
    """One transaction: messages, the shop's own messages, and what the event came to."""
    with store.write_alone(Alone.INTAKE) as session:
        now = store.clock.now()
        result = take_in_session(session, gathered.incoming, now)
        own = 0
        for account_id, messages in sorted(gathered.own.items()):
            own += take_own(session, account_id, messages, now, policy)
        _forget_taken_back(session, claim, gathered)
        inbound.note_came(session, gathered.accounts, now)
        outcome = {
            "new": result.new,
            "known": result.duplicate,
            "own": own,
            "gone": gathered.gone,
            "unfetched": gathered.unfetched,
            "noted": dict(delivery.noted),
            "unknown": dict(delivery.unknown),
            "strangers": sorted(delivery.strangers),
            "faults": list(delivery.faults),
        }
        kept = {name: value for name, value in outcome.items() if value}
        verdict = Verdict(kept, _reason(delivery, gathered), gathered.again_at)
        inbound.settle(session, claim, verdict, __version__, now)


def _reason(delivery: Delivery, gathered: _Gathered) -> InboundReason | None:
    if gathered.unfetched or gathered.again_at is not None:
        return InboundReason.UNFETCHED
    if delivery.faults:
        return InboundReason.FAULTY
    return InboundReason.STRANGER if delivery.strangers else None


def _forget_taken_back(session: Session, claim: Claim, gathered: _Gathered) -> None:
    """Who takes a message back takes it out of the bodies too."""
    taken_back = {
        item.native_key
        for item in gathered.incoming
        if item.about is not None and item.about.kind is AboutKind.UNSENT
    }
    forget_bodies(session, claim.platform, taken_back)


# --- what is ordered --------------------------------------------------------------------------


def ask_subscriptions(store: Store, channels: Connects) -> int:
    """Ask the platforms, once an hour for each account, whether webhooks are still ordered; returns
    how many were asked. Only of accounts for which webhooks were once switched on."""
    before = store.clock.now() - ASKED_EVERY
    with store.read() as session:
        due = session.scalars(
            select(WebhookAccount.account_id)
            .join(Account, Account.id == WebhookAccount.account_id)
            .where(
                Account.state == AccountState.CONNECTED,
                WebhookAccount.asked_at.is_(None) | (WebhookAccount.asked_at < before),
            )
            .order_by(WebhookAccount.account_id)
        ).all()
    return sum(_ask(store, channels, account_id) for account_id in due)


def _ask(store: Store, channels: Connects, account_id: int) -> bool:
    ordered: bool | None = None
    try:
        channel = channels.connect(account_id)
        if isinstance(channel, Subscribes):
            ordered = bool(channel.subscribed())
    except ChannelError as error:
        # What cannot be asked stays as it was known; the feeds tell why.
        log.info("account %d: its webhooks could not be asked for: %s", account_id, error)
        with store.write() as session:
            session.get_one(WebhookAccount, account_id).asked_at = store.clock.now()
        return True
    with store.write() as session:
        row = session.get_one(WebhookAccount, account_id)
        row.subscribed, row.asked_at = ordered, store.clock.now()
    return True
