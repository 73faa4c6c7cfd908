"""What every channel can do, as one protocol, and the values that go in and out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from shenava.messages import Deed, Incoming, MediaRef, Source

Cursor = Mapping[str, str]
"""How far one source of one account has been read. Only the channel understands it; it is kept
in the transaction that stores the page it came with. Empty before the first page."""


@dataclass(frozen=True, slots=True)
class Reads:
    """What a call cost in the platform's own units, for the meter: resources by kind of price
    (as ``"owned_post": 12``), and requests.

    ``keys``: by the same kinds, the platform's ids of those resources, where it bills each of
    them once in a UTC day however often it is read. What has no key here counts every time.
    """

    resources: Mapping[str, int] = field(default_factory=dict)
    requests: int = 1
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """Something the shop itself wrote on the platform: in its own app, or the echo of what was
    sent from here. ``to_native_id`` is the customer's id in a private conversation;
    ``edited_from`` as in :class:`shenava.messages.Incoming`."""

    native_key: str
    kind: Deed
    text: str
    written_at: datetime
    reply_to_key: str | None = None
    to_native_id: str | None = None
    permalink: str | None = None
    edited_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source, newest or oldest first as the platform gives it.

    ``cursor`` is to be stored together with the page. ``complete``: there is nothing more to
    read now; else call again with ``cursor``. ``covered_from`` and ``covered_to`` (platform
    time, aware; set when ``complete``) say which stretch is now known without a gap;
    ``covered_from`` is ``None`` when it reaches back to what the last complete reading covered.
    ``gap``: the platform could not reach back that far, so something between may be missing.
    ``again_at``: the platform's pace allows the next page from then on only; nobody waits for it,
    the reading is taken up again then.
    """

    incoming: tuple[Incoming, ...]
    own: tuple[OwnMessage, ...]
    cursor: Cursor
    complete: bool
    reads: Reads
    gap: bool = False
    covered_from: datetime | None = None
    covered_to: datetime | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to send. ``to_key``: the message answered, hidden or taken away;
    ``to_native_id``: the person a DM goes to; ``picture``: bytes of a JPEG or PNG, with
    ``picture_alt`` for those who cannot see it, and ``picture_url``, where a platform that does
    not take bytes finds it. ``window``: the code of the window that it passes through
    (``rules.Window``), for platforms that must be told. ``own_thread``: what is answered is a
    post of the account's own."""

    deed: Deed
    text: str = ""
    to_key: str | None = None
    to_native_id: str | None = None
    picture: bytes | None = field(default=None, repr=False)
    picture_alt: str = ""
    picture_url: str | None = None
    window: str | None = None
    own_thread: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """The platform's word that something was done. ``native_key`` is its id there."""

    native_key: str
    permalink: str | None
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """Whose token it is, as the platform tells when asked."""

    native_id: str
    handle: str
    name: str
    followers: int | None


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What became of messages that were looked up by their keys.

    ``gone``: deleted. ``hidden``: no longer to be seen by us (author suspended, account made
    private). ``edited``: the key asked for, and the key of the newest version. A key that is in
    none of them and not in ``present`` was not answered: nothing is known of it.
    """

    present: frozenset[str]
    gone: frozenset[str]
    hidden: frozenset[str]
    edited: Mapping[str, str]
    reads: Reads


class Channel(Protocol):
    """One account on one platform, ready to be used. Calls raise ``ChannelError`` only.

    A channel is used by one thread at a time.
    """

    def check(self) -> Profile:
        """Ask the platform who we are: the test of a connection."""

    def sources(self) -> Sequence[Source]:
        """What can be read with these credentials."""

    def read(self, source: Source, cursor: Cursor) -> Page:
        """Read the next page of a source."""

    def send(self, outgoing: Outgoing) -> Sent:
        """Do it, once. ``OutcomeUnknown`` if it cannot be told whether it was done."""

    def find_sent(
        self, outgoing: Outgoing, after: datetime, known: Collection[str] = ()
    ) -> Sent | None:
        """Look on the platform for something whose outcome is unknown, sent after ``after``.

        ``known`` are keys that other things sent already account for: the same words may have
        been sent to the same person twice, and one of them must not vouch for the other.

        ``None`` when it is surely not there. Raises ``OutcomeUnknown`` when reading back cannot
        tell (it may be asked again later), and the other errors when reading itself fails.
        """

    def take_reads(self) -> Reads:
        """What ``check`` and ``find_sent`` have read since this was last asked, for the meter.
        Pages and look-ups tell their own."""


@runtime_checkable
class Rereads(Protocol):
    """A channel that can read a stretch again: for back-fills and for sweeps."""

    def cursor_from(self, source: Source, since: datetime) -> Cursor:
        """A cursor that begins a reading from now down to ``since``. Asks nobody."""


@runtime_checkable
class LooksUp(Protocol):
    """A channel that can say which of the messages taken in are still there."""

    def look_up(self, keys: Sequence[str]) -> LookedUp:
        """Look up messages by their keys, as many as the platform allows in one request."""


@runtime_checkable
class KnowsLinks(Protocol):
    """The rules of a platform whose addresses tell which message stands there."""

    def key_of(self, link: str) -> str | None:
        """The platform's id of the message at an address that a person gave; ``None`` where the
        address does not tell. Asks nobody."""


@runtime_checkable
class FetchesMedia(Protocol):
    """A channel whose pictures can be fetched."""

    def fetch_media(self, ref: MediaRef, max_bytes: int) -> bytes:
        """The bytes of a picture, at most ``max_bytes``. ``Rejected`` with ``TOO_LARGE`` or
        ``NOT_A_PICTURE`` when it is not what one may keep."""
