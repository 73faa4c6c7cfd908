"""The doors of the interface by name, and which of them a request knocks at."""

from __future__ import annotations

import re

from rehearsal.x.limits import LIMITS

_UNLIMITED = (
    "POST /2/oauth2/token",
    "POST /2/oauth2/revoke",
    "GET /i/oauth2/authorize",
    "GET /media/:name",
)


def _pattern(path: str) -> str:
    return "/".join(r"[^/]+" if part[:1] == ":" else re.escape(part) for part in path.split("/"))


# Fixed paths first: ``/2/tweets/search/recent`` is no look-up.
_DOORS = [
    (name, re.compile(rf"{method} {_pattern(path)}"))
    for name in sorted((*LIMITS, *_UNLIMITED), key=lambda name: name.count(":"))
    for method, _, path in [name.partition(" ")]
]


def endpoint_of(method: str, path: str) -> str | None:
    """``"GET /2/tweets/:id"`` and the like; ``None`` for what is not X's (the page, the control).

    Any other address under ``/2/`` or ``/1.1/`` is named by itself.
    """
    request = f"{method} {path}"
    for name, pattern in _DOORS:
        if pattern.fullmatch(request):
            return name
    return request if path.startswith(("/2/", "/1.1/")) else None
