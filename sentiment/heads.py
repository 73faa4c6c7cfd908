"""Which outputs the model has, and in what order. Training and inference both read it here."""

from __future__ import annotations

from enum import StrEnum

from shenava.messages import Intent, Language, Script, Sentiment


class Tongue(StrEnum):
    """What the language head tells apart: a language together with the script it is in."""

    FA = "fa"
    AR = "ar"
    EN = "en"
    FA_LATIN = "fa-latin"
    AR_LATIN = "ar-latin"
    MIXED = "mixed"
    OTHER = "other"

    @property
    def language(self) -> Language:
        return Language(self.value.removesuffix("-latin"))

    @property
    def script(self) -> Script:
        return Script.LATIN if self.value.endswith("-latin") else Script.NATIVE


SENTIMENTS = tuple(Sentiment)
INTENTS = tuple(Intent)
TONGUES = tuple(Tongue)

SENTIMENT = slice(0, 3)
COMPLAINT = 3
URGENT = 4
INTENT = slice(5, 5 + len(INTENTS))
TONGUE = slice(INTENT.stop, INTENT.stop + len(TONGUES))
HEADS = TONGUE.stop

NEGATIVE = SENTIMENTS.index(Sentiment.NEGATIVE)
POSITIVE = SENTIMENTS.index(Sentiment.POSITIVE)
SHARES = (NEGATIVE, COMPLAINT, URGENT)
"""The heads whose deciding words are given."""


def tongue_of(language: Language, script: Script) -> Tongue:
    """The class of the language head for a language in a script."""
    if script is Script.LATIN and language in (Language.FA, Language.AR):
        return Tongue(f"{language}-latin")
    return Tongue(language.value)
