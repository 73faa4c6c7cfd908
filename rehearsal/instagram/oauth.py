"""Whose request it is: codes and tokens of Business Login for Instagram, and a Facebook token.

After Meta's "Business Login for Instagram" and "Long-Lived Access Tokens" (read 2026-11): a code
lives an hour and works once; its token lives an hour and can be changed for one of 60 days; that
can be renewed when it is 24 hours old, as long as it lives. What Meta answers to one that is
younger is not written down; here it is error 100. A renewed token is another word here, and the
one before goes on until its end (Meta does not say either).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from rehearsal.instagram import problems
from rehearsal.instagram.world import World
from rehearsal.records import Json

CODE_LIVES = timedelta(hours=1)
SHORT_LIVES = timedelta(hours=1)
LONG_LIVES = timedelta(days=60)
RENEWABLE_AFTER = timedelta(hours=24)

SCOPES = (
    "instagram_business_basic",
    "instagram_business_manage_messages",
    "instagram_business_manage_comments",
    "instagram_business_content_publish",
)
"""What a shop's account needs, as one asks for it."""

FACEBOOK_SCOPES = (
    "instagram_basic",
    "instagram_manage_comments",
    "instagram_manage_messages",
    "instagram_content_publish",
    "pages_show_list",
    "pages_read_engagement",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All that the app dashboard would show for the shop's app and account. ``user_id`` is the
    id of the professional account (webhooks name it so), ``scoped_id`` the ``id`` of ``/me``.
    ``facebook_token`` is for what Facebook Login alone may do: mentions, tags, hashtags.
    ``web_session``: the cookie of who is logged in on the public pages."""

    app_id: str
    app_secret: str
    user_id: str
    scoped_id: str
    username: str
    access_token: str
    expires_at: str
    facebook_token: str
    verify_token: str
    web_session: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: always the shop. ``facebook``: with a token of Facebook Login."""

    user_id: str
    scopes: frozenset[str]
    facebook: bool
    token: str


class CodeError(Exception):
    """The address that changes codes refuses, in a shape of its own."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.body = {"error_type": "OAuthException", "code": 400, "error_message": message}


class Tokens:
    """The app, and what it may do. Kept among the notes of the world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._codes: dict[str, Json] = {}

    def credentials(self, user_id: str) -> Credentials:
        """The keys of the app and of the shop's account; made at the first call."""
        with self._world.lock:
            known = self._world.notes.get("app")
            if known is None:
                facebook = f"EAA{secrets.token_urlsafe(60)}"
                long = self._issue(LONG_LIVES, SCOPES)
                self._keep(facebook, None, FACEBOOK_SCOPES)
                known = asdict(
                    Credentials(
                        app_id=str(10**15 + secrets.randbelow(10**15)),
                        app_secret=secrets.token_hex(16),
                        user_id=user_id,
                        scoped_id=f"24{user_id[2:]}",
                        username=self._world.users[user_id].username,
                        access_token=long["access_token"],
                        expires_at=self._world.notes[f"token:{long['access_token']}"]["until"],
                        facebook_token=facebook,
                        verify_token=secrets.token_urlsafe(18),
                        web_session=secrets.token_hex(16),
                    )
                )
                self._world.note("app", known)
            return Credentials(**known)

    @property
    def app(self) -> Json:
        app = self._world.notes.get("app")
        if app is None:
            raise problems.bad_token()
        return app

    def identify(self, token: str) -> Caller:
        """Who sent a request with this token. Raises the 190 of Meta."""
        if not token:
            raise problems.no_token()
        known = self._world.notes.get(f"token:{token}")
        if known is None:
            raise problems.bad_token()
        if known["dead"] == "removed":
            raise problems.app_removed()
        if known["dead"]:
            raise problems.password_changed()
        now = self._world.clock.now()
        if known["until"] is not None and datetime.fromisoformat(known["until"]) <= now:
            when = datetime.fromisoformat(known["until"])
            raise problems.expired(_spoken(when), _spoken(now))
        scopes = frozenset(known["scopes"])
        facebook = token.startswith("EAA")
        return Caller(self.app["user_id"], scopes, facebook, token)

    def proof(self, token: str) -> str:
        """What shows that who has the token has the secret of the app too ("Secure Graph API
        Calls")."""
        secret = self.app["app_secret"].encode()
        return hmac.new(secret, token.encode(), hashlib.sha256).hexdigest()

    def end_all(self, how: str = "removed") -> None:
        """Every token dies: the owner took the app's access away (``removed``), or changed the
        password (``password``)."""
        with self._world.lock:
            for key, known in self._tokens():
                self._world.note(key, {**known, "dead": how})

    def restore(self) -> None:
        """All tokens work again, as long as they live."""
        with self._world.lock:
            for key, known in self._tokens():
                self._world.note(key, {**known, "dead": ""})

    # --- the way to a token -------------------------------------------------------------------

    def grant_code(self, redirect_uri: str, scopes: list[str]) -> str:
        """The shop has agreed: a code to be changed for a token within an hour."""
        code = secrets.token_urlsafe(60)
        until = self._world.clock.now() + CODE_LIVES
        self._codes[code] = {"redirect_uri": redirect_uri, "scopes": scopes, "until": until}
        return code

    def exchange_code(self, form: dict[str, str]) -> Json:
        """A code for a token of an hour. Raises ``CodeError``."""
        app = self.app
        if form.get("grant_type") != "authorization_code":
            raise CodeError("Invalid grant_type")
        if form.get("client_id") != app["app_id"]:
            raise CodeError("Invalid platform app")
        if not secrets.compare_digest(form.get("client_secret", ""), app["app_secret"]):
            raise CodeError("Error validating client secret.")
        with self._world.lock:
            # The address on which the browser came back has ``#_`` at its end: no part of it.
            found = self._codes.pop(form.get("code", "").removesuffix("#_"), None)
            if found is None or found["until"] < self._world.clock.now():
                raise CodeError("Matching code was not found or was already used")
            if found["redirect_uri"] != form.get("redirect_uri"):
                raise CodeError(
                    "Error validating verification code. Please make sure your redirect_uri is "
                    "identical to the one you used in the OAuth dialog request"
                )
            issued = self._issue(SHORT_LIVES, found["scopes"])
        return {
            "access_token": issued["access_token"],
            "user_id": app["user_id"],
            "permissions": list(found["scopes"]),
        }

    def exchange_short(self, token: str, secret: str) -> Json:
        """A token of an hour for one of 60 days. Raises ``Problem``."""
        caller = self.identify(token)
        if not secrets.compare_digest(secret, self.app["app_secret"]):
            raise problems.parameter("Error validating client secret.")
        if not self._world.notes[f"token:{token}"]["short"]:
            raise problems.parameter("The token is long-lived already")
        return self._issue(LONG_LIVES, caller.scopes)

    def renew(self, token: str) -> Json:
        """A token of 60 days for another. Raises ``Problem``."""
        caller = self.identify(token)
        known = self._world.notes[f"token:{token}"]
        if known["short"] or caller.facebook:
            raise problems.parameter("The token is not a long-lived token")
        if self._world.clock.now() - datetime.fromisoformat(known["made"]) < RENEWABLE_AFTER:
            raise problems.parameter("The token must be at least 24 hours old to be refreshed")
        return self._issue(LONG_LIVES, caller.scopes)

    def _issue(self, lives: timedelta, scopes: object) -> Json:
        token = f"IGAA{secrets.token_urlsafe(60)}"
        self._keep(token, lives, scopes)
        seconds = int(lives.total_seconds())
        return {"access_token": token, "token_type": "bearer", "expires_in": seconds}

    def _keep(self, token: str, lives: timedelta | None, scopes: object) -> None:
        assert isinstance(scopes, (tuple, list, frozenset))
        now = self._world.clock.now()
        self._world.note(
            f"token:{token}",
            {
                "made": now.isoformat(),
                "until": None if lives is None else (now + lives).isoformat(),
                "short": lives == SHORT_LIVES,
                "scopes": sorted(scopes),
                "dead": "",
            },
        )

    def _tokens(self) -> list[tuple[str, Json]]:
        notes = self._world.notes.items()
        return [(key, value) for key, value in notes if key.startswith("token:")]


def _spoken(at: datetime) -> str:
    return f"{at:%A, %d-%b-%y %H:%M:%S} UTC"
