"""The keys to an account on Instagram. Never printed: their ``repr`` shows what is not secret."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

_KEY = re.compile(r"[\x21-\x7e]+")
"""Header values are ASCII. A key pasted with a blank or a line end would fail deep inside the
HTTP library, with the key in the error."""

RENEWABLE_AFTER = timedelta(hours=24)
"""How old a token must be before Instagram renews it."""


class Login(StrEnum):
    """Meta's two ways to an account, and so what it can see."""

    INSTAGRAM = "instagram"
    """Business Login for Instagram: no Facebook page needed. Comments, private messages, posts."""
    FACEBOOK = "facebook"
    """A page's token: also tags and hashtags. It does not end."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of one account. ``expires_at`` and ``issued_at`` are aware; ``None``: it does not
    end, or it is not known when it was made. ``app_secret`` is needed to exchange a code, and to
    prove calls with a page's token; renewing does without. ``scopes``: what was allowed; empty when
    not known. Raises ``ValueError``, without the key, for one that cannot be a key."""

    access_token: str = field(repr=False)
    login: Login
    app_id: str = ""
    app_secret: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    scopes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name, value in (("access_token", self.access_token), ("app_secret", self.app_secret)):
            if value is not None and not _KEY.fullmatch(value):
                raise ValueError(f"{name} is empty or has signs in it that no key has")

    def allows(self, *scopes: str) -> bool:
        """True when one of these was allowed, or when it is not known what was."""
        return not self.scopes or not self.scopes.isdisjoint(scopes)

    @property
    def renews(self) -> bool:
        """Whether it can be renewed before it ends."""
        return self.login is Login.INSTAGRAM and self.expires_at is not None
