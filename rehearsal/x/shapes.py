"""How people, posts and private messages look on the wire: the fields asked for, and no others.

After the data dictionary, "Fields" and "Expansions" of the X docs (read 2026-08): a post comes
with ``id``, ``text`` and ``edit_history_tweet_ids``, a person with ``id``, ``name`` and
``username``, a private message with ``id``, ``event_type`` and ``text``; all else must be asked
for. An expansion brings the field it follows too. What it cannot find is told in ``errors``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rehearsal.records import Json
from rehearsal.x import problems, text
from rehearsal.x.model import DirectMessage, Picture, Post, User
from rehearsal.x.world import EDIT_WINDOW, EDITS, World

_FIELDS = {
    "tweet.fields": "article attachments author_id card_uri community_id context_annotations "
    "conversation_id created_at display_text_range edit_controls edit_history_tweet_ids entities "
    "geo id in_reply_to_user_id lang media_metadata non_public_metrics note_tweet organic_metrics "
    "possibly_sensitive promoted_metrics public_metrics referenced_tweets reply_settings scopes "
    "source suggested_source_links text withheld",
    "user.fields": "affiliation confirmed_email connection_status created_at description entities "
    "id is_identity_verified location most_recent_tweet_id name parody pinned_tweet_id "
    "profile_banner_url profile_image_url protected public_metrics receives_your_dm subscription "
    "subscription_type url username verified verified_followers_count verified_type withheld",
    "media.fields": "alt_text duration_ms height media_key non_public_metrics organic_metrics "
    "preview_image_url promoted_metrics public_metrics type url variants width",
    "dm_event.fields": "attachments created_at dm_conversation_id entities event_type id "
    "participant_ids referenced_tweets sender_id text",
    "poll.fields": "duration_minutes end_datetime id options voting_status",
    "place.fields": "contained_within country country_code full_name geo id name place_type",
}
_EXPANSIONS = {
    "post": "article.cover_media article.media_entities attachments.media_keys "
    "attachments.media_source_tweet attachments.poll_ids author_id edit_history_tweet_ids "
    "entities.mentions.username entities.note.mentions.username geo.place_id in_reply_to_user_id "
    "referenced_tweets.id referenced_tweets.id.attachments.media_keys "
    "referenced_tweets.id.author_id",
    "user": "affiliation.user_id most_recent_tweet_id pinned_tweet_id",
    "dm": "attachments.media_keys participant_ids referenced_tweets.id sender_id",
}
_BRINGS = {
    "attachments.media_keys": "attachments",
    "author_id": "author_id",
    "in_reply_to_user_id": "in_reply_to_user_id",
    "referenced_tweets.id": "referenced_tweets",
    "referenced_tweets.id.author_id": "referenced_tweets",
    "referenced_tweets.id.attachments.media_keys": "referenced_tweets",
    "entities.mentions.username": "entities",
    "sender_id": "sender_id",
}
_FACE = "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"
_STATUS = re.compile(r"(?:x|twitter)\.com/\w+/status/(\d{1,19})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asked for, checked: fields by parameter, and expansions."""

    fields: Mapping[str, frozenset[str]]
    expansions: frozenset[str]

    def of(self, parameter: str) -> frozenset[str]:
        return self.fields.get(parameter, frozenset())


def parameters(kind: str) -> tuple[str, ...]:
    """The query parameters that :func:`wanted` reads for ``post``, ``user`` or ``dm``."""
    fields = [name for name in _FIELDS if kind == "dm" or name != "dm_event.fields"]
    return (*fields, "post.fields", "expansions")


def wanted(kind: str, arguments: Mapping[str, str]) -> Wanted:
    """Read ``*.fields`` and ``expansions``. ``post.fields`` is the newer name (2.167) of
    ``tweet.fields``. Raises the 400 for what X does not know."""
    fields: dict[str, frozenset[str]] = {}
    for name in (*_FIELDS, "post.fields"):
        known = _FIELDS["tweet.fields" if name == "post.fields" else name].split()
        if name in arguments:
            found = _list(name, arguments[name], known)
            name = "tweet.fields" if name == "post.fields" else name
            fields[name] = fields.get(name, frozenset()) | found
    expansions: frozenset[str] = frozenset()
    if "expansions" in arguments:
        expansions = _list("expansions", arguments["expansions"], _EXPANSIONS[kind].split())
    brought = frozenset(_BRINGS[one] for one in expansions if one in _BRINGS)
    own = "dm_event.fields" if kind == "dm" else "tweet.fields"
    fields[own] = fields.get(own, frozenset()) | brought
    return Wanted(fields, expansions)


def _list(name: str, value: str, known: list[str]) -> frozenset[str]:
    given = value.split(",")
    for one in given:
        if one not in known:
            choice = ",".join(known)
            raise problems.invalid(
                f"The `{name}` query parameter value [{one}] is not one of [{choice}]",
                **{name.replace(".", "__"): value},
            )
    return frozenset(given)


def when(at: datetime) -> str:
    """An instant as X writes it, with the fraction of a second that its clients rely on."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


@dataclass(slots=True)
class Shapes:
    """Shapes for one answer: collects what is to be included while it is used."""

    world: World
    wanted: Wanted
    media_origin: str
    errors: list[Json] = field(default_factory=list)
    _users: dict[str, Json] = field(default_factory=dict)
    _posts: dict[str, Json] = field(default_factory=dict)
    _media: dict[str, Json] = field(default_factory=dict)

    def includes(self) -> Json:
        parts = (("users", self._users), ("tweets", self._posts), ("media", self._media))
        return {name: list(table.values()) for name, table in parts if table}

    # --- people -------------------------------------------------------------------------------

    def user(self, user: User) -> Json:
        asked = self.wanted.of("user.fields")
        out: Json = {"id": user.id, "name": user.name, "username": user.username}
        if "created_at" in asked:
            out["created_at"] = when(user.created_at)
        if "description" in asked:
            out["description"] = user.description
        if "protected" in asked:
            out["protected"] = False
        if "verified" in asked:
            out["verified"] = user.premium
        if "verified_type" in asked:
            out["verified_type"] = "blue" if user.premium else "none"
        if "subscription_type" in asked:
            out["subscription_type"] = "Premium" if user.premium else "None"
        if "receives_your_dm" in asked:
            out["receives_your_dm"] = user.open_dms
        if "profile_image_url" in asked:
            out["profile_image_url"] = _FACE
        if "public_metrics" in asked:
            out["public_metrics"] = {
                "followers_count": user.followers,
                "following_count": user.followers // 3,
                "tweet_count": sum(1 for _ in self.world.posts_of(user.id)),
                "listed_count": 0,
                "like_count": 0,
            }
        return out

    def _add_user(self, user_id: str, parameter: str) -> None:
        user = self.world.users.get(user_id)
        if user is None:
            self._miss(problems.missing("user", user_id, parameter))
        elif user.suspended:
            self._miss(problems.suspended(user_id, parameter))
        else:
            self._users.setdefault(user_id, self.user(user))

    def _miss(self, error: Json) -> None:
        if error not in self.errors:
            self.errors.append(error)

    # --- public posts -------------------------------------------------------------------------

    def laid_out(self, post: Post) -> text.Wire:
        """The text of a post as it goes over the wire."""
        after: list[Json] = []
        if post.quotes and (quoted := self.world.posts.get(post.quotes)):
            name = self.world.users[quoted.author_id].username
            address = f"x.com/{name}/status/{quoted.id}"
            after.append({"expanded_url": f"https://{address}", "display_url": address[:25] + "…"})
        for key in post.media:
            name = self.world.users[post.author_id].username
            address = f"https://x.com/{name}/status/{post.id}/photo/1"
            picture = f"pic.x.com/{key[-8:]}"
            after.append({"expanded_url": address, "display_url": picture, "media_key": key})
        return text.on_the_wire(
            post.text, salt=post.id, who=self._who, prefix=post.prefix, after=tuple(after)
        )

    def _who(self, handle: str) -> str | None:
        user = self.world.named(handle)
        return user.id if user else None

    def post(self, post: Post) -> Json:
        """One post, and what was to be expanded about it."""
        out = self._bare_post(post)
        self._expand(post, "")
        for reference in self._references(post):
            if "referenced_tweets.id" not in self.wanted.expansions and not any(
                one.startswith("referenced_tweets.id.") for one in self.wanted.expansions
            ):
                break
            self._add_post(reference["id"], "referenced_tweets.id")
        if "edit_history_tweet_ids" in self.wanted.expansions:
            for version in post.versions:
                self._add_post(version, "edit_history_tweet_ids")
        return out

    def _add_post(self, post_id: str, parameter: str) -> None:
        post = self.world.posts.get(post_id)
        if post is None or post.deleted_at is not None:
            self._miss(problems.missing("tweet", post_id, parameter))
        elif self.world.users[post.author_id].suspended:
            self._miss(problems.not_to_be_seen(post_id, parameter, "includes"))
        elif post_id not in self._posts:
            self._posts[post_id] = self._bare_post(post)
            self._expand(post, "referenced_tweets.id.")

    def _expand(self, post: Post, path: str) -> None:
        asked = self.wanted.expansions
        if f"{path}author_id" in asked:
            self._add_user(post.author_id, f"{path}author_id")
        if f"{path}attachments.media_keys" in asked:
            for key in post.media:
                self._add_media(key)
        if not path and "in_reply_to_user_id" in asked and post.reply_to_user:
            self._add_user(post.reply_to_user, "in_reply_to_user_id")
        if not path and "entities.mentions.username" in asked:
            for person in sorted(self.world.named_by(post), key=int):
                self._add_user(person, "entities.mentions.username")

    def _references(self, post: Post) -> list[Json]:
        kinds = (
            ("retweeted", post.repost_of),
            ("quoted", post.quotes),
            ("replied_to", post.reply_to),
        )
        return [{"type": kind, "id": one} for kind, one in kinds if one]

    def _bare_post(self, post: Post) -> Json:
        asked = self.wanted.of("tweet.fields")
        wire = self.laid_out(post)
        out: Json = {
            "id": post.id,
            "text": wire.text,
            "edit_history_tweet_ids": list(post.versions),
        }
        if post.media and "attachments" in asked:
            out["attachments"] = {"media_keys": list(post.media)}
        if wire.entities and "entities" in asked:
            out["entities"] = wire.entities
        if wire.long_text is not None and "note_tweet" in asked:
            out["note_tweet"] = {"text": wire.long_text}
            if wire.long_entities:
                out["note_tweet"]["entities"] = wire.long_entities
        if post.reply_to_user and "in_reply_to_user_id" in asked:
            out["in_reply_to_user_id"] = post.reply_to_user
        if "referenced_tweets" in asked and (references := self._references(post)):
            out["referenced_tweets"] = references
        plain: Json = {
            "author_id": post.author_id,
            "conversation_id": post.conversation_id,
            "created_at": when(post.created_at),
            "display_text_range": list(wire.display),
            "lang": post.lang,
            "possibly_sensitive": False,
            "reply_settings": "everyone",
        }
        out.update({name: value for name, value in plain.items() if name in asked})
        if "edit_controls" in asked:
            first = self.world.posts[post.versions[0]].created_at
            left = EDITS - len(post.versions) + 1
            out["edit_controls"] = {
                "edits_remaining": left,
                "is_edit_eligible": left > 0 and post.reply_to is None,
                "editable_until": when(first + EDIT_WINDOW),
            }
        if "public_metrics" in asked:
            out["public_metrics"] = {
                "retweet_count": 0,
                "reply_count": len(self.world.answers_to(post.id)),
                "like_count": 0,
                "quote_count": 0,
                "bookmark_count": 0,
                "impression_count": 0,
            }
        return out

    # --- private messages and pictures --------------------------------------------------------

    def dm(self, message: DirectMessage) -> Json:
        asked, expansions = self.wanted.of("dm_event.fields"), self.wanted.expansions
        after = tuple(
            {
                "expanded_url": f"https://x.com/messages/media/{key.partition('_')[2]}",
                "display_url": f"pic.x.com/{key[-8:]}",
                "media_key": key,
            }
            for key in message.media
        )
        wire = text.on_the_wire(
            message.text, salt=message.id, who=self._who, after=after, cut=False
        )
        out: Json = {"id": message.id, "event_type": "MessageCreate", "text": wire.text}
        if "created_at" in asked:
            out["created_at"] = when(message.created_at)
        if "dm_conversation_id" in asked:
            out["dm_conversation_id"] = message.conversation_id
        if "sender_id" in asked:
            out["sender_id"] = message.sender_id
        if message.media and "attachments" in asked:
            out["attachments"] = {"media_keys": list(message.media)}
        if "entities" in asked:
            out.update(wire.entities)
        pointed = _STATUS.findall(message.text)
        if pointed and "referenced_tweets" in asked:
            out["referenced_tweets"] = [{"id": one} for one in pointed]
        if "sender_id" in expansions:
            self._add_user(message.sender_id, "sender_id")
        if "participant_ids" in expansions:
            for person in (message.sender_id, message.recipient_id):
                self._add_user(person, "participant_ids")
        if "attachments.media_keys" in expansions:
            for key in message.media:
                self._add_media(key)
        if "referenced_tweets.id" in expansions:
            for one in pointed:
                self._add_post(one, "referenced_tweets.id")
        return out

    def _add_media(self, key: str) -> None:
        picture = self.world.pictures.get(key.partition("_")[2])
        if picture is not None:
            self._media.setdefault(key, self._one_picture(picture))

    def _one_picture(self, picture: Picture) -> Json:
        asked = self.wanted.of("media.fields")
        out: Json = {"media_key": picture.key, "type": "photo"}
        if "url" in asked:
            out["url"] = f"{self.media_origin}/media/{picture.file_name}"
        if "width" in asked and picture.width:
            out["width"] = picture.width
        if "height" in asked and picture.height:
            out["height"] = picture.height
        if "alt_text" in asked and picture.alt:
            out["alt_text"] = picture.alt
        return out


def young_enough(at: datetime, now: datetime, days: int) -> bool:
    """Is ``at`` within the last ``days`` days?"""
    return at >= now - timedelta(days=days)


def keys_of(world: World, media_ids: Iterable[str]) -> tuple[str, ...]:
    """The media keys of uploaded pictures. Raises the 400 for one that is not there."""
    keys = []
    for one in media_ids:
        if one not in world.pictures:
            raise problems.invalid("Your media IDs are invalid.")
        keys.append(world.pictures[one].key)
    return tuple(keys)
