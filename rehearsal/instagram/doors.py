"""The doors of the interface by name, and which of them a request knocks at.

The Graph API has one shape of address, ``/VERSION/NODE/EDGE``: what a node is, its id does not say.
So the name of a door depends on what stands in the world. The version may be left out, as on
Meta's hosts. Requests for graph.instagram.com and graph.facebook.com both come here: the token
tells which login it is.
"""

from __future__ import annotations

import re

from rehearsal.instagram.world import World

_VERSION = re.compile(r"v\d{1,2}\.\d{1,2}")

LOGIN = {
    "/oauth/authorize": "GET /oauth/authorize",
    "/oauth/access_token": "POST /oauth/access_token",
    "/access_token": "GET /access_token",
    "/refresh_access_token": "GET /refresh_access_token",
}
"""Of www.instagram.com, api.instagram.com and graph.instagram.com."""


def split(path: str) -> list[str]:
    """Node and edge of a path, without the version."""
    parts = [part for part in path.split("/") if part]
    return parts[1:] if parts and _VERSION.fullmatch(parts[0]) else parts


def sort_of(world: World, node: str) -> str:
    """What a node is: ``user``, ``media``, …; empty where there is no such thing."""
    app = world.notes.get("app", {})
    if node == "me" or node in (app.get("user_id"), app.get("scoped_id")):
        return "user"
    for name, table in (
        ("person", world.users),
        ("media", world.media),
        ("comment", world.comments),
        ("message", world.messages),
        ("container", world.containers),
    ):
        if node in table:
            return name
    if f"hashtag:{node}" in world.notes:
        return "hashtag"
    return "conversation" if world.conversation(node) else ""


def door(world: World, method: str, path: str) -> str | None:
    """``"GET /:media/comments"`` and the like, ``"GET /_www"`` for public pages; ``None`` for what
    is neither."""
    if path in LOGIN:
        return LOGIN[path] if LOGIN[path].startswith(method) else f"{method} {path}"
    for public in ("/_www", "/_i"):
        if path.startswith(f"{public}/"):
            return f"{method} {public}"
    parts = split(path)
    versioned = len(parts) != len([part for part in path.split("/") if part])
    if not parts or len(parts) > 2:
        return f"{method} {path}" if versioned else None
    if parts == ["ig_hashtag_search"]:
        return f"{method} /ig_hashtag_search"
    sort = sort_of(world, parts[0])
    if not sort and not versioned and not parts[0].isdigit():
        return None
    return f"{method} /{':' + sort if sort else ':unknown'}" + "".join(f"/{p}" for p in parts[1:])
