"""Connecting an account: OAuth 2.0 with PKCE, and the refreshing of its tokens.

1. :func:`begin` makes the address to send the person to, and what must be kept meanwhile.
2. X sends them back; :func:`code_from` takes the code out of that address, if it is the answer
   to our question.
3. :func:`exchange` turns the code into credentials.
4. Every two hours :func:`refresh` turns a pair of tokens into the next. A refresh token can be
   used once, and a pair that was not kept is lost for good: the caller stores the new pair
   before anything uses it, and lets one worker refresh at a time.

Sources: RFC 7636; docs.x.com, "OAuth 2.0 Authorization Code Flow with PKCE" (read 2026-11).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from requests.auth import AuthBase, HTTPBasicAuth

from shenava.channels.errors import (
    Rejected,
    RejectedBecause,
    Unauthorised,
    Unreachable,
)
from shenava.channels.talk import Purpose
from shenava.channels.wire import NoAuth, Wire
from shenava.channels.x.credentials import OAuth2
from shenava.channels.x.failures import TALK
from shenava.clock import Clock

AUTHORISE = "https://x.com/i/oauth2/authorize"
_TOKEN = "/2/oauth2/token"  # noqa: S105  # a path, not a secret
SCOPES = (
    "tweet.read",
    "tweet.write",
    "tweet.moderate.write",
    "users.read",
    "dm.read",
    "dm.write",
    "media.write",
    "offline.access",
)
"""What the person is asked for; ``offline.access`` is what brings a refresh token."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A question to the person that is under way. ``url``: where to send them. ``state`` and
    ``verifier`` are kept until they come back, and are worth nothing afterwards."""

    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)


def begin(
    client_id: str,
    redirect_uri: str,
    scopes: Sequence[str] = SCOPES,
    *,
    authorise_url: str = AUTHORISE,
) -> Authorisation:
    """Make the address at which the person allows us in. ``redirect_uri`` must be one of those
    set in the developer console, to the letter."""
    state = secrets.token_urlsafe(32)
    verifier = secrets.token_urlsafe(64)
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }
    return Authorisation(f"{authorise_url}?{urlencode(query)}", state, verifier)


def challenge_of(verifier: str) -> str:
    """RFC 7636, 4.2: what is shown of the verifier before it is used."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def code_from(returned_to: str, state: str) -> str:
    """The code in the address that X sent the person back to.

    Raises ``Unauthorised`` when they refused, or when it is not the answer to our question
    (``state`` differs: perhaps someone else's link).
    """
    query = parse_qs(urlsplit(returned_to).query)
    given = query.get("state", [""])[0]
    if not hmac.compare_digest(given.encode(), state.encode()):
        raise Unauthorised("this is not the answer to our question to X; begin again")
    if "error" in query:
        raise Unauthorised("X says that the person did not allow it")
    code = query.get("code", [""])[0]
    if not code:
        raise Unauthorised("X sent the person back without a code; begin again")
    return code


def exchange(
    wire: Wire,
    clock: Clock,
    *,
    client_id: str,
    client_secret: str | None,
    redirect_uri: str,
    code: str,
    verifier: str,
) -> OAuth2:
    """Turn a code into credentials. A code lasts 30 seconds and one use: after any failure the
    person begins again. Raises ``ChannelError``."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
    }
    return _tokens(wire, clock, client_id, client_secret, form)


def refresh(wire: Wire, clock: Clock, old: OAuth2) -> OAuth2:
    """The next pair of tokens. ``old`` is worth nothing afterwards.

    Raises ``Unauthorised`` when the refresh token is no longer good: a person must connect
    again. Raises ``Unreachable`` when no answer came: the old pair may have been used up by it.
    Trying again with it loses nothing: it works, or the pair was lost already.
    """
    if old.refresh_token is None:
        raise Unauthorised("there is no refresh token: connect with offline.access allowed")
    form = {"grant_type": "refresh_token", "refresh_token": old.refresh_token}
    return _tokens(wire, clock, old.client_id, old.client_secret, form, old)


def _tokens(
    wire: Wire,
    clock: Clock,
    client_id: str,
    client_secret: str | None,
    form: dict[str, str],
    old: OAuth2 | None = None,
) -> OAuth2:
    """Ask for tokens. A confidential client proves itself by its secret, a public one names
    itself."""
    auth: AuthBase = NoAuth()
    if client_secret is None:
        form["client_id"] = client_id
    else:
        auth = HTTPBasicAuth(client_id, client_secret)
    asked_at = clock.now()
    try:
        body = TALK.ask(wire, clock, auth, "POST", _TOKEN, Purpose.HARMLESS, data=form)
    except Rejected as rejected:
        if rejected.because in (RejectedBecause.BAD_REQUEST, RejectedBecause.NOT_ALLOWED):
            raise Unauthorised("X does not take the code or refresh token any more") from None
        raise
    lifetime = body.get("expires_in")
    seconds = lifetime if isinstance(lifetime, int) and lifetime > 0 else 7_200
    scopes = frozenset(str(body.get("scope") or "").split())
    try:
        return OAuth2(
            access_token=_text(body, "access_token"),
            # counted from before the asking: rather a little early than a little late
            expires_at=asked_at + timedelta(seconds=seconds),
            client_id=client_id,
            # X always sends a new one; a server that does not means the old one goes on
            refresh_token=_text(body, "refresh_token") or (old.refresh_token if old else None),
            client_secret=client_secret,
            scopes=scopes or (old.scopes if old else frozenset()),
        )
    except ValueError:
        raise Unreachable("X's answer has no token that could be one") from None


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
