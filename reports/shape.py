"""What an entry of the book is, packed into one number, so that sums read small rows in order.

Each part has some bits of its own; 0 means that it is not said. Numbers once given to a value
stay its own for ever: they stand in databases.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from shenava.messages import Intent, Language, Platform, Sentiment


class Part(NamedTuple):
    """Where a part stands: so many ``bits`` from bit ``at``."""

    at: int
    bits: int

    @property
    def mask(self) -> int:
        return ((1 << self.bits) - 1) << self.at


class Outcome(StrEnum):
    """What became of something we sent."""

    SENT = "sent"
    REFUSED = "refused"
    FAILED = "failed"
    UNKNOWN = "unknown"


CHANNEL = Part(0, 5)
LANGUAGE = Part(5, 3)
MOOD = Part(8, 2)
COMPLAINT = Part(10, 2)
URGENT = Part(12, 2)
HISTORIC = Part(14, 1)
INTENT = Part(15, 5)
CORRECTED = Part(20, 1)
REOPENED = Part(21, 1)
OUTCOME = Part(22, 3)

NO, YES, UNSURE = 1, 2, 3
"""Values of a question: of :data:`COMPLAINT` and :data:`URGENT`."""

CHANNELS: Mapping[Platform, int] = {
    Platform.X: 1,
    Platform.INSTAGRAM: 2,
    Platform.TELEGRAM: 3,
    Platform.BALE: 4,
    Platform.WHATSAPP: 5,
    Platform.BLUESKY: 6,
    Platform.MASTODON: 7,
    Platform.EMAIL: 8,
    Platform.WEB: 9,
}
LANGUAGES: Mapping[Language, int] = {
    Language.FA: 1,
    Language.AR: 2,
    Language.EN: 3,
    Language.MIXED: 4,
    Language.OTHER: 5,
}
MOODS: Mapping[Sentiment, int] = {
    Sentiment.NEGATIVE: 1,
    Sentiment.NEUTRAL: 2,
    Sentiment.POSITIVE: 3,
}
INTENTS: Mapping[Intent, int] = {
    Intent.PAYMENT: 1,
    Intent.ORDER_NOT_REGISTERED: 2,
    Intent.DELIVERY_LATE: 3,
    Intent.WRONG_OR_DAMAGED: 4,
    Intent.CHANGE_OR_CANCEL: 5,
    Intent.REFUND: 6,
    Intent.ACCOUNT_LOGIN: 7,
    Intent.OUTAGE: 8,
    Intent.PRICE: 9,
    Intent.PRAISE: 10,
    Intent.QUESTION: 11,
    Intent.SPAM: 12,
    Intent.THREAT: 13,
    Intent.OTHER: 14,
}
NOTHING_NAMED = 31
"""In :data:`INTENT`: a complaint of which nobody says what it is about."""

OUTCOMES: Mapping[Outcome, int] = {
    Outcome.SENT: 1,
    Outcome.REFUSED: 2,
    Outcome.FAILED: 3,
    Outcome.UNKNOWN: 4,
}


def pack(parts: Mapping[Part, int]) -> int:
    """One number for all of ``parts``; ``ValueError`` for a value that its part cannot hold."""
    shape = 0
    for part, value in parts.items():
        if not 0 <= value < 1 << part.bits:
            raise ValueError(f"{value} does not fit into {part}")
        shape |= value << part.at
    return shape


def value_of(shape: int, part: Part) -> int:
    """What ``shape`` says of ``part``."""
    return (shape & part.mask) >> part.at


def answer(value: bool | None) -> int:
    """A yes, a no, or "not sure", as it is packed."""
    return UNSURE if value is None else YES if value else NO
