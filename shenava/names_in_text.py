"""Handles, hashtags, addresses and the like: what a text names in signs of its own, and has to be
kept together where the text runs from right to left.

The sign at the edge of a name ("@" of a handle, "+" of "C++") has no direction of its own, so the
bidirectional algorithm (Unicode UAX 9, rules N1 and N2) gives it that of the words around: within
Persian or Arabic it moves to the other end of the name. Isolated, with its direction said, a name
stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_MARKS = "\u064b-\u065f\u0670\u200c"  # harakat, and the joint within a Persian word
_ADDRESS_SIGNS = r"A-Za-z0-9._%+-"
_LATIN = r"[A-Za-z\u00c0-\u024f][A-Za-z0-9_\u00c0-\u024f]*(?:[./-][A-Za-z0-9_\u00c0-\u024f]+)*"
_SIGNS = r"/.+~*\\$&=^-"

# No alternative may begin anew within what it has just read in vain: without the looks behind,
# a word of ten thousand letters would cost the square of its length.
_NAME = re.compile(
    rf"""
    (?P<link>   (?:https?://|(?<!\w)www\.)[^\s<>«»"\u2066-\u2069\u202a-\u202e\u200e\u200f]+ )
  | (?P<mail>   (?<![{_ADDRESS_SIGNS}])[{_ADDRESS_SIGNS}]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+ )
  | (?P<handle> (?<![A-Za-z0-9_@\uff20])[@\uff20][A-Za-z0-9_](?:[A-Za-z0-9_.]*[A-Za-z0-9_])? )
  | (?P<tag>    (?<![\w&\#\uff03])[\#\uff03][\w{_MARKS}]*\w[{_MARKS}]* )
  | (?P<phone>  (?<![\w+])\+\d(?:[ \u00a0().-]{{0,2}}\d){{6,14}} )
  | (?P<latin>  (?<![\w<{_SIGNS}])
                (?:[{_SIGNS}]{{1,3}}{_LATIN}[+\#*]{{0,3}} | {_LATIN}[+\#*]{{1,3}})(?!\w) )
    """,
    re.VERBOSE | re.IGNORECASE,
)

# Ends the sentence around a link rather than the link.
_AFTER_A_LINK = ".,;:!?'…،؛؟*"
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Name:
    """A name within a text, from ``start`` to before ``stop``. ``is_tag``: its own letters say its
    direction, for hashtags are written in every script; all others run from left to right."""

    start: int
    stop: int
    is_tag: bool = False


def names(text: str) -> Iterator[Name]:
    """The names within ``text``, in order; none overlaps another."""
    for found in _NAME.finditer(text):
        stop = found.end()
        if found["link"]:
            stop = found.start() + _end_of_link(found["link"])
        yield Name(found.start(), stop, is_tag=found["tag"] is not None)


def without_names(text: str) -> str:
    """``text`` with a blank for each of its names: what is left is in the writer's language."""
    parts = []
    end = 0
    for name in names(text):
        parts += [text[end : name.start], " "]
        end = name.stop
    parts.append(text[end:])
    return "".join(parts)


def _end_of_link(link: str) -> int:
    """Where ``link`` ends: a sign of the sentence around it is no part of it, nor a bracket that it
    did not open."""
    stop = len(link)
    surplus = {one: link.count(one) - link.count(other) for one, other in _CLOSING.items()}
    while stop:
        last = link[stop - 1]
        if last in surplus and surplus[last] > 0:
            surplus[last] -= 1
        elif last not in _AFTER_A_LINK:
            break
        stop -= 1
    return stop
