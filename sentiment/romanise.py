"""Persian and Arabic as they are typed in Latin letters, for training only.

There are few messages in Finglish and Arabizi to learn from, and every writer spells in their own
way. So texts in native letters are taught once more in Latin ones: each made up writer has habits
(is ``ح`` a 7 or an h?) and keeps to them, and vowels that the script does not write are guessed.
That is rough: ``e`` stands where an ``a`` is spoken. It is no way to transliterate for people.

Letters and numerals as in M. A. Yaghan, "Arabizi: A Contemporary Style of Arabic Slang", Design
Issues 24(2), 2008; those of Persian by how it is pronounced.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace

from sentiment.corpus import CorpusRow
from shenava.messages import Language, Script


def _ways(told: str) -> dict[str, list[str]]:
    """By letter, how it is typed; what is said twice is done twice as often."""
    return {letter: ways.split("/") for letter, ways in (one.split("=") for one in told.split())}


ARABIC = _ways(
    "ا=a أ=a آ=aa إ=e/i ى=a ب=b ت=t ث=th/s/t ج=j/g ح=7/7/h خ=5/kh/7' د=d ذ=z/d/th ر=r ز=z س=s "
    "ش=sh/sh/ch ص=s/s/9 ض=d/d/9' ط=t/t/6 ظ=z/th ع=3/3/3/a غ=gh/gh/8/3' ف=f ق=2/q/g/9 ك=k ک=k "
    "ل=l م=m ن=n ه=h ة=a/e/eh ء=2/ ئ=2/y ؤ=2/o پ=p ڤ=v گ=g چ=ch"
)
PERSIAN = _ways(
    "ا=a أ=a آ=a/a/aa ب=b پ=p ت=t ث=s ج=j چ=ch ح=h خ=kh/kh/x د=d ذ=z ر=r ز=z ژ=zh س=s ش=sh ص=s "
    "ض=z ط=t ظ=z ع=a/ غ=gh/gh/q ف=f ق=gh/gh/q ک=k ك=k گ=g ل=l م=m ن=n ه=h ة=e ئ=e/y"
)
LONG = {"و": ("w", ["o", "ou", "w"]), "ي": ("y", ["i", "ee"]), "ی": ("y", ["i", "i", "ee"])}
"""Consonant or vowel: as a consonant, as a vowel."""
UNWRITTEN = {Language.AR: ("aaeei", 0.6), Language.FA: ("aaaeeeo", 0.75)}
"""Vowels that are not written, and how often one is typed between two consonants."""
DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩؟،؛", "01234567890123456789?,;")
UNSEEN = re.compile("[\u064b-\u0652\u0670\u0640\u200c-\u200f]")
"""Signs above and below letters, and joiners: nobody types them."""
WORD = re.compile("[\u0621-\u06cc]+")
VOWELS = "aeiou"


def romanised(text: str, language: Language, rng: random.Random) -> str:
    """``text`` as somebody could have typed it in Latin letters; ``rng`` decides who.

    Raises ``KeyError`` for another language than Persian and Arabic.
    """
    vowels, often = UNWRITTEN[language]
    choices = PERSIAN if language is Language.FA else ARABIC
    habits = {letter: rng.choice(ways) for letter, ways in choices.items()}
    long = {letter: (said, rng.choice(ways)) for letter, (said, ways) in LONG.items()}
    if language is Language.FA:
        long["و"] = ("v", rng.choice(("o", "oo", "u")))
    article = rng.choice(("el ", "el", "al", "l")) if language is Language.AR else ""
    often *= rng.uniform(0.7, 1.0)

    def word(found: re.Match[str]) -> str:
        letters = found.group()
        made = ""
        if article and letters.startswith("ال") and len(letters) > 3:
            made, letters = article, letters[2:]
        for place, letter in enumerate(letters):
            following = letters[place + 1 : place + 2]
            if letter in long:
                spoken = place == 0 or following in {"ا", "آ", "ى"}
                sound = long[letter][0 if spoken else 1]
            elif letter == "ه" and not following and place and language is Language.FA:
                sound = "e"
            else:
                sound = habits.get(letter, "")
            bare = made and made[-1] not in VOWELS + " " and sound and sound[0] not in VOWELS
            if place and bare and rng.random() < often:
                made += rng.choice(vowels)
            made += sound
        return made

    return WORD.sub(word, UNSEEN.sub("", text).translate(DIGITS))


def in_latin(row: CorpusRow, rng: random.Random) -> CorpusRow:
    """A labelled message in native letters, with the same labels, in Latin ones."""
    return replace(row, text=romanised(row.text, row.language, rng), script=Script.LATIN)
