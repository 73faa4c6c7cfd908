"""All parts of one simulated Instagram, held together, and what every request goes through."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask import Response, request

from rehearsal.faults import Fault, Faults
from rehearsal.instagram import doors, faults, paging, problems
from rehearsal.instagram.asking import Field, parse
from rehearsal.instagram.faults import Kind
from rehearsal.instagram.limits import CONVERSATIONS, Rates, TooMany
from rehearsal.instagram.model import Container, User
from rehearsal.instagram.oauth import Caller, Credentials, Tokens
from rehearsal.instagram.shapes import Shapes
from rehearsal.instagram.webhooks import Webhooks
from rehearsal.instagram.world import World
from rehearsal.records import Json
from rehearsal.wire import Asked, Headers

SHOP = ("noora_shop", "نورا | Noora")
"""Handle and name of the shop of the rehearsal; the same made-up shop as on the simulated X."""

CONTAINER_LIVES = timedelta(hours=24)

_SECRETS = re.compile(
    r'((?:access_token|client_secret|code|hub\.verify_token)"?\s*[=:]\s*"?)[^&"\s]+'
)


def open_shop(world: World) -> User:
    """The account of the shop on this world; opened if it is not there yet."""
    return world.add_user(
        *SHOP, followers=61_870, biography="A shop of a rehearsal.", professional=True
    )


@dataclass(slots=True)
class Manners:
    """In what the real Instagram is seen to differ from its pages or from day to day; to be changed
    by tests.

    ``wrapped``: ``/me`` and the code's token come as ``{"data": […]}``, as Meta's pages show them
    (seen in the wild: flat). ``container_takes``: how long a container is ``IN_PROGRESS``.
    ``fetch_local``: pictures may be fetched from this machine; Meta's servers cannot do that, so
    only a rehearsal sets it. ``media_origin``: where pictures and posts are said to be: the
    simulator itself, unless set. ``authors_told``: comments tell who wrote them; ``false`` as for
    an app that Meta has not reviewed yet. ``far``: how long it takes to be told of conversations,
    in real time: Meta is far away, and who asks one thing after the other keeps below two a second
    by that alone; this machine is near.
    """

    wrapped: bool = False
    container_takes: timedelta = timedelta(0)
    fetch_local: bool = False
    media_origin: str = ""
    authors_told: bool = True
    far: timedelta = timedelta(0)


@dataclass(slots=True)
class Simulator:
    """One simulated Instagram with one shop on it."""

    world: World
    control_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    manners: Manners = field(default_factory=Manners)
    faults: Faults = field(default_factory=lambda: Faults(Kind))
    base_url: str = ""
    """Where it is served; set by ``serve``."""
    beside: dict[str, str] = field(default_factory=dict)
    """Addresses of the platforms of the same rehearsal, by name."""
    asked_at: float = field(default_factory=time.monotonic)
    requests: deque[Asked] = field(default_factory=lambda: deque(maxlen=20_000))
    tokens: Tokens = field(init=False)
    rates: Rates = field(init=False)
    webhooks: Webhooks = field(init=False)
    crowd: Any = None
    handlers: dict[str, Handler] = field(default_factory=dict)
    """What answers at each door."""

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.world)
        self.rates = Rates(self.world.clock)
        self.credentials()
        self.webhooks = Webhooks(self)

    @property
    def shop(self) -> User:
        return open_shop(self.world)

    def credentials(self) -> Credentials:
        return self.tokens.credentials(self.shop.id)

    @property
    def origin(self) -> str:
        """Where pictures and posts are said to be."""
        return self.manners.media_origin or self.base_url

    def reset(self) -> None:
        """A new, bare Instagram with the same shop and keys."""
        with self.world.lock:
            notes = self.world.notes
            keep = ("app", "clock", "webhook", "subscription")
            kept = {k: v for k, v in notes.items() if k in keep or k.startswith("token:")}
            shop = self.shop
            self.world.forget()
            self.world.put_back(shop)
            for key, value in kept.items():
                self.world.note(key, value)
            self.rates.reset()
            self.faults.clear()
            self.requests.clear()
            self.webhooks.forget()
            if self.crowd is not None:
                self.crowd.begin()

    # --- what the wire asks -------------------------------------------------------------------

    def endpoint_of(self, method: str, path: str) -> str | None:
        with self.world.lock:
            return doors.door(self.world, method, path)

    def refuse(self, fault: Fault | None) -> tuple[int, Headers, bytes]:
        return faults.refusal(fault, self.shop.id)

    def seen(self, text: str) -> str:
        return _SECRETS.sub(r"\1…", text)

    # --- what handlers ask --------------------------------------------------------------------

    def status_of(self, container: Container) -> tuple[str, str]:
        """How far a container is ("IG Container": ``status_code``), and a sentence on it."""
        age = self.world.clock.now() - container.created_at
        if container.published_as:
            return "PUBLISHED", "Published: Media has been successfully published."
        if container.failed:
            return "ERROR", "Error: Media upload has failed with error code 2207026"
        if age >= CONTAINER_LIVES:
            return "EXPIRED", "Expired: The container was not published within 24 hours."
        if age < self.manners.container_takes:
            return "IN_PROGRESS", "In Progress: Media is still being processed."
        return "FINISHED", "Finished: Media has been uploaded and it is ready to be published."

    def engaged(self) -> int:
        """How many people wrote to the shop in the last 24 hours."""
        since = self.world.clock.now() - timedelta(hours=24)
        shop = self.shop.id
        return len(
            {
                said.sender_id
                for said in reversed(self.world.messages.values())
                if said.created_at >= since and said.sender_id != shop
            }
        )


@dataclass(frozen=True, slots=True)
class Call:
    """One request at a door: by whom, with what, about which node."""

    sim: Simulator
    caller: Caller
    node: str
    given: Mapping[str, Any]
    path: str
    version: str
    is_me: bool
    """The node was given as ``me``: the account, or the page of a Facebook token."""

    @property
    def fields(self) -> tuple[Field, ...] | None:
        """What is wanted, if it was said."""
        text = self.given.get("fields", "")
        return parse(str(text)) if text else None

    @property
    def shapes(self) -> Shapes:
        base = self.sim.base_url + (f"/{self.version}" if self.version else "")
        return Shapes(
            self.sim.world,
            self.sim.shop.id,
            origin=self.sim.origin,
            base=base,
            facebook=self.caller.facebook,
            status_of=self.sim.status_of,
        )

    @property
    def asked(self) -> Field:
        """The request as the field of a list: what is wanted of each, and which part."""
        paging_words = ("limit", "after", "before")
        arguments = {k: str(self.given[k]) for k in paging_words if k in self.given}
        return Field("", arguments, self.fields)

    def link(self, more: Mapping[str, str]) -> str:
        """The address of another page of this very list."""
        given = {name: str(value) for name, value in self.given.items()}
        given["access_token"] = self.caller.token
        return paging.address(self.sim.base_url, self.path, given, more)

    def text(self, name: str) -> str:
        """A parameter that must be there. Raises the error 100."""
        value = self.given.get(name)
        if not isinstance(value, str) or not value:
            raise problems.parameter(f"The parameter {name} is required")
        return value

    def only(self, *allowed: str) -> None:
        """Raises the error 100 for a parameter that this door does not have. (Meta ignores some
        of those; a client that sends one has a mistake in it, so the simulator does not.)"""
        for name in self.given:
            if name not in (*allowed, *_EVERYWHERE):
                raise problems.parameter(f"Unexpected parameter: {name}")
        proof = self.given.get("appsecret_proof")
        if proof is not None and proof != self.sim.tokens.proof(self.caller.token):
            raise problems.parameter("Invalid appsecret_proof provided in the API argument")

    def require(self, instagram: str, facebook: str) -> None:
        """Raises error 10 unless the token has the permission that its login calls so."""
        scope = facebook if self.caller.facebook else instagram
        if scope not in self.caller.scopes:
            raise problems.no_permission(scope or "Facebook Login only")

    def accept(self, deed: str, result_id: str, **more: str) -> None:
        """Write the ledger, and tell the wire which line this request became."""
        key = request.headers.get("Idempotency-Key", "")
        line = self.sim.world.accept(deed, self.caller.user_id, result_id, client_key=key, **more)
        request.environ.get("rehearsal.noted", {})["line"] = line.number


_EVERYWHERE = ("access_token", "appsecret_proof", "fields", "limit", "after", "before")

Handler = Callable[[Call], Json]


def answer(sim: Simulator, path: str) -> Response:
    """What every request to the Graph API goes through; some take the time they take from far."""
    far = sim.manners.far.total_seconds()
    if far and doors.door(sim.world, request.method, path) in CONVERSATIONS:
        time.sleep(far)
    return _answer(sim, path)


def _answer(sim: Simulator, path: str) -> Response:
    """In this order: whose is it, how often, then the handler of its door."""
    headers: dict[str, str] = {}
    facebook = False
    try:
        with sim.world.lock:
            token = _token()
            facebook = token.startswith("EAA")
            caller = sim.tokens.identify(token)
            door = doors.door(sim.world, request.method, path) or ""
            headers = sim.rates.take(door, caller.user_id, sim.engaged())
            parts = [part for part in path.split("/") if part]
            rest = doors.split(path)
            version = parts[0] if len(parts) != len(rest) else ""
            handler = sim.handlers.get(door)
            if handler is None:
                raise _no_such_door(door, rest)
            node = sim.shop.id if door.split(" ")[1].startswith("/:user") else rest[0]
            call = Call(sim, caller, node, _given(), path, version, rest[0] == "me")
            return respond(handler(call), 200, headers)
    except TooMany as refused:
        return respond(_body(refused, facebook=facebook), refused.status, refused.headers)
    except problems.Problem as problem:
        return respond(_body(problem, facebook=facebook), problem.status, headers)


def _no_such_door(door: str, parts: list[str]) -> problems.Problem:
    if ":unknown" in door or len(parts) == 1:
        return problems.not_found(parts[0] if parts else "", request.method.lower())
    return problems.unknown_path(parts[-1])


def _body(problem: problems.Problem, *, facebook: bool) -> Json:
    return problem.body(f"A{secrets.token_urlsafe(17)}", facebook=facebook)


def _token() -> str:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return str(request.args.get("access_token") or request.form.get("access_token") or "")


def _given() -> dict[str, Any]:
    """All parameters, wherever they stood: query, form, or JSON."""
    given: dict[str, Any] = {**request.args.to_dict(), **request.form.to_dict()}
    if request.is_json:
        body = request.get_json(silent=True)
        if not isinstance(body, dict):
            raise problems.parameter("Invalid JSON in the body")
        given |= body
    for name in ("recipient", "message"):
        value = given.get(name)
        if isinstance(value, str) and value.startswith("{"):
            given[name] = _object(name, value)
    return given


def _object(name: str, value: str) -> Json:
    try:
        found = json.loads(value)
    except ValueError:
        raise problems.parameter(f"param {name} must be a JSON object") from None
    if not isinstance(found, dict):
        raise problems.parameter(f"param {name} must be a JSON object")
    return found


def respond(body: Json, status: int, headers: Mapping[str, str]) -> Response:
    """An answer as Meta dresses it: JSON with everything beyond ASCII escaped."""
    out = Response(json.dumps(body), status=status, content_type="application/json; charset=UTF-8")
    out.headers.update({"facebook-api-version": "v25.0", "cache-control": "private, no-store"})
    out.headers.update(headers)
    return out
