"""What stands on the simulated X: people, posts, private messages, pictures.

All ids are strings of digits. The texts are as their authors typed them: what the wire makes of
them (links shortened, ``&`` escaped) is the matter of ``rehearsal.x.text``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rehearsal.records import Record


@dataclass(slots=True)
class User(Record):
    """A person or a shop. ``premium`` accounts may write long posts. ``open_dms``: strangers
    may write privately. A suspended user is missing from ``includes`` and from look-ups; the
    posts are gone too, unless ``posts_listed`` (the timelines of X lag behind at times)."""

    id: str
    username: str
    name: str
    created_at: datetime
    followers: int = 0
    description: str = ""
    premium: bool = False
    open_dms: bool = True
    suspended: bool = False
    posts_listed: bool = False


@dataclass(slots=True)
class Post(Record):
    """A public post. ``prefix`` are the handles that X puts before the text of an answer.
    ``versions`` are the ids of all versions of an edited post, this one included, oldest first;
    ``replaced_by`` is set on all but the newest. ``by_api``: written through the interface."""

    id: str
    author_id: str
    text: str
    created_at: datetime
    conversation_id: str
    lang: str
    prefix: tuple[str, ...] = ()
    reply_to: str | None = None
    reply_to_user: str | None = None
    quotes: str | None = None
    repost_of: str | None = None
    media: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    replaced_by: str | None = None
    deleted_at: datetime | None = None
    hidden: bool = False
    by_api: bool = False


@dataclass(slots=True)
class DirectMessage(Record):
    """A private message. The conversation id of two is their ids, the smaller first."""

    id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    text: str
    created_at: datetime
    media: tuple[str, ...] = ()
    by_api: bool = False


@dataclass(slots=True)
class Picture(Record):
    """A picture that was uploaded. ``id`` is the media id; ``key`` is what posts name it by."""

    id: str
    key: str
    owner_id: str
    mime: str
    content: bytes
    width: int = 0
    height: int = 0
    alt: str = ""

    @property
    def file_name(self) -> str:
        ending = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
        return f"{self.key}.{ending.get(self.mime, 'bin')}"
