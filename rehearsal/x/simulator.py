"""All parts of one simulated X, held together, and what every request goes through."""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Flask, Response, request

from rehearsal.faults import Fault, Faults
from rehearsal.records import Json
from rehearsal.wire import Asked, Headers
from rehearsal.x import problems
from rehearsal.x.endpoints import endpoint_of
from rehearsal.x.faults import Kind
from rehearsal.x.limits import Purse, Rates, Refused
from rehearsal.x.model import User
from rehearsal.x.oauth import Caller, Credentials, Tokens
from rehearsal.x.refusing import refusal
from rehearsal.x.shapes import Shapes, Wanted
from rehearsal.x.world import World

SHOP = ("noora_shop", "نورا | Noora")
"""Handle and name of the shop of the rehearsal; the same made-up shop as in ``service.sample``."""


def open_shop(world: World) -> User:
    """The account of the shop on this world; opened if it is not there yet."""
    return world.add_user(*SHOP, followers=48_210, description="A shop of a rehearsal.")


_RENAMED = {"tweets": "posts", "referenced_tweets": "referenced_posts"}


@dataclass(slots=True)
class Manners:
    """In what the real X is seen to differ from day to day; to be changed by tests.

    ``created``: status of a created post (201, or 200). ``newer_names``: speak as version 2.167
    of X's document does (``posts`` for ``tweets`` among includes, ``referenced_posts``).
    ``search_lag``: how long until a post is found by search. ``index_lag``: until a mention
    stands in the timeline; both nought unless set. ``media_origin``: where pictures are
    said to be: the simulator itself, unless set (to ``https://pbs.twimg.com`` as on X).
    ``public_client``: the app is one that keeps no secret, and sends its client id only.
    """

    created: int = 201
    newer_names: bool = False
    search_lag: timedelta = timedelta(0)
    index_lag: timedelta = timedelta(0)
    media_origin: str | None = None
    public_client: bool = False


@dataclass(slots=True)
class Simulator:
    """One simulated X with one shop on it."""

    world: World
    balance: int | None = None
    control_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    manners: Manners = field(default_factory=Manners)
    faults: Faults = field(default_factory=lambda: Faults(Kind))
    base_url: str = ""
    """Where it is served; set by ``serve``."""
    beside: dict[str, str] = field(default_factory=dict)
    """Addresses of the platforms of the same rehearsal, by name."""
    asked_at: float = field(default_factory=time.monotonic)
    """When the last request of any kind came in, on the monotonic clock."""
    requests: deque[Asked] = field(default_factory=lambda: deque(maxlen=20_000))
    tokens: Tokens = field(init=False)
    rates: Rates = field(init=False)
    purse: Purse = field(init=False)
    crowd: Any = None
    """A ``rehearsal.x.crowd.Crowd``, if customers are to come."""

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.world)
        self.rates = Rates(self.world.clock)
        self.purse = Purse(self.world.clock, self.balance)
        self.credentials()

    @property
    def shop(self) -> User:
        """The shop's own account; opened if it is not there yet."""
        return open_shop(self.world)

    def credentials(self) -> Credentials:
        return self.tokens.credentials(self.shop.id)

    def reset(self) -> None:
        """A new, bare X with the same shop and keys."""
        with self.world.lock:
            kept = {key: self.world.notes.get(key) for key in ("app", "clock")}
            shop = self.shop
            self.world.forget()
            self.world.put_back(shop)
            for key, value in kept.items():
                if value is not None:
                    self.world.note(key, value)
            self.rates.reset()
            self.faults.clear()
            self.requests.clear()
            self.purse = Purse(self.world.clock, self.balance)
            if self.crowd is not None:
                self.crowd.begin()

    def endpoint_of(self, method: str, path: str) -> str | None:
        return endpoint_of(method, path)

    def refuse(self, fault: Fault | None) -> tuple[int, Headers, bytes]:
        return refusal(fault, self.world.clock.now())

    def seen(self, text: str) -> str:
        """X's secrets are in headers, which are not kept."""
        return text

    def shapes(self, wanted: Wanted) -> Shapes:
        return Shapes(self.world, wanted, self.manners.media_origin or self.base_url)


Handler = Callable[..., tuple[Json, int]]


def endpoint(
    app: Flask,
    sim: Simulator,
    name: str,
    *,
    scopes: str,
    app_too: bool = False,
) -> Callable[[Handler], Handler]:
    """Register a handler for ``name`` (``"GET /2/tweets/:id"``), called with the ``Caller`` and the
    path's values, in this order: whose request, how often, is there money, then the handler.

    ``scopes``: what an OAuth 2.0 token must allow. ``app_too``: the app's bearer will do.
    """
    method, _, path = name.partition(" ")
    rule = "/".join(f"<{part[1:]}>" if part[:1] == ":" else part for part in path.split("/"))
    needed = frozenset(scopes.split())

    def register(handler: Handler) -> Handler:
        def view(**values: str) -> Response:
            headers: dict[str, str] = {}
            try:
                with sim.world.lock:
                    caller = _identify(sim)
                    if caller.user_id is None and not app_too:
                        raise problems.wrong_kind_of_token()
                    if caller.scopes is not None and not needed <= caller.scopes:
                        raise problems.forbidden("Your token lacks a scope for this endpoint.")
                    headers = sim.rates.take(name, caller.app_id, caller.user_id)
                    sim.purse.check()
                    body, status = handler(caller, **values)
                    return respond(sim, body, status, headers)
            except Refused as refused:
                return respond(sim, refused.body, refused.status, refused.headers)
            except problems.Problem as problem:
                return respond(sim, problem.body, problem.status, headers)

        app.add_url_rule(rule, name, view, methods=[method])
        return handler

    return register


def _identify(sim: Simulator) -> Caller:
    is_form = request.mimetype == "application/x-www-form-urlencoded"
    return sim.tokens.identify(
        request.method,
        request.host_url,
        request.environ.get("REQUEST_URI") or request.full_path.rstrip("?"),
        request.headers.get("Authorization", ""),
        request.get_data(as_text=True) if is_form else "",
    )


def respond(sim: Simulator, body: Json, status: int, headers: dict[str, str]) -> Response:
    """An answer as X dresses it. A problem has its own media type."""
    if sim.manners.newer_names:
        body = _renamed(body)
    is_problem = status >= 400 and "title" in body
    kind = "application/problem+json" if is_problem else "application/json; charset=utf-8"
    answer = Response(json.dumps(body, ensure_ascii=False), status=status, content_type=kind)
    answer.headers.update(
        {
            "api-version": "2.159",
            "cache-control": "no-cache, no-store, max-age=0",
            "x-access-level": "read-write-directmessages",
            "x-transaction-id": secrets.token_hex(8),
            **headers,
        }
    )
    return answer


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {_RENAMED.get(key, key): _renamed(one) for key, one in value.items()}
    return [_renamed(one) for one in value] if isinstance(value, list) else value


def arguments(*allowed: str) -> dict[str, str]:
    """The query of this request. Raises the 400 for a parameter that the endpoint lacks."""
    for name in request.args:
        if name not in allowed:
            choice = ",".join(sorted(allowed))
            raise problems.invalid(
                f"The query parameter [{name}] is not one of [{choice}]",
                **{name.replace(".", "__"): request.args[name]},
            )
    return request.args.to_dict()


__all__ = [
    "SHOP",
    "Manners",
    "Simulator",
    "arguments",
    "endpoint",
    "open_shop",
    "respond",
]
