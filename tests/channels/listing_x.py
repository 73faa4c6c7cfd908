"""A small X that lists posts and private messages as the real one does: newest first, by pages,
with ``since_id``, ``until_id`` and tokens, and no further back than it says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from channels.scripted_x import Reply, Said, Seen, dm, post, user

HOUR = timedelta(hours=1)


@dataclass
class Listing:
    """``page``: how many X gives at once whatever is asked for. ``reach``: how many of the newest
    the mentions reach back; ``search_from``: search refuses to look further back than this."""

    page: int = 3
    reach: int = 800
    search_from: datetime = datetime(2025, 12, 28, tzinfo=UTC)
    posts: dict[int, datetime] = field(default_factory=dict)
    events: dict[int, datetime] = field(default_factory=dict)
    dead_tokens: set[str] = field(default_factory=set)
    tokens_stay_dead: bool = False
    ages: dict[int, datetime] = field(default_factory=dict)
    asked: list[Seen] = field(default_factory=list)
    handed: int = 0

    def answer(self, seen: Seen) -> Said:
        self.asked.append(seen)
        if seen.path == "/2/dm_events":
            return self._events(seen.query)
        newest = sorted(self.posts, reverse=True)
        if seen.path == "/2/tweets/search/recent":
            refused = self._refused(seen.query)
            if refused:
                return refused
            newest = [key for key in newest if self.posts[key] >= self.search_from]
        else:
            newest = newest[: self.reach]
        return self._posts(seen.query, newest)

    def _posts(self, query: dict[str, str], newest: list[int]) -> Said:
        since, until = int(query.get("since_id", 0)), int(query.get("until_id", 2**63))
        start = query.get("start_time")
        wanted = [key for key in newest if since < key < until]
        if start and not since:
            wanted = [k for k in wanted if self.posts[k] >= datetime.fromisoformat(start)]
        given = wanted[: min(self.page, int(query["max_results"]))]
        self.handed += len(given)
        body: dict[str, Any] = {"meta": {"result_count": len(given)}}
        if given:
            body["data"] = [post(key, f"text {key}", at=_wire(self.posts[key])) for key in given]
            body["includes"] = {"users": [user()]}
        if len(wanted) > len(given):
            body["meta"]["next_token"] = f"after{given[-1]}"
        return Reply(body)

    def _refused(self, query: dict[str, str]) -> Said | None:
        since = int(query.get("since_id", 0))
        start = query.get("start_time")
        self.ages |= self.posts  # X tells the age of an id from itself, though the post is gone
        written = self.ages.get(since)
        name = ""
        if since and written is not None and written < self.search_from:
            name = "since_id"
        if start and datetime.fromisoformat(start) < self.search_from:
            name = "start_time"
        if not name:
            return None
        errors = [{"message": "too old", "parameters": {name: [query[name]]}}]
        return Reply({"title": "Invalid Request", "errors": errors}, 400)

    def _events(self, query: dict[str, str]) -> Said:
        token = query.get("pagination_token")
        if token in self.dead_tokens:
            if not self.tokens_stay_dead:
                self.dead_tokens.discard(token)  # X makes new ones that only look the same here
            errors = [{"message": "stale", "parameters": {"pagination_token": [token]}}]
            return Reply({"title": "Invalid Request", "errors": errors}, 400)
        below = int(token.removeprefix("token-long-enough-")) if token else 2**63
        wanted = [key for key in sorted(self.events, reverse=True) if key < below]
        given = wanted[: min(self.page, int(query["max_results"]))]
        self.handed += len(given)
        body: dict[str, Any] = {"meta": {"result_count": len(given)}}
        if given:
            body["data"] = [dm(key, f"text {key}", at=_wire(self.events[key])) for key in given]
        if len(wanted) > len(given):
            body["meta"]["next_token"] = f"token-long-enough-{given[-1]}"
        return Reply(body)


def _wire(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
