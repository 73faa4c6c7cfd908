"""What X says, for :mod:`channels.scripted` to say."""

from __future__ import annotations

from typing import Any

from channels.scripted import (
    Cut,
    Drip,
    Drop,
    Raw,
    Reply,
    Reset,
    Said,
    Scripted,
    Seen,
    Silence,
)

from shenava.channels.base import Profile

__all__ = [
    "SHOP",
    "Cut",
    "Drip",
    "Drop",
    "Raw",
    "Reply",
    "Reset",
    "Said",
    "ScriptedX",
    "Seen",
    "Silence",
    "dm",
    "post",
    "user",
]

SHOP = Profile("1000", "digikala", "Digikala", 5_000)


class ScriptedX(Scripted):
    """A scripted server that stands for X."""


def post(key: int | str, text: str = "سلام", *, by: str = "2000", **more: Any) -> dict[str, Any]:
    """A post as X writes it; ``at`` is when it was written."""
    at = more.pop("at", "2026-01-03T06:00:00.000Z")
    return {
        "id": str(key),
        "text": text,
        "author_id": by,
        "created_at": at,
        "conversation_id": str(key),
        "edit_history_tweet_ids": [str(key)],
        **more,
    }


def user(key: str = "2000", handle: str = "sara", followers: int = 12) -> dict[str, Any]:
    return {
        "id": key,
        "username": handle,
        "name": handle.title(),
        "public_metrics": {
            "followers_count": followers,
            "following_count": 1,
            "tweet_count": 1,
            "listed_count": 0,
        },
    }


def dm(key: int, text: str = "سلام", *, by: str = "2000", **more: Any) -> dict[str, Any]:
    """A DM event between the shop and customer 2000."""
    return {
        "id": str(key),
        "event_type": "MessageCreate",
        "text": text,
        "sender_id": by,
        "dm_conversation_id": "1000-2000",
        "created_at": more.pop("at", "2026-01-03T06:00:00.000Z"),
        **more,
    }
