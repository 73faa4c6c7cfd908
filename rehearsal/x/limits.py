"""How often one may ask, and what it costs: X's rate limits and price list, as data, and the meters
that hold a client to them.

Sources: X docs "Rate limits" and "Pricing", as of 22 August 2026 (``xdevplatform/docs``). Rates
hold for each endpoint: 15-minute windows for a user's token, or for the app's own; and, for what
writes, days for the user and the app. What X leaves open is said where it is decided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.x import problems
from shenava.clock import Clock

WINDOW = timedelta(minutes=15)
DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Limit:
    """Requests to one endpoint: in 15 minutes by a user and by an app alone, in 24 hours by a
    user and by an app with all its users. ``None``: not limited, or not to be used that way."""

    user: int | None
    app: int | None = None
    user_day: int | None = None
    app_day: int | None = None


LIMITS = {
    "GET /2/users/me": Limit(75),
    "GET /2/users/:id/mentions": Limit(300, 450),
    "GET /2/users/:id/tweets": Limit(900, 10_000),
    "GET /2/tweets/search/recent": Limit(300, 450),
    "GET /2/tweets": Limit(5000, 3500),
    "GET /2/tweets/:id": Limit(900, 450),
    "GET /2/dm_events": Limit(15),
    "GET /2/dm_conversations/with/:participant_id/dm_events": Limit(15),
    "POST /2/dm_conversations/with/:participant_id/messages": Limit(15, None, 1440, 1440),
    "POST /2/tweets": Limit(100, None, None, 10_000),
    "DELETE /2/tweets/:id": Limit(50),
    "PUT /2/tweets/:tweet_id/hidden": Limit(50),
    "POST /2/media/upload": Limit(500, None, None, 50_000),
    "POST /2/media/metadata": Limit(500, None, None, 50_000),
    "POST /1.1/media/upload.json": Limit(500, None, None, 50_000),
}


@dataclass(slots=True)
class _Window:
    began: datetime
    length: timedelta
    limit: int
    used: int = 0

    @property
    def resets(self) -> int:
        return int((self.began + self.length).timestamp())


class Rates:
    """Counts requests. A window opens with the first request and closes when its time is over;
    a request refused for its rate does not count, one refused for anything else does."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str, str], _Window] = {}
        self.limits = dict(LIMITS)
        """May be changed by a test that wants a smaller world."""

    def take(self, endpoint: str, app_id: str, user_id: str | None) -> dict[str, str]:
        """Count one request and give the headers to answer it with.

        Raises ``Refused`` (a 429 with those headers) when a window is used up. Times in headers
        are Unix seconds. When a day is used up, ``x-rate-limit-reset`` still speaks of the
        15-minute window, as on X: the truth is in ``x-user-limit-24hour-reset``.
        """
        limit = self.limits[endpoint]
        who = f"user {user_id}" if user_id else f"app {app_id}"
        short = self._open(endpoint, who, WINDOW, limit.user if user_id else limit.app)
        user_day = self._open(endpoint, f"{who} day", DAY, limit.user_day if user_id else None)
        app_day = self._open(endpoint, f"app {app_id} day", DAY, limit.app_day)
        windows = [one for one in (short, user_day, app_day) if one is not None]
        full = any(one.used >= one.limit for one in windows)
        if not full:
            for one in windows:
                one.used += 1
        headers: dict[str, str] = {}
        for prefix, one_or_none in (
            ("x-rate-limit", short),
            ("x-user-limit-24hour", user_day),
            ("x-app-limit-24hour", app_day),
        ):
            if one_or_none is not None:
                headers[f"{prefix}-limit"] = str(one_or_none.limit)
                headers[f"{prefix}-remaining"] = str(one_or_none.limit - one_or_none.used)
                headers[f"{prefix}-reset"] = str(one_or_none.resets)
        if full:
            raise Refused(headers)
        return headers

    def reset(self) -> None:
        self._windows.clear()

    def _open(
        self, endpoint: str, who: str, length: timedelta, limit: int | None
    ) -> _Window | None:
        if limit is None:
            return None
        key, now = (endpoint, who, str(length)), self._clock.now()
        window = self._windows.get(key)
        if window is None or window.limit != limit or now >= window.began + length:
            window = self._windows[key] = _Window(now, length, limit)
        return window


class Refused(problems.Problem):
    """Too many requests; ``headers`` say when to come back."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__(429, "Too Many Requests", "Too Many Requests")
        self.headers = headers


POST_READ = 5_000
OWNED_READ = 1_000
USER_READ = 10_000
DM_READ = 10_000
POST = 15_000
POST_WITH_LINK = 200_000
SUMMONED_ANSWER = 10_000
DM = 15_000
"""Prices in millionths of a US dollar. ``OWNED_READ`` is for one's own mentions and posts, where
the app belongs to the account. Deleting, hiding, uploading and asking who one is stand in no list
that we have seen: they cost nothing here. So do posts and people that come only in ``includes``: X
does not say. A summoned answer with a link is charged as a post with a link."""


class Purse:
    """The money of one app, in millionths of a US dollar. ``balance`` ``None``: without end."""

    def __init__(self, clock: Clock, balance: int | None = None) -> None:
        self._clock = clock
        self.balance = balance
        self.spent = 0
        self.by_kind: dict[str, int] = {}
        self._charged: set[tuple[str, str]] = set()
        self._day = ""

    def check(self) -> None:
        """Raises the 402 when nothing is left."""
        if self.balance is not None and self.balance <= 0:
            raise problems.no_credit()

    def read(self, kind: str, ids: Iterable[str], price: int) -> None:
        """Charge for resources read; the same one twice in a UTC day costs once ("soft" on X;
        here always)."""
        day = self._clock.now().date().isoformat()
        if day != self._day:
            self._day = day
            self._charged.clear()
        new = [one for one in ids if (kind, one) not in self._charged]
        self._charged.update((kind, one) for one in new)
        self._pay(f"{kind}_read", len(new) * price)

    def write(self, kind: str, price: int) -> None:
        self._pay(kind, price)

    def _pay(self, kind: str, amount: int) -> None:
        if not amount:
            return
        self.spent += amount
        self.by_kind[kind] = self.by_kind.get(kind, 0) + amount
        if self.balance is not None:
            self.balance -= amount
