"""What X makes of a text: how long it is, which words are names, tags and links, and how it looks
on the wire.

Sources: "Counting characters" of the X developer docs (read 2026-08): 280 units, a link counts 23
whatever its length, an emoji 2, code points outside of four ranges 2, all others 1; texts come
HTML-escaped (``&amp;``, ``&lt;``, ``&gt;``), links as ``https://t.co/…`` of 23 characters, an
answer with the handles of those answered before it, a picture or a quoted post as one more link
after it.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

LIMIT = 280
"""Longest post, in X's units."""
LIMIT_PREMIUM = 25_000
"""Longest post of a paying account, in X's units (X help, "About longer posts")."""
LIMIT_DM = 10_000
"""Longest private message, in characters (X docs, "Manage Direct Messages")."""
LINK_UNITS = 23

_DOMAINS = "com|net|org|ir|io|co|shop|me|app|dev|info|sa|ae|eg|uk|link|store|biz"
_URL = rf"https?://[^\s<>\"«»]+|(?<![@\w.-])(?:[\w-]+\.)+(?:{_DOMAINS})\b(?:/[^\s<>\"«»]*)?"
_NAME = r"(?<![\w@/])@(?P<name>[A-Za-z0-9_]{1,15})(?![\w@])"
_TAG = r"(?<![\w&/])#(?P<tag>(?=[\w\u200c]*[^\W\d_])[\w\u200c]+)"
_PARTS = re.compile(rf"(?P<url>{_URL})|{_NAME}|{_TAG}", re.IGNORECASE)
_TRAILING = ".,;:!?؟،؛)]}'\""

_PICTURE = (
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2300-\u23ff\u2190-\u21ff"
    "\u2934\u2935\u3030\u303d\u3297\u3299]"
)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff]{2}"  # flags
    "|[0-9#*]\ufe0f?\u20e3"  # keycaps
    f"|{_PICTURE}\ufe0f?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
    f"(?:\u200d{_PICTURE}\ufe0f?[\U0001f3fb-\U0001f3ff]?)*"
)
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))


def links(text: str) -> list[str]:
    """The links that X would find in a text, as typed."""
    return [_trim(found["url"]) for found in _PARTS.finditer(text) if found["url"]]


def names(text: str) -> list[str]:
    """Handles named in a text, in lower case, without ``@``, in order, once each."""
    found = (part["name"].lower() for part in _PARTS.finditer(text) if part["name"])
    return list(dict.fromkeys(found))


def units(text: str) -> int:
    """How long X holds a text to be, in units of which a post may have :data:`LIMIT`."""
    text = unicodedata.normalize("NFC", text)
    total, at = 0, 0
    for part in _PARTS.finditer(text):
        if part["url"]:
            total += _plain_units(text[at : part.start()]) + LINK_UNITS
            at = part.start() + len(_trim(part["url"]))
    return total + _plain_units(text[at:])


def _plain_units(text: str) -> int:
    total, at = 0, 0
    for emoji in _EMOJI.finditer(text):
        total += _letter_units(text[at : emoji.start()]) + 2
        at = emoji.end()
    return total + _letter_units(text[at:])


def _letter_units(text: str) -> int:
    return sum(1 if any(a <= ord(c) <= b for a, b in _LIGHT) else 2 for c in text)


def _trim(url: str) -> str:
    return url.rstrip(_TRAILING)


def guess_language(text: str) -> str:
    """The language tag that X would give: ``fa``, ``ar``, ``en``, or ``und`` without letters."""
    if re.search("[پچژگکی]", text):
        return "fa"
    if re.search("[؀-ۿ]", text):
        return "ar"
    return "en" if re.search("[A-Za-z]", _PARTS.sub("", text)) else "und"


@dataclass(frozen=True, slots=True)
class Wire:
    """A text as X sends it. ``entities`` has only the kinds that occur; ``start`` and ``end``
    count code points of ``text``. ``long_text`` is set when ``text`` had to be cut."""

    text: str
    entities: dict[str, list[dict[str, Any]]]
    display: tuple[int, int]
    long_text: str | None = None
    long_entities: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


Lookup = Callable[[str], str | None]
"""From a handle in lower case to the user's id, or ``None`` where there is no such user."""


def short_link(url: str, salt: str) -> str:
    """The ``t.co`` link of a URL in one post: always the same, 23 characters long."""
    digest = hashlib.sha256(f"{salt} {url}".encode()).hexdigest()
    return f"https://t.co/{digest[:10]}"


def on_the_wire(
    text: str,
    *,
    salt: str,
    who: Lookup,
    prefix: tuple[str, ...] = (),
    after: tuple[dict[str, Any], ...] = (),
    cut: bool = True,
) -> Wire:
    """Lay a text out as X sends it.

    ``prefix``: handles before an answer. ``after``: link entities (``expanded_url``,
    ``display_url``, perhaps ``media_key``) that X appends for a picture or a quoted post. With
    ``cut``, what is longer than :data:`LIMIT` is shortened, and the whole is in ``long_text``.
    """
    before = "".join(f"@{name} " for name in prefix)
    if not cut or units(text) <= LIMIT:
        line, entities, display = _lay(before, text, salt, who, after)
        return Wire(line, entities, display)
    whole, whole_entities, _ = _lay(before, text, salt, who, ())
    short = text[: LIMIT - LINK_UNITS - 2].rstrip() + "…"
    more = ({"expanded_url": f"https://x.com/i/web/status/{salt}", "display_url": "x.com/i/…"},)
    line, entities, display = _lay(before, short, salt, who, more)
    return Wire(line, entities, display, whole, whole_entities)


def _lay(
    before: str, text: str, salt: str, who: Lookup, after: tuple[dict[str, Any], ...]
) -> tuple[str, dict[str, list[dict[str, Any]]], tuple[int, int]]:
    entities: dict[str, list[dict[str, Any]]] = {}
    out, at = "", 0
    full = before + text

    def put(kind: str, shown: str, **what: Any) -> None:
        nonlocal out
        start = len(out)
        out += shown
        entities.setdefault(kind, []).append({"start": start, "end": len(out), **what})

    for part in _PARTS.finditer(full):
        out += _escape(full[at : part.start()])
        at = part.end()
        if part["url"]:
            url = _trim(part["url"])
            at = part.start() + len(url)
            target = url if "://" in url else f"http://{url}"
            bare = target.partition("://")[2]
            put(
                "urls",
                short_link(url, salt),
                url=short_link(url, salt),
                expanded_url=target,
                display_url=bare if len(bare) <= 26 else bare[:25] + "…",
            )
        elif part["name"] and (user_id := who(part["name"].lower())):
            put("mentions", part[0], username=part["name"], id=user_id)
        elif part["tag"]:
            put("hashtags", part[0], tag=part["tag"])
        else:
            out += _escape(part[0])
    out += _escape(full[at:])
    shown = len(out)
    for link in after:
        short = short_link(link["expanded_url"], salt)
        out += " " if out else ""
        put("urls", short, url=short, **link)
    start = min(len(before), max(shown - 1, 0))
    return out, entities, (start, max(shown, start + 1))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
