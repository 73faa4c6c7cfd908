"""The strings behind the stage of the simulated X: write as a customer, change what stands; with
those of ``rehearsal.control``.
"""

from __future__ import annotations

import base64
from dataclasses import asdict

from flask import Flask

from rehearsal.control import set_manners, strings
from rehearsal.pictures import look_at
from rehearsal.records import Json
from rehearsal.x.model import User
from rehearsal.x.problems import Problem
from rehearsal.x.simulator import Simulator


def install(app: Flask, sim: Simulator) -> None:
    world = sim.world

    def more() -> Json:
        return {
            "users": len(world.users),
            "posts": len(world.posts),
            "dms": len(world.dms),
            "spent_micros": sim.purse.spent,
            "spent_by_kind": sim.purse.by_kind,
            "balance_micros": sim.purse.balance,
        }

    def person(name: str) -> User:
        """The user of a handle; ``shop`` for the shop; a new one where there is none."""
        return sim.shop if name == "shop" else world.add_user(name, name)

    def write_post(given: Json) -> Json:
        author = person(given["author"])
        media: tuple[str, ...] = ()
        if "picture" in given:
            content = base64.b64decode(given["picture"])
            mime, size = look_at(content)
            media = (world.add_picture(author.id, content, mime, size=size).key,)
        post = world.post(
            author.id,
            given["text"],
            reply_to=given.get("reply_to"),
            quotes=given.get("quotes"),
            media=media,
            lang=given.get("lang"),
        )
        return post.to_json()

    def write_dm(given: Json) -> Json:
        sender, recipient = person(given["sender"]), person(given.get("recipient", "shop"))
        return world.dm(sender.id, recipient.id, given["text"]).to_json()

    def add_user(given: Json) -> Json:
        name = given.pop("username")
        return world.add_user(name, given.pop("name", name), **given).to_json()

    def change_user(given: Json, name: str) -> Json:
        user = person(name)
        if "suspended" in given:
            if given["suspended"]:
                world.suspend(user.id, posts_listed=bool(given.get("posts_listed")))
            else:
                world.restore(user.id)
        if "open_dms" in given:
            world.set_open_dms(user.id, bool(given["open_dms"]))
        return user.to_json()

    def delete_post(given: Json, post_id: str) -> Json:
        world.delete(post_id)
        return {"deleted": post_id}

    def edit_post(given: Json, post_id: str) -> Json:
        try:
            return world.edit(post_id, given["text"]).to_json()
        except Problem as problem:
            raise ValueError(str(problem)) from None

    def set_balance(given: Json) -> Json:
        sim.purse.balance = given["micros"]
        return {"balance_micros": sim.purse.balance}

    def revoke(given: Json) -> Json:
        sim.tokens.revoke_all()
        return {"revoked": True}

    def restore(given: Json) -> Json:
        sim.tokens.restore()
        return {"revoked": False}

    control, on = strings(sim, more)
    on("/credentials", lambda given: asdict(sim.credentials()), "GET")
    on("/users", add_user)
    on("/users/<name>", change_user, "PUT")
    on("/posts", write_post)
    on("/posts/<post_id>", edit_post, "PUT")
    on("/posts/<post_id>", delete_post, "DELETE")
    on("/reposts", lambda given: world.repost(person(given["author"]).id, given["post"]).to_json())
    on("/dms", write_dm)
    on("/manners", lambda given: set_manners(sim.manners, given))
    on("/balance", set_balance)
    on("/tokens/revoke", revoke)
    on("/tokens/restore", restore)
    app.register_blueprint(control)
