"""The state of the simulated X: who is there, and what was written."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from rehearsal.journal import Kept
from rehearsal.records import Record
from rehearsal.x import problems, text
from rehearsal.x.ids import Ids
from rehearsal.x.model import DirectMessage, Picture, Post, User

DUPLICATE_WINDOW = timedelta(hours=24)
"""How long the same words to the same place are a duplicate. X does not say; deleted posts count
too (seen in issue threads). Our guess errs on the strict side."""

EDIT_WINDOW = timedelta(hours=1)
EDITS = 5
"""A post can be edited five times within the hour (X docs, "Edit Posts", read 2026-08)."""


def conversation_of(one: str, other: str) -> str:
    """The id of the private conversation of two people."""
    return "-".join(sorted((one, other), key=int))


class World(Kept):
    """One simulated X. Methods may be called from any thread."""

    KINDS: ClassVar[Mapping[str, type[Record]]] = {
        "user": User,
        "post": Post,
        "dm": DirectMessage,
        "picture": Picture,
    }

    def _clear(self) -> None:
        super()._clear()
        self._ids = Ids(self.clock)
        self.users: dict[str, User] = {}
        self.posts: dict[str, Post] = {}
        self.dms: dict[str, DirectMessage] = {}
        self.pictures: dict[str, Picture] = {}
        self._by_name: dict[str, str] = {}
        self._all: list[int] = []
        self._mentions: dict[str, list[int]] = {}
        self._written: dict[str, list[int]] = {}
        self._answers: dict[str, list[str]] = {}
        self._private: dict[str, list[int]] = {}

    # --- people -------------------------------------------------------------------------------

    def add_user(self, username: str, name: str, **more: Any) -> User:
        """A new person; the same handle (in any case) gives the one who has it already."""
        with self.lock:
            known = self.named(username)
            if known is not None:
                return known
            user = User(self._ids.new(), username, name, self.clock.now(), **more)
            return self._put("user", user.id, user)

    def put_back(self, user: User) -> None:
        """A person who was there before :meth:`forget`, with the same id."""
        with self.lock:
            self._put("user", user.id, user)

    def named(self, username: str) -> User | None:
        found = self._by_name.get(username.lower().removeprefix("@"))
        return self.users[found] if found else None

    def suspend(self, user_id: str, *, posts_listed: bool = False) -> None:
        """X takes a person away. ``posts_listed``: the timelines have not heard of it yet."""
        with self.lock:
            user = self.users[user_id]
            user.suspended, user.posts_listed = True, posts_listed
            self._put("user", user_id, user)

    def restore(self, user_id: str) -> None:
        with self.lock:
            user = self.users[user_id]
            user.suspended = False
            self._put("user", user_id, user)

    def set_open_dms(self, user_id: str, open_: bool) -> None:
        with self.lock:
            self.users[user_id].open_dms = open_
            self._put("user", user_id, self.users[user_id])

    # --- public posts -------------------------------------------------------------------------

    def post(
        self,
        author_id: str,
        words: str,
        *,
        reply_to: str | None = None,
        quotes: str | None = None,
        media: tuple[str, ...] = (),
        without: tuple[str, ...] = (),
        lang: str | None = None,
        by_api: bool = False,
    ) -> Post:
        """Someone writes in public. ``without``: ids of people not to be named before an answer.
        Knows nothing of what may be written: that is the matter of the interface."""
        with self.lock:
            native_id = self._ids.new()
            prefix: tuple[str, ...] = ()
            parent: Post | None = None
            if reply_to is not None:
                parent = self.posts[reply_to]
                prefix = self._prefix(author_id, parent, words, without)
            post = Post(
                native_id,
                author_id,
                words,
                self.clock.now(),
                parent.conversation_id if parent else native_id,
                lang or text.guess_language(words),
                prefix=prefix,
                reply_to=reply_to,
                reply_to_user=parent.author_id if parent else None,
                quotes=quotes,
                media=media,
                versions=(native_id,),
                by_api=by_api,
            )
            return self._put("post", post.id, post)

    def _prefix(
        self, author_id: str, parent: Post, words: str, without: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The handles that X sets before an answer: the author answered, then those named there."""
        spared = {author_id, *without}
        there = [self.users[parent.author_id].username, *parent.prefix]
        there += [user.username for user in self._named_in(parent.text)]
        typed = set(text.names(words))
        out: dict[str, str] = {}
        for handle in there:
            user = self.named(handle)
            if user and user.id not in spared and handle.lower() not in typed:
                out.setdefault(handle.lower(), handle)
        return tuple(out.values())

    def _named_in(self, words: str) -> list[User]:
        return [user for handle in text.names(words) if (user := self.named(handle))]

    def named_by(self, post: Post) -> set[str]:
        """Ids of the people a post mentions, those put before an answer included."""
        before = {user.id for handle in post.prefix if (user := self.named(handle))}
        return before | {user.id for user in self._named_in(post.text)}

    def repost(self, author_id: str, post_id: str) -> Post:
        with self.lock:
            what = self.posts[post_id]
            words = f"RT @{self.users[what.author_id].username}: {what.text}"[:140]
            native_id = self._ids.new()
            post = Post(
                native_id,
                author_id,
                words,
                self.clock.now(),
                native_id,
                what.lang,
                repost_of=post_id,
                versions=(native_id,),
            )
            return self._put("post", post.id, post)

    def edit(self, post_id: str, words: str) -> Post:
        """The author changes a post: a new id, and the old version stays to be looked up."""
        with self.lock:
            old = self.posts[post_id]
            too_late = self.clock.now() - old.created_at > EDIT_WINDOW
            if old.replaced_by or old.deleted_at or too_late or len(old.versions) > EDITS:
                raise problems.forbidden("This Post can no longer be edited.")
            new = Post.from_json(old.to_json())
            new.id, new.text = self._ids.new(), words
            new.created_at = self.clock.now()
            new.versions = (*old.versions, new.id)
            for version in old.versions:
                self.posts[version].versions = new.versions
                self.posts[version].replaced_by = new.id
                self._put("post", version, self.posts[version])
            return self._put("post", new.id, new)

    def delete(self, post_id: str) -> None:
        """The author takes a post away, all versions of it."""
        with self.lock:
            for version in self.posts[post_id].versions:
                self.posts[version].deleted_at = self.clock.now()
                self._put("post", version, self.posts[version])

    def hide(self, post_id: str, hidden: bool) -> None:
        with self.lock:
            self.posts[post_id].hidden = hidden
            self._put("post", post_id, self.posts[post_id])

    def is_repeat(self, author_id: str, words: str, reply_to: str | None) -> bool:
        """Did this author write just this, to the same place, within the window?"""
        since = self.clock.now() - DUPLICATE_WINDOW
        plain = " ".join(words.split())
        return any(
            " ".join(one.text.split()) == plain and one.reply_to == reply_to
            for one in self._newest(self._written.get(author_id, []))
            if one.created_at >= since and not one.replaced_by
        )

    # --- private messages ---------------------------------------------------------------------

    def dm(
        self,
        sender_id: str,
        recipient_id: str,
        words: str,
        *,
        media: tuple[str, ...] = (),
        by_api: bool = False,
    ) -> DirectMessage:
        with self.lock:
            message = DirectMessage(
                self._ids.new(),
                conversation_of(sender_id, recipient_id),
                sender_id,
                recipient_id,
                words,
                self.clock.now(),
                media,
                by_api,
            )
            return self._put("dm", message.id, message)

    def dms_of(self, user_id: str, other: str | None = None) -> Iterator[DirectMessage]:
        """Private messages of a person, newest first; with ``other`` those of the two only."""
        for native_id in reversed(self._private.get(user_id, [])):
            message = self.dms[str(native_id)]
            if other is None or other in (message.sender_id, message.recipient_id):
                yield message

    def may_dm(self, sender_id: str, recipient_id: str) -> bool:
        """Open to strangers, or they wrote first (X docs, "Manage Direct Messages")."""
        recipient = self.users[recipient_id]
        if recipient.suspended:
            return False
        wrote = any(m.sender_id == recipient_id for m in self.dms_of(sender_id, recipient_id))
        return recipient.open_dms or wrote

    # --- pictures -----------------------------------------------------------------------------

    def add_picture(
        self, owner_id: str, content: bytes, mime: str, *, size: tuple[int, int] = (0, 0)
    ) -> Picture:
        with self.lock:
            native_id = self._ids.new()
            picture = Picture(native_id, f"3_{native_id}", owner_id, mime, content, *size)
            return self._put("picture", native_id, picture)

    def describe_picture(self, media_id: str, alt: str) -> None:
        with self.lock:
            self.pictures[media_id].alt = alt
            self._put("picture", media_id, self.pictures[media_id])

    # --- what is to be seen -------------------------------------------------------------------

    def is_listed(self, post: Post) -> bool:
        """Does the post stand in timelines and search: not deleted, the newest version, and its
        author there."""
        author = self.users[post.author_id]
        gone = author.suspended and not author.posts_listed
        return post.deleted_at is None and post.replaced_by is None and not gone

    def _newest(self, ids: list[int], below: int | None = None) -> Iterator[Post]:
        end = len(ids) if below is None else bisect_left(ids, below)
        for at in range(end - 1, -1, -1):
            yield self.posts[str(ids[at])]

    def mentions_of(self, user_id: str, below: int | None = None) -> Iterator[Post]:
        """Posts of others that name a person, newest first, with ids below ``below``."""
        return filter(self.is_listed, self._newest(self._mentions.get(user_id, []), below))

    def posts_of(self, user_id: str, below: int | None = None) -> Iterator[Post]:
        return filter(self.is_listed, self._newest(self._written.get(user_id, []), below))

    def all_posts(self, below: int | None = None) -> Iterator[Post]:
        return filter(self.is_listed, self._newest(self._all, below))

    def answers_to(self, post_id: str) -> list[Post]:
        """Direct answers that stand, oldest first."""
        found = (self.posts[one] for one in self._answers.get(post_id, []))
        return [post for post in found if self.is_listed(post)]

    # --- keeping ------------------------------------------------------------------------------

    def _tables(self) -> Iterator[tuple[str, Mapping[str, Record]]]:
        yield "user", self.users
        yield "picture", self.pictures
        yield "post", self.posts
        yield "dm", self.dms

    def _index(self, kind: str, key: str, record: Record) -> None:
        match record:
            case User():
                self.users[key] = record
                self._by_name[record.username.lower()] = key
            case Post():
                fresh = key not in self.posts
                self.posts[key] = record
                if fresh:
                    self._index_post(record)
            case DirectMessage():
                self.dms[key] = record
                for person in {record.sender_id, record.recipient_id}:
                    self._private.setdefault(person, []).append(int(key))
            case Picture():
                self.pictures[key] = record
        self._ids.seen(key)

    def _index_post(self, post: Post) -> None:
        number = int(post.id)
        self._all.append(number)
        self._written.setdefault(post.author_id, []).append(number)
        for person in self.named_by(post) - {post.author_id}:
            self._mentions.setdefault(person, []).append(number)
        if post.reply_to:
            self._answers.setdefault(post.reply_to, []).append(post.id)
