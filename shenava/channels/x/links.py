"""Addresses of posts on X: what a person copies from the browser names the post."""

from __future__ import annotations

import re

_POST = re.compile(r"https://(?:www\.|mobile\.)?(?:x|twitter)\.com/\w+/status/([0-9]{1,20})\b")


def key_of(link: str) -> str | None:
    """X's id of the post at this address; ``None`` where it is none of a post."""
    found = _POST.match(link)
    return found[1] if found else None
