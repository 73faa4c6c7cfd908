"""Ids as Instagram gives them: numbers as strings, of which nothing can be told.

An id of Instagram does not say when it was made: a comment that is written later may have a
smaller id. So that no reader leans on their order, the simulator counts, and shuffles the count by
multiplying it within a large ring; the n-th id is the same in every run.

Ids of messages and conversations are long words (``aWdf…``), as the Conversations API shows them.
"""

from __future__ import annotations

import base64
from enum import StrEnum

_RING = 10**13
_STEP = 7_368_787_003_277
"""Odd and not a multiple of five, so that no two counts meet."""


class Sort(StrEnum):
    """What an id is of; its value is how such ids begin."""

    USER = "1"
    """A person as one app sees her (Instagram-scoped id)."""
    SHOP = "17841"
    """A professional account."""
    MEDIA = "1790"
    COMMENT = "1785"
    CONTAINER = "1788"
    HASHTAG = "1784"
    STORY = "1801"


def numbered(sort: Sort, count: int) -> str:
    """The id of the ``count``-th thing: 17 digits (16 for a person)."""
    length = 16 if sort is Sort.USER else 17
    rest = length - len(sort.value)
    shuffled = count * _STEP % _RING % 10**rest
    return f"{sort.value}{shuffled:0{rest}d}"


def message_id(count: int) -> str:
    return _word(f"ig_dm:1:IGMessageID:{count * _STEP % _RING:013d}")


def conversation_id(one: str, other: str) -> str:
    """The id of the conversation of two; the same whoever asks."""
    first, second = sorted((one, other))
    return _word(f"ig_dm:IGMessageThread:{first}:{second}")


def shortcode(native_id: str) -> str:
    """The word in the address of a post (``/p/WORD/``): the number in base 64."""
    number, letters = int(native_id), ""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    while number:
        number, digit = divmod(number, 64)
        letters = alphabet[digit] + letters
    return letters


def _word(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
