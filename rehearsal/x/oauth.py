"""Whose request it is: OAuth 1.0a signatures, OAuth 2.0 tokens of users, and the app's bearer.

OAuth 1.0a (RFC 5849) is checked for real, signature and nonce; the time stamp is not, since the
simulator may live in another time. OAuth 2.0 with PKCE after X's docs (read 2026-08): a code lives
30 seconds, an access token two hours; a refresh token works once, and using it again is refused
and ends the whole grant (seen in issue threads, 2025-2026).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import deque
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from urllib.parse import urlsplit

from oauthlib.oauth1.rfc5849 import signature  # type: ignore[import-untyped]

from rehearsal.records import Json
from rehearsal.x import problems
from rehearsal.x.world import World

CODE_LIVES = timedelta(seconds=30)
ACCESS_LIVES = timedelta(hours=2)

SCOPES = (
    "tweet.read tweet.write tweet.moderate.write users.read dm.read dm.write media.write "
    "offline.access"
)
"""What a shop's account needs, as one asks for it."""

_ORIGINS = (
    "https://api.twitter.com",
    "https://api.x.com",
    "https://upload.twitter.com",
    "https://upload.x.com",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that the developer console of X would show for the shop's app and account."""

    user_id: str
    username: str
    client_id: str
    client_secret: str
    consumer_key: str
    consumer_secret: str
    access_token: str
    access_token_secret: str
    bearer_token: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. ``user_id`` is ``None`` for the app alone; ``scopes`` ``None`` means all."""

    app_id: str
    user_id: str | None
    scopes: frozenset[str] | None = None


class TokenError(Exception):
    """The token endpoint refuses; the two texts are those of RFC 6749, 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.body = {"error": error, "error_description": description}
        self.status = status


class Tokens:
    """The app, and what it may do for whom. Kept among the notes of the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, Json] = {}
        self._nonces: deque[str] = deque(maxlen=20_000)

    def credentials(self, user_id: str) -> Credentials:
        """The keys of the app, which belongs to ``user_id``; made at the first call."""
        with self._world.lock:
            known = self._world.notes.get("app")
            if known is None:
                user = self._world.users[user_id]
                made = Credentials(
                    user_id=user_id,
                    username=user.username,
                    client_id=secrets.token_urlsafe(25),
                    client_secret=secrets.token_urlsafe(37),
                    consumer_key=secrets.token_urlsafe(18),
                    consumer_secret=secrets.token_urlsafe(37),
                    access_token=f"{user_id}-{secrets.token_hex(20)}",
                    access_token_secret=secrets.token_urlsafe(33),
                    bearer_token="AAAAAAAA" + secrets.token_urlsafe(60),
                )
                known = asdict(made)
                self._world.note("app", known)
            return Credentials(**known)

    @property
    def app(self) -> Json:
        """The app as noted. Raises the 401 where there is none yet."""
        app = self._world.notes.get("app")
        if app is None:
            raise problems.unauthorised()
        return app

    def identify(
        self, method: str, host_url: str, target: str, authorization: str, form: str
    ) -> Caller:
        """Who sent this request. ``target`` is path and query as they stood on the wire;
        ``form`` the body, if it was a form. Raises the 401 of X."""
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self._bearer(value.strip())
        if scheme.lower() == "oauth":
            return self._signed(method, host_url, target, authorization, form)
        raise problems.unauthorised()

    def _bearer(self, token: str) -> Caller:
        if secrets.compare_digest(token, self.app["bearer_token"]):
            return Caller(self.app["client_id"], None)
        for _, grant in self._grants():
            if grant["access"] == token and not grant["revoked"]:
                if datetime.fromisoformat(grant["until"]) <= self._world.clock.now():
                    break
                scopes = frozenset(grant["scopes"])
                return Caller(self.app["client_id"], grant["user_id"], scopes)
        raise problems.unauthorised()

    def _signed(
        self, method: str, host_url: str, target: str, authorization: str, form: str
    ) -> Caller:
        app = self.app
        try:
            params = signature.collect_parameters(
                uri_query=urlsplit(target).query,
                body=form,
                headers={"Authorization": authorization},
                exclude_oauth_signature=False,
            )
        except ValueError:
            raise problems.unauthorised() from None
        oauth = {name: value for name, value in params if name.startswith("oauth_")}
        nonce = f"{oauth.get('oauth_nonce')} {oauth.get('oauth_timestamp')}"
        fits = (
            oauth.get("oauth_consumer_key") == app["consumer_key"]
            and oauth.get("oauth_token") == app["access_token"]
            and oauth.get("oauth_signature_method") == "HMAC-SHA1"
            and not self._world.notes.get("oauth1", {}).get("revoked")
            and nonce not in self._nonces
        )
        signed = [pair for pair in params if pair[0] != "oauth_signature"]
        if fits and any(
            signature.verify_hmac_sha1(
                SimpleNamespace(
                    uri=origin.rstrip("/") + target,
                    http_method=method,
                    params=signed,
                    signature=oauth.get("oauth_signature", ""),
                ),
                app["consumer_secret"],
                app["access_token_secret"],
            )
            for origin in (*_ORIGINS, host_url)
        ):
            self._nonces.append(nonce)
            return Caller(app["client_id"], app["user_id"])
        raise problems.unauthorised()

    def revoke_all(self) -> None:
        """The owner of the account takes the app's access away: every token of a user dies."""
        with self._world.lock:
            self._world.note("oauth1", {"revoked": True})
            for key, grant in self._grants():
                self._world.note(key, {**grant, "revoked": True})

    def restore(self) -> None:
        """The OAuth 1.0a token works again. Grants of OAuth 2.0 stay dead, as on X."""
        self._world.note("oauth1", {"revoked": False})

    # --- OAuth 2.0 ----------------------------------------------------------------------------

    def grant_code(self, user_id: str, redirect_uri: str, challenge: str, scope: str) -> str:
        """The user has agreed: a code to be changed for tokens within 30 seconds."""
        code = secrets.token_urlsafe(40)
        self._codes[code] = {
            "user_id": user_id,
            "redirect_uri": redirect_uri,
            "challenge": challenge,
            "scopes": scope.split(),
            "until": self._world.clock.now() + CODE_LIVES,
        }
        return code

    def exchange(self, code: str, redirect_uri: str, verifier: str) -> Json:
        """A code for tokens. Raises ``TokenError``."""
        with self._world.lock:
            found = self._codes.pop(code, None)
            digest = hashlib.sha256(verifier.encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if found is None or found["until"] < self._world.clock.now():
                raise TokenError(
                    "invalid_request", "Value passed for the authorization code was invalid."
                )
            if found["redirect_uri"] != redirect_uri or found["challenge"] != challenge:
                raise TokenError("invalid_request", "Value passed for the token was invalid.")
            number = sum(1 for _ in self._grants()) + 1
            return self._issue(
                f"grant:{number}",
                {"user_id": found["user_id"], "scopes": found["scopes"], "used": []},
            )

    def refresh(self, token: str) -> Json:
        """New tokens for a refresh token, once. Raises ``TokenError``; a token used before ends
        the grant."""
        with self._world.lock:
            for key, grant in self._grants():
                if token in grant["used"]:
                    self._world.note(key, {**grant, "revoked": True})
                elif token == grant["refresh"] and not grant["revoked"]:
                    return self._issue(key, {**grant, "used": [*grant["used"], token]})
            raise TokenError("invalid_request", "Value passed for the token was invalid.")

    def revoke(self, token: str) -> None:
        with self._world.lock:
            for key, grant in self._grants():
                if token in (grant["access"], grant["refresh"]):
                    self._world.note(key, {**grant, "revoked": True})

    def _issue(self, key: str, grant: Json) -> Json:
        keeps = "offline.access" in grant["scopes"]
        grant = {
            **grant,
            "access": secrets.token_urlsafe(48),
            "refresh": secrets.token_urlsafe(48) if keeps else None,
            "until": (self._world.clock.now() + ACCESS_LIVES).isoformat(),
            "revoked": False,
        }
        self._world.note(key, grant)
        answer: Json = {
            "token_type": "bearer",
            "expires_in": int(ACCESS_LIVES.total_seconds()),
            "access_token": grant["access"],
            "scope": " ".join(grant["scopes"]),
        }
        if keeps:
            answer["refresh_token"] = grant["refresh"]
        return answer

    def _grants(self) -> list[tuple[str, Json]]:
        notes = self._world.notes.items()
        return [(key, value) for key, value in notes if key.startswith("grant:")]
