"""Addresses on Instagram."""

from __future__ import annotations

import re

PUBLIC = "public:"
"""How the query of a feed begins that reads the website (``shenava.channels.instagram.public``)."""

_LINK = re.compile(r"/(?:p|reel|reels|tv)/([A-Za-z0-9_-]{5,64})(?:[/?#]|$)")


def shortcode_of(link: str) -> str | None:
    """The word in the address of a post by which the website and the official interface know it."""
    found = _LINK.search(link)
    return found[1] if found else None
