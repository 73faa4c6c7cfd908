"""The strings behind the stage, under ``/_control/``: write as a customer, set faults, move the
clock, read the ledger. For tests and for ``shenava rehearse``; from loopback only, with the token
of the simulator in ``X-Control-Token``. Everything is JSON in and out; a mistake is a 400 that
says so.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, request

from rehearsal.x.clocks import RunningClock
from rehearsal.x.model import Json, User
from rehearsal.x.problems import Problem
from rehearsal.x.simulator import Simulator
from rehearsal.x.writing import look_at

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "[::1]"})
_TIMES = ("search_lag", "index_lag")


def is_local() -> bool:
    """Did the request come from this machine, and mean it (no name of another host)?"""
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return request.remote_addr in _LOOPBACK and host in _LOOPBACK


def install(app: Flask, sim: Simulator) -> None:
    control = Blueprint("control", __name__, url_prefix="/_control")
    world = sim.world

    @control.before_request
    def guard() -> Response | None:
        given = request.headers.get("X-Control-Token", "")
        if not is_local() or not secrets.compare_digest(given, sim.control_token):
            return Response("not for you", status=403, mimetype="text/plain")
        return None

    @control.errorhandler(Exception)
    def mistake(error: Exception) -> tuple[Response, int]:
        if isinstance(error, (KeyError, ValueError, TypeError, Problem)):
            return jsonify({"error": f"{type(error).__name__}: {error}"}), 400
        raise error

    def person(name: str) -> User:
        """The user of a handle; ``shop`` for the shop; a new one where there is none."""
        return sim.shop if name == "shop" else world.add_user(name, name)

    def on(rule: str, handler: Callable[..., Any], method: str = "POST") -> None:
        def view(**values: str) -> Response:
            given = request.get_json(silent=True) or {}
            with world.lock:
                return jsonify(handler(given, **values))

        control.add_url_rule(rule, f"{method} {rule}", view, methods=[method])

    def ahead() -> float:
        clock = world.clock
        return clock.ahead.total_seconds() if isinstance(clock, RunningClock) else 0.0

    def state(given: Json) -> Json:
        return {
            "version": world.version,
            "now": world.clock.now().isoformat(),
            "ahead_s": ahead(),
            "outages": sum(1 for key in world.notes if key.startswith("outage")),
            "users": len(world.users),
            "posts": len(world.posts),
            "dms": len(world.dms),
            "accepted": len(world.ledger),
            "requests": len(sim.requests),
            "spent_micros": sim.purse.spent,
            "spent_by_kind": sim.purse.by_kind,
            "balance_micros": sim.purse.balance,
            "faults": sim.faults.standing(),
        }

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

    def add_fault(given: Json) -> Json:
        return asdict(sim.faults.add(**given))

    def remove_fault(given: Json, number: str) -> Json:
        sim.faults.remove(int(number))
        return {"removed": int(number)}

    def clear_faults(given: Json) -> Json:
        sim.faults.clear()
        return {"faults": []}

    def move_clock(given: Json) -> Json:
        advance = getattr(world.clock, "advance", None)
        if advance is None:
            raise ValueError("this clock cannot be moved")
        advance(timedelta(seconds=float(given["seconds"])))
        if isinstance(world.clock, RunningClock):
            # Started again, the simulator goes on at the same time: ids and times never go back.
            world.note("clock", {"ahead_s": world.clock.ahead.total_seconds()})
        return {"now": world.clock.now().isoformat()}

    def ledger(given: Json) -> Json:
        return {
            "lines": [line.to_json() for line in world.ledger],
            "doubles": [[line.number for line in group] for group in world.doubles()],
        }

    def set_manners(given: Json) -> Json:
        for name, value in given.items():
            if not hasattr(sim.manners, name):
                raise ValueError(f"no such manner: {name}")
            value = timedelta(seconds=value) if name in _TIMES else value
            setattr(sim.manners, name, value)
        return {"manners": {name: str(value) for name, value in asdict(sim.manners).items()}}

    def set_balance(given: Json) -> Json:
        sim.purse.balance = given["micros"]
        return {"balance_micros": sim.purse.balance}

    def outage(given: Json) -> Json:
        if sim.crowd is None:
            raise ValueError("no customers here: start with a crowd")
        size = int(given.get("complaints", 120))
        over = timedelta(minutes=float(given.get("minutes", 6)))
        return {"complaints": sim.crowd.outage(world.clock.now(), complaints=size, over=over)}

    def step(given: Json) -> Json:
        if sim.crowd is None:
            raise ValueError("no customers here: start with a crowd")
        return {"written": sim.crowd.step(world.clock.now())}

    def reset(given: Json) -> Json:
        sim.reset()
        return state(given)

    def requests(given: Json) -> list[Json]:
        return [{**asdict(one), "at": one.at.isoformat()} for one in sim.requests]

    def revoke(given: Json) -> Json:
        sim.tokens.revoke_all()
        return {"revoked": True}

    def restore(given: Json) -> Json:
        sim.tokens.restore()
        return {"revoked": False}

    on("/state", state, "GET")
    on("/credentials", lambda given: asdict(sim.credentials()), "GET")
    on("/ledger", ledger, "GET")
    on("/requests", requests, "GET")
    on("/users", add_user)
    on("/users/<name>", change_user, "PUT")
    on("/posts", write_post)
    on(
        "/posts/<post_id>",
        lambda given, post_id: world.edit(post_id, given["text"]).to_json(),
        "PUT",
    )
    on("/posts/<post_id>", delete_post, "DELETE")
    on("/reposts", lambda given: world.repost(person(given["author"]).id, given["post"]).to_json())
    on("/dms", write_dm)
    on("/faults", lambda given: sim.faults.standing(), "GET")
    on("/faults", add_fault)
    on("/faults", clear_faults, "DELETE")
    on("/faults/<number>", remove_fault, "DELETE")
    on("/clock", move_clock)
    on("/manners", set_manners)
    on("/balance", set_balance)
    on("/outage", outage)
    on("/step", step)
    on("/reset", reset)
    on("/tokens/revoke", revoke)
    on("/tokens/restore", restore)
    app.register_blueprint(control)
