"""What webhooks only point to, fetched; and which webhooks are ordered.

``GET /<comment>`` and ``GET /<message>`` with their fields: "IG Comment", "Message" (both read
2026-11-22). ``/me/subscribed_apps`` with ``subscribed_fields``: "Instagram Platform: Webhooks",
step 3 (read 2026-11-22).
"""

from __future__ import annotations

from datetime import datetime

from shenava.channels.errors import Rejected, RejectedBecause
from shenava.channels.instagram.client import Client, checked
from shenava.channels.instagram.credentials import Login
from shenava.channels.instagram.parse import (
    Place,
    Us,
    comment_of,
    items_of,
    mapping_of,
    message_of,
    text_of,
)
from shenava.channels.instagram.read import MESSAGE_FIELDS
from shenava.channels.talk import Purpose
from shenava.channels.webhooks import Fetched
from shenava.messages import Incoming

_COMMENT_FIELDS = "id,text,timestamp,username,from,parent_id,media{id,permalink}"

ORDERED = {
    Login.INSTAGRAM: (
        "comments", "live_comments", "messages", "message_reactions", "messaging_postbacks",
        "messaging_seen", "message_edit",
    ),
    # Of a page; comments and mentions are ordered once for the app, in its dashboard.
    Login.FACEBOOK: ("messages", "message_reactions", "messaging_postbacks", "message_reads"),
}  # fmt: skip


def comment(client: Client, us: Us, key: str, now: datetime) -> Fetched:
    """A comment under one of our posts, with its time and the post that readings know."""
    answer = client.get(f"/{checked(key)}", fields=_COMMENT_FIELDS)
    media = mapping_of(answer, "media")
    post = text_of(media, "id")
    if post is None:
        raise Rejected(RejectedBecause.NOT_FOUND, "the comment is under no post")
    return _sorted(comment_of(answer, Place(post, text_of(media, "permalink")), us, now))


def message(client: Client, us: Us, key: str, now: datetime) -> Fetched:
    """A private message."""
    answer = client.get(f"/{checked(key)}", fields=MESSAGE_FIELDS)
    return _sorted(message_of(answer, us, now))


def _sorted(found: object) -> Fetched:
    if found is None:
        return Fetched()
    return Fetched((found,)) if isinstance(found, Incoming) else Fetched(own=(found,))  # type: ignore[arg-type]


def subscribed(client: Client) -> frozenset[str]:
    """What is ordered for the account, for this app (the token tells which)."""
    answer = client.get("/me/subscribed_apps", fields="subscribed_fields")
    return frozenset(
        name for app in items_of(answer) for name in _names(app.get("subscribed_fields"))
    )


def _names(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def subscribe(client: Client, login: Login) -> None:
    """Order all that is understood."""
    wanted = ",".join(ORDERED[login])
    client.post("/me/subscribed_apps", Purpose.HARMLESS, subscribed_fields=wanted)
