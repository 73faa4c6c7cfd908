"""X's endpoints, through tweepy, without what tweepy does to failures.

tweepy knows the addresses and parameters. Its ``request`` is replaced whole, because the
original has its host fixed, sets no time-out, writes the Authorization header into its log at
DEBUG, reads bodies of errors as if they were always of one shape, and lets the exceptions of the
HTTP library through; and its models refuse times without a fraction of a second. So answers are
taken as plain dicts, and failures are told by :mod:`shenava.channels.x.failures`.
"""

from __future__ import annotations

import logging
from typing import Any

import tweepy  # type: ignore[import-untyped]
from requests.auth import AuthBase
from requests_oauthlib import OAuth1 as OAuth1Auth  # type: ignore[import-untyped]

from shenava.channels.talk import Json, Purpose
from shenava.channels.wire import Bearer, Wire
from shenava.channels.x.credentials import Credentials, OAuth1
from shenava.channels.x.failures import TALK
from shenava.clock import Clock

# These write whole requests, with the Authorization header in them, at DEBUG.
for _name in ("tweepy", "tweepy.client", "requests_oauthlib", "oauthlib"):
    logging.getLogger(_name).setLevel(logging.INFO)

API = "https://api.x.com"


def auth_of(credentials: Credentials) -> AuthBase:
    """What signs requests with these credentials."""
    if isinstance(credentials, OAuth1):
        signer: AuthBase = OAuth1Auth(
            credentials.consumer_key,
            client_secret=credentials.consumer_secret,
            resource_owner_key=credentials.token,
            resource_owner_secret=credentials.token_secret,
        )
        return signer
    return Bearer(credentials.access_token)


class _Tweepy(tweepy.Client):  # type: ignore[misc]
    """tweepy's addresses over our wire. Answers are dicts."""

    def __init__(self, client: Client) -> None:
        super().__init__(return_type=dict, wait_on_rate_limit=False)
        self.session.close()
        self._client = client

    def request(
        self,
        method: str,
        route: str,
        params: Json | None = None,
        json: Json | None = None,
        user_auth: bool = False,
    ) -> _Parsed:
        if method == "GET":
            return _Parsed(self._client.ask(method, route, Purpose.READ, params=params))
        # The one PUT there is hides an answer, and hiding twice is the same as once.
        purpose = Purpose.SEND if method == "POST" else Purpose.HARMLESS
        return _Parsed(self._client.ask(method, route, purpose, json=json))


class _Parsed:
    """What tweepy asks of an answer."""

    def __init__(self, body: Json) -> None:
        self._body = body

    def json(self) -> Json:
        return self._body


class Client:
    """Requests to X in the name of one account.

    ``api`` has tweepy's methods; :meth:`ask` is for what tweepy lacks. Both raise
    ``ChannelError`` only.
    """

    def __init__(self, credentials: Credentials, clock: Clock, wire: Wire) -> None:
        self._auth = auth_of(credentials)
        self._clock = clock
        self._wire = wire
        self.api = _Tweepy(self)

    def use(self, credentials: Credentials) -> None:
        """From now on sign with these."""
        self._auth = auth_of(credentials)

    def ask(self, method: str, path: str, purpose: Purpose, **content: Any) -> Json:
        """Make one request and hand back the JSON object that X answers with success."""
        return TALK.ask(self._wire, self._clock, self._auth, method, path, purpose, **content)
