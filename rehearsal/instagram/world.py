"""The state of the simulated Instagram: who is there, what was posted, said and sent.

Knows nothing of what may be done: that is the matter of the interface. Whoever wants to hear of
what happens (the webhooks) is called after each change, outside of nothing: the lock is held.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from rehearsal.instagram import ids
from rehearsal.instagram.ids import Sort
from rehearsal.instagram.model import Comment, Container, Media, Message, Picture, User
from rehearsal.journal import Kept
from rehearsal.records import Record

STORY_LIVES = timedelta(hours=24)

_NAMED = re.compile(r"(?<![\w.])@([\w.]{1,30})")
_HASHTAG = re.compile(r"#(\w+)")


def names(text: str) -> list[str]:
    """Handles that a text names, in lower case."""
    return [found.rstrip(".").lower() for found in _NAMED.findall(text)]


def hashtags(text: str) -> list[str]:
    return [found.lower() for found in _HASHTAG.findall(text)]


Listener = Callable[[str, Record], None]
"""Called with what happened (``comment``, ``message``, ``unsent``, ``reaction``, ``seen``,
``edited``, ``mention``) and the record."""


class World(Kept):
    """One simulated Instagram."""

    KINDS: ClassVar[Mapping[str, type[Record]]] = {
        "user": User,
        "media": Media,
        "comment": Comment,
        "message": Message,
        "picture": Picture,
        "container": Container,
    }
    COUNTED = frozenset({"comment", "message", "private_reply", "publish"})

    def _clear(self) -> None:
        super()._clear()
        self.users: dict[str, User] = {}
        self.media: dict[str, Media] = {}
        self.comments: dict[str, Comment] = {}
        self.messages: dict[str, Message] = {}
        self.pictures: dict[str, Picture] = {}
        self.containers: dict[str, Container] = {}
        self._by_name: dict[str, str] = {}
        self._under: dict[str, list[str]] = {}
        self._replies: dict[str, list[str]] = {}
        self._said: dict[str, list[str]] = {}
        self._count = 0
        self.listeners: list[Listener] = getattr(self, "listeners", [])

    def _tables(self) -> Iterator[tuple[str, Mapping[str, Record]]]:
        yield "user", self.users
        yield "picture", self.pictures
        yield "media", self.media
        yield "comment", self.comments
        yield "message", self.messages
        yield "container", self.containers

    def _index(self, kind: str, key: str, record: Record) -> None:
        match record:
            case User():
                self.users[key] = record
                self._by_name[record.username.lower()] = key
            case Media():
                self.media[key] = record
            case Comment():
                if key not in self.comments:
                    self._under.setdefault(record.media_id, []).append(key)
                    if record.parent_id:
                        self._replies.setdefault(record.parent_id, []).append(key)
                self.comments[key] = record
            case Message():
                if key not in self.messages:
                    self._said.setdefault(record.conversation_id, []).append(key)
                self.messages[key] = record
            case Picture():
                self.pictures[key] = record
            case Container():
                self.containers[key] = record
        self._count = sum(len(table) for _, table in self._tables())

    def _new_id(self, sort: Sort) -> str:
        return ids.numbered(sort, self._count + 1)

    def _tell(self, what: str, record: Record) -> None:
        for listener in self.listeners:
            listener(what, record)

    # --- people -------------------------------------------------------------------------------

    def add_user(self, username: str, name: str, **more: Any) -> User:
        """A new person; the same handle (in any case) gives the one who has it already."""
        with self.lock:
            known = self.named(username)
            if known is not None:
                return known
            sort = Sort.SHOP if more.get("professional") else Sort.USER
            user = User(self._new_id(sort), username, name, self.clock.now(), **more)
            return self._put("user", user.id, user)

    def put_back(self, user: User) -> None:
        """A person who was there before :meth:`forget`, with the same id."""
        with self.lock:
            self._put("user", user.id, user)

    def named(self, username: str) -> User | None:
        found = self._by_name.get(username.lower().removeprefix("@"))
        return self.users[found] if found else None

    def rename(self, user_id: str, username: str) -> None:
        with self.lock:
            user = self.users[user_id]
            self._by_name.pop(user.username.lower(), None)
            user.username = username
            self._put("user", user_id, user)

    def set_block(self, user_id: str, blocks: bool) -> None:
        """A person blocks the shop, or no longer."""
        with self.lock:
            self.users[user_id].blocks_shop = blocks
            self._put("user", user_id, self.users[user_id])

    # --- posts and stories --------------------------------------------------------------------

    def post(self, owner_id: str, caption: str, picture: str = "", **more: Any) -> Media:
        with self.lock:
            sort = Sort.STORY if more.get("is_story") else Sort.MEDIA
            media = Media(self._new_id(sort), owner_id, caption, self.clock.now(), picture, **more)
            self._put("media", media.id, media)
            if not media.is_story:
                self._tell("media", media)
            return media

    def delete_media(self, media_id: str) -> None:
        with self.lock:
            self.media[media_id].deleted_at = self.clock.now()
            self._put("media", media_id, self.media[media_id])

    def is_there(self, media: Media) -> bool:
        """Not deleted, and a story not older than a day."""
        over = media.is_story and self.clock.now() - media.created_at > STORY_LIVES
        return media.deleted_at is None and not over

    def media_of(self, owner_id: str) -> list[Media]:
        """Posts of a person that stand, newest first; no stories."""
        found = (one for one in self.media.values() if one.owner_id == owner_id)
        return [one for one in reversed(list(found)) if not one.is_story and self.is_there(one)]

    def media_tagged(self, user_id: str) -> list[Media]:
        """Posts of others on whose picture a person is marked, newest first."""
        found = [one for one in self.media.values() if user_id in one.tagged]
        return [one for one in reversed(found) if self.is_there(one) and one.owner_id != user_id]

    def media_with(self, hashtag: str) -> list[Media]:
        """Public posts with a hashtag, newest first."""
        return [
            one
            for one in reversed(self.media.values())
            if self.is_there(one)
            and not one.is_story
            and not self.users[one.owner_id].private
            and hashtag.lower() in hashtags(one.caption)
        ]

    # --- comments -----------------------------------------------------------------------------

    def comment(
        self,
        author_id: str,
        media_id: str,
        text: str,
        *,
        reply_to: str | None = None,
        by_api: bool = False,
    ) -> Comment:
        """Someone comments on a post, or answers a comment there. An answer to an answer hangs
        under the comment at the top, as on Instagram."""
        with self.lock:
            parent = reply_to
            if reply_to is not None and self.comments[reply_to].parent_id is not None:
                parent = self.comments[reply_to].parent_id
            comment = Comment(
                self._new_id(Sort.COMMENT),
                media_id,
                author_id,
                text,
                self.clock.now(),
                parent,
                by_api=by_api,
            )
            self._put("comment", comment.id, comment)
            self._tell("comment", comment)
            return comment

    def hide(self, comment_id: str, hidden: bool) -> None:
        with self.lock:
            self.comments[comment_id].hidden = hidden
            self._put("comment", comment_id, self.comments[comment_id])

    def delete_comment(self, comment_id: str) -> None:
        """A comment goes, and all that hangs under it."""
        with self.lock:
            for one in (comment_id, *self._replies.get(comment_id, [])):
                self.comments[one].deleted_at = self.clock.now()
                self._put("comment", one, self.comments[one])

    def comments_of(self, media_id: str) -> list[Comment]:
        """Comments that stand right under a post, newest first."""
        found = (self.comments[one] for one in reversed(self._under.get(media_id, [])))
        return [one for one in found if one.deleted_at is None and one.parent_id is None]

    def count_comments(self, media_id: str) -> int:
        """How many comments stand under a post, answers included ("IG Media":
        ``comments_count``)."""
        found = self._under.get(media_id, [])
        return sum(self.comments[one].deleted_at is None for one in found)

    def replies_to(self, comment_id: str) -> list[Comment]:
        """Answers that stand under a comment, oldest first."""
        found = (self.comments[one] for one in self._replies.get(comment_id, []))
        return [one for one in found if one.deleted_at is None]

    # --- private messages ---------------------------------------------------------------------

    def message(self, sender_id: str, recipient_id: str, text: str, **more: Any) -> Message:
        with self.lock:
            message = Message(
                ids.message_id(self._count + 1),
                ids.conversation_id(sender_id, recipient_id),
                sender_id,
                recipient_id,
                text,
                self.clock.now(),
                **more,
            )
            self._put("message", message.id, message)
            self._tell("message", message)
            return message

    def unsend(self, message_id: str) -> None:
        """Its author takes a message back: it is gone for both."""
        with self.lock:
            message = self.messages[message_id]
            message.unsent_at = self.clock.now()
            self._put("message", message_id, message)
            self._tell("unsent", message)

    def edit(self, message_id: str, text: str) -> None:
        """Its author changes the words (Instagram: within 15 minutes, up to five times)."""
        with self.lock:
            message = self.messages[message_id]
            message.text, message.edits = text, message.edits + 1
            self._put("message", message_id, message)
            self._tell("edited", message)

    def react(self, message_id: str, user_id: str, emoji: str) -> None:
        """Put a sign under a message; an empty one takes it away."""
        with self.lock:
            message = self.messages[message_id]
            kept = [one for one in message.reactions if not one.startswith(f"{user_id} ")]
            message.reactions = tuple(kept + ([f"{user_id} {emoji}"] if emoji else []))
            self._put("message", message_id, message)
            self._tell("reaction", message)

    def see(self, message_id: str) -> None:
        """The one it was sent to has read it."""
        with self.lock:
            message = self.messages[message_id]
            message.seen_at = self.clock.now()
            self._put("message", message_id, message)
            self._tell("seen", message)

    def conversation(self, conversation_id: str) -> list[Message]:
        """The messages of a conversation that stand, newest first."""
        found = (self.messages[one] for one in reversed(self._said.get(conversation_id, [])))
        return [one for one in found if one.unsent_at is None]

    def whole_conversation(self, conversation_id: str) -> list[Message]:
        """All that was ever said there, what was taken back too, oldest first."""
        return [self.messages[one] for one in self._said.get(conversation_id, [])]

    def conversations_of(self, user_id: str) -> list[list[Message]]:
        """Conversations of a person that have a message, the newest movement first."""
        found = (self.conversation(one) for one in self._said)
        own = [one for one in found if one and user_id in (one[0].sender_id, one[0].recipient_id)]
        return sorted(own, key=lambda one: one[0].created_at, reverse=True)

    def last_from(self, sender_id: str, recipient_id: str) -> Message | None:
        """The last that one person wrote to another, taken back or not: it opened the window."""
        for one in reversed(self._said.get(ids.conversation_id(sender_id, recipient_id), [])):
            if self.messages[one].sender_id == sender_id:
                return self.messages[one]
        return None

    # --- pictures and publishing --------------------------------------------------------------

    def add_picture(self, content: bytes, mime: str, size: tuple[int, int] = (0, 0)) -> Picture:
        with self.lock:
            number = ids.numbered(Sort.MEDIA, self._count + 1)
            return self._put("picture", number, Picture(number, mime, content, *size))

    def contain(self, owner_id: str, caption: str, picture: str, **more: Any) -> Container:
        with self.lock:
            container = Container(
                self._new_id(Sort.CONTAINER), owner_id, caption, self.clock.now(), picture, **more
            )
            return self._put("container", container.id, container)

    def publish(self, container_id: str) -> Media:
        """A container becomes a post."""
        with self.lock:
            one = self.containers[container_id]
            media = self.post(
                one.owner_id,
                one.caption,
                one.picture,
                alt=one.alt,
                is_story=one.is_story,
                by_api=True,
            )
            one.published_as = media.id
            self._put("container", container_id, one)
            return media
