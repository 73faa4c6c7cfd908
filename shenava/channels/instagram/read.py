"""Reading comments, private messages, tags and hashtags, wherever a reading is stopped.

Instagram's lists know no "since", and its ids have no order. A reading goes on from a *cursor* that
is stored with each page: what is still to be looked at, how far the present thing was read, and
when the reading *began*. Only a reading that came to its end moves ``as_of``, the instant up to
which everything is known; so a process that is killed between two pages goes on where it stood.

**Comments** may be written under any post at any time. The list of the newest
:data:`~shenava.channels.instagram.rules.WATCHED_POSTS` posts tells of each how many comments it
has, answers included: looked at is each whose number has changed since the last reading. Its
comments come newest first with their answers; it is read on until as many new ones were found as
the number has grown by, else to its end. New is what was written after the newest that is known
under the same post, both by Instagram's clock: ours may be wrong. Where one was taken away and
another written between two looks, the number is the same: a sweep, which looks at every post, finds
those.

**Private messages**: conversations come with the time of their last message, newest first; read is
each that moved since ``as_of``. Of one conversation Instagram shows the 20 newest messages; if all
of them are new there may be more, and a gap is told. A page is as many requests as Instagram allows
in a second, and says when the next may follow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from shenava.channels.base import Cursor, OwnMessage, Page, Reads
from shenava.channels.errors import ChannelError, RateLimited, Rejected, RejectedBecause
from shenava.channels.instagram.client import Client, checked
from shenava.channels.instagram.parse import (
    Json,
    Place,
    Us,
    after_of,
    items_of,
    mapping_of,
    message_of,
    number_of,
    post_of,
    tagged_of,
    text_of,
    thread_of,
    time_of,
)
from shenava.channels.instagram.rules import (
    COMMENTS_PAGE,
    CONVERSATION_MESSAGES,
    CONVERSATIONS,
    HASHTAG_REACH,
    WATCHED_POSTS,
)
from shenava.messages import Incoming, Source

_POSTS = 100
_CONVERSATIONS = 50
_TAGS = 50
_SLACK = timedelta(minutes=10)
"""How far Meta's clock may be from ours, and how late a list may show what was written."""
_PAGES_OF_ONE = 40
"""Pages of one post in one reading; beyond them a gap is told."""
_FULL = 90
"""Percent of what Meta allows. From here on reading waits, so that answers still leave."""
_WAIT = timedelta(minutes=10)

POST_FIELDS = "id,caption,timestamp,permalink,comments_count"
_REPLY = "id,text,timestamp,username,from,parent_id,hidden,like_count"
COMMENT_FIELDS = f"{_REPLY},replies.limit({COMMENTS_PAGE}){{{_REPLY}}}"
MESSAGE_FIELDS = "id,created_time,from,to,message,attachments,story,shares,reactions,is_unsupported"
MENTIONING_FIELDS = "id,text,timestamp,media{id,permalink}"
"""Of a comment under a stranger's post that names us; who wrote it is not told ("Mentioned
Comment", read 2026-11-22)."""
TAG_FIELDS = "id,caption,media_type,media_url,permalink,thumbnail_url,timestamp,username"
_HASHTAG_FIELDS = "id,caption,media_type,media_url,permalink,timestamp"


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing to look at: a post, the rest of the answers to one comment, a conversation, or one
    message of it.

    ``count``: comments it has, as listed. ``grown``: by how many since the last reading; ``None``
    when it was not known then. ``of``: for answers, where the rest begins; for a message, its
    conversation."""

    key: str
    count: int = 0
    grown: int | None = None
    permalink: str | None = None
    of: str | None = None
    comment: str | None = None

    def packed(self) -> list[Any]:
        return [self.key, self.count, self.grown, self.permalink, self.of, self.comment]


@dataclass(frozen=True, slots=True)
class Walk:
    """Where a reading stands. Between two readings only ``as_of``, ``counts``, ``newest`` and
    ``known`` are set. ``newest``: when the newest comment known under a post was written, in
    seconds of Instagram's clock. ``listed``: the list of things to look at is whole; ``after``:
    where it, or the present thing, goes on. ``down_to``: read down to this time, whatever was known
    before."""

    as_of: datetime | None = None
    down_to: datetime | None = None
    began: datetime | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    newest: Mapping[str, int] = field(default_factory=dict)
    known: tuple[str, ...] = ()
    now_counts: Mapping[str, int] = field(default_factory=dict)
    now_newest: Mapping[str, int] = field(default_factory=dict)
    now_known: tuple[str, ...] = ()
    todo: tuple[Thing, ...] = ()
    listed: bool = False
    after: str | None = None
    found: int = 0
    pages: int = 0
    gap: bool = False
    hashtag: str | None = None

    @classmethod
    def of(cls, cursor: Cursor) -> Walk:
        """Read a cursor. What cannot be read counts as absent: then more is read, not less."""
        try:
            return cls(
                as_of=_instant(cursor.get("as_of")),
                down_to=_instant(cursor.get("down_to")),
                began=_instant(cursor.get("began")),
                counts=_counts(cursor.get("counts")),
                newest=_counts(cursor.get("newest")),
                known=tuple(json.loads(cursor.get("known", "[]"))),
                now_counts=_counts(cursor.get("now_counts")),
                now_newest=_counts(cursor.get("now_newest")),
                now_known=tuple(json.loads(cursor.get("now_known", "[]"))),
                todo=tuple(Thing(*one) for one in json.loads(cursor.get("todo", "[]"))),
                listed=cursor.get("listed") == "1",
                after=cursor.get("after"),
                found=int(cursor.get("found", "0")),
                pages=int(cursor.get("pages", "0")),
                gap=cursor.get("gap") == "1",
                hashtag=cursor.get("hashtag"),
            )
        except (ValueError, TypeError, AttributeError):
            return cls(as_of=None, down_to=None)

    def cursor(self) -> dict[str, str]:
        told = {
            "as_of": self.as_of.isoformat() if self.as_of else "",
            "down_to": self.down_to.isoformat() if self.down_to else "",
            "began": self.began.isoformat() if self.began else "",
            "counts": json.dumps(dict(self.counts)) if self.counts else "",
            "newest": json.dumps(dict(self.newest)) if self.newest else "",
            "known": json.dumps(self.known) if self.known else "",
            "now_counts": json.dumps(dict(self.now_counts)) if self.now_counts else "",
            "now_newest": json.dumps(dict(self.now_newest)) if self.now_newest else "",
            "now_known": json.dumps(self.now_known) if self.now_known else "",
            "todo": json.dumps([one.packed() for one in self.todo]) if self.todo else "",
            "listed": "1" if self.listed else "",
            "after": self.after or "",
            "found": str(self.found) if self.found else "",
            "pages": str(self.pages) if self.pages else "",
            "gap": "1" if self.gap else "",
            "hashtag": self.hashtag or "",
        }
        return {name: value for name, value in told.items() if value}

    @property
    def floor(self) -> datetime | None:
        """What was written before this is known, or not wanted."""
        if self.down_to is not None:
            return self.down_to
        return self.as_of - _SLACK if self.as_of is not None else None

    def wants(self, at: datetime) -> bool:
        return self.floor is None or at >= self.floor

    def is_new(self, post: str, at: datetime) -> bool:
        """Whether a comment is newer than all that are known under its post. Of the same second,
        or where none is known, it does not say so: then more is read, not less."""
        return post in self.newest and at.timestamp() >= self.newest[post] + 1

    def having_seen(self, post: str, times: Iterable[datetime]) -> Walk:
        latest = max((int(at.timestamp()) for at in times), default=None)
        if latest is None:
            return self
        latest = max(latest, self.now_newest.get(post, latest))
        return replace(self, now_newest={**self.now_newest, post: latest})


def cursor_from(since: datetime) -> Cursor:
    """A cursor that begins a reading from now down to ``since``."""
    return Walk(down_to=since.astimezone(UTC)).cursor()


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads the pages of one account. ``hashtag``: what ``Source.SEARCH`` looks for."""

    client: Client
    us: Us
    hashtag: str = ""

    def page(self, source: Source, cursor: Cursor, now: datetime) -> Page:
        """The next page. Raises ``ChannelError``; the cursor handed in then still holds."""
        if self.client.used >= _FULL:
            raise RateLimited(now + _WAIT, named=False)
        walk = Walk.of(cursor)
        if walk.began is None:
            walk = replace(walk, began=now)
        before = self.client.requests
        if source is Source.COMMENT:
            step = self._comments(walk, now)
        elif source is Source.INBOX:
            step = self._some_of_inbox(walk, now)
        elif source is Source.MENTION:
            step = self._tags(walk, now)
        else:
            step = self._hashtag(walk, now)
        page = _page(step, self.client.requests - before)
        if source is Source.INBOX and not page.complete:
            page = replace(page, again_at=self.client.now() + CONVERSATIONS.window)
        return page

    # --- comments -----------------------------------------------------------------------

    def _comments(self, walk: Walk, now: datetime) -> _Step:
        if not walk.listed:
            return self._list_posts(walk, now)
        if not walk.todo:
            return _Step(walk, (), ended=True)
        thing = walk.todo[0]
        if thing.comment is not None:
            return self._rest_of_replies(walk, thing, now)
        try:
            answer = self.client.get(
                f"/{checked(thing.key)}/comments",
                fields=COMMENT_FIELDS,
                limit=COMMENTS_PAGE,
                after=walk.after,
            )
        except Rejected as refused:
            if not _is_gone(refused):
                raise
            return _next(walk, ())  # the post was taken away meanwhile
        place = Place(thing.key, thing.permalink)
        told = items_of(answer)
        every = [m for one in told for m in thread_of(one, place, self.us, now)]
        new = [m for m in every if walk.is_new(thing.key, m.written_at)]
        wanted = [m for m in every if m in new or walk.wants(m.written_at)]
        walk = replace(
            walk.having_seen(thing.key, (m.written_at for m in every)),
            found=walk.found + len(new),
            pages=walk.pages + 1,
            after=after_of(answer),
            todo=(thing, *_longer(told, place), *walk.todo[1:]),
        )
        firsts = [time_of(one.get("timestamp"), now) for one in told]
        if thing.grown is not None and 0 <= thing.grown <= walk.found:
            # All that is new was among what came: no need of the rest of long threads.
            others = tuple(o for o in walk.todo[1:] if o.key != thing.key)
            walk = replace(walk, todo=(thing, *others))
        if walk.after is None or self._has_all(walk, thing, min(firsts, default=now)):
            return _next(walk, wanted)
        if walk.pages >= _PAGES_OF_ONE:
            return _next(replace(walk, gap=True), wanted)
        return _Step(walk, tuple(wanted))

    def _has_all(self, walk: Walk, thing: Thing, oldest_first: datetime) -> bool:
        """Whether what is further down under a post is known. Answers to old comments stand
        further down than their age: the number of comments tells whether there are such."""
        if walk.floor is None or oldest_first >= walk.floor:
            return False
        if walk.down_to is not None or thing.grown is None:
            return walk.down_to is not None
        return walk.found >= thing.grown

    def _list_posts(self, walk: Walk, now: datetime) -> _Step:
        answer = self.client.get(
            f"/{checked(self.us.profile.native_id)}/media",
            fields=POST_FIELDS,
            limit=_POSTS,
            after=walk.after,
        )
        own: list[Incoming | OwnMessage] = []
        todo = list(walk.todo)
        counts, newest = dict(walk.now_counts), dict(walk.now_newest)
        for one in items_of(answer):
            post = post_of(one, self.us, now)
            if post is None or post.native_key in counts or len(counts) >= WATCHED_POSTS:
                continue
            count = number_of(one, "comments_count") or 0
            counts[post.native_key] = count
            before = walk.counts.get(post.native_key)
            if post.native_key in walk.newest:
                newest[post.native_key] = walk.newest[post.native_key]
            if before is None:
                own.append(post)
            if count and (walk.down_to is not None or before != count):
                grown = count - before if before is not None else None
                todo.append(Thing(post.native_key, count, grown, post.permalink))
        walk = replace(
            walk, now_counts=counts, now_newest=newest, todo=tuple(todo), after=after_of(answer)
        )
        if walk.after is None or len(counts) >= WATCHED_POSTS:
            walk = replace(walk, listed=True, after=None)
        return _Step(walk, tuple(own), ended=walk.listed and not walk.todo)

    def _rest_of_replies(self, walk: Walk, thing: Thing, now: datetime) -> _Step:
        """Answers to one comment beyond those that came with it."""
        assert thing.comment is not None
        try:
            answer = self.client.get(
                f"/{checked(thing.comment)}/replies",
                fields=_REPLY,
                limit=COMMENTS_PAGE,
                after=walk.after or thing.of,
            )
        except Rejected as refused:
            if not _is_gone(refused):
                raise
            return _next(walk, ())
        place = Place(thing.key, thing.permalink)
        holder = {"replies": answer.get("data"), "id": thing.comment}
        every = [m for m in thread_of(holder, place, self.us, now) if m.native_key != thing.comment]
        wanted = [
            m for m in every if walk.is_new(thing.key, m.written_at) or walk.wants(m.written_at)
        ]
        walk = walk.having_seen(thing.key, (m.written_at for m in every))
        walk = replace(walk, pages=walk.pages + 1, after=after_of(answer))
        if walk.after is None:
            return _next(walk, wanted)
        if walk.pages >= _PAGES_OF_ONE:
            return _next(replace(walk, gap=True), wanted)
        return _Step(walk, tuple(wanted))

    # --- private messages ---------------------------------------------------------------

    def _some_of_inbox(self, walk: Walk, now: datetime) -> _Step:
        """As many requests as Instagram allows at once."""
        step = self._inbox(walk, now)
        for _ in range(1, CONVERSATIONS.count):
            if step.ended:
                break
            try:
                further = self._inbox(step.walk, now)
            except ChannelError:
                break  # What came before it is kept; the next page meets this again.
            step = replace(further, found=(*step.found, *further.found))
        return step

    def _inbox(self, walk: Walk, now: datetime) -> _Step:
        """One request."""
        if not walk.listed:
            return self._list_conversations(walk, now)
        if not walk.todo:
            return _Step(walk, (), ended=True)
        if walk.todo[0].of is not None:
            return self._message(walk, now)
        fields = f"messages.limit({CONVERSATION_MESSAGES}){{{MESSAGE_FIELDS}}}"
        try:
            answer = self.client.get(f"/{checked(walk.todo[0].key)}", fields=fields)
        except Rejected as refused:
            if not _is_gone(refused):
                raise
            return _next(walk, ())
        messages = mapping_of(answer, "messages")
        told = items_of(messages)
        new = [one for one in told if walk.wants(time_of(one.get("created_time"), now))]
        whole = [one for one in new if mapping_of(one, "from")]
        found = [m for one in whole if (m := message_of(one, self.us, now)) is not None]
        # Where the conversation gave its id only, a message is asked for by itself.
        bare = [
            Thing(key, of=walk.todo[0].key)
            for one in new[:CONVERSATION_MESSAGES]
            if one not in whole and (key := text_of(one, "id")) is not None
        ]
        lost = len(new) > len(whole) + len(bare)
        # All of them new, and there are more: what lies below the newest 20 is not told.
        more = len(told) >= CONVERSATION_MESSAGES and len(new) == len(told)
        beyond = more and (after_of(messages) is not None or len(told) > CONVERSATION_MESSAGES)
        todo = (walk.todo[0], *bare, *walk.todo[1:])
        return _next(replace(walk, todo=todo, gap=walk.gap or lost or beyond), found)

    def _message(self, walk: Walk, now: datetime) -> _Step:
        """One message by itself; a gap where Instagram tells no more of it."""
        try:
            told = self.client.get(f"/{checked(walk.todo[0].key)}", fields=MESSAGE_FIELDS)
        except Rejected:
            return _next(replace(walk, gap=True), ())
        message = message_of(told, self.us, now)
        return _next(walk, () if message is None else (message,))

    def _list_conversations(self, walk: Walk, now: datetime) -> _Step:
        answer = self.client.get(
            f"/{checked(self.us.messaging)}/conversations",
            platform="instagram",
            fields="id,updated_time",
            limit=_CONVERSATIONS,
            after=walk.after,
        )
        told = items_of(answer)
        known = {thing.key for thing in walk.todo}
        moved = [
            Thing(key)
            for one in told
            if (key := text_of(one, "id")) is not None
            and key not in known
            and walk.wants(time_of(one.get("updated_time"), now))
        ]
        below = bool(told) and not any(
            walk.wants(time_of(o.get("updated_time"), now)) for o in told
        )
        walk = replace(walk, todo=(*walk.todo, *moved), after=after_of(answer))
        if walk.after is None or below:
            walk = replace(walk, listed=True, after=None)
        return _Step(walk, (), ended=walk.listed and not walk.todo)

    # --- tags and hashtags --------------------------------------------------------------

    def _tags(self, walk: Walk, now: datetime) -> _Step:
        """Posts of others that tag the account. An old post may be tagged today, so the list is
        read down to one whose posts are all known."""
        answer = self.client.get(
            f"/{checked(self.us.profile.native_id)}/tags",
            fields=TAG_FIELDS,
            limit=_TAGS,
            after=walk.after,
        )
        told = items_of(answer)
        keys = [key for one in told if (key := text_of(one, "id")) is not None]
        found = [m for one in told if (m := tagged_of(one, self.us, now, Source.MENTION))]
        fresh = [m for m in found if m.native_key not in walk.known]
        walk = replace(
            walk,
            now_known=(*walk.now_known, *keys)[:WATCHED_POSTS],
            after=after_of(answer),
            pages=walk.pages + 1,
        )
        if walk.down_to is not None:
            fresh = [m for m in found if m.written_at >= walk.down_to]
            done = not fresh
        else:
            done = any(key in walk.known for key in keys)
        ended = walk.after is None or done or walk.pages >= _PAGES_OF_ONE
        return _Step(walk, tuple(fresh), ended=ended)

    def _hashtag(self, walk: Walk, now: datetime) -> _Step:
        me = self.us.profile.native_id
        if walk.hashtag is None:
            answer = self.client.get("/ig_hashtag_search", user_id=me, q=self.hashtag)
            first = next(iter(items_of(answer)), {})
            walk = replace(walk, hashtag=text_of(first, "id"))
            if walk.hashtag is None:
                raise Rejected(RejectedBecause.NOT_FOUND, "there is no such hashtag")
        answer = self.client.get(
            f"/{checked(walk.hashtag)}/recent_media",
            user_id=me,
            fields=_HASHTAG_FIELDS,
            limit=_TAGS,
            after=walk.after,
        )
        found = [
            m for one in items_of(answer) if (m := tagged_of(one, self.us, now, Source.SEARCH))
        ]
        wanted = [m for m in found if walk.wants(m.written_at)]
        ours = self._our_posts(wanted, now)
        others = [m for m in wanted if m.native_key not in ours and m.permalink not in ours]
        walk = replace(walk, after=after_of(answer), pages=walk.pages + 1)
        wide = walk.pages >= _PAGES_OF_ONE
        ended = walk.after is None or wide or (bool(found) and not wanted)
        reach = now - HASHTAG_REACH
        late = walk.floor is not None and walk.floor < reach - _SLACK
        return _Step(replace(walk, gap=walk.gap or wide or late), tuple(others), ended=ended)

    def _our_posts(self, found: Sequence[Incoming], now: datetime) -> set[str | None]:
        """Keys and addresses of our own posts since the oldest of ``found``: a hashtag shows them
        too, and does not tell whose they are."""
        ours: set[str | None] = set()
        if not found:
            return ours
        oldest = min(m.written_at for m in found)
        after: str | None = None
        for _ in range(_PAGES_OF_ONE):
            answer = self.client.get(
                f"/{checked(self.us.profile.native_id)}/media",
                fields=POST_FIELDS,
                limit=_POSTS,
                after=after,
            )
            posts = [post for one in items_of(answer) if (post := post_of(one, self.us, now))]
            for post in posts:
                ours |= {post.native_key, post.permalink}
            after = after_of(answer)
            if after is None or any(post.written_at < oldest for post in posts):
                break
        return ours - {None}


# --- steps ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Step:
    """A walk after one page, and what the page held."""

    walk: Walk
    found: Sequence[Incoming | OwnMessage]
    ended: bool = False


def _next(walk: Walk, found: Sequence[Incoming | OwnMessage]) -> _Step:
    """On to the next thing to look at; the end when there is none."""
    walk = replace(walk, todo=walk.todo[1:], after=None, found=0, pages=0)
    return _Step(walk, tuple(found), ended=not walk.todo)


def _page(step: _Step, requests: int) -> Page:
    walk = step.walk
    incoming = tuple(m for m in step.found if isinstance(m, Incoming))
    own = tuple(m for m in step.found if isinstance(m, OwnMessage))
    count = len(incoming) + len(own)
    reads = Reads({"message": count} if count else {}, requests)
    if not step.ended:
        return Page(incoming, own, walk.cursor(), complete=False, reads=reads)
    assert walk.began is not None
    resting = Walk(
        as_of=walk.began,
        counts=walk.now_counts,
        newest=walk.now_newest,
        known=walk.now_known or walk.known,
        hashtag=walk.hashtag,
    )
    covered_from = None
    if walk.down_to is not None:
        covered_from = min(walk.down_to, walk.began)
    elif walk.as_of is None or walk.gap:
        covered_from = walk.began
    return Page(
        incoming,
        own,
        resting.cursor(),
        complete=True,
        reads=reads,
        gap=walk.gap,
        covered_from=covered_from,
        covered_to=walk.began,
    )


def _longer(told: Sequence[Json], place: Place) -> list[Thing]:
    """Comments with more answers than came with them: the rest is asked for. ``of`` keeps where
    the rest begins."""
    return [
        Thing(place.media, 0, None, place.permalink, after, key)
        for one in told
        if (key := text_of(one, "id")) is not None
        and (after := after_of(mapping_of(one, "replies"))) is not None
    ]


def _is_gone(refused: Rejected) -> bool:
    return refused.because is RejectedBecause.NOT_FOUND


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _counts(text: str | None) -> dict[str, int]:
    return {str(key): int(count) for key, count in json.loads(text or "{}").items()}
