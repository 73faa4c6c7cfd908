"""The strings behind the stage, under ``/_control/``, as far as all platforms have them: faults,
the clock, the ledger, the requests, customers. For tests and for ``shenava rehearse``; from
loopback only, with the token of the simulator in ``X-Control-Token``. Everything is JSON in and
out; a mistake is a 400 that says so.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Protocol

from flask import Blueprint, Response, jsonify, request

from rehearsal.clocks import RunningClock
from rehearsal.records import Json
from rehearsal.wire import Platform

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost", "[::1]"})


class Mistake(ValueError):
    """Something was ordered that cannot be."""


class Directed(Protocol):
    """Customers that take orders."""

    def step(self, now: datetime) -> int: ...

    def outage(self, now: datetime, *, complaints: int, over: timedelta) -> int: ...


class Stage(Platform, Protocol):
    """A platform with strings to pull."""

    @property
    def control_token(self) -> str: ...

    @property
    def crowd(self) -> Directed | None: ...

    def reset(self) -> None: ...


def is_local() -> bool:
    """Did the request come from this machine, and mean it (no name of another host)?"""
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return request.remote_addr in _LOOPBACK and host in _LOOPBACK


On = Callable[..., None]
"""``on(rule, handler, method="POST")`` ties a string: ``handler(given, **values)`` gives JSON."""


def strings(sim: Stage, more: Callable[[], Json]) -> tuple[Blueprint, On]:
    """The strings that all platforms have, and how to tie others. ``more``: what ``/state`` tells
    of this platform beside what all tell."""
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
        if isinstance(error, (KeyError, ValueError, TypeError)):
            return jsonify({"error": f"{type(error).__name__}: {error}"}), 400
        raise error

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
            "accepted": len(world.ledger),
            "requests": len(sim.requests),
            "faults": sim.faults.standing(),
            **more(),
        }

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
            raise Mistake("this clock cannot be moved")
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

    def customers() -> Directed:
        if sim.crowd is None:
            raise Mistake("no customers here: start with a crowd")
        return sim.crowd

    def outage(given: Json) -> Json:
        size = int(given.get("complaints", 120))
        over = timedelta(minutes=float(given.get("minutes", 6)))
        written = customers().outage(world.clock.now(), complaints=size, over=over)
        return {"complaints": written}

    def step(given: Json) -> Json:
        return {"written": customers().step(world.clock.now())}

    def reset(given: Json) -> Json:
        sim.reset()
        return state(given)

    def requests(given: Json) -> list[Json]:
        return [{**asdict(one), "at": one.at.isoformat()} for one in sim.requests]

    on("/state", state, "GET")
    on("/ledger", ledger, "GET")
    on("/requests", requests, "GET")
    on("/faults", lambda given: sim.faults.standing(), "GET")
    on("/faults", add_fault)
    on("/faults", clear_faults, "DELETE")
    on("/faults/<number>", remove_fault, "DELETE")
    on("/clock", move_clock)
    on("/outage", outage)
    on("/step", step)
    on("/reset", reset)
    return control, on


def set_manners(manners: Any, given: Json) -> Json:
    """Change the ways of a platform by name; spans of time are given in seconds."""
    for name, value in given.items():
        if not hasattr(manners, name):
            raise Mistake(f"no such manner: {name}")
        is_span = isinstance(getattr(manners, name), timedelta)
        setattr(manners, name, timedelta(seconds=value) if is_span else value)
    return {"manners": {name: str(value) for name, value in asdict(manners).items()}}
