"""Which language a text is in: what the model says, corrected by what the letters say.

The normalised text that the model reads no longer tells Arabic yeh and kaf from the Persian
ones, and a short text has few n-grams. The letters as typed say more. They are weighed here as
log-odds and added to the model's; only what they exclude outright is decided by rule.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from sentiment.heads import TONGUES, Tongue
from shenava.messages import Language, Script

MAX_LETTERS = 2_000
"""Only this many characters are looked at."""

_NOISE = re.compile(r"https?://\S+|www\.\S+|\S*@\S+|<[^<>]{1,300}>")
_LETTER = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]+")

# Persian letters that Arabic does not write; Gulf and Iraqi writers do use some of them.
_PERSIAN = re.compile("[پچژگ]")
_PERSIAN_FORMS = re.compile("[یک\u200c]")
_ARABIC_FORMS = re.compile("[يكىةأإ]")
_ARABIC_ONLY = re.compile("[ةىإ]")
_ELSEWHERE = re.compile("[ٹڈڑںےھہەێۆڵڕڤښځڅډړږۍې]")
"""Letters of Urdu, Kurdish, Pashto."""

ENOUGH_EACH = 0.25
"""A text is mixed only when the rarer of its two scripts has this share of its letters…"""
ENOUGH_WORDS = 2
"""…and this many words: "سلام sony" is Persian with a name in it."""


@dataclass(frozen=True, slots=True)
class Letters:
    """How many letters a text has in each script, and words in the two that matter."""

    arabic: int
    latin: int
    other: int
    arabic_words: int
    latin_words: int

    @property
    def total(self) -> int:
        return self.arabic + self.latin + self.other


def _script_of(letter: str) -> str:
    if letter.isascii() or "\u00c0" <= letter <= "\u024f":
        return "latin"
    if "\u0600" <= letter <= "\u06ff" or "\u0750" <= letter <= "\u077f" or letter > "\ufb4f":
        name = unicodedata.name(letter, "")
        return "arabic" if name.startswith("ARABIC") else "other"
    return "other"


def count_letters(text: str) -> Letters:
    """Count the letters of ``text`` by script; addresses, names and markup are left out."""
    count = {"arabic": 0, "latin": 0, "other": 0}
    words = {"arabic": 0, "latin": 0, "other": 0}
    for word in _WORD.findall(_NOISE.sub(" ", text[:MAX_LETTERS])):
        script = _script_of(word[0])
        count[script] += len(word)
        words[script] += 1
    return Letters(count["arabic"], count["latin"], count["other"], words["arabic"], words["latin"])


def _letter_odds(text: str, letters: Letters) -> dict[Tongue, float]:
    """What the letters as typed add to each tongue's log-odds."""
    add = dict.fromkeys(TONGUES, 0.0)
    text = text[:MAX_LETTERS]
    if letters.arabic:
        if _PERSIAN.search(text):
            add[Tongue.FA] += 2.5
        if _PERSIAN_FORMS.search(text):
            add[Tongue.FA] += 1.0
        if _ARABIC_FORMS.search(text):
            add[Tongue.AR] += 1.0
        if _ARABIC_ONLY.search(text):
            add[Tongue.AR] += 1.5
        strange = len(_ELSEWHERE.findall(text))
        if strange:
            add[Tongue.OTHER] += min(6.0, 2.0 * strange)
    if letters.latin and any(c.isalpha() and not c.isascii() for c in text):
        add[Tongue.OTHER] += 1.5
    return add


def _possible(letters: Letters) -> set[Tongue]:
    """The tongues that the scripts of a text allow."""
    if letters.other > letters.total / 2 or letters.total == 0:
        return {Tongue.OTHER}
    rarer = min(letters.arabic, letters.latin)
    words = min(letters.arabic_words, letters.latin_words)
    # A text in the rarer script of two long words still counts as one language.
    may_mix = rarer >= ENOUGH_EACH * letters.total and words >= ENOUGH_WORDS
    if letters.arabic >= letters.latin:
        allowed = {Tongue.FA, Tongue.AR, Tongue.OTHER}
    else:
        allowed = {Tongue.EN, Tongue.FA_LATIN, Tongue.AR_LATIN, Tongue.OTHER, Tongue.MIXED}
    return allowed | {Tongue.MIXED} if may_mix or rarer >= 4 else allowed


@dataclass(frozen=True, slots=True)
class Identified:
    """Language and script of a text; ``probability`` (0 to 1) is that of both together."""

    language: Language
    script: Script
    probability: float


def identify(text: str, logits: Sequence[float]) -> Identified:
    """The language of ``text``, given the ``logits`` of the language head.

    A text without letters (empty, digits, emoji) is ``other``. A mixed text without any letter
    of the Arabic script is Finglish or Arabizi with English: its script is ``latin``.
    """
    letters = count_letters(text)
    possible = _possible(letters)
    if possible == {Tongue.OTHER}:
        return Identified(Language.OTHER, Script.NATIVE, 1.0)
    odds = _letter_odds(text, letters)
    scores = {t: float(logits[i]) + odds[t] for i, t in enumerate(TONGUES) if t in possible}
    top = max(scores.values())
    weights = {t: math.exp(s - top) for t, s in scores.items()}
    best = max(weights, key=lambda t: weights[t])
    script = best.script
    if best is Tongue.MIXED and letters.arabic == 0:
        script = Script.LATIN
    return Identified(best.language, script, weights[best] / sum(weights.values()))
