"""From Instagram's JSON to our words. Pure, and forgiving: one odd thing must not stop a reading.

Meta leaves out what is empty, names one thing in several ways, and shows little of it in its
pages. Fields beside ``id, created_time, from, to, message`` of a private message are those of the
Messenger reference ("Message", read 2026-11-22).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shenava.channels.base import OwnMessage, Profile
from shenava.messages import (
    About,
    AboutKind,
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


@dataclass(frozen=True, slots=True)
class Us:
    """The account that is read. ``ids``: the names Instagram has for it as a number: the
    professional account's, and the app's own of it. ``messaging``: whose messages they are in an
    address, the account or its page."""

    profile: Profile
    account: AccountRef
    ids: frozenset[str]
    messaging: str

    def wrote(self, author: Json) -> bool:
        """Whether what ``from`` and ``username`` say is us."""
        if text_of(author, "id") in self.ids:
            return True
        named = text_of(author, "username")
        return named is not None and named.casefold() == self.profile.handle.casefold()


def items_of(value: Any) -> list[Json]:
    """The objects in a list, or in the ``data`` of an object."""
    if isinstance(value, Mapping):
        value = value.get("data")
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def text_of(one: Json, name: str) -> str | None:
    value = one.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def number_of(one: Json, name: str) -> int | None:
    value = one.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def mapping_of(one: Json, name: str) -> Json:
    value = one.get(name)
    return value if isinstance(value, Mapping) else {}


def after_of(answer: Json) -> str | None:
    """The cursor of the next page; ``None`` when there is none."""
    paging = mapping_of(answer, "paging")
    after = text_of(mapping_of(paging, "cursors"), "after")
    return after if after and paging.get("next") else None


def time_of(value: Any, fallback: datetime) -> datetime:
    """An aware instant: ``2017-08-31T19:16:02+0000``, or seconds or milliseconds of Unix time."""
    if isinstance(value, str) and not value.isdigit():
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return fallback
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 10**11 else seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return fallback


# --- comments -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """The post that comments stand under."""

    media: str
    permalink: str | None

    def link(self, comment: str) -> str | None:
        """Where a person sees one comment."""
        if self.permalink is None:
            return None
        return f"{self.permalink.rstrip('/')}/c/{comment}/"


def comment_of(
    one: Json, place: Place, us: Us, now: datetime, parent: str | None = None
) -> Incoming | OwnMessage | None:
    """What one comment is to us; ``parent``: the comment it stands under."""
    key = text_of(one, "id")
    if key is None:
        return None
    author = _author_of(one)
    parent = text_of(one, "parent_id") or parent
    text = text_of(one, "text") or ""
    at = time_of(one.get("timestamp"), now)
    if us.wrote(author):
        return OwnMessage(key, Deed.ANSWER, text, at, parent or place.media, None, place.link(key))
    return Incoming(
        account=us.account,
        native_key=key,
        kind=MessageKind.COMMENT,
        author=_named(author, key),
        text=text,
        written_at=at,
        source=Source.COMMENT,
        post=PostRef(place.media, place.permalink),
        reply_to_key=parent or place.media,
        permalink=place.link(key),
    )


def thread_of(one: Json, place: Place, us: Us, now: datetime) -> list[Incoming | OwnMessage]:
    """A comment with the replies that came with it, oldest first.

    Instagram puts every reply under the first comment. What we wrote to someone further down
    begins with their name: then it answers the last thing they had written by then.
    """
    found: list[Incoming | OwnMessage] = []
    first = comment_of(one, place, us, now)
    replies = sorted(
        (
            message
            for each in items_of(one.get("replies"))
            if (message := comment_of(each, place, us, now, text_of(one, "id"))) is not None
        ),
        key=lambda message: message.written_at,
    )
    for message in ([first] if first is not None else []) + replies:
        if isinstance(message, OwnMessage):
            message = _aimed(message, found)
        found.append(message)
    return found


def _aimed(own: OwnMessage, before: list[Incoming | OwnMessage]) -> OwnMessage:
    words = own.text.split(maxsplit=1)
    if not words or not words[0].startswith("@"):
        return own
    named = words[0][1:].rstrip(":,").casefold()
    for message in reversed(before):
        if isinstance(message, Incoming) and (message.author.handle or "").casefold() == named:
            return OwnMessage(
                own.native_key,
                own.kind,
                own.text,
                own.written_at,
                message.native_key,
                None,
                own.permalink,
            )
    return own


def _author_of(one: Json) -> Json:
    """Who wrote it: ``from`` where it is told, with the name beside it."""
    author = mapping_of(one, "from")
    named = text_of(author, "username") or text_of(one, "username")
    return {"id": text_of(author, "id"), "username": named}


def _named(author: Json, key: str) -> Author:
    """Who wrote ``key``. An app that Meta has not reviewed is not told, nor of accounts that are
    gone: then each stands for itself, and can be answered where it stands."""
    native_id, handle = text_of(author, "id"), text_of(author, "username")
    if native_id or handle:
        return Author(native_id, handle)
    return Author(f"author-of-{key}", None, name="?")


def post_of(one: Json, us: Us, now: datetime) -> OwnMessage | None:
    """One of our own posts."""
    key = text_of(one, "id")
    if key is None:
        return None
    at = time_of(one.get("timestamp"), now)
    text = text_of(one, "caption") or ""
    return OwnMessage(key, Deed.POST, text, at, None, None, text_of(one, "permalink"))


# --- tags and hashtags ----------------------------------------------------------------------


def tagged_of(one: Json, us: Us, now: datetime, source: Source) -> Incoming | None:
    """A stranger's post that names us, or that has a hashtag. Of the latter Instagram does not
    tell who wrote it: then each stands for itself."""
    key = text_of(one, "id")
    if key is None:
        return None
    handle = text_of(one, "username")
    if handle is not None and handle.casefold() == us.profile.handle.casefold():
        return None
    permalink = text_of(one, "permalink")
    film = text_of(one, "media_type") in ("VIDEO", "REELS")
    picture = text_of(one, "thumbnail_url") if film else text_of(one, "media_url")
    kind = MediaKind.VIDEO if film else MediaKind.PHOTO
    return Incoming(
        account=us.account,
        native_key=key,
        kind=MessageKind.POST if source is Source.SEARCH else MessageKind.MENTION,
        author=_named({"username": handle}, key),
        text=text_of(one, "caption") or "",
        written_at=time_of(one.get("timestamp"), now),
        source=source,
        post=PostRef(key, permalink),
        permalink=permalink,
        media=(MediaRef(key, picture, kind),) if picture else (),
        summoned=True if source is Source.MENTION else None,
    )


def mentioning_of(one: Json, comment: str, media: str, us: Us, now: datetime) -> Incoming:
    """A comment under a stranger's post that names us. Instagram does not tell who wrote it: it
    stands for itself."""
    post = mapping_of(one, "media")
    place = Place(text_of(post, "id") or media, text_of(post, "permalink"))
    return Incoming(
        account=us.account,
        native_key=comment,
        kind=MessageKind.MENTION,
        author=Author(f"author-of-{comment}", None),
        text=text_of(one, "text") or "",
        written_at=time_of(one.get("timestamp"), now),
        source=Source.WEBHOOK,
        post=PostRef(place.media, place.permalink),
        reply_to_key=place.media,
        permalink=place.link(comment),
        summoned=True,
    )


# --- private messages -----------------------------------------------------------------------


def message_of(one: Json, us: Us, now: datetime) -> Incoming | OwnMessage | None:
    """What one private message is to us; ``None`` when it tells nothing of itself."""
    key, author = text_of(one, "id"), mapping_of(one, "from")
    if key is None or not (text_of(author, "id") or text_of(author, "username")):
        return None
    text = text_of(one, "message") or ""
    at = time_of(one.get("created_time"), now)
    if us.wrote(author):
        others = [to for to in items_of(one.get("to")) if not us.wrote(to)]
        to = text_of(others[0], "id") if others else None
        return OwnMessage(key, Deed.DM, text, at, to_native_id=to)
    media = tuple(_attachments(key, one))
    return Incoming(
        account=us.account,
        native_key=key,
        kind=MessageKind.DM,
        author=Author(text_of(author, "id"), text_of(author, "username"), text_of(author, "name")),
        text=text,
        written_at=at,
        source=Source.INBOX,
        media=media,
        about=_about(one, bool(text or media)),
    )


def _about(one: Json, says_something: bool) -> About | None:
    story = mapping_of(one, "story")
    for name, kind in (
        ("mention", AboutKind.STORY_MENTION),
        ("reply_to", AboutKind.STORY_REPLY),
    ):
        if isinstance(story.get(name), Mapping):
            return About(kind, text_of(mapping_of(story, name), "link"))
    for share in items_of(one.get("shares")):
        return About(AboutKind.SHARED_POST, text_of(share, "link"))
    for attachment in items_of(one.get("attachments")):
        if mapping_of(attachment, "image_data").get("render_as_sticker") is True:
            return About(AboutKind.LIKE)
    if one.get("is_unsupported") is True or not says_something:
        return About(AboutKind.UNSUPPORTED)
    return None


def _attachments(key: str, one: Json) -> Iterator[MediaRef]:
    for number, each in enumerate(items_of(one.get("attachments"))):
        # By its place: a webhook tells of the same without naming it.
        name = f"{key}:{number}"
        image, film = mapping_of(each, "image_data"), mapping_of(each, "video_data")
        if image.get("render_as_sticker") is True:
            continue
        if image:
            moving = text_of(image, "animated_gif_url")
            yield MediaRef(
                name,
                moving or text_of(image, "url"),
                MediaKind.ANIMATION if moving else MediaKind.PHOTO,
                width=number_of(image, "width"),
                height=number_of(image, "height"),
            )
        elif film:
            still = text_of(film, "preview_url")
            yield MediaRef(
                name,
                still,
                MediaKind.VIDEO,
                width=number_of(film, "width"),
                height=number_of(film, "height"),
            )
        elif address := text_of(each, "file_url"):
            spoken = (text_of(each, "mime_type") or "").startswith("audio/")
            yield MediaRef(name, address, MediaKind.VOICE if spoken else MediaKind.FILE)


def profile_of(answer: Json) -> tuple[Profile, frozenset[str]] | None:
    """Whose token it is, and all numbers of that account; ``None`` when it is not told."""
    answer = next(iter(items_of(answer)), answer)  # Meta's page shows it in a list
    key = text_of(answer, "user_id") or text_of(answer, "id")
    handle = text_of(answer, "username")
    if key is None or handle is None:
        return None
    name = text_of(answer, "name") or handle
    ids = frozenset(one for one in (key, text_of(answer, "id")) if one)
    return Profile(key, handle, name, number_of(answer, "followers_count")), ids
