"""How X says no: problems in the shapes of its interface.

Shapes after X's docs ("Response codes and errors", read 2026-08) and answers seen in the wild:
duplicate content (2026-02), not summoned (2026-07), credits depleted (2026-08).
"""

from __future__ import annotations

from typing import Any

_TYPES = "https://api.twitter.com/2/problems/"


class Problem(Exception):
    """A refusal. ``body`` is the JSON object that X would send with ``status``."""

    def __init__(
        self, status: int, title: str, detail: str, type_: str = "about:blank", **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.body: dict[str, Any] = {"title": title, "detail": detail, "type": type_, **more}
        if not type_.endswith("invalid-request"):
            self.body["status"] = status


def unauthorised() -> Problem:
    return Problem(401, "Unauthorized", "Unauthorized")


def forbidden(detail: str) -> Problem:
    return Problem(403, "Forbidden", detail)


def duplicate() -> Problem:
    return forbidden("You are not allowed to create a Tweet with duplicate content.")


def not_summoned() -> Problem:
    return forbidden(
        "Reply to this conversation is not allowed because you have not been mentioned or "
        "otherwise engaged by the author of the post you are replying to."
    )


def reply_target_gone() -> Problem:
    return forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")


def no_dm() -> Problem:
    return forbidden("You do not have permission to DM one or more participants.")


def wrong_kind_of_token() -> Problem:
    return Problem(
        403,
        "Unsupported Authentication",
        "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported "
        "authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
        _TYPES + "unsupported-authentication",
    )


def no_credit() -> Problem:
    """As seen on 25 August 2026."""
    return Problem(
        402,
        "Payment Required",
        "credits depleted",
        "https://api.x.com/2/problems/credits-depleted",
    )


def too_many() -> Problem:
    return Problem(429, "Too Many Requests", "Too Many Requests")


def broken(status: int) -> Problem:
    names = {500: "Internal Server Error", 503: "Service Unavailable"}
    title = names.get(status, "Server Error")
    return Problem(status, title, title)


def no_such_address() -> Problem:
    return Problem(404, "Not Found", "Not Found")


def invalid(message: str, **parameters: str) -> Problem:
    """A bad parameter or body. ``parameters`` are those at fault, by their X name with dots
    written as double underscores."""
    named = {name.replace("__", "."): [value] for name, value in parameters.items()}
    error: dict[str, Any] = {"message": message}
    if named:
        error["parameters"] = named
    return Problem(
        400,
        "Invalid Request",
        "One or more parameters to your request was invalid.",
        _TYPES + "invalid-request",
        errors=[error],
    )


def missing(kind: str, value: str, parameter: str) -> dict[str, Any]:
    """The entry of ``errors`` beside ``data`` for something that is not there."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": _TYPES + "resource-not-found",
    }


def suspended(value: str, parameter: str) -> dict[str, Any]:
    """The entry of ``errors`` for a user who was suspended."""
    return {
        "value": value,
        "detail": f"User has been suspended: [{value}].",
        "title": "Forbidden",
        "resource_type": "user",
        "parameter": parameter,
        "resource_id": value,
        "type": _TYPES + "resource-not-found",
    }


def not_to_be_seen(value: str, parameter: str, section: str = "data") -> dict[str, Any]:
    """The entry of ``errors`` for a post whose author was suspended."""
    return {
        "value": value,
        "detail": f"Sorry, you are not authorized to see the Tweet with {parameter}: [{value}].",
        "title": "Authorization Error",
        "section": section,
        "resource_type": "tweet",
        "parameter": parameter,
        "resource_id": value,
        "type": _TYPES + "not-authorized-for-resource",
    }
