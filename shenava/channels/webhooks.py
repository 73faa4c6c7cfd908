"""Webhooks: what a platform tells unasked, in the words of every channel.

A receiver is pure: it proves who sent a body and says what is in it. Bodies come twice, late, and
in any order; what is told of a message by a webhook and by a reading is the same message, because
it comes out under the same key. A webhook moves no cursor and vouches for no stretch of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from shenava.channels.base import OwnMessage
from shenava.messages import AccountRef, Incoming


class Unreadable(Exception):
    """A body is not what this platform sends. ``str()`` says why, without a word of its content."""


class PointerKind(StrEnum):
    """What is told of by its number alone, so that it has to be fetched."""

    COMMENT = "comment"
    """A comment under a post that may be another's name for one of ours."""
    MENTION_COMMENT = "mention_comment"
    """A comment under a stranger's post that names the shop."""
    MENTION_POST = "mention_post"
    """A stranger's post that names the shop."""
    MESSAGE = "message"
    """A private message whose words are not told."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Something to be fetched: ``key`` is its id, ``post_key`` the post it stands under."""

    kind: PointerKind
    key: str
    post_key: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """What one body says about one account."""

    account: AccountRef
    incoming: tuple[Incoming, ...] = ()
    own: tuple[OwnMessage, ...] = ()
    pointers: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a body holds. ``strangers``: ids of accounts that are not connected here. ``noted``:
    how many of what was understood and needs nothing (a message was seen, say). ``unknown``: names
    of fields that are not known here, with how many. ``faults``: what should have been understood
    and lacks something, a line each, without content."""

    told: tuple[Told, ...] = ()
    strangers: frozenset[str] = frozenset()
    noted: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


class Receiver(Protocol):
    """What one platform's webhooks are like."""

    @property
    def kept_headers(self) -> frozenset[str]:
        """Names of headers, in lower case, that are worth keeping beside a body."""

    def secret_of(self, app: Mapping[str, str]) -> str | None:
        """Of the secrets of an app the one that bodies are signed with; ``None`` without."""

    def is_signed(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether the platform sent exactly this body. ``headers``: by names in lower case."""

    def challenge(self, asked: Mapping[str, str], token: str) -> str | None:
        """What to answer when the platform tries the address; ``None``: it is not the platform."""

    def read(self, body: bytes, accounts: Mapping[str, AccountRef]) -> Delivery:
        """What is in a body; ``accounts`` by the platform's ids. Raises :class:`Unreadable`."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a pointer led to; nothing where it is gone."""

    incoming: tuple[Incoming, ...] = ()
    own: tuple[OwnMessage, ...] = ()


@runtime_checkable
class FollowsPointers(Protocol):
    """A channel that can fetch what a webhook only points to."""

    def follow(self, pointer: Pointer) -> Fetched:
        """Fetch it. Raises ``ChannelError`` only."""


@runtime_checkable
class Subscribes(Protocol):
    """A channel that knows which webhooks its account has ordered."""

    def subscribed(self) -> frozenset[str]:
        """Names of what is ordered; empty: nothing. Raises ``ChannelError`` only."""

    def subscribe(self) -> None:
        """Order all that we understand. Raises ``ChannelError`` only."""
