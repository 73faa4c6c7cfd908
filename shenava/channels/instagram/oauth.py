"""Connecting an account with Business Login for Instagram, and renewing its token.

1. :func:`begin` makes the address to send the person to, and what must be kept meanwhile.
2. Instagram sends them back; :func:`code_from` takes the code out of that address, if it is the
   answer to our question.
3. :func:`exchange` turns the code into a token of an hour, and that into one of sixty days.
4. :func:`refresh` makes a token last sixty days from then: one that is a day old or older, and has
   not ended. The old one may go on; whoever renews stores the new one before using it.

Sources: developers.facebook.com, "Business Login for Instagram" (updated 2026-03-13), "Access
Token" (2026-03-09), "Refresh Access Token" (2025-07-17), read 2026-11-22.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from shenava.channels.errors import Rejected, RejectedBecause, Unauthorised, Unreachable
from shenava.channels.instagram.client import INSTAGRAM_API
from shenava.channels.instagram.credentials import Login, Token
from shenava.channels.instagram.failures import TALK
from shenava.channels.talk import Json, Purpose
from shenava.channels.wire import NoAuth, Timeouts, Wire
from shenava.clock import Clock

AUTHORISE = "https://www.instagram.com/oauth/authorize"
TOKEN_API = "https://api.instagram.com"  # noqa: S105  # an address, not a secret
SCOPES = (
    "instagram_business_basic",
    "instagram_business_manage_comments",
    "instagram_business_manage_messages",
    "instagram_business_content_publish",
)
LASTS = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A question to the person that is under way. ``url``: where to send them. ``state`` is kept
    until they come back, and is worth nothing afterwards."""

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Places:
    """Where tokens are made: two hosts of Instagram, or one of a rehearsal."""

    authorise: str
    codes: Wire
    tokens: Wire

    @classmethod
    def of(cls, base_url: str | None, timeouts: Timeouts | None = None) -> Places:
        """Raises ``ValueError`` for an address that keys must not be sent to."""
        if base_url is None:
            return cls(AUTHORISE, Wire(TOKEN_API, timeouts), Wire(INSTAGRAM_API, timeouts))
        wire = Wire(base_url, timeouts)
        return cls(f"{wire.base_url}/oauth/authorize", wire, wire)


def begin(
    places: Places, app_id: str, redirect_uri: str, scopes: Sequence[str] = SCOPES
) -> Authorisation:
    """Make the address at which the person allows us in. ``redirect_uri`` must be one of those
    set in the app's dashboard, to the letter."""
    state = secrets.token_urlsafe(32)
    query = {
        "client_id": app_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": ",".join(scopes),
        "state": state,
    }
    return Authorisation(f"{places.authorise}?{urlencode(query)}", state)


def code_from(returned_to: str, state: str) -> str:
    """The code in the address that Instagram sent the person back to; ``#_`` at its end is none
    of it. Raises ``Unauthorised`` when they refused, or when it is not the answer to our question.
    """
    query = parse_qs(urlsplit(returned_to).query)
    given = query.get("state", [""])[0]
    if not hmac.compare_digest(given.encode(), state.encode()):
        raise Unauthorised("this is not the answer to our question to Instagram; begin again")
    if "error" in query:
        raise Unauthorised("Instagram says that the person did not allow it")
    code = query.get("code", [""])[0]
    if not code:
        raise Unauthorised("Instagram sent the person back without a code; begin again")
    return code


def exchange(
    places: Places, clock: Clock, *, app_id: str, app_secret: str, redirect_uri: str, code: str
) -> Token:
    """Turn a code into a token of sixty days. A code lasts an hour and one use: after any failure
    the person begins again. Raises ``ChannelError``."""
    now = clock.now()
    form = {
        "client_id": app_id,
        "client_secret": app_secret,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
        "code": code,
    }
    body = _ask(places.codes, clock, "POST", "/oauth/access_token", data=form)
    told = _first(body)
    short = _text(told, "access_token")
    if not short:
        raise Unreachable("Instagram's answer has no token in it")
    scopes = _scopes(told.get("permissions"))
    body = _ask(
        places.tokens,
        clock,
        "GET",
        "/access_token",
        params={
            "grant_type": "ig_exchange_token",
            "client_secret": app_secret,
            "access_token": short,
        },
    )
    return _token(body, now, app_id, app_secret, scopes)


def refresh(wire: Wire, clock: Clock, old: Token) -> Token:
    """The same account's token for another sixty days.

    Raises ``Unauthorised`` when the old one is no longer good: a person must connect again.
    """
    now = clock.now()
    params = {"grant_type": "ig_refresh_token", "access_token": old.access_token}
    body = _ask(wire, clock, "GET", "/refresh_access_token", params=params)
    return _token(body, now, old.app_id, old.app_secret, old.scopes)


def _ask(wire: Wire, clock: Clock, method: str, path: str, **content: Any) -> Json:
    try:
        return TALK.ask(wire, clock, NoAuth(), method, path, Purpose.HARMLESS, **content)
    except Rejected as rejected:
        if rejected.because in (RejectedBecause.BAD_REQUEST, RejectedBecause.NOT_ALLOWED):
            raise Unauthorised("Instagram does not take the code or the token any more") from None
        raise


def _first(body: Json) -> Mapping[str, Any]:
    """Answers come as ``{"data": [{…}]}``; older ones without the wrapping."""
    data = body.get("data")
    if isinstance(data, list) and data and isinstance(data[0], Mapping):
        return data[0]
    return body


def _token(
    body: Json, asked_at: datetime, app_id: str, app_secret: str | None, scopes: frozenset[str]
) -> Token:
    lifetime = body.get("expires_in")
    lasts = timedelta(seconds=lifetime) if isinstance(lifetime, int) and lifetime > 0 else LASTS
    try:
        return Token(
            _text(body, "access_token"),
            Login.INSTAGRAM,
            app_id,
            app_secret,
            # counted from before the asking: rather a little early than a little late
            expires_at=asked_at + lasts,
            issued_at=asked_at,
            scopes=scopes,
        )
    except ValueError:
        raise Unreachable("Instagram's answer has no token that could be one") from None


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _scopes(told: Any) -> frozenset[str]:
    names = told if isinstance(told, list) else str(told or "").split(",")
    return frozenset(name for one in names if (name := str(one).strip()))
