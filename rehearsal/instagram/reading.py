"""What can be read: the account, its posts, their comments, conversations, mentions, hashtags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rehearsal.instagram import ids, problems
from rehearsal.instagram.asking import Field
from rehearsal.instagram.ids import Sort
from rehearsal.instagram.model import Media, Message
from rehearsal.instagram.shapes import COMMENTS, NEWEST
from rehearsal.instagram.simulator import Call, Simulator
from rehearsal.records import Json

PAGE = "104829374650128"
"""The id of the page of Facebook that the shop's account is linked to."""

MEDIA_KEPT = 10_000
"""Of an account's posts one can read so many ("IG User Media")."""

REQUESTS_SLEEP = timedelta(days=30)
"""A conversation that the shop never answered, and in which nothing happened for so long, is not
given any more ("Get Conversations": the Requests folder)."""

HASHTAGS = 30
HASHTAG_WEEK = timedelta(days=7)
"""So many different hashtags within so long ("Hashtag Search")."""

RECENT = timedelta(hours=24)
"""Recent media of a hashtag are of the last 24 hours ("IG Hashtag Recent Media")."""


def install(sim: Simulator) -> None:
    sim.handlers |= {
        "GET /:user": user,
        "GET /:person": person,
        "GET /:media": media,
        "GET /:comment": comment,
        "GET /:conversation": conversation,
        "GET /:message": message,
        "GET /:container": container,
        "GET /:hashtag": hashtag,
        "GET /:user/media": media_of,
        "GET /:user/stories": stories_of,
        "GET /:media/comments": comments_of,
        "GET /:comment/replies": replies_to,
        "GET /:user/conversations": conversations_of,
        "GET /:conversation/messages": messages_of,
        "GET /:user/tags": tags_of,
        "GET /ig_hashtag_search": hashtag_search,
        "GET /:hashtag/recent_media": recent_media,
        "GET /:user/recently_searched_hashtags": searched_hashtags,
    }


def user(call: Call) -> Json:
    call.only()
    call.require("instagram_business_basic", "instagram_basic")
    if call.caller.facebook and call.is_me:
        return _page(call)
    body = call.shapes.node(call.sim.shop, call.fields, "id")
    return {"data": [body]} if call.sim.manners.wrapped and not call.caller.facebook else body


def _page(call: Call) -> Json:
    """To a token of Facebook Login ``me`` is the page that the account is linked to."""
    body: Json = {}
    for field in call.fields or (Field("id"),):
        if field.name == "id":
            body["id"] = PAGE
        elif field.name == "name":
            body["name"] = call.sim.shop.name
        elif field.name == "instagram_business_account":
            body[field.name] = call.shapes.node(call.sim.shop, field.inner, "id")
        else:
            raise problems.unknown_field(field.name, "Page")
    return {**body, "id": PAGE}


def person(call: Call) -> Json:
    """Somebody's name and picture: only of one who has written to the shop ("User Profile"). Who
    has blocked the shop is not to be seen."""
    call.only()
    call.require("instagram_business_manage_messages", "instagram_manage_messages")
    found = call.sim.world.users[call.node]
    if found.blocks_shop or call.sim.world.last_from(found.id, call.sim.shop.id) is None:
        raise problems.Problem(403, 230, "(#230) User consent is required to access user profile")
    return call.shapes.node(found, call.fields, "name,id", "person")


def _own_media(call: Call) -> Media:
    found = call.sim.world.media[call.node]
    if found.owner_id != call.sim.shop.id or not call.sim.world.is_there(found):
        raise problems.not_found(call.node)
    return found


def media(call: Call) -> Json:
    call.only()
    call.require("instagram_business_basic", "instagram_basic")
    return call.shapes.node(_own_media(call), call.fields, "id")


def media_of(call: Call) -> Json:
    call.only("since", "until")
    call.require("instagram_business_basic", "instagram_basic")
    found = call.sim.world.media_of(call.sim.shop.id)[:MEDIA_KEPT]
    for name in ("since", "until"):
        if name in call.given:
            at = _instant(str(call.given[name]))
            found = [one for one in found if (one.created_at >= at) == (name == "since")]
    return call.shapes.page(found, call.asked, call.path, "id", 100, link=call.link)


def stories_of(call: Call) -> Json:
    call.only()
    call.require("instagram_business_basic", "instagram_basic")
    world = call.sim.world
    found = [
        one
        for one in reversed(world.media.values())
        if one.is_story and one.owner_id == call.sim.shop.id and world.is_there(one)
    ]
    return call.shapes.page(found, call.asked, call.path, "id", 100, link=call.link)


def _instant(text: str) -> datetime:
    """Unix seconds, or a time of ISO 8601."""
    try:
        if text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise problems.parameter(f"{text} is no time") from None


def _may_see_comments(call: Call) -> None:
    call.require("instagram_business_manage_comments", "instagram_manage_comments")


def comment(call: Call) -> Json:
    """One comment under a post of the shop."""
    call.only()
    _may_see_comments(call)
    found = call.sim.world.comments[call.node]
    post = call.sim.world.media[found.media_id]
    gone = found.deleted_at is not None or not call.sim.world.is_there(post)
    if gone or call.sim.shop.id not in (post.owner_id, found.author_id):
        raise problems.not_found(call.node)
    return _untold(call, call.shapes.node(found, call.fields, "id,text,timestamp"))


def comments_of(call: Call) -> Json:
    """Comments right under a post, newest first, fifty at most; answers to them only where they
    are asked for (``replies{…}``)."""
    call.only()
    _may_see_comments(call)
    post = _own_media(call)
    if not post.comments_open:
        return {"data": []}
    body = call.shapes.comments(post, call.asked, call.link)
    body["data"] = [_untold(call, one) for one in body["data"]]
    return body


def replies_to(call: Call) -> Json:
    call.only()
    _may_see_comments(call)
    found = call.sim.world.comments[call.node]
    if found.deleted_at is not None:
        raise problems.not_found(call.node)
    return call.shapes.page(
        call.sim.world.replies_to(found.id),
        call.asked,
        call.path,
        "id,text,timestamp",
        COMMENTS,
        link=call.link,
    )


def _untold(call: Call, body: Json) -> Json:
    if not call.sim.manners.authors_told:
        body.pop("from", None)
        body.pop("username", None)
    return body


# Conversations.


def _may_see_messages(call: Call) -> None:
    call.require("instagram_business_manage_messages", "instagram_manage_messages")


def _shown(call: Call) -> list[list[Message]]:
    """Conversations of the shop that are given, newest movement first."""
    now, shop = call.sim.world.clock.now(), call.sim.shop.id
    return [
        said
        for said in call.sim.world.conversations_of(shop)
        if now - said[0].created_at < REQUESTS_SLEEP or any(one.sender_id == shop for one in said)
    ]


def conversations_of(call: Call) -> Json:
    call.only("platform", "user_id", "folder")
    _may_see_messages(call)
    if call.given.get("platform") != "instagram":
        raise problems.parameter("The parameter platform must be instagram")
    found = _shown(call)
    if "user_id" in call.given:
        who = str(call.given["user_id"])
        found = [said for said in found if who in (said[0].sender_id, said[0].recipient_id)]
    usual = "id,updated_time"
    return call.shapes.page(found, call.asked, call.path, usual, 100, "list", link=call.link)


def _conversation(call: Call) -> list[Message]:
    said = call.sim.world.conversation(call.node)
    if not said or call.sim.shop.id not in (said[0].sender_id, said[0].recipient_id):
        raise problems.not_found(call.node)
    return said


def conversation(call: Call) -> Json:
    call.only()
    _may_see_messages(call)
    return call.shapes.node(_conversation(call), call.fields, "id", "list")


def messages_of(call: Call) -> Json:
    call.only()
    _may_see_messages(call)
    return call.shapes.messages(_conversation(call), call.asked, call.link)


def message(call: Call) -> Json:
    """One message: of the twenty newest of its conversation; else error 100, that it was
    deleted."""
    call.only()
    _may_see_messages(call)
    found = call.sim.world.messages[call.node]
    if call.sim.shop.id not in (found.sender_id, found.recipient_id):
        raise problems.not_found(call.node)
    newest = call.sim.world.conversation(found.conversation_id)[:NEWEST]
    if found not in newest:
        raise problems.deleted_message()
    return call.shapes.node(found, call.fields, "id,created_time")


def container(call: Call) -> Json:
    call.only()
    call.require("instagram_business_content_publish", "instagram_content_publish")
    return call.shapes.node(call.sim.world.containers[call.node], call.fields, "id")


# What Facebook Login alone may do.


def _facebook_only(call: Call, scope: str) -> None:
    call.require("", scope)


def tags_of(call: Call) -> Json:
    call.only()
    _facebook_only(call, "instagram_manage_comments")
    found = [
        one
        for one in call.sim.world.media_tagged(call.sim.shop.id)
        if not call.sim.world.users[one.owner_id].private
    ]
    return call.shapes.page(
        found, call.asked, call.path, "id", 100, "mentioned_media", link=call.link
    )


def hashtag_search(call: Call) -> Json:
    """The id of a hashtag. Whoever asks for a 31st within seven days is refused."""
    call.only("user_id", "q")
    _facebook_only(call, "instagram_basic")
    if call.text("user_id") != call.sim.shop.id:
        raise problems.not_found(str(call.given["user_id"]))
    word, world = call.text("q").lower(), call.sim.world
    if word.startswith("#") or not word.isidentifier():
        raise problems.parameter("The hashtag must be given without its sign")
    now = world.clock.now()
    asked = {
        name: at
        for name, at in world.notes.get("hashtags", {}).items()
        if now - datetime.fromisoformat(at) < HASHTAG_WEEK
    }
    if word not in asked and len(asked) >= HASHTAGS:
        raise problems.hashtag_limit()
    world.note("hashtags", {word: now.isoformat(), **asked})
    number = ids.numbered(Sort.HASHTAG, sum(ord(sign) * 31**n for n, sign in enumerate(word)))
    world.note(f"hashtag:{number}", {"name": word})
    return {"data": [{"id": number}]}


def searched_hashtags(call: Call) -> Json:
    call.only()
    _facebook_only(call, "instagram_basic")
    notes = call.sim.world.notes
    asked = notes.get("hashtags", {})
    return {
        "data": [
            {"id": key.partition(":")[2]}
            for key, value in notes.items()
            if key.startswith("hashtag:") and value["name"] in asked
        ]
    }


def hashtag(call: Call) -> Json:
    call.only()
    _facebook_only(call, "instagram_basic")
    known = call.sim.world.notes[f"hashtag:{call.node}"]
    body = {"id": call.node, "name": known["name"]}
    wanted = [one.name for one in call.fields or ()] or ["id"]
    for name in wanted:
        if name not in body:
            raise problems.unknown_field(name, "ShadowIGHashtag")
    return {name: body[name] for name in dict.fromkeys([*wanted, "id"])}


def recent_media(call: Call) -> Json:
    call.only("user_id")
    _facebook_only(call, "instagram_basic")
    if call.text("user_id") != call.sim.shop.id:
        raise problems.not_found(str(call.given["user_id"]))
    world = call.sim.world
    since = world.clock.now() - RECENT
    word = world.notes[f"hashtag:{call.node}"]["name"]
    found = [one for one in world.media_with(word) if one.created_at >= since]
    return call.shapes.page(found, call.asked, call.path, "id", 50, "hashtag_media", link=call.link)
