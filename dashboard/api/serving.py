"""From a request to a view and back: the token, its scopes and pace, parameters, body, errors.

A :class:`Route` says all there is to know of an address; the OpenAPI document is made from the
same. A view is called with the :class:`Caller` (unless the route is public), the numbers in the
path, and ``query``, ``body`` and ``key`` where the route has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from flask import Response, g, request
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import HTTPException

from dashboard.api.pace import count_request
from dashboard.api.problems import (
    Fault,
    Kind,
    Problem,
    body_problem,
    http_problem,
    invalid,
    not_found,
    query_problem,
)
from dashboard.api.tokens import Caller, Dead, look_up
from dashboard.api.words import Asked, Parameters
from dashboard.auth.roles import public
from dashboard.context import desk
from responder.record import act_through
from shenava.store import Scope

REALM = 'Bearer realm="shenava"'
KEY_HEADER = "Idempotency-Key"

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_KEY = re.compile(r"[\x21-\x7e]{1,100}")


class Placed(NamedTuple):
    """An answer that has an address of its own."""

    answer: BaseModel
    location: str


View = Callable[..., BaseModel | Placed | Response]


@dataclass(frozen=True, slots=True)
class Route:
    """One address with one method. ``path`` as OpenAPI writes it; ``answer``: the model of what
    comes back, ``None`` for any JSON object. ``keyed``: an Idempotency-Key must come. ``kinds``:
    the problems that only this route has."""

    method: str
    path: str
    view: View
    answer: type[BaseModel] | None
    scopes: tuple[Scope, ...] = ()
    query: type[Parameters] = Parameters
    body: type[Asked] | None = None
    keyed: bool = False
    status: int = 200
    public: bool = False
    kinds: tuple[Kind, ...] = ()

    @property
    def name(self) -> str:
        """Names the operation, and the view within Flask: unique."""
        return self.view.__name__

    @property
    def numbers(self) -> list[str]:
        """The names of the numbers in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return re.sub(r"\{(\w+)\}", r"<\1>", self.path)


def serve(route: Route) -> Callable[..., Response]:
    """The Flask view of a route."""

    @public
    def view(**path: str) -> Response:
        try:
            response = _answer(route, path)
        except Problem as problem:
            response = problem.answer()
        except HTTPException as error:
            response = http_problem(error).answer()
        response.headers.update(g.get("pace_headers", {}))
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return view


@contextmanager
def writing(caller: Caller) -> Iterator[Session]:
    """A transaction in which a token does something; the trail says that it was the token."""
    with desk().store.write() as session:
        act_through(session, caller.principal)
        yield session


def _answer(route: Route, path: dict[str, str]) -> Response:
    who = () if route.public else (_caller(route.scopes),)
    given: dict[str, Any] = {name: _number(name, text) for name, text in path.items()}
    query = _query(route.query)
    if route.query is not Parameters:
        given["query"] = query
    if route.body is not None:
        given["body"] = _body(route.body)
    if route.keyed:
        given["key"] = _key()
    told = route.view(*who, **given)
    if isinstance(told, Response):
        return told
    location = None
    if isinstance(told, Placed):
        told, location = told
    response = Response(
        told.model_dump_json(), status=route.status, content_type="application/json"
    )
    if location is not None:
        response.headers["Location"] = location
    return response


def _caller(scopes: tuple[Scope, ...]) -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            Kind.UNAUTHORISED,
            "Send a token as `Authorization: Bearer shv_…`. An admin makes one in the settings.",
            headers={"WWW-Authenticate": REALM},
        )
    found = look_up(desk().store, token.strip())
    if isinstance(found, Dead):
        error = f'{REALM}, error="invalid_token", error_description="{found.value}"'
        raise Problem(Kind.UNAUTHORISED, found.value, headers={"WWW-Authenticate": error})
    pace = count_request(desk().store, found.token_id, desk().settings.api_requests_per_minute)
    g.pace_headers = pace.headers
    if not pace.allowed:
        raise Problem(
            Kind.TOO_MANY,
            f"This token may make {pace.limit} requests a minute. Nothing was changed.",
            headers={"Retry-After": str(pace.resets_in)},
        )
    missing = [scope.value for scope in scopes if scope not in found.scopes]
    if missing:
        names = " ".join(missing)
        raise Problem(
            Kind.MISSING_SCOPE,
            f"This needs the scope {' and '.join(missing)}, which the token does not have.",
            headers={"WWW-Authenticate": f'{REALM}, error="insufficient_scope", scope="{names}"'},
            more={"missing_scopes": missing},
        )
    return found


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise not_found(name.removesuffix("_id"))
    return int(text)


def _query(model: type[Parameters]) -> Parameters:
    twice = [name for name, found in request.args.lists() if len(found) > 1]
    if twice:
        faults = [Fault(detail="Give it once.", parameter=name) for name in twice]
        raise Problem(Kind.INVALID, "Some parameters were given twice.", faults=faults)
    try:
        return model.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise query_problem(error) from None


def _body(model: type[Asked]) -> Asked:
    data = request.get_data(cache=False)
    if data and request.mimetype != "application/json":
        raise Problem(Kind.MEDIA, "Send JSON, and say so: `Content-Type: application/json`.")
    try:
        return model.model_validate_json(data or b"{}")
    except ValidationError as error:
        raise body_problem(error) from None


def _key() -> str:
    key = request.headers.get(KEY_HEADER)
    if key is None:
        raise Problem(
            Kind.KEY_MISSING,
            f"Send an {KEY_HEADER} of your own making, such as a UUID, and the same one when you"
            " ask again: then nothing is done twice.",
        )
    if not _KEY.fullmatch(key):
        raise invalid("A key is 1 to 100 visible ASCII characters.", header=KEY_HEADER)
    return key
