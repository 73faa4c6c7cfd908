"""The Graph API in the name of one account: one request, its body, and what it used up."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from shenava.channels.errors import Rejected, RejectedBecause
from shenava.channels.instagram.credentials import Login, Token
from shenava.channels.instagram.failures import TALK, error_in, of_error, usage_of
from shenava.channels.talk import Json, Purpose
from shenava.channels.wire import Bearer, Wire
from shenava.clock import Clock

INSTAGRAM_API = "https://graph.instagram.com"
FACEBOOK_API = "https://graph.facebook.com"
VERSION = "v25.0"
"""Introduced 2026-02-18, promised until 2028-07-29 (Graph API changelog, read 2026-11-22)."""

_ID = re.compile(r"[A-Za-z0-9_=.:$-]{1,250}")


def base_of(login: Login) -> str:
    return INSTAGRAM_API if login is Login.INSTAGRAM else FACEBOOK_API


def checked(native_id: str | None) -> str:
    """An id, as a part of an address. Raises ``Rejected`` for what would lead elsewhere."""
    if native_id is None or not _ID.fullmatch(native_id) or native_id in (".", ".."):
        raise Rejected(RejectedBecause.BAD_REQUEST, "no id of Instagram")
    return quote(native_id, safe="")


class Client:
    """``used``: how much of what Meta allows was used up after the last answer, in percent.
    ``requests``: how many were made since this was made. Raises ``ChannelError`` only."""

    def __init__(self, token: Token, clock: Clock, wire: Wire) -> None:
        self._token, self._clock, self._wire = token, clock, wire
        self.used = 0
        self.requests = 0

    def use(self, token: Token) -> None:
        """From now on ask with this token."""
        self._token = token

    def now(self) -> datetime:
        return self._clock.now()

    def get(self, path: str, **asked: str | int | None) -> Json:
        """Read ``path``, which begins with a slash; ``None`` is not asked for."""
        return self._ask("GET", path, Purpose.READ, asked)

    def post(
        self,
        path: str,
        purpose: Purpose,
        body: Mapping[str, Any] | None = None,
        **said: str | int | None,
    ) -> Json:
        """Do something. ``body`` is sent as JSON, ``said`` as a form."""
        if body is not None:
            return self._ask("POST", path, purpose, {}, json=body)
        return self._ask(
            "POST", path, purpose, {}, data={k: v for k, v in said.items() if v is not None}
        )

    def delete(self, path: str) -> Json:
        """Take something away: twice is the same as once."""
        return self._ask("DELETE", path, Purpose.HARMLESS, {})

    def _ask(
        self,
        method: str,
        path: str,
        purpose: Purpose,
        asked: dict[str, str | int | None],
        **content: Any,
    ) -> Json:
        params = {name: str(value) for name, value in asked.items() if value is not None}
        params |= self._proof()
        self.requests += 1
        answer = TALK.whole_answer(
            self._wire,
            self._clock,
            Bearer(self._token.access_token),
            method,
            f"/{VERSION}{path}",
            purpose,
            params=params,
            **content,
        )
        self.used = usage_of(answer.headers)
        body = TALK.read(answer, purpose)
        error = error_in(body)
        if error is not None:
            raise of_error(error, answer.status, answer.headers, purpose, self._clock.now())
        return body

    def _proof(self) -> dict[str, str]:
        """That who has the token also has the app's secret ("Secure Graph API Calls"); known of
        graph.facebook.com only. It is a part of the address, and is worth nothing without the
        token."""
        token = self._token
        if token.login is not Login.FACEBOOK or token.app_secret is None:
            return {}
        proof = hmac.new(token.app_secret.encode(), token.access_token.encode(), hashlib.sha256)
        return {"appsecret_proof": proof.hexdigest()}
