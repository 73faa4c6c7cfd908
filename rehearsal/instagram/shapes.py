"""How things look on the wire: the nodes of the Graph API, field by field.

Fields after Meta's references (read 2026-11): Instagram Media, Instagram Comment (updated 2026),
IG User, "Get Conversations", "User Profile". A field that a node does not have is error 100; one
that has no value is left out. Times are written ``2026-11-22T17:31:05+0000``; ids are strings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from rehearsal.instagram import ids, paging, problems
from rehearsal.instagram.asking import Field
from rehearsal.instagram.model import Comment, Container, Media, Message, User
from rehearsal.instagram.world import World, names
from rehearsal.records import Json

NEWEST = 20
"""Of so many messages of a conversation one can have all ("Get Conversations")."""

COMMENTS = 50
"""Comments on one page at most ("IG Media: Comments")."""

_MISSING = object()
"""In place of a value that is left out."""

Link = Callable[[Mapping[str, str]], str]


def written(at: datetime) -> str:
    """A time as Meta writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}+0000"


class Shapes:
    """Puts records into the shape that was asked for. ``origin``: where pictures are served;
    ``base``: where the interface is, with the version that was asked for; ``status_of``: how far
    a container is, and what there is to say of it."""

    def __init__(
        self,
        world: World,
        shop_id: str,
        *,
        origin: str,
        base: str,
        facebook: bool,
        status_of: Callable[[Container], tuple[str, str]],
    ) -> None:
        self.world, self.shop_id, self.origin = world, shop_id, origin
        self._base, self.facebook, self.status_of = base, facebook, status_of

    def node(
        self, record: Any, asked: tuple[Field, ...] | None, usual: str, type_: str = ""
    ) -> Json:
        """A record with the fields asked for; ``usual`` are those one gets unasked."""
        name = type_ or type(record).__name__.lower()
        table, wire_name = _TABLES[name]
        fields = asked or tuple(Field(one) for one in usual.split(","))
        body: Json = {}
        for field in fields:
            make = table.get(field.name)
            if make is None or (field.name in _FACEBOOK_ONLY and not self.facebook):
                raise problems.unknown_field(field.name, wire_name)
            value = make(self, record, field)
            if value is not _MISSING:
                body[field.name] = value
        if name != "person":
            body.setdefault("id", self.id_of(record))
        return body

    def id_of(self, record: Any) -> str:
        if isinstance(record, list):
            return str(record[0].conversation_id)
        if isinstance(record, User) and record.id == self.shop_id and not self.facebook:
            return str(self.world.notes["app"]["scoped_id"])
        return str(record.id)

    # --- lists --------------------------------------------------------------------------------

    def page(
        self,
        found: list[Any],
        field: Field,
        path: str,
        usual: str,
        most: int,
        type_: str = "",
        link: Link | None = None,
    ) -> Json:
        """A list within a node or at the end of an edge. ``path``: the edge's own address."""
        want = paging.read(field.arguments, usual=min(25, most), most=most)
        onwards = link or (lambda more: paging.address(self._base, path, {}, more))
        return paging.cut(
            found,
            want,
            self.id_of,
            lambda one: self.node(one, field.inner, usual, type_),
            onwards,
        )

    def comments(self, media: Media, field: Field, link: Link | None = None) -> Json:
        found = self.world.comments_of(media.id)
        edge = f"/{media.id}/comments"
        return self.page(found, field, edge, "timestamp,text,id", COMMENTS, link=link)

    def replies(self, comment: Comment, field: Field, link: Link | None = None) -> Json:
        found = self.world.replies_to(comment.id)
        edge = f"/{comment.id}/replies"
        return self.page(found, field, edge, "timestamp,text,id", COMMENTS, link=link)

    def messages(self, said: list[Message], field: Field, link: Link | None = None) -> Json:
        edge = f"/{said[0].conversation_id}/messages"
        body = self.page(
            said, Field("messages", field.arguments), edge, "id,created_time", 100, link=link
        )
        if field.inner is not None:
            newest = {one.id for one in said[:NEWEST]}
            of_old = tuple(one for one in field.inner if one.name in ("id", "created_time"))
            body["data"] = [
                self.node(
                    self.world.messages[one["id"]],
                    field.inner if one["id"] in newest else of_old or (Field("id"),),
                    "id,created_time",
                )
                for one in body["data"]
            ]
        return body

    # --- parts --------------------------------------------------------------------------------

    def url_of(self, picture_id: str) -> str:
        return f"{self.origin}/media/{self.world.pictures[picture_id].file_name}"

    def permalink(self, media: Media) -> str:
        return f"{self.origin}/p/{ids.shortcode(media.id)}/"

    def person(self, user_id: str) -> Json:
        return {"username": self.world.users[user_id].username, "id": user_id}

    def author(self, comment: Comment) -> Json:
        body = {"id": comment.author_id, "username": self.world.users[comment.author_id].username}
        if comment.author_id == self.shop_id:
            body["self_ig_scoped_id"] = self.world.notes["app"]["scoped_id"]
        return body

    def attachments(self, message: Message) -> Any:
        if message.unsent_at is not None or message.kind not in ("image", "audio"):
            return _MISSING
        picture = self.world.pictures.get(message.picture)
        if picture is None:
            return _MISSING
        if message.kind == "audio":
            return {"data": [{"file_url": self.url_of(picture.id), "mime_type": picture.mime}]}
        size = {"width": picture.width, "height": picture.height}
        size |= {"max_width": picture.width, "max_height": picture.height}
        url = self.url_of(picture.id)
        return {"data": [{"image_data": {**size, "url": url, "preview_url": url}}]}

    def story(self, message: Message) -> Any:
        """A message that mentions the shop in a story, or answers one of its stories. The link
        dies with the story, after a day."""
        story = self.world.media.get(message.media_id)
        if story is None or not story.is_story:
            return _MISSING
        how = "mention" if message.kind == "story_mention" else "reply_to"
        link = self.url_of(story.picture) if self.world.is_there(story) and story.picture else ""
        return {how: {"link": link, "id": story.id}}

    def shares(self, message: Message) -> Any:
        media = self.world.media.get(message.media_id)
        if message.kind != "share" or media is None:
            return _MISSING
        return {"data": [{"link": self.url_of(media.picture) if media.picture else ""}]}

    def reactions(self, message: Message) -> Any:
        if not message.reactions:
            return _MISSING
        pairs = [one.split(" ", 1) for one in message.reactions]
        return {"data": [{"reaction": emoji, "users": [self.person(who)]} for who, emoji in pairs]}

    def mentioned_media(self, field: Field) -> Json:
        media = self.world.media.get(field.arguments.get("media_id", ""))
        if media is None or not self.world.is_there(media) or not self._named_in(media.caption):
            raise problems.not_found(field.arguments.get("media_id", ""))
        return self.node(media, field.inner, "id", "mentioned_media")

    def mentioned_comment(self, field: Field) -> Json:
        comment = self.world.comments.get(field.arguments.get("comment_id", ""))
        gone = comment is None or comment.deleted_at is not None
        if comment is None or gone or not self._named_in(comment.text):
            raise problems.not_found(field.arguments.get("comment_id", ""))
        return self.node(comment, field.inner, "id", "mentioned_comment")

    def _named_in(self, text: str) -> bool:
        return self.world.users[self.shop_id].username.lower() in names(text)


def _or_missing(value: Any) -> Any:
    return value if value not in (None, "") else _MISSING


Maker = Callable[[Shapes, Any, Field], Any]

_SHOP: dict[str, Maker] = {
    "id": lambda s, one, f: s.id_of(one),
    "user_id": lambda s, one, f: one.id,
    "username": lambda s, one, f: one.username,
    "name": lambda s, one, f: one.name,
    "account_type": lambda s, one, f: "BUSINESS",
    "biography": lambda s, one, f: _or_missing(one.biography),
    "website": lambda s, one, f: _MISSING,
    "profile_picture_url": lambda s, one, f: f"{s.origin}/_page/avatar/{one.id}.svg",
    "followers_count": lambda s, one, f: one.followers,
    "follows_count": lambda s, one, f: 12,
    "media_count": lambda s, one, f: len(s.world.media_of(one.id)),
    "mentioned_media": lambda s, one, f: s.mentioned_media(f),
    "mentioned_comment": lambda s, one, f: s.mentioned_comment(f),
    "media": lambda s, one, f: s.page(s.world.media_of(one.id), f, f"/{one.id}/media", "id", 100),
    "tags": lambda s, one, f: s.page(
        s.world.media_tagged(one.id), f, f"/{one.id}/tags", "id", 100, "mentioned_media"
    ),
}
_FACEBOOK_ONLY = frozenset({"mentioned_media", "mentioned_comment", "tags"})

_PERSON: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "name": lambda s, one, f: one.name,
    "username": lambda s, one, f: one.username,
    "profile_pic": lambda s, one, f: f"{s.origin}/_page/avatar/{one.id}.svg",
    "follower_count": lambda s, one, f: one.followers,
    "is_verified_user": lambda s, one, f: False,
    "is_user_follow_business": lambda s, one, f: one.followers % 2 == 0,
    "is_business_follow_user": lambda s, one, f: False,
}

_SEEN: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "caption": lambda s, one, f: _or_missing(one.caption),
    "comments_count": lambda s, one, f: s.world.count_comments(one.id),
    "like_count": lambda s, one, f: one.likes,
    "media_type": lambda s, one, f: "IMAGE",
    "media_url": lambda s, one, f: s.url_of(one.picture) if one.picture else _MISSING,
    "permalink": lambda s, one, f: s.permalink(one),
    "timestamp": lambda s, one, f: written(one.created_at),
    "children": lambda s, one, f: _MISSING,
}
"""A post of a stranger, found by its hashtag: who posted it is not told."""

_OTHERS: dict[str, Maker] = {
    **_SEEN,
    "media_product_type": lambda s, one, f: "FEED",
    "username": lambda s, one, f: s.world.users[one.owner_id].username,
    "owner": lambda s, one, f: _MISSING,
    "thumbnail_url": lambda s, one, f: _MISSING,
}

_MEDIA: dict[str, Maker] = {
    **_OTHERS,
    "media_product_type": lambda s, one, f: "STORY" if one.is_story else "FEED",
    "owner": lambda s, one, f: {"id": one.owner_id},
    "shortcode": lambda s, one, f: ids.shortcode(one.id),
    "is_comment_enabled": lambda s, one, f: one.comments_open,
    "is_shared_to_feed": lambda s, one, f: _MISSING,
    "alt_text": lambda s, one, f: _or_missing(one.alt),
    "comments": lambda s, one, f: s.comments(one, f),
}

_MENTIONING: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "text": lambda s, one, f: one.text,
    "timestamp": lambda s, one, f: written(one.created_at),
    "like_count": lambda s, one, f: one.likes,
    "media": lambda s, one, f: s.node(s.world.media[one.media_id], f.inner, "id", "others_media"),
}
"""A comment that names the shop under a stranger's post: who wrote it is not told ("IG User
Mentioned Comment")."""

_COMMENT: dict[str, Maker] = {
    **_MENTIONING,
    "media": lambda s, one, f: s.node(s.world.media[one.media_id], f.inner, "id"),
    "from": lambda s, one, f: s.author(one),
    "username": lambda s, one, f: s.world.users[one.author_id].username,
    "user": lambda s, one, f: {"id": one.author_id} if one.author_id == s.shop_id else _MISSING,
    "hidden": lambda s, one, f: one.hidden,
    "parent_id": lambda s, one, f: _or_missing(one.parent_id),
    "legacy_instagram_comment_id": lambda s, one, f: one.id,
    "replies": lambda s, one, f: s.replies(one, f) if s.world.replies_to(one.id) else _MISSING,
}

_CONVERSATION: dict[str, Maker] = {
    "id": lambda s, said, f: said[0].conversation_id,
    "updated_time": lambda s, said, f: written(said[0].created_at),
    "participants": lambda s, said, f: {
        "data": [s.person(one) for one in sorted({said[0].sender_id, said[0].recipient_id})]
    },
    "messages": lambda s, said, f: s.messages(said, f),
}

_MESSAGE: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "created_time": lambda s, one, f: written(one.created_at),
    "from": lambda s, one, f: s.person(one.sender_id),
    "to": lambda s, one, f: {"data": [s.person(one.recipient_id)]},
    "message": lambda s, one, f: one.text,
    "attachments": lambda s, one, f: s.attachments(one),
    "story": lambda s, one, f: s.story(one),
    "shares": lambda s, one, f: s.shares(one),
    "reactions": lambda s, one, f: s.reactions(one),
    "reply_to": lambda s, one, f: {"mid": one.reply_to} if one.reply_to else _MISSING,
    "is_unsupported": lambda s, one, f: True if one.kind == "unsupported" else _MISSING,
    "tags": lambda s, one, f: _MISSING,
    "sticker": lambda s, one, f: _MISSING,
}

_CONTAINER: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "status_code": lambda s, one, f: s.status_of(one)[0],
    "status": lambda s, one, f: s.status_of(one)[1],
    "copyright_check_status": lambda s, one, f: _MISSING,
}

_HASHTAG: dict[str, Maker] = {
    "id": lambda s, one, f: one.id,
    "name": lambda s, one, f: one.caption,
}

_TABLES: dict[str, tuple[dict[str, Maker], str]] = {
    "user": (_SHOP, "IGUser"),
    "person": (_PERSON, "IGBusinessScopedID"),
    "media": (_MEDIA, "Media"),
    "others_media": (_OTHERS, "Media"),
    "mentioned_media": (_OTHERS, "Media"),
    "hashtag_media": (_SEEN, "Media"),
    "comment": (_COMMENT, "IGComment"),
    "mentioned_comment": (_MENTIONING, "IGComment"),
    "list": (_CONVERSATION, "UnifiedThread"),
    "message": (_MESSAGE, "Message"),
    "container": (_CONTAINER, "IGContainer"),
    "hashtag": (_HASHTAG, "ShadowIGHashtag"),
}
