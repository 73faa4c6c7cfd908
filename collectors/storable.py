"""What the store can hold of a message. The text itself is kept as received (``text.clean``).

A platform's names may hold anything, and one odd name must not keep a whole page of messages
out, again and again. Ids are never shortened: two messages could become one.
"""

from __future__ import annotations

import re
from dataclasses import replace

from shenava.messages import Incoming, MediaRef
from shenava.text import clean

# As wide as the columns.
_HANDLE = 200
_NAME = 300
_SCOPE = 200
_KEY = 300
_URL = 4_000
_ALT = 4_000
_NATIVE_ID = _KEY - len("id:")

_ODD = re.compile("[\x00\ud800-\udfff]")


def storable(item: Incoming) -> Incoming:
    """``item`` as the store can hold it: names cut to their columns, NUL and half signs U+FFFD.

    Raises ``ValueError`` when an id is longer than its column.
    """
    author, post = item.author, item.post
    _check(item, "id", item.native_key, _KEY)
    _check(item, "scope", item.scope, _SCOPE)
    _check(item, "author's id", author.native_id, _NATIVE_ID)
    _check(item, "post's id", post.native_key if post else None, _KEY)
    _check(item, "reply_to", item.reply_to_key, _KEY)
    for key in item.edited_from:
        _check(item, "earlier id", key, _KEY)
    if item.media:
        item = replace(item, media=tuple(_media(ref) for ref in item.media if _fits(ref)))
    words = (
        item.native_key,
        item.scope,
        item.reply_to_key,
        item.permalink,
        author.native_id,
        author.handle,
        author.name,
        post.native_key if post else None,
        post.permalink if post else None,
        item.about.url if item.about else None,
    )
    long = len(author.handle or "") > _HANDLE or len(author.name or "") > _NAME
    if not long and not _ODD.search("".join(word for word in words if word)):
        return item
    return replace(
        item,
        native_key=_clean(item.native_key) or "",
        scope=_clean(item.scope) or "",
        reply_to_key=_clean(item.reply_to_key),
        permalink=_clean(item.permalink),
        author=replace(
            author,
            native_id=_clean(author.native_id),
            handle=_clean(author.handle, _HANDLE),
            name=_clean(author.name, _NAME),
        ),
        post=post
        and replace(
            post, native_key=_clean(post.native_key) or "", permalink=_clean(post.permalink)
        ),
        about=item.about and replace(item.about, url=_clean(item.about.url)),
    )


def _fits(ref: MediaRef) -> bool:
    """A picture with an endless name is left out; the message is not lost for it."""
    return 0 < len(ref.key) <= _KEY


def _media(ref: MediaRef) -> MediaRef:
    url = ref.url if ref.url and len(ref.url) <= _URL and not _ODD.search(ref.url) else None
    return replace(ref, key=_clean(ref.key) or "", url=url, alt=_clean(ref.alt, _ALT) or "")


def _check(item: Incoming, name: str, value: str | None, limit: int) -> None:
    if value is not None and len(value) > limit:
        raise ValueError(f"message {item.native_key[:_KEY]!r}: its {name} is longer than {limit}")


def _clean(word: str | None, limit: int | None = None) -> str | None:
    return None if word is None else clean(word)[0][:limit]
