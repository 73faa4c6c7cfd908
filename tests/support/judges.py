"""A judge whose word depends on the text alone and can be read off it."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

from shenava.messages import (
    Intent,
    Judgement,
    Language,
    ScoredIntent,
    ScoredSentiment,
    Script,
    Sentiment,
    Verdict,
)

_INTENTS = {
    "پول": Intent.PAYMENT,
    "ثبت نشد": Intent.ORDER_NOT_REGISTERED,
    "late": Intent.DELIVERY_LATE,
    "قیمت": Intent.PRICE,
    "?": Intent.QUESTION,
    "؟": Intent.QUESTION,
    "thanks": Intent.PRAISE,
    "شكرا": Intent.PRAISE,
    "buy followers": Intent.SPAM,
}


class WordJudge:
    """Judges by a few words. Real in every way that the pipeline can see, and instant."""

    def __init__(self, name: str = "words-1") -> None:
        self.name = name
        self.seen: list[str] = []

    def classify(self, texts: Sequence[str]) -> list[Verdict]:
        self.seen.extend(texts)
        return [self._judge(text) for text in texts]

    def _judge(self, text: str) -> Verdict:
        probability = 0.5 + crc32(text.encode("utf-8", "replace")) % 400 / 1000
        found = tuple(dict.fromkeys(intent for word, intent in _INTENTS.items() if word in text))
        complaint = "complaint" in text or "شکایت" in text or Intent.PAYMENT in found
        urgent = "urgent" in text or "فوری" in text
        pleased = Intent.PRAISE in found
        label = (
            Sentiment.POSITIVE
            if pleased
            else Sentiment.NEGATIVE
            if complaint
            else Sentiment.NEUTRAL
        )
        return Verdict(
            language=Language.EN if text.isascii() else Language.FA,
            script=Script.NATIVE,
            sentiment=ScoredSentiment(label, probability),
            complaint=Judgement(None if "perhaps" in text else complaint, probability),
            urgent=Judgement(urgent, probability),
            intents=tuple(ScoredIntent(intent, probability) for intent in found),
            why=tuple(text.split()[:2]),
            model=self.name,
        )
