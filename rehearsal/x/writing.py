"""What can be written: posts and answers, private messages, hiding, deleting, pictures."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from flask import Flask, Response, request

from rehearsal.pictures import look_at
from rehearsal.records import Json
from rehearsal.x import limits, problems, shapes, text
from rehearsal.x.model import Picture
from rehearsal.x.oauth import Caller
from rehearsal.x.simulator import Simulator, endpoint

MOST_BYTES = 5 * 1024 * 1024
"""Largest picture (X docs, "Media best practices")."""

_POST_KEYS = frozenset(
    (
        "card_uri",
        "community_id",
        "direct_message_deep_link",
        "edit_options",
        "for_super_followers_only",
        "geo",
        "media",
        "nullcast",
        "poll",
        "quote_tweet_id",
        "reply",
        "reply_settings",
        "share_with_followers",
        "text",
    )
)
_TOO_LONG = (
    "Your Tweet text is too long. For more information on how Twitter determines text length see "
    "https://github.com/twitter/twitter-text."
)


def install(app: Flask, sim: Simulator) -> None:
    world = sim.world

    @endpoint(app, sim, "POST /2/tweets", scopes="tweet.read tweet.write users.read")
    def create(caller: Caller) -> tuple[Json, int]:
        given = _json(_POST_KEYS)
        assert caller.user_id is not None
        words = given.get("text", "")
        reply = given.get("reply") or {}
        reply_to = _id(reply.get("in_reply_to_tweet_id"))
        quotes = _id(given.get("quote_tweet_id"))
        media_ids = (given.get("media") or {}).get("media_ids", [])
        if not isinstance(words, str) or not (words.strip() or media_ids):
            raise problems.invalid("You must provide either text or media.")
        longest = text.LIMIT_PREMIUM if world.users[caller.user_id].premium else text.LIMIT
        if text.units(words) > longest:
            raise problems.invalid(_TOO_LONG)
        media = shapes.keys_of(world, media_ids)
        if reply_to is not None:
            _may_answer(sim, caller.user_id, reply_to)
        if quotes is not None and not _stands(sim, quotes):
            raise problems.forbidden(
                "You attempted to quote a Tweet that is deleted or not visible to you."
            )
        if not media and world.is_repeat(caller.user_id, words, reply_to):
            raise problems.duplicate()
        post = world.post(
            caller.user_id,
            words,
            reply_to=reply_to,
            quotes=quotes,
            media=media,
            without=tuple(reply.get("exclude_reply_user_ids", ())),
            by_api=True,
        )
        if text.links(words):
            sim.purse.write("post_with_link", limits.POST_WITH_LINK)
        elif reply_to is not None and world.posts[reply_to].author_id != caller.user_id:
            sim.purse.write("summoned_answer", limits.SUMMONED_ANSWER)
        else:
            sim.purse.write("post", limits.POST)
        _take_in(sim, "post", caller, post.id, text=words, target=reply_to or "")
        wire = sim.shapes(shapes.wanted("post", {})).laid_out(post)
        data = {"id": post.id, "text": wire.text, "edit_history_tweet_ids": [post.id]}
        return {"data": data}, sim.manners.created

    @endpoint(app, sim, "DELETE /2/tweets/:id", scopes="tweet.read tweet.write users.read")
    def delete(caller: Caller, id: str) -> tuple[Json, int]:
        post = world.posts.get(id)
        if post is None or post.deleted_at is not None:
            # What X answers here is not documented; nothing was deleted, so we say so.
            return {"data": {"deleted": False}}, 200
        if post.author_id != caller.user_id:
            raise problems.forbidden("You are not authorized to delete this Tweet.")
        world.delete(id)
        _take_in(sim, "delete", caller, id, target=id)
        return {"data": {"deleted": True}}, 200

    @endpoint(
        app,
        sim,
        "PUT /2/tweets/:tweet_id/hidden",
        scopes="tweet.moderate.write tweet.read users.read",
    )
    def hide(caller: Caller, tweet_id: str) -> tuple[Json, int]:
        given = _json(frozenset({"hidden"}))
        if not isinstance(given.get("hidden"), bool):
            raise problems.invalid("$.hidden: is missing but it is required")
        post = world.posts.get(tweet_id)
        root = world.posts.get(post.conversation_id) if post else None
        if post is None or root is None or not _stands(sim, tweet_id):
            raise problems.Problem(404, "Not Found", "Not Found")
        if root.author_id != caller.user_id or post.id == root.id:
            raise problems.forbidden("You are not permitted to hide this reply.")
        world.hide(tweet_id, given["hidden"])
        _take_in(sim, "hide", caller, tweet_id, target=tweet_id, text=str(given["hidden"]).lower())
        return {"data": {"hidden": given["hidden"]}}, 200

    @endpoint(
        app,
        sim,
        "POST /2/dm_conversations/with/:participant_id/messages",
        scopes="dm.write tweet.read users.read",
    )
    def dm(caller: Caller, participant_id: str) -> tuple[Json, int]:
        given = _json(frozenset({"text", "attachments"}))
        assert caller.user_id is not None
        words = given.get("text", "")
        media_ids = [one.get("media_id") for one in given.get("attachments") or []]
        if not isinstance(words, str) or not (words or media_ids):
            raise problems.invalid("$.text: is missing but it is required")
        if len(words) > text.LIMIT_DM:
            raise problems.invalid("Your message is too long.")
        media = shapes.keys_of(world, media_ids)
        if participant_id not in world.users or not world.may_dm(caller.user_id, participant_id):
            raise problems.no_dm()
        message = world.dm(caller.user_id, participant_id, words, media=media, by_api=True)
        sim.purse.write("dm", limits.DM)
        _take_in(sim, "dm", caller, message.id, text=words, target=participant_id)
        data = {"dm_conversation_id": message.conversation_id, "dm_event_id": message.id}
        return {"data": data}, 201

    @endpoint(app, sim, "POST /2/media/upload", scopes="media.write")
    def upload(caller: Caller) -> tuple[Json, int]:
        picture = _uploaded(sim, caller)
        data: Json = {
            "id": picture.id,
            "media_key": picture.key,
            "size": len(picture.content),
            "expires_after_secs": 86_400,
        }
        # ``meta`` is required by version 2.159 of X's document, and not described there.
        return {"data": data, "meta": {}}, 200

    @endpoint(app, sim, "POST /1.1/media/upload.json", scopes="media.write")
    def upload_old(caller: Caller) -> tuple[Json, int]:
        picture = _uploaded(sim, caller)
        return {
            "media_id": int(picture.id),
            "media_id_string": picture.id,
            "media_key": picture.key,
            "size": len(picture.content),
            "expires_after_secs": 86_400,
            "image": {"image_type": picture.mime, "w": picture.width, "h": picture.height},
        }, 200

    @endpoint(app, sim, "POST /2/media/metadata", scopes="media.write")
    def metadata(caller: Caller) -> tuple[Json, int]:
        given = _json(frozenset({"id", "metadata"}))
        media_id = str(given.get("id", ""))
        shapes.keys_of(world, [media_id])
        alt = ((given.get("metadata") or {}).get("alt_text") or {}).get("text", "")
        if not isinstance(alt, str) or len(alt) > 1000:
            raise problems.invalid("$.metadata.alt_text.text: must be at most 1000 characters long")
        world.describe_picture(media_id, alt)
        return {
            "data": {"id": media_id, "associated_metadata": {"alt_text": {"text": alt}}},
        }, 200

    @app.get("/media/<name>")
    def media_file(name: str) -> Response:
        """A picture, as ``pbs.twimg.com`` serves it: to anyone who knows the address."""
        for picture in world.pictures.values():
            if picture.file_name == name:
                return Response(picture.content, mimetype=picture.mime)
        return Response(status=404)


def _json(keys: frozenset[str]) -> dict[str, Any]:
    """The body as an object with no other keys than these. Raises the 400."""
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise problems.invalid("Requests with bodies must have content-type of application/json.")
    for key in given:
        if key not in keys:
            raise problems.invalid(
                f"$.{key}: is not defined in the schema and the schema does not allow additional "
                "properties"
            )
    return given


def _id(value: object) -> str | None:
    """An id in a body: digits in a string. Raises the 400."""
    if value is not None and not (isinstance(value, str) and value.isascii() and value.isdigit()):
        raise problems.invalid(f"$: {value} does not match the regex pattern ^[0-9]{{1,19}}$")
    return value


def _stands(sim: Simulator, post_id: str) -> bool:
    post = sim.world.posts.get(post_id)
    return (
        post is not None
        and post.deleted_at is None
        and not sim.world.users[post.author_id].suspended
    )


def _may_answer(sim: Simulator, user_id: str, post_id: str) -> None:
    """Raises the 403 unless the author summoned the account: named it, quoted it, or answered it,
    in this very post; or the post is the account's own (X changelog, 23 February 2026)."""
    if not _stands(sim, post_id):
        raise problems.reply_target_gone()
    post = sim.world.posts[post_id]
    quoted = sim.world.posts.get(post.quotes) if post.quotes else None
    summoned = (
        post.author_id == user_id
        or user_id in sim.world.named_by(post)
        or (quoted is not None and quoted.author_id == user_id)
    )
    if not summoned:
        raise problems.not_summoned()


def _take_in(sim: Simulator, deed: str, caller: Caller, result_id: str, **more: str) -> None:
    """Write the ledger, and tell the wire which line this request became."""
    key = request.headers.get("Idempotency-Key", "")
    assert caller.user_id is not None
    line = sim.world.accept(deed, caller.user_id, result_id, client_key=key, **more)
    request.environ.get("rehearsal.noted", {})["line"] = line.number


def _uploaded(sim: Simulator, caller: Caller) -> Picture:
    """The picture of an upload: a multipart file, or base64 in a form or in JSON."""
    content = b""
    if "media" in request.files:
        content = request.files["media"].read()
    else:
        given = request.get_json(silent=True) if request.is_json else request.form
        given = given if given is not None else {}
        try:
            coded = given.get("media") or given.get("media_data") or ""
            content = base64.b64decode(coded, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise problems.invalid("Could not decode media.") from None
    mime, size = look_at(content)
    if not mime or len(content) > MOST_BYTES:
        raise problems.invalid("media type unrecognized." if not mime else "File size exceeds.")
    assert caller.user_id is not None
    picture = sim.world.add_picture(caller.user_id, content, mime, size=size)
    _take_in(sim, "upload", caller, picture.id)
    return picture
