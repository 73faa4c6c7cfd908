"""Instagram, through Meta's official interface: comments under one's own posts, private messages,
tags, hashtags; answers in public and in private, posts, hiding, taking away.

``rules`` says what Instagram allows; ``oauth`` connects an account; ``InstagramChannel`` is the
account. See ``docs/instagram.md`` for the shop's side of it.
"""

from shenava.channels.instagram.channel import InstagramChannel
from shenava.channels.instagram.credentials import Login, Token
from shenava.channels.instagram.rules import length_of

__all__ = ["InstagramChannel", "Login", "Token", "length_of"]
