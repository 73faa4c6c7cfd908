"""What stands on the simulated Instagram: people, posts, comments, messages, pictures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rehearsal.records import Record


@dataclass(slots=True)
class User(Record):
    """A person or a shop. ``id`` is the person as the shop's app sees her. ``blocks_shop``: she
    has blocked the shop. ``private``: her own posts are not for the public."""

    id: str
    username: str
    name: str
    created_at: datetime
    followers: int = 0
    biography: str = ""
    blocks_shop: bool = False
    private: bool = False
    professional: bool = False


@dataclass(slots=True)
class Media(Record):
    """A post, or a story (``is_story``, seen for a day). ``tagged`` are ids of people on the
    picture; people named in the caption are found there."""

    id: str
    owner_id: str
    caption: str
    created_at: datetime
    picture: str = ""
    tagged: tuple[str, ...] = ()
    likes: int = 0
    is_story: bool = False
    comments_open: bool = True
    deleted_at: datetime | None = None
    alt: str = ""
    by_api: bool = False


@dataclass(slots=True)
class Comment(Record):
    """A comment, or a reply to one (``parent_id``, always a comment under the post itself)."""

    id: str
    media_id: str
    author_id: str
    text: str
    created_at: datetime
    parent_id: str | None = None
    hidden: bool = False
    likes: int = 0
    deleted_at: datetime | None = None
    by_api: bool = False


@dataclass(slots=True)
class Message(Record):
    """A private message. ``kind`` is ``text``, ``image``, ``audio``, ``share``, ``story_mention``
    or ``unsupported``; ``picture`` what was attached, ``media_id`` the post that was shared, or the
    story it is about. ``comment_id``: a private reply to that comment. ``unsent_at``: its author
    took it back. ``reactions`` are ``WHO emoji`` pairs."""

    id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    text: str
    created_at: datetime
    kind: str = "text"
    picture: str = ""
    media_id: str = ""
    reply_to: str = ""
    comment_id: str = ""
    tag: str = ""
    edits: int = 0
    reactions: tuple[str, ...] = ()
    seen_at: datetime | None = None
    unsent_at: datetime | None = None
    by_api: bool = False


@dataclass(slots=True)
class Picture(Record):
    """A picture that is kept; ``id`` names it in addresses."""

    id: str
    mime: str
    content: bytes
    width: int = 0
    height: int = 0

    @property
    def file_name(self) -> str:
        ending = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}
        return f"{self.id}.{ending.get(self.mime, 'bin')}"


@dataclass(slots=True)
class Container(Record):
    """The first step of publishing: a picture and a caption that wait to be published."""

    id: str
    owner_id: str
    caption: str
    created_at: datetime
    picture: str
    alt: str = ""
    is_story: bool = False
    published_as: str = ""
    failed: bool = False
