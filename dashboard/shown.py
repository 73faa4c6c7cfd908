"""Text of customers and of the shop as a page shows it: escaped, what it names kept together
(:mod:`shenava.names_in_text`), and the words that decided underlined where they stand."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

from shenava.names_in_text import names

_FROM_LEFT = Markup('<bdi dir="ltr">')
_BY_ITSELF = Markup("<bdi>")
_ISOLATED = Markup("</bdi>")
_OPEN = Markup('<u class="why">')
_CLOSE = Markup("</u>")
_LEFT_TO_RIGHT, _FIRST_STRONG, _POP = "\u2066", "\u2068", "\u2069"


def shown(text: str, why: Iterable[str] = ()) -> Markup:
    """``text`` as markup: nothing in it is taken for markup. Handles, links and the like are
    isolated from left to right, hashtags by their own letters, and each occurrence of the words
    ``why`` is underlined."""
    text = str(text)  # whatever it was held for, it is text
    places = _places(text, why)
    parts: list[Markup] = []
    end = 0
    for name in names(text):
        parts += (
            _underlined(text, end, name.start, places),
            _BY_ITSELF if name.is_tag else _FROM_LEFT,
            _underlined(text, name.start, name.stop, places),
            _ISOLATED,
        )
        end = name.stop
    parts.append(_underlined(text, end, len(text), places))
    return Markup("").join(parts)


def isolated(text: str) -> str:
    """``text`` for where no element can be: the same by isolating signs."""
    parts: list[str] = []
    end = 0
    for name in names(text):
        opening = _FIRST_STRONG if name.is_tag else _LEFT_TO_RIGHT
        parts += (text[end : name.start], opening, text[name.start : name.stop], _POP)
        end = name.stop
    parts.append(text[end:])
    return "".join(parts)


def _underlined(text: str, start: int, stop: int, places: list[tuple[int, int]]) -> Markup:
    """The stretch of ``text`` from ``start`` to ``stop``, with what ``places`` has of it
    underlined."""
    parts: list[Markup] = []
    end = start
    for first, last in places:
        first, last = max(first, start), min(last, stop)
        if first < last:
            parts += (escape(text[end:first]), _OPEN, escape(text[first:last]), _CLOSE)
            end = last
    parts.append(escape(text[end:stop]))
    return Markup("").join(parts)


def _places(text: str, words: Iterable[str]) -> list[tuple[int, int]]:
    """Where the words stand, in order; those that overlap or touch are one."""
    found = sorted(place for word in set(words) if word for place in _occurrences(text, word))
    joined: list[tuple[int, int]] = []
    for start, stop in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop))
        else:
            joined.append((start, stop))
    return joined


def _occurrences(text: str, word: str) -> Iterable[tuple[int, int]]:
    """Whole words only: «که» within «شبکه» decided nothing."""
    at = text.find(word)
    while at >= 0:
        stop = at + len(word)
        if not _joins(text, at) and not _joins(text, stop):
            yield at, stop
        at = text.find(word, at + 1)


def _joins(text: str, at: int) -> bool:
    """Whether the place ``at`` is inside a word."""
    return 0 < at < len(text) and text[at - 1].isalnum() and text[at].isalnum()
