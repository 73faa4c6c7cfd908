"""From X's JSON to our words. Pure, and forgiving: one odd post must not stop a reading.

Read both sets of names: X's OpenAPI document 2.167 renames what 2.159 calls ``tweets`` to
``posts`` without having announced it. Read with doubt: ``data`` is absent when nothing was
found, ``includes`` may lack an author who was suspended, ``errors`` stands beside ``data``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shenava.channels.base import OwnMessage, Profile
from shenava.messages import (
    AccountRef,
    Author,
    Deed,
    Incoming,
    MediaKind,
    MediaRef,
    MessageKind,
    PostRef,
    Source,
)

Json = Mapping[str, Any]

_MEDIA_KINDS = {
    "photo": MediaKind.PHOTO,
    "video": MediaKind.VIDEO,
    "animated_gif": MediaKind.ANIMATION,
}
_EPOCH_MS = 1_288_834_974_657
"""X's ids count milliseconds from here in their upper bits (docs.x.com, "X IDs", 2026-08)."""
_OWN_MEDIA = re.compile(r"https?://(?:x|twitter)\.com/\w+/status/[0-9]+/(?:photo|video)/[0-9]+")


@dataclass(frozen=True, slots=True)
class Us:
    """The account that is read."""

    profile: Profile
    account: AccountRef
    web_url: str

    def permalink(self, key: str, handle: str | None) -> str:
        """Where a person sees the post. X finds it without the author's handle too."""
        return f"{self.web_url}/{handle or 'i'}/status/{key}"


@dataclass(frozen=True, slots=True)
class Body:
    """An answer of X, taken apart."""

    data: tuple[Json, ...]
    users: Mapping[str, Json]
    media: Mapping[str, Json]
    posts: Mapping[str, Json]
    errors: tuple[Json, ...]
    next_token: str | None


def body_of(answer: Json) -> Body:
    """Take an answer apart; what is of the wrong shape counts as absent."""
    includes = _mapping(answer.get("includes"))
    token = _mapping(answer.get("meta")).get("next_token")
    return Body(
        data=tuple(one for one in _items(answer.get("data")) if _key(one) is not None),
        users=_by(includes.get("users"), "id"),
        media=_by(includes.get("media"), "media_key"),
        posts=_by(includes.get("tweets"), "id") | _by(includes.get("posts"), "id"),
        errors=tuple(_items(answer.get("errors"))),
        next_token=token if isinstance(token, str) and token else None,
    )


def profile_of(answer: Json) -> Profile | None:
    """Whose token it is; ``None`` when the answer does not tell."""
    data = _mapping(answer.get("data"))
    key, handle = _key(data), data.get("username")
    if key is None or not isinstance(handle, str) or not handle:
        return None
    return Profile(key, handle, _text(data, "name") or handle, _followers(data))


def id_of(one: Json) -> int:
    """The id of a post or event, as a number: ids are compared as numbers, never as text."""
    return int(one["id"])


def time_of(one: Json, fallback: datetime) -> datetime:
    """When it was written, aware, in UTC.

    With a fraction of a second or without. If X sent no time that can be read, the time that
    the id tells; where that is no sensible time either, ``fallback``.
    """
    text = one.get("created_at")
    if isinstance(text, str):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    at = datetime.fromtimestamp(((id_of(one) >> 22) + _EPOCH_MS) / 1000, UTC)
    return at if at.year > 2010 and at <= fallback else fallback


@dataclass(frozen=True, slots=True)
class Post:
    """A post in the words that X has for it, with X's alterations of its text undone."""

    key: str
    author_id: str | None
    text: str
    written_at: datetime
    conversation: str | None
    reply_to: str | None
    reply_to_user: str | None
    quoted: str | None
    is_repost: bool
    mentions: frozenset[str]
    versions: tuple[str, ...]
    media: tuple[MediaRef, ...] = field(default=())


def post_of(one: Json, body: Body, now: datetime) -> Post:
    """Take one post apart. ``now`` stands in for a time that X did not send."""
    references = {
        str(r.get("type")): key
        for r in _items(_either(one, "referenced_tweets", "referenced_posts"))
        if (key := _key(r)) is not None
    }
    # A long post has the beginning of it in `text` and all of it in the note.
    note = _mapping(_either(one, "note_tweet", "note_post"))
    told = note if _text(note, "text") else one
    entities = _mapping(told.get("entities"))
    keys = _mapping(one.get("attachments")).get("media_keys")
    return Post(
        key=str(one["id"]),
        author_id=_digits(one.get("author_id")),
        text=_restored(_text(told, "text") or "", entities),
        written_at=time_of(one, now),
        conversation=_digits(one.get("conversation_id")),
        reply_to=references.get("replied_to"),
        reply_to_user=_digits(one.get("in_reply_to_user_id")),
        quoted=references.get("quoted"),
        is_repost="retweeted" in references or "reposted" in references,
        mentions=frozenset(_mentions(entities))
        | frozenset(_mentions(_mapping(one.get("entities")))),
        versions=_versions(one),
        media=_media(keys, body),
    )


def message_of(post: Post, body: Body, us: Us, source: Source) -> Incoming | OwnMessage | None:
    """The message that a post is to us; ``None`` for a repost, which says nothing new."""
    if post.is_repost:
        return None
    earlier = tuple(key for key in post.versions if key != post.key)
    if post.author_id == us.profile.native_id:
        return OwnMessage(
            native_key=post.key,
            kind=Deed.ANSWER if post.reply_to else Deed.POST,
            text=post.text,
            written_at=post.written_at,
            reply_to_key=post.reply_to,
            permalink=us.permalink(post.key, us.profile.handle),
            edited_from=earlier,
        )
    author = _author(post, body)
    summoned = _summoned(post, body, us, source)
    root = post.conversation or post.key
    root_author = us.profile.handle if _under_us(post, us) else None
    if root == post.key:
        root_author = author.handle
    return Incoming(
        account=us.account,
        native_key=post.key,
        kind=_kind(post, us, summoned, source),
        author=author,
        text=post.text,
        written_at=post.written_at,
        source=source,
        post=PostRef(root, us.permalink(root, root_author)),
        reply_to_key=post.reply_to,
        permalink=us.permalink(post.key, author.handle),
        media=post.media,
        edited_from=earlier,
        summoned=summoned,
    )


def private_message_of(
    event: Json, body: Body, us: Us, now: datetime
) -> Incoming | OwnMessage | None:
    """The message that a DM event is to us; ``None`` for joining and leaving, or no sender."""
    sender = _digits(event.get("sender_id"))
    if event.get("event_type", "MessageCreate") != "MessageCreate" or sender is None:
        return None
    key = str(event["id"])
    # DM entities lie flat beside the text
    text = _restored(_text(event, "text") or "", _mapping(event.get("entities")) or event)
    at = time_of(event, now)
    if sender == us.profile.native_id:
        other = _other_side(event, us)
        return OwnMessage(key, Deed.DM, text, at, to_native_id=other)
    user = _mapping(body.users.get(sender))
    keys = _mapping(event.get("attachments")).get("media_keys")
    return Incoming(
        account=us.account,
        native_key=key,
        kind=MessageKind.DM,
        author=_author_from(sender, user),
        text=text,
        written_at=at,
        source=Source.INBOX,
        media=_media(keys, body),
    )


def unescaped(text: str) -> str:
    """X sends ``&``, ``<`` and ``>`` as HTML would write them, and nothing else so."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _restored(text: str, entities: Json) -> str:
    """The text as its author wrote it: X's short links made whole again, the one that X adds
    for a picture taken away, ``&`` and its like as themselves."""
    for link in _items(entities.get("urls")):
        short, whole = _text(link, "url"), _text(link, "expanded_url")
        if not short or not whole:
            continue
        ours = "media_key" in link or _OWN_MEDIA.fullmatch(whole)
        # the sign after a short link must not go on in it: it would be another link
        pieces = re.split(re.escape(short) + r"(?!\w)", text)
        text = ("" if ours else whole).join(pieces)
    return unescaped(text).rstrip()


def _summoned(post: Post, body: Body, us: Us, source: Source) -> bool | None:
    """Whether the author named or quoted us. ``None``: they quoted someone X does not name."""
    me, handle = us.profile.native_id, us.profile.handle.casefold()
    if source is Source.MENTION or post.mentions & {me, handle}:
        return True
    if post.quoted is None:
        return False
    quoted = body.posts.get(post.quoted)
    if quoted is None:
        return None
    return _digits(quoted.get("author_id")) == me


def _kind(post: Post, us: Us, summoned: bool | None, source: Source) -> MessageKind:
    if _under_us(post, us):
        return MessageKind.COMMENT
    named = source is Source.MENTION or summoned
    return MessageKind.MENTION if named else MessageKind.POST


def _under_us(post: Post, us: Us) -> bool:
    """It answers a post of ours that began a conversation. Deeper down X does not say whose
    conversation it is."""
    return (
        post.reply_to is not None
        and post.reply_to == post.conversation
        and post.reply_to_user == us.profile.native_id
    )


def _author(post: Post, body: Body) -> Author:
    if post.author_id is None:
        # Not seen, but a post is never lost for it: one unknown person a post.
        return Author(f"author-of-{post.key}", None)
    return _author_from(post.author_id, _mapping(body.users.get(post.author_id)))


def _author_from(native_id: str, user: Json) -> Author:
    return Author(native_id, _text(user, "username"), _text(user, "name"), _followers(user))


def _followers(user: Json) -> int | None:
    count = _mapping(user.get("public_metrics")).get("followers_count")
    return count if isinstance(count, int) and count >= 0 else None


def _mentions(entities: Json) -> Iterator[str]:
    """Ids and handles (case folded) of those named. Handles are never all digits on X, or, for
    the few old ones that are, no harm comes of the mixture: both would have to be ours."""
    for mention in _items(entities.get("mentions")):
        if (key := _digits(mention.get("id"))) is not None:
            yield key
        if handle := _text(mention, "username"):
            yield handle.casefold()


def _versions(one: Json) -> tuple[str, ...]:
    value = _either(one, "edit_history_tweet_ids", "edit_history_post_ids")
    if not isinstance(value, list):
        return ()
    return tuple(key for each in value if (key := _digits(each)) is not None)


def _media(keys: Any, body: Body) -> tuple[MediaRef, ...]:
    refs = []
    for key in keys if isinstance(keys, list) else []:
        one = _mapping(body.media.get(str(key)))
        refs.append(
            MediaRef(
                key=str(key),
                url=_text(one, "url") or _text(one, "preview_image_url"),
                kind=_MEDIA_KINDS.get(str(one.get("type")), MediaKind.PHOTO),
                alt=_text(one, "alt_text") or "",
                width=_size(one.get("width")),
                height=_size(one.get("height")),
            )
        )
    return tuple(refs)


def _other_side(event: Json, us: Us) -> str | None:
    """The other person of a conversation of two, whose id is both their ids; ``None`` in a
    group."""
    ids = str(event.get("dm_conversation_id", "")).split("-")
    others = [each for each in ids if each != us.profile.native_id]
    return others[0] if len(ids) == 2 and len(others) == 1 and others[0].isdigit() else None


def _either(one: Json, name: str, other: str) -> Any:
    """A field under the name of today or of the coming version."""
    return one[name] if name in one else one.get(other)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> Iterator[Json]:
    for one in value if isinstance(value, list) else []:
        if isinstance(one, Mapping):
            yield one


def _by(value: Any, name: str) -> dict[str, Json]:
    return {str(one[name]): one for one in _items(value) if name in one}


def _key(one: Json) -> str | None:
    return _digits(one.get("id"))


def _digits(value: Any) -> str | None:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if re.fullmatch(r"[0-9]{1,19}", text) else None


def _text(one: Json, name: str) -> str | None:
    value = one.get(name)
    return value if isinstance(value, str) and value else None


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
