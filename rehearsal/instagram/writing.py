"""What can be written: answers to comments, hiding, deleting, and private messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rehearsal.instagram import problems
from rehearsal.instagram.fetching import fetch
from rehearsal.instagram.model import Comment, Picture, User
from rehearsal.instagram.simulator import Call, Simulator
from rehearsal.pictures import look_at
from rehearsal.records import Json

WINDOW = timedelta(hours=24)
HUMAN_WINDOW = timedelta(days=7)
"""After the customer's last message one may write for 24 hours; a person (tag ``HUMAN_AGENT``) for
7 days ("Messaging", policy page of 28 September 2026)."""

PRIVATE_REPLY = timedelta(days=7)
"""A comment may be answered privately once, so long ("Private Replies", updated 30 June 2026)."""

TEXT_BYTES = 1_000
"""A message's text in UTF-8 ("Send Messages")."""

COMMENT_LETTERS = 2_200
"""Longest comment; Meta's pages do not say for the interface, Instagram's own field ends there."""

PICTURE_BYTES = 8 * 1024 * 1024
"""Largest picture in a message: PNG, JPEG or GIF ("Send Messages")."""


def install(sim: Simulator) -> None:
    sim.handlers |= {
        "POST /:comment/replies": reply,
        "POST /:media/comments": comment,
        "POST /:comment": hide,
        "DELETE /:comment": delete,
        "POST /:user/messages": send,
        "POST /:user/mentions": answer_mention,
    }


def _under_own_post(call: Call) -> Comment:
    """A comment that stands under a post of the shop. Raises 100/33."""
    world = call.sim.world
    found = world.comments[call.node]
    post = world.media[found.media_id]
    gone = found.deleted_at is not None or not world.is_there(post)
    if gone or post.owner_id != call.sim.shop.id:
        raise problems.not_found(call.node, "post")
    return found


def _words(call: Call) -> str:
    words = call.text("message")
    if len(words) > COMMENT_LETTERS:
        raise problems.parameter("The comment is too long")
    return words


def reply(call: Call) -> Json:
    """Answer a comment in public. An answer to an answer hangs under the comment at the top; to
    a hidden one there is none ("IG Comment Replies")."""
    call.only("message")
    call.require("instagram_business_manage_comments", "instagram_manage_comments")
    words, found = _words(call), _under_own_post(call)
    if found.hidden:
        raise problems.parameter("You cannot reply to hidden comments")
    said = call.sim.world.comment(
        call.sim.shop.id, found.media_id, words, reply_to=found.id, by_api=True
    )
    call.accept("comment", said.id, text=words, target=found.id)
    return {"id": said.id}


def comment(call: Call) -> Json:
    """A comment of the shop's own under its own post."""
    call.only("message")
    call.require("instagram_business_manage_comments", "instagram_manage_comments")
    words, post = _words(call), call.sim.world.media[call.node]
    if post.owner_id != call.sim.shop.id or not call.sim.world.is_there(post):
        raise problems.not_found(call.node, "post")
    said = call.sim.world.comment(call.sim.shop.id, post.id, words, by_api=True)
    call.accept("comment", said.id, text=words, target=post.id)
    return {"id": said.id}


def answer_mention(call: Call) -> Json:
    """Answer under a stranger's post that names the shop, or a comment there ("IG User
    Mentions"); Facebook Login only."""
    call.only("media_id", "comment_id", "message")
    call.require("", "instagram_manage_comments")
    words, media_id = _words(call), call.text("media_id")
    world, comment_id = call.sim.world, str(call.given.get("comment_id", ""))
    post = world.media.get(media_id)
    if post is None or not world.is_there(post):
        raise problems.not_found(media_id, "post")
    if comment_id and comment_id not in world.comments:
        raise problems.not_found(comment_id, "post")
    said = world.comment(
        call.sim.shop.id, media_id, words, reply_to=comment_id or None, by_api=True
    )
    call.accept("comment", said.id, text=words, target=comment_id or media_id)
    return {"id": said.id}


def hide(call: Call) -> Json:
    """Hide a comment or show it again. The shop's own stay to be seen, whatever one says."""
    call.only("hide")
    call.require("instagram_business_manage_comments", "instagram_manage_comments")
    found, wish = _under_own_post(call), str(call.given.get("hide", "")).lower()
    if wish not in ("true", "false"):
        raise problems.parameter("The parameter hide is required")
    if found.author_id != call.sim.shop.id:
        call.sim.world.hide(found.id, wish == "true")
    call.accept("hide", found.id, target=found.id, text=wish)
    return {"success": True}


def delete(call: Call) -> Json:
    call.only()
    call.require("instagram_business_manage_comments", "instagram_manage_comments")
    found = _under_own_post(call)
    call.sim.world.delete_comment(found.id)
    call.accept("delete", found.id, target=found.id)
    return {"success": True}


# Private messages.


def send(call: Call) -> Json:
    """Write to a person (``recipient.id``), or privately to who commented
    (``recipient.comment_id``)."""
    call.only("recipient", "message", "messaging_type", "tag")
    call.require("instagram_business_manage_messages", "instagram_manage_messages")
    recipient, said = call.given.get("recipient"), call.given.get("message")
    if not isinstance(recipient, dict) or not isinstance(said, dict):
        raise problems.parameter("The parameters recipient and message are required")
    tag = str(call.given.get("tag", ""))
    if tag not in ("", "HUMAN_AGENT"):
        raise problems.parameter("Param tag must be one of {HUMAN_AGENT}")
    text, attached = _content(call, said)
    if set(recipient) == {"comment_id"}:
        return _private_reply(call, str(recipient["comment_id"]), text, attached)
    if set(recipient) != {"id"}:
        raise problems.parameter("Param recipient must have id or comment_id")
    person = call.sim.world.users.get(str(recipient["id"]))
    _in_window(call, person, tag)
    assert person is not None
    return _sent(call, "message", person, text, attached, tag=tag, target=person.id)


def _in_window(call: Call, person: User | None, tag: str) -> None:
    world, shop = call.sim.world, call.sim.shop
    last = world.last_from(person.id, shop.id) if person else None
    if person is None or person.blocks_shop:
        raise problems.nobody()
    longest = HUMAN_WINDOW if tag == "HUMAN_AGENT" else WINDOW
    if last is None or world.clock.now() - last.created_at > longest:
        raise problems.window_closed()


def _private_reply(call: Call, comment_id: str, text: str, attached: Attached) -> Json:
    world = call.sim.world
    call.sim.rates.take_private_reply(call.sim.shop.id)
    found = world.comments.get(comment_id)
    if found is None or found.deleted_at is not None:
        raise problems.not_found(comment_id, "post")
    if world.media[found.media_id].owner_id != call.sim.shop.id:
        raise problems.not_found(comment_id, "post")
    if attached:
        raise problems.parameter("A private reply can have text only")
    if any(one.comment_id == comment_id for one in world.messages.values()):
        raise problems.reply_used()
    if world.clock.now() - found.created_at > PRIVATE_REPLY:
        raise problems.reply_too_late()
    person = world.users[found.author_id]
    if person.blocks_shop or person.id == call.sim.shop.id:
        raise problems.nobody()
    return _sent(
        call, "private_reply", person, text, attached, comment_id=comment_id, target=comment_id
    )


Attached = list[Picture]


def _sent(
    call: Call, deed: str, person: User, text: str, attached: Attached, *, target: str, **more: str
) -> Json:
    """Pictures first, each a message of its own, then the text; the id of the last."""
    world, shop = call.sim.world, call.sim.shop
    said = None
    for picture in attached:
        said = world.message(
            shop.id, person.id, "", kind="image", picture=picture.id, by_api=True, **more
        )
    if text or said is None:
        said = world.message(shop.id, person.id, text, by_api=True, **more)
    call.accept(deed, said.id, text=text or " ".join(p.id for p in attached), target=target)
    return {"recipient_id": person.id, "message_id": said.id}


def _content(call: Call, said: Json) -> tuple[str, Attached]:
    """Text or pictures of a message. Raises the error 100."""
    for name in said:
        if name not in ("text", "attachment", "attachments"):
            raise problems.parameter(f"Unexpected parameter: message[{name}]")
    text = said.get("text", "")
    if not isinstance(text, str):
        raise problems.parameter("Param message[text] must be a string.")
    if len(text.encode()) > TEXT_BYTES:
        raise problems.parameter(
            f"Length of param message[text] must be less than or equal to {TEXT_BYTES}"
        )
    given = said.get("attachments", said.get("attachment", []))
    wanted = given if isinstance(given, list) else [given]
    if bool(text) == bool(wanted):
        raise problems.parameter("A message must have either text or attachment")
    return text, [_picture(call, one) for one in wanted]


def _picture(call: Call, given: Any) -> Picture:
    if not isinstance(given, dict) or given.get("type") != "image":
        raise problems.parameter("Param message[attachment][type] must be one of {image}")
    payload = given.get("payload")
    url = payload.get("url") if isinstance(payload, dict) else None
    if not isinstance(url, str) or not url:
        raise problems.parameter("Param message[attachment][payload][url] is required")
    content = fetch(url, local=call.sim.manners.fetch_local, most=PICTURE_BYTES)
    mime, size = look_at(content or b"")
    if content is None or mime not in ("image/jpeg", "image/png"):
        raise problems.Problem(
            400,
            100,
            "(#100) Upload attachment failure.",
            subcode=2018047,
            type_="OAuthException",
        )
    return call.sim.world.add_picture(content, mime, size)
