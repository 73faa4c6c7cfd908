"""How much speaks for two identities being one person. Pure: evidence in, a number out.

Each piece of evidence alone is as convincing as its weight; together they are as convincing as it
is unlikely that all of them mislead. The weights are judgements, not measurements: nothing is
merged on them, they only decide what a person is shown, and in which order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class EvidenceKind(StrEnum):
    """What two identities share, the most telling first."""

    EMAIL = "email"
    PHONE = "phone"
    LINK = "link"
    """One named the other's profile in a message."""
    ORDER = "order"
    HANDLE = "handle"
    NAME = "name"
    SOUND = "sound"
    """Their names sound alike, in different letters."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that two identities share.

    ``others``: how many more people share it; the more, the less it says. ``length``: signs of
    what is shared, ``words``: words of it. ``same_platform``: both are on one platform.
    ``messages``: those that told it, if messages did.
    """

    kind: EvidenceKind
    value: str = ""
    others: int = 0
    same_platform: bool = False
    messages: tuple[int, ...] = ()

    @property
    def words(self) -> int:
        return len(self.value.split())

    @property
    def weight(self) -> float:
        """How convincing it is by itself, from 0 to 1."""
        return _WEIGHTS[self.kind] * _share(self) / (1 + self.others)


class Strength(StrEnum):
    """In words, for people."""

    STRONG = "strong"
    LIKELY = "likely"
    POSSIBLE = "possible"


_WEIGHTS = {
    EvidenceKind.EMAIL: 0.9,
    EvidenceKind.PHONE: 0.85,
    EvidenceKind.LINK: 0.7,
    EvidenceKind.ORDER: 0.65,
    EvidenceKind.HANDLE: 0.6,
    EvidenceKind.NAME: 0.4,
    EvidenceKind.SOUND: 0.3,
}

_LONG_HANDLE = 7
_SHORT_HANDLE = 4
_FROM = 0.3
"""Below this nothing is shown."""


def _share(evidence: Evidence) -> float:
    """How much of its kind's weight this piece has."""
    length = len(evidence.value)
    if evidence.kind is EvidenceKind.HANDLE:
        if evidence.same_platform:
            # One platform gives a handle to one account at a time: it was known in two ways.
            return 1.4
        return 1.0 if length >= _LONG_HANDLE else 0.75 if length > _SHORT_HANDLE else 0.5
    if evidence.kind in (EvidenceKind.NAME, EvidenceKind.SOUND):
        if evidence.kind is EvidenceKind.NAME and evidence.words < 2:
            return 0.25
        # Namesakes on one platform are usual; one person with two accounts there is not.
        return 0.5 if evidence.same_platform else 1.0
    return 1.0


def likeness(evidence: Iterable[Evidence]) -> float:
    """From 0 (nothing) to just below 1. More evidence never makes it less.

    A name that is equal also sounds alike; only the stronger of the two counts.
    """
    strongest: dict[object, float] = {}
    for piece in evidence:
        name = piece.kind in (EvidenceKind.NAME, EvidenceKind.SOUND)
        about: object = "name" if name else (piece.kind, piece.value)
        strongest[about] = max(strongest.get(about, 0.0), min(piece.weight, 0.95))
    doubt = 1.0
    for weight in strongest.values():
        doubt *= 1 - weight
    return 1 - doubt


def strength(value: float) -> Strength | None:
    """What a likeness is called; ``None``: not worth showing."""
    if value < _FROM:
        return None
    return (
        Strength.STRONG if value >= 0.8 else Strength.LIKELY if value >= 0.5 else Strength.POSSIBLE
    )
