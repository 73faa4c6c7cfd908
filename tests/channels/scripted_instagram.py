"""What Instagram says, for :mod:`channels.scripted` to say, and an account whose lists are as a
test makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from channels.scripted import Reply, Said, Seen
from support.factories import START

from shenava.channels.base import Profile

SHOP = Profile("17841400000000000", "noora.shop", "Noora", 5_000)
SARA = {"id": "1234567890123456", "username": "sara.b"}
US = {"id": SHOP.native_id, "username": SHOP.handle}


def at(minutes_ago: float = 10) -> str:
    """An instant as Instagram writes it, so long before :data:`START`."""
    return (START - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%S+0000")


def error(code: int, subcode: int = 0, status: int = 400, **headers: str) -> Reply:
    body: dict[str, Any] = {
        "message": f"(#{code}) سلام, these words quote what was sent",
        "type": "OAuthException",
        "code": code,
        "fbtrace_id": "AbC",
    }
    if subcode:
        body["error_subcode"] = subcode
    return Reply({"error": body}, status, {k.replace("_", "-"): v for k, v in headers.items()})


def comment(
    key: str, text: str = "سلام", *, by: Any = SARA, minutes_ago: float = 10, **more: Any
) -> dict[str, Any]:
    return {
        "id": key,
        "text": text,
        "timestamp": at(minutes_ago),
        "username": by["username"],
        "from": dict(by),
        "hidden": False,
        "like_count": 0,
        **more,
    }


def message(
    key: str, text: str = "سلام", *, by: Any = SARA, minutes_ago: float = 10, **more: Any
) -> dict[str, Any]:
    to = SARA if by is US else US
    return {
        "id": key,
        "created_time": at(minutes_ago),
        "from": dict(by),
        "to": {"data": [dict(to)]},
        "message": text,
        **more,
    }


@dataclass
class Post:
    """A post and its comments, newest first. ``count`` overrules the number that is listed."""

    key: str
    comments: list[dict[str, Any]] = field(default_factory=list)
    minutes_ago: float = 60
    caption: str = "تخفیف"

    def listed(self) -> dict[str, Any]:
        answers = (len(c.get("replies", {}).get("data", [])) for c in self.comments)
        return {
            "id": self.key,
            "caption": self.caption,
            "timestamp": at(self.minutes_ago),
            "permalink": f"https://www.instagram.com/p/{self.key}/",
            "comments_count": len(self.comments) + sum(answers),
        }


@dataclass
class Account:
    """A small Instagram: what one account lists. ``talks``: conversations, newest first, each with
    the time of its last message and its messages, newest first. ``bare``: conversations tell ids
    of messages only, as Meta's page shows it. ``page``: the most that a list gives at once."""

    posts: list[Post] = field(default_factory=list)
    talks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    tags: list[dict[str, Any]] = field(default_factory=list)
    bare: bool = False
    page: int = 50

    def answer(self, seen: Seen) -> Said:
        parts = seen.path.strip("/").split("/")[1:]
        match parts:
            case [_, "media"]:
                return self._cut([p.listed() for p in self.posts], seen)
            case [_, "tags"]:
                return self._cut(self.tags, seen)
            case [key, "comments"]:
                for post in self.posts:
                    if post.key == key:
                        return self._cut(post.comments, seen)
            case [key, "replies"] if seen.method == "GET":
                for post in self.posts:
                    for one in post.comments:
                        if one["id"] == key:
                            return self._cut(one.get("all_replies", []), seen)
            case [_, "conversations"]:
                told = [
                    {"id": key, "updated_time": messages[0]["created_time"]}
                    for key, messages in self.talks.items()
                ]
                return self._cut(told, seen)
            case [key] if key in self.talks:
                told = self.talks[key]
                if self.bare:
                    told = [{k: m[k] for k in ("id", "created_time")} for m in told]
                listed: dict[str, Any] = {"data": told[:20]}
                if len(told) > 20:
                    listed["paging"] = {"cursors": {"after": "20"}, "next": "more"}
                return Reply({"id": key, "messages": listed})
            case [key]:
                for messages in self.talks.values():
                    for number, one in enumerate(messages):
                        if one["id"] == key and number < 20:
                            return Reply(one)
        return error(100, 33)

    def _cut(self, found: list[dict[str, Any]], seen: Seen) -> Reply:
        start = int(seen.query.get("after", "0"))
        end = start + min(self.page, int(seen.query.get("limit", "25")))
        answer: dict[str, Any] = {"data": found[start:end]}
        if end < len(found):
            answer["paging"] = {"cursors": {"before": "x", "after": str(end)}, "next": "more"}
        return Reply(answer)


def written(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S+0000")
