"""How often one may ask: the rates of the Instagram interfaces, and the headers that tell of them.

Sources: Messenger Platform "Rate limits" (updated 23 March 2026), which holds for Instagram too:
Conversations 2 calls a second for each account, sending 300 a second, private replies 750 an hour,
and all of messaging 200 calls in 24 hours for each engaged person. Graph API "Rate Limits" (read
2026-11): everything else 4,800 calls in 24 hours for each time that content of the account was
seen, and the two headers. Windows roll. Which code comes for which of them is not written down
there but for 80002 (Instagram account); the ones by the second and the hour give 613 here.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.instagram import problems
from shenava.clock import Clock

DAY = timedelta(hours=24)

CONVERSATIONS = frozenset(
    {
        "GET /:user/conversations",
        "GET /:conversation",
        "GET /:conversation/messages",
        "GET /:message",
    }
)
MESSAGING = CONVERSATIONS | {"POST /:user/messages"}


@dataclass(slots=True)
class Limits:
    """May be changed by a test that wants a smaller world. ``impressions``: how often content of
    the account was seen in the last 24 hours; ``engaged_before``: people who can be written to
    beside those of the simulated world."""

    conversations_a_second: int = 2
    sends_a_second: int = 300
    private_replies_an_hour: int = 750
    calls_for_each_engaged: int = 200
    calls_for_each_impression: int = 4_800
    impressions: int = 1_000
    engaged_before: int = 50


class Rates:
    """Counts requests in rolling windows; a request that was refused for its rate counts not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.limits = Limits()
        self._taken: dict[str, deque[datetime]] = {}

    def take(self, door: str, account: str, engaged: int) -> dict[str, str]:
        """Count one request through a door and give the headers to answer it with. Raises
        ``TooMany`` when a window is full."""
        limits = self.limits
        messaging = door in MESSAGING
        if messaging:
            most = limits.calls_for_each_engaged * (engaged + limits.engaged_before)
        else:
            most = limits.calls_for_each_impression * max(limits.impressions, 10)
        windows = [(f"{account} {'messaging' if messaging else 'content'}", DAY, most, 80002)]
        if door in CONVERSATIONS:
            second = timedelta(seconds=1)
            windows.append(("conversations", second, limits.conversations_a_second, 613))
        elif door == "POST /:user/messages":
            windows.append(("sends", timedelta(seconds=1), limits.sends_a_second, 613))
        self._take(windows, account)
        used = len(self._taken[windows[0][0]]) * 100 // most
        return _headers(account, used, 0)

    def take_private_reply(self, account: str) -> None:
        """A private reply counts once more. Raises ``TooMany``."""
        hour = timedelta(hours=1)
        most = self.limits.private_replies_an_hour
        self._take([("private replies", hour, most, 613)], account)

    def reset(self) -> None:
        self._taken.clear()

    def _take(self, windows: list[tuple[str, timedelta, int, int]], account: str) -> None:
        now = self._clock.now()
        for name, length, most, code in windows:
            taken = self._taken.setdefault(name, deque())
            while taken and taken[0] <= now - length:
                taken.popleft()
            if len(taken) >= most:
                back = taken[0] + length - now if taken else length
                minutes = -int(-back.total_seconds() // 60)
                raise TooMany(code, _headers(account, 100, minutes))
        for name, _, _, _ in windows:
            self._taken[name].append(now)


class TooMany(problems.Problem):
    """Too many requests; ``headers`` say how long it lasts, in minutes."""

    def __init__(self, code: int, headers: dict[str, str]) -> None:
        problem = problems.too_many(code)
        super().__init__(problem.status, code, str(problem), type_=problem.type)
        self.headers = headers


def _headers(account: str, used: int, minutes: int) -> dict[str, str]:
    """Percentages used, and minutes until one may again."""
    shares = {"call_count": used, "total_cputime": used // 4, "total_time": used // 4}
    case = {"type": "instagram", **shares, "estimated_time_to_regain_access": minutes}
    return {
        "X-App-Usage": json.dumps(shares),
        "X-Business-Use-Case-Usage": json.dumps({account: [case]}),
    }
