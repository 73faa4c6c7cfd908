"""The keys to an account on X. Never printed: their ``repr`` shows what is not secret only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

# Header values are ASCII. A key pasted with a stray blank, a line end or a mark of direction
# would fail deep inside the HTTP library, with the key in the error.
_KEY = re.compile(r"[\x21-\x7e]+")


def _hold(**named: str) -> None:
    for name, value in named.items():
        if not _KEY.fullmatch(value):
            raise ValueError(f"{name} is empty or has signs in it that no key of X has")


@dataclass(frozen=True, slots=True)
class OAuth1:
    """OAuth 1.0a user context: the four keys that the developer console shows. They do not
    expire. Raises ``ValueError``, without the key, for one that cannot be a key."""

    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    token: str = field(repr=False)
    token_secret: str = field(repr=False)

    def __post_init__(self) -> None:
        _hold(
            consumer_key=self.consumer_key,
            consumer_secret=self.consumer_secret,
            token=self.token,
            token_secret=self.token_secret,
        )


@dataclass(frozen=True, slots=True)
class OAuth2:
    """OAuth 2.0 user context, as it comes out of :mod:`shenava.channels.x.oauth`.

    ``expires_at``: when the access token ends (two hours after it was made), aware. The refresh
    token can be used once: using it makes a new pair, and the old pair is worth nothing.
    ``client_secret`` is ``None`` for a public client. ``scopes``: what the person allowed; empty
    when not known.
    """

    access_token: str = field(repr=False)
    expires_at: datetime
    client_id: str
    refresh_token: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    scopes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _hold(access_token=self.access_token, client_id=self.client_id)
        if self.refresh_token is not None:
            _hold(refresh_token=self.refresh_token)
        if self.client_secret is not None:
            _hold(client_secret=self.client_secret)

    def allows(self, scope: str) -> bool:
        """True when the person allowed this, or when it is not known what they allowed."""
        return not self.scopes or scope in self.scopes


Credentials = OAuth1 | OAuth2
