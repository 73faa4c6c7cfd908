"""The words of the house, as values.

Frozen dataclasses and enums that rooms hand to each other. Rows of the database have the same
names in ``shenava.store``; nothing here knows of a database, a network or a clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum


class Platform(StrEnum):
    """Where a message was written. An import may name any of these."""

    X = "x"
    INSTAGRAM = "instagram"
    TELEGRAM = "telegram"
    BALE = "bale"
    WHATSAPP = "whatsapp"
    BLUESKY = "bluesky"
    MASTODON = "mastodon"
    EMAIL = "email"
    WEB = "web"


class MessageKind(StrEnum):
    """How a message reached the shop: which of a platform's doors it came through."""

    MENTION = "mention"
    """A public post that names the shop."""
    COMMENT = "comment"
    """Written under a public post."""
    DM = "dm"
    """A private message."""
    POST = "post"
    """A public post found by search, not addressed to the shop."""
    EMAIL = "email"
    REVIEW = "review"

    @property
    def is_public(self) -> bool:
        """True when anyone may read the message."""
        return self not in (MessageKind.DM, MessageKind.EMAIL)


class Source(StrEnum):
    """How a sighting of a message came about."""

    MENTION = "mention"
    COMMENT = "comment"
    """What is written under the account's own posts, where a platform lists it apart."""
    SEARCH = "search"
    INBOX = "inbox"
    OWN = "own"
    """What the account itself wrote, here or in the platform's own app."""
    WEBHOOK = "webhook"
    IMPORT = "import"


class Deed(StrEnum):
    """What can be sent."""

    ANSWER = "answer"
    """A public answer to a message."""
    POST = "post"
    """A new public post, with a picture or without."""
    DM = "dm"
    PRIVATE_REPLY = "private_reply"
    """A private message to the author of a public one, given for that one message."""
    HIDE = "hide"
    """Hide an answer under one's own post."""
    DELETE = "delete"
    """Take away an answer under one's own post, or what one wrote oneself."""


class Language(StrEnum):
    """Language of a text. ``mixed`` is two or more in earnest, ``other`` none of ours."""

    FA = "fa"
    AR = "ar"
    EN = "en"
    MIXED = "mixed"
    OTHER = "other"


class Script(StrEnum):
    """``latin`` for Persian or Arabic in Latin letters (Finglish, Arabizi); else ``native``."""

    NATIVE = "native"
    LATIN = "latin"


class Sentiment(StrEnum):
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    POSITIVE = "positive"


class Intent(StrEnum):
    """What a message is about. A message may have several."""

    PAYMENT = "payment"
    ORDER_NOT_REGISTERED = "order_not_registered"
    DELIVERY_LATE = "delivery_late"
    WRONG_OR_DAMAGED = "wrong_or_damaged"
    CHANGE_OR_CANCEL = "change_or_cancel"
    REFUND = "refund"
    ACCOUNT_LOGIN = "account_login"
    OUTAGE = "outage"
    PRICE = "price"
    PRAISE = "praise"
    QUESTION = "question"
    SPAM = "spam"
    THREAT = "threat"
    """A legal or safety threat."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A yes-or-no answer with its calibrated probability.

    ``value`` is ``None`` when the model is not sure; ``probability`` is that of the value given,
    or of "yes" when the value is ``None``. Between 0 and 1.
    """

    value: bool | None
    probability: float


@dataclass(frozen=True, slots=True)
class ScoredSentiment:
    label: Sentiment
    probability: float


@dataclass(frozen=True, slots=True)
class ScoredIntent:
    label: Intent
    probability: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sentiment model says of one text.

    ``why`` holds the words of the text that decided, as they stand in it, strongest first, at
    most five; empty when nothing stands out. ``model`` names the model and its version.
    """

    language: Language
    script: Script
    sentiment: ScoredSentiment
    complaint: Judgement
    urgent: Judgement
    intents: tuple[ScoredIntent, ...]
    why: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message, as one platform knows them.

    ``native_id`` is the platform's own id, as text; an import may know only the ``handle``.
    At least one of the two is set. ``followers`` is ``None`` when unknown.
    """

    native_id: str | None
    handle: str | None
    name: str | None = None
    followers: int | None = None


@dataclass(frozen=True, slots=True)
class AccountRef:
    """One of the shop's own places on a platform, by its handle there (without ``@``)."""

    platform: Platform
    handle: str


@dataclass(frozen=True, slots=True)
class PostRef:
    """The public root that a message stands under, where it is known."""

    native_key: str
    permalink: str | None = None


class MediaKind(StrEnum):
    """What is attached to a message."""

    PHOTO = "photo"
    VIDEO = "video"
    ANIMATION = "animation"
    """A short silent film, what people call a GIF."""
    VOICE = "voice"
    """Spoken, or any sound."""
    FILE = "file"
    """Anything else: a document."""


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A picture or film that hangs on a message: named, not fetched.

    ``key`` is the platform's own name for it. ``url`` is where a picture of it can be fetched
    (of a film: its still); ``None`` when the platform names none. ``alt`` is the description
    its author gave. ``width`` and ``height`` are pixels, ``None`` when unknown.
    """

    key: str
    url: str | None
    kind: MediaKind
    alt: str = ""
    width: int | None = None
    height: int | None = None


class AboutKind(StrEnum):
    """What a message is beside its words, or instead of them."""

    STORY_MENTION = "story_mention"
    """It names the shop in a story."""
    STORY_REPLY = "story_reply"
    """It answers a story of the shop."""
    SHARED_POST = "shared_post"
    """It passes on a post."""
    LIKE = "like"
    """A heart, or another sign of liking, sent as a message."""
    UNSENT = "unsent"
    """Its author took it back. The words are gone; that it was there is known."""
    UNSUPPORTED = "unsupported"
    """The platform shows it in its own app only."""


@dataclass(frozen=True, slots=True)
class About:
    """What a message is beside its words. ``url``: where the story or the post is to be seen,
    for as long as the platform shows it; ``None`` when it names none."""

    kind: AboutKind
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message as a channel or an import hands it to ``collectors.intake``.

    ``native_key`` is the platform's id of the message, unique within (platform, ``scope``);
    ``scope`` is empty where the id is unique on the whole platform. ``written_at`` is the
    platform's time, aware, in UTC. ``historic`` marks an old post: counted, never alerted on.
    ``edited_from`` are the keys that earlier versions of the same message had, oldest first:
    some platforms give an edited message a new key. Where an edit keeps the key, ``edited_at`` is
    when this version was made (aware, UTC), and ``written_at`` when the message first was; ``None``
    for a first version, or one of its own key. ``summoned``: its author named or quoted
    the account, which on some platforms decides who may be answered; ``None`` when unknown.
    ``about``: what it is beside its words. A message that is handed in again as ``UNSENT`` loses
    its words here too.
    """

    account: AccountRef
    native_key: str
    kind: MessageKind
    author: Author
    text: str
    written_at: datetime
    source: Source
    scope: str = ""
    post: PostRef | None = None
    reply_to_key: str | None = None
    permalink: str | None = None
    historic: bool = False
    media: tuple[MediaRef, ...] = ()
    edited_from: tuple[str, ...] = ()
    edited_at: datetime | None = None
    summoned: bool | None = None
    about: About | None = None

    @property
    def edition(self) -> str:
        """Sorts the versions of one message, oldest first; empty for one that is no edit."""
        if not self.edited_from and self.edited_at is None:
            return ""
        at = (
            self.edited_at.astimezone(UTC).isoformat(timespec="microseconds")
            if self.edited_at
            else ""
        )
        return f"{len(self.edited_from):04d}{at}"

    @property
    def version_at(self) -> datetime:
        """When this version was written, on the platform."""
        return self.edited_at or self.written_at


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What one batch came to. ``message_ids`` are the new rows, in the order handed in."""

    new: int = 0
    duplicate: int = 0
    message_ids: tuple[int, ...] = field(default=())
