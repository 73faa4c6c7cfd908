"""Errors of the API: problem details (RFC 9457), one kind for each thing that can go wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

PREFIX = "/api/v1"
MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class _Told:
    name: str
    status: int
    title: str


class Kind(Enum):
    """The kinds of problems: the name in ``type``, the status, the title."""

    UNREADABLE = _Told("unreadable", 400, "The request could not be read")
    KEY_MISSING = _Told("key-missing", 400, "An Idempotency-Key is needed")
    UNAUTHORISED = _Told("unauthorised", 401, "A token that works is needed")
    MISSING_SCOPE = _Told("missing-scope", 403, "The token may not do this")
    NOT_YOURS = _Told("not-yours", 403, "The token's maker may not decide on this")
    NOT_FOUND = _Told("not-found", 404, "There is nothing at this address")
    METHOD = _Told("method-not-allowed", 405, "This address does not take this method")
    KEY_REUSED = _Told("key-reused", 409, "The Idempotency-Key was used for something else")
    TAKEN = _Told("taken", 409, "Someone else took the case")
    CUSTOMER_WROTE = _Told("customer-wrote", 409, "The customer wrote in the meantime")
    PEOPLE_CHANGED = _Told("people-changed", 409, "Someone changed who is who in the meantime")
    SAME_ALREADY = _Told("same-already", 409, "They are one customer already")
    SPLIT_ALREADY = _Told("split-already", 409, "The merge does not hold any more")
    COLLISION = _Told("collision", 409, "Something happened to the case in the meantime")
    TOO_LARGE = _Told("too-large", 413, "The body is too large")
    MEDIA = _Told("unsupported-media-type", 415, "The body must be application/json")
    INVALID = _Told("invalid", 422, "The request says something that cannot be")
    TOO_MANY = _Told("too-many-requests", 429, "The token made too many requests")
    INTERNAL = _Told("internal", 500, "Something went wrong on our side")

    @property
    def type(self) -> str:
        """What ``type`` says: the place in the list of kinds, which is public."""
        return f"{PREFIX}/problems#{self.value.name}"

    @property
    def status(self) -> int:
        return self.value.status

    @property
    def title(self) -> str:
        return self.value.title


class Fault(BaseModel):
    """One thing that is wrong: in the body (``pointer``, RFC 6901), in a ``parameter`` of the
    address, or in a ``header``."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457). ``type`` names the kind and never changes; ``title`` and
    ``detail`` are for people. ``errors`` names each wrong field."""

    # A kind may add members of its own, as the RFC foresees.
    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = Field(default=None)


class Problem(Exception):
    """Ends a request with a problem. ``more``: further members; ``headers``: of the answer."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.faults = tuple(faults)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def answer(self) -> Response:
        """The response that tells it."""
        body = ProblemBody(
            type=self.kind.type,
            title=self.kind.title,
            status=self.kind.status,
            detail=self.detail,
            errors=list(self.faults) or None,
            **self.more,
        )
        response = Response(
            body.model_dump_json(exclude_none=True),
            status=self.kind.status,
            content_type=MEDIA_TYPE,
        )
        response.headers.update(self.headers)
        return response


def not_found(what: str) -> Problem:
    """``what``: such as "case"."""
    return Problem(Kind.NOT_FOUND, f"There is no such {what}.")


def invalid(detail: str, **place: str) -> Problem:
    """One wrong field, at ``pointer``, ``parameter`` or ``header``."""
    return Problem(Kind.INVALID, detail, faults=[Fault(detail=detail, **place)])


def body_problem(error: ValidationError) -> Problem:
    """What pydantic says of a body: a body that is no JSON, or one with wrong fields."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(item["type"] == "json_invalid" for item in found):
        return Problem(Kind.UNREADABLE, f"The body is not JSON in UTF-8. {found[0]['msg']}.")
    faults = [Fault(detail=_sentence(item["msg"]), pointer=_pointer(item["loc"])) for item in found]
    return Problem(Kind.INVALID, "Some fields of the body cannot be used.", faults=faults)


def query_problem(error: ValidationError) -> Problem:
    """What pydantic says of the parameters of an address."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    faults = [
        Fault(detail=_sentence(item["msg"]), parameter=str(item["loc"][0]) if item["loc"] else None)
        for item in found
    ]
    return Problem(Kind.INVALID, "Some parameters of the address cannot be used.", faults=faults)


def _pointer(place: tuple[int | str, ...]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in place)
    return "#" + "".join(f"/{part}" for part in parts)


def _sentence(message: str) -> str:
    plain = message.removeprefix("Value error, ")
    return plain if plain.endswith(".") else f"{plain}."


# Of several kinds with one status the first is the general one.
_OF_HTTP = {kind.status: kind for kind in reversed(Kind)}
_DETAILS = {
    Kind.UNREADABLE: "The request could not be understood. Nothing was changed.",
    Kind.NOT_FOUND: f"There is nothing at this address; {PREFIX}/openapi.json lists what there is.",
    Kind.METHOD: f"{PREFIX}/openapi.json lists the methods of every address.",
    Kind.TOO_LARGE: "Send less at once. Nothing was changed.",
    Kind.INTERNAL: "Nothing of this request was carried out. Try again; if it happens again, tell"
    " whoever runs Shenava: the log has the details.",
}


def http_problem(error: HTTPException) -> Problem:
    """The problem for an error that Flask or Werkzeug raised before or while we answered."""
    status = error.code or 500
    kind = _OF_HTTP.get(status, Kind.INTERNAL if status >= 500 else Kind.UNREADABLE)
    headers = {}
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        headers["Allow"] = ", ".join(sorted(allowed))
    return Problem(kind, _DETAILS.get(kind, kind.title), headers=headers)
