"""X (Twitter): mentions, search, private messages and own posts; answers, posts, DMs, hiding.

``rules`` says what X allows and what it costs; ``oauth`` connects an account; ``XChannel`` is
the account. See ``docs/x.md`` for the shop's side of it.
"""

from shenava.channels.media import kind_of_picture
from shenava.channels.wire import Timeouts, Wire
from shenava.channels.x.channel import XChannel
from shenava.channels.x.credentials import Credentials, OAuth1, OAuth2
from shenava.channels.x.length import length_of, links_in
from shenava.channels.x.read import query_of

__all__ = [
    "Credentials",
    "OAuth1",
    "OAuth2",
    "Timeouts",
    "Wire",
    "XChannel",
    "kind_of_picture",
    "length_of",
    "links_in",
    "query_of",
]
