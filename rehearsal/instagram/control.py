"""The strings behind the stage of the simulated Instagram: comment and write as a customer, take
back, block, change what stands; with those of ``rehearsal.control``.
"""

from __future__ import annotations

import base64
from dataclasses import asdict

from flask import Flask

from rehearsal.control import set_manners, strings
from rehearsal.instagram.model import Media, User
from rehearsal.instagram.simulator import Simulator
from rehearsal.pictures import look_at
from rehearsal.records import Json


def install(app: Flask, sim: Simulator) -> None:
    world = sim.world

    def more() -> Json:
        return {
            "users": len(world.users),
            "media": len(world.media),
            "comments": len(world.comments),
            "messages": len(world.messages),
        }

    def person(name: str) -> User:
        """The user of a handle; ``shop`` for the shop; a new one where there is none."""
        return sim.shop if name == "shop" else world.add_user(name, name)

    def picture(given: Json) -> str:
        """The picture that was given in base64, kept; its id, or nothing."""
        if "picture" not in given:
            return ""
        content = base64.b64decode(given["picture"])
        mime, size = look_at(content)
        return world.add_picture(content, mime, size).id

    def newest() -> Media:
        found = world.media_of(sim.shop.id)
        if not found:
            raise ValueError("the shop has posted nothing yet")
        return found[0]

    def write_media(given: Json) -> Json:
        """Somebody posts; ``story``: for a day."""
        tagged = tuple(person(name).id for name in given.get("tagged", ()))
        return world.post(
            person(given["author"]).id,
            given.get("caption", ""),
            picture(given),
            tagged=tagged,
            is_story=bool(given.get("story")),
        ).to_json()

    def write_comment(given: Json) -> Json:
        """Somebody comments: under ``media``, or else under the newest post of the shop."""
        reply_to = given.get("reply_to")
        media = world.comments[reply_to].media_id if reply_to else given.get("media")
        author = person(given["author"])
        return world.comment(
            author.id, media or newest().id, given["text"], reply_to=reply_to
        ).to_json()

    def write_message(given: Json) -> Json:
        """Somebody writes privately. ``kind``: see ``model.Message``; ``story``: in it the shop
        is mentioned (``story_mention``) or it is answered."""
        sender, recipient = person(given["sender"]), person(given.get("recipient", "shop"))
        kept = picture(given)
        kind = given.get("kind", "image" if kept else "text")
        if kind == "story_mention":
            story = world.post(sender.id, f"@{sim.shop.username}", kept, is_story=True)
            given = {**given, "media": story.id}
            kept = ""
        return world.message(
            sender.id,
            recipient.id,
            given.get("text", ""),
            kind=kind,
            picture=kept,
            media_id=given.get("media", ""),
            reply_to=given.get("reply_to", ""),
        ).to_json()

    def change_message(given: Json, message_id: str) -> Json:
        """``text``: edited; ``unsent``; ``seen``; ``reaction`` (with ``by``)."""
        if "text" in given:
            world.edit(message_id, given["text"])
        if given.get("unsent"):
            world.unsend(message_id)
        if given.get("seen"):
            world.see(message_id)
        if "reaction" in given:
            world.react(message_id, person(given["by"]).id, given["reaction"])
        return world.messages[message_id].to_json()

    def add_user(given: Json) -> Json:
        name = given.pop("username")
        return world.add_user(name, given.pop("name", name), **given).to_json()

    def change_user(given: Json, name: str) -> Json:
        user = person(name)
        if "blocks_shop" in given:
            world.set_block(user.id, bool(given["blocks_shop"]))
        if "username" in given:
            world.rename(user.id, given["username"])
        return user.to_json()

    def delete_comment(given: Json, comment_id: str) -> Json:
        world.delete_comment(comment_id)
        return {"deleted": comment_id}

    def delete_media(given: Json, media_id: str) -> Json:
        world.delete_media(media_id)
        return {"deleted": media_id}

    def end_tokens(given: Json) -> Json:
        sim.tokens.end_all(given.get("how", "removed"))
        return {"dead": True}

    def restore_tokens(given: Json) -> Json:
        sim.tokens.restore()
        return {"dead": False}

    def set_limits(given: Json) -> Json:
        for name, value in given.items():
            if not hasattr(sim.rates.limits, name):
                raise ValueError(f"no such limit: {name}")
            setattr(sim.rates.limits, name, int(value))
        return asdict(sim.rates.limits)

    def point_webhooks(given: Json) -> Json:
        """``url`` and ``verify_token``: the handshake, and the address; all else: its ways."""
        given = dict(given)
        url, token = given.pop("url", None), given.pop("verify_token", "")
        if url is not None:
            sim.webhooks.point_to(url, token)
        sim.webhooks.set_ways(**given)
        return sim.webhooks.state()

    control, on = strings(sim, more)
    on("/webhooks", lambda given: sim.webhooks.state(), "GET")
    on("/webhooks", point_webhooks)
    on("/webhooks/deliver", lambda given: {"told": sim.webhooks.step(world.clock.now())})

    on("/credentials", lambda given: asdict(sim.credentials()), "GET")
    on("/users", add_user)
    on("/users/<name>", change_user, "PUT")
    on("/media", write_media)
    on("/media/<media_id>", delete_media, "DELETE")
    on("/comments", write_comment)
    on("/comments/<comment_id>", delete_comment, "DELETE")
    on("/messages", write_message)
    on("/messages/<message_id>", change_message, "PUT")
    on("/manners", lambda given: set_manners(sim.manners, given))
    on("/limits", set_limits)
    on("/tokens/end", end_tokens)
    on("/tokens/restore", restore_tokens)
    app.register_blueprint(control)
