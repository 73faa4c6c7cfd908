"""What complaints are about: grouped by cause, across languages.

A verdict's intents are the same in Persian, Arabic and English, so they are the causes that are
known. What they do not know (a city, a product, a flight) shows as a **word** that stands in far
more complaints than it used to. :data:`ANY` holds all complaints, for trouble that has no word.

How common a word usually is is learned from the shop's own complaints; before there are enough of
them, the project's own corpus tells which words are merely common.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from math import log

from sentiment.corpus import read_rows
from shenava.messages import Intent
from shenava.text import search_tokens

KNOWN = (
    Intent.PAYMENT,
    Intent.ORDER_NOT_REGISTERED,
    Intent.OUTAGE,
    Intent.ACCOUNT_LOGIN,
    Intent.DELIVERY_LATE,
    Intent.REFUND,
    Intent.WRONG_OR_DAMAGED,
    Intent.CHANGE_OR_CANCEL,
    Intent.PRICE,
)
"""Intents that can be the cause of a complaint, the most telling first."""

ANY = "any"
WORD = "word:"
"""Before the word, in the name of a cause that no intent knows."""

CORPUS_WEIGHT = 150
"""So many complaints the corpus counts for: a shop's own outweigh it within days."""

_NAMED = re.compile(r"https?://\S+|www\.\S+|[\w.+-]*@[\w.-]+|&\w+;")
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class Complaint:
    """One complaint: who (any number that is theirs alone), when, about what, in which words."""

    id: int
    person: int
    at: datetime
    intents: frozenset[Intent]
    words: frozenset[str] = frozenset()


def words_of(text: str) -> frozenset[str]:
    """The normalised words of a text that can name a cause: of three letters at least, no
    handles, links or numbers."""
    return frozenset(
        word
        for word in search_tokens(_NAMED.sub(" ", text))
        if 3 <= len(word) <= _LONGEST and not any(sign.isdigit() for sign in word)
    )


def causes_of(complaint: Complaint) -> tuple[str, ...]:
    """The known causes of a complaint, and :data:`ANY`."""
    return (*(one.value for one in KNOWN if one in complaint.intents), ANY)


def has_cause(complaint: Complaint, cause: str) -> bool:
    if cause.startswith(WORD):
        return cause.removeprefix(WORD) in complaint.words
    return cause in causes_of(complaint)


@cache
def _corpus() -> tuple[Mapping[str, float], int]:
    """In what part of the corpus each word stands."""
    seen: Counter[str] = Counter()
    number = 0
    for row in read_rows():
        seen.update(words_of(row.text))
        number += 1
    return {word: count / number for word, count in seen.items()}, number


@dataclass(slots=True)
class Words:
    """How common words are in complaints that came before."""

    complaints: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def learn(self, complaints: Iterable[Complaint]) -> None:
        for one in complaints:
            self.complaints += 1
            self.seen.update(one.words)

    def share(self, word: str) -> float:
        """The part of complaints that this word stands in, above 0. One that was never seen is
        held to have been in half a complaint."""
        usual, rows = _corpus()
        prior = max(usual.get(word, 0.0), 0.5 / rows)
        return (self.seen[word] + CORPUS_WEIGHT * prior) / (self.complaints + CORPUS_WEIGHT)


def people_by_word(complaints: Iterable[Complaint]) -> dict[str, set[int]]:
    """Who used each word."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for one in complaints:
        for word in one.words:
            found[word].add(one.person)
    return found


def leading_words(
    complaints: Sequence[Complaint], words: Words, limit: int = 3, without: Collection[str] = ()
) -> tuple[str, ...]:
    """The words that set these complaints apart, the most telling first: by how much likelier
    they are here than usual (each word's part of the Kullback-Leibler divergence). A word of one
    or two people names nothing."""
    people = len({one.person for one in complaints})
    found = []
    for word, users in people_by_word(complaints).items():
        share, usual = len(users) / people, words.share(word)
        if len(users) >= 3 and share > 2 * usual and word not in without:
            found.append((-share * log(share / usual), word))
    return tuple(word for _, word in sorted(found)[:limit])


def examples(complaints: Sequence[Complaint], words: Words, limit: int = 3) -> tuple[int, ...]:
    """Complaints that speak for the others, of different people: those with most of the leading
    words, the shortest of them first."""
    leading = frozenset(leading_words(complaints, words, 8))
    ranked = sorted(
        complaints, key=lambda one: (-len(one.words & leading), len(one.words), one.at, one.id)
    )
    chosen: dict[int, int] = {}
    for one in ranked:
        chosen.setdefault(one.person, one.id)
    return tuple(chosen.values())[:limit]
