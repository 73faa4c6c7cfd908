"""The words that decided, underlined where they stand in a message."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

_OPEN = Markup('<u class="why">')
_CLOSE = Markup("</u>")


def underlined(text: str, words: Iterable[str]) -> Markup:
    """``text`` as markup, each occurrence of ``words`` underlined; everything is escaped."""
    parts: list[Markup] = []
    end = 0
    for start, stop in _places(text, words):
        parts += (escape(text[end:start]), _OPEN, escape(text[start:stop]), _CLOSE)
        end = stop
    parts.append(escape(text[end:]))
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
