"""How a name sounds, whatever letters it is written in: «ندا رضایی» and "Neda Rezaei" alike.

Pure and rough on purpose. Vowels are written in one script and left out in the other, so only
consonants count, and those that Persian and Arabic write in several ways are one. What comes out
is a hint for a person to look at, never a reason by itself.
"""

from __future__ import annotations

import re

from shenava.text import normalise

# Of normalised text: ي, ك, أ, إ, آ, ة are folded away already. Vowels and what is silent: nothing.
_ARABIC = str.maketrans(
    {
        **dict.fromkeys("اویعءئؤ", None),
        **dict.fromkeys("ثسص", "s"),
        **dict.fromkeys("ذزضظ", "z"),
        **dict.fromkeys("تط", "t"),
        **dict.fromkeys("حه", "h"),
        **dict.fromkeys("غق", "q"),
        **dict.fromkeys("جژ", "j"),
        "ب": "b",
        "پ": "p",
        "چ": "c",
        "خ": "x",
        "د": "d",
        "ر": "r",
        "ش": "w",
        "ف": "f",
        "ک": "k",
        "گ": "g",
        "ل": "l",
        "م": "m",
        "ن": "n",
    }
)
# Two letters for one sound come first.
_LATIN_PAIRS = (("sh", "W"), ("ch", "C"), ("kh", "X"), ("gh", "Q"), ("zh", "J"), ("ph", "F"))
_LATIN = str.maketrans(
    {**dict.fromkeys("aeiouyvw'", None), "c": "k", "W": "w", "C": "c", "X": "x", "Q": "q"}
    | {"J": "j", "F": "f", "x": "ks"}
)
_ARTICLES = frozenset({"al", "el"})
_WITH_ARTICLE = 4
_WORD = re.compile(r"[^\W\d_]+")
_TWICE = re.compile(r"(.)\1+")
_CONSONANTS = 4
"""A name of fewer sounds like too many others."""


def name_of(name: str) -> str:
    """``name`` folded, its words in one order; empty when there is no letter in it."""
    return " ".join(sorted(_WORD.findall(normalise(name))))


def sound_of(name: str) -> str | None:
    """How ``name`` sounds; ``None`` where it has one word only, or too few consonants."""
    words = [
        sound
        for word in _WORD.findall(normalise(name))
        if word not in _ARTICLES and (sound := _sound(word))
    ]
    if len(words) < 2 or sum(map(len, words)) < _CONSONANTS:
        return None
    return " ".join(sorted(words))


def _sound(word: str) -> str:
    if word.isascii():
        for pair, letter in _LATIN_PAIRS:
            word = word.replace(pair, letter)
        sound = word.translate(_LATIN)
    else:
        article = word.startswith("ال") and len(word) > _WITH_ARTICLE
        sound = (word[2:] if article else word).translate(_ARABIC)
    # A doubled consonant is written once in Arabic letters; the h at the end is but a vowel's.
    sound = _TWICE.sub(r"\1", sound)
    return sound[:-1] if len(sound) > 1 and sound.endswith("h") else sound
