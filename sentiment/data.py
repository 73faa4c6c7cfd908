"""Reads what there is to learn from: the data folder and the project's own corpus.

The data folder holds ``train.jsonl.xz`` and ``dev.jsonl.xz``; each row has ``text``, ``lang``,
``label``, ``complaint``, ``source`` and ``rights``. It belongs to others and is not committed.
"""

from __future__ import annotations

import json
import lzma
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sentiment.corpus import CorpusRow, read_languages
from sentiment.heads import Tongue, tongue_of
from shenava.messages import Intent, Sentiment


class Rights(StrEnum):
    """Which sources may be used: each value includes those before it."""

    PERMISSIVE = "permissive"
    CLAIM = "permissive-claim"
    ALL = "all"

    def allows(self, rights: str) -> bool:
        """Whether a row whose ``rights`` field says this may be learned from."""
        if self is Rights.ALL:
            return True
        return rights == "permissive" or (self is Rights.CLAIM and rights == "permissive-claim")


@dataclass(frozen=True, slots=True)
class Example:
    """One text with whatever labels it has; ``None`` is "not labelled"."""

    text: str
    source: str
    sentiment: Sentiment | None = None
    complaint: bool | None = None
    urgent: bool | None = None
    intents: frozenset[Intent] | None = None
    tongue: Tongue | None = None
    language: str = ""
    script: str = ""


OWN = "own"
LANGUAGES = "own-languages"
JOINED = "joined"

_NOISE = re.compile(r"https?://\S+|[@#]\S+")
_LATIN = re.compile("[a-zA-Z]")
_ARABIC = re.compile("[\u0620-\u06ff]")
# Sources whose Latin rows were looked through and are in the row's language, not in English.
_LATIN_IS_DIALECT = {"afrisenti_ary": Tongue.AR_LATIN, "zekavat_ig": Tongue.FA_LATIN}


def _tongue(text: str, lang: str, source: str) -> Tongue | None:
    """The language label of a row, or ``None`` where its letters speak against the row's own."""
    text = _NOISE.sub(" ", text)
    latin, arabic = len(_LATIN.findall(text)), len(_ARABIC.findall(text))
    if lang == "en":
        return Tongue.EN if latin > 4 and arabic == 0 else None
    if latin <= 4 and arabic >= 2:
        return Tongue(lang)
    if latin > 12 and arabic == 0:
        return _LATIN_IS_DIALECT.get(source)
    return None


def read_examples(file: Path, rights: Rights = Rights.ALL) -> Iterator[Example]:
    """The rows of one ``.jsonl.xz`` file that ``rights`` allows."""
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if not rights.allows(row["rights"]):
                continue
            yield Example(
                text=row["text"],
                source=row["source"],
                sentiment=Sentiment(row["label"]) if row["label"] else None,
                complaint=row["complaint"],
                tongue=_tongue(row["text"], row["lang"], row["source"]),
                language=row["lang"],
            )


def from_corpus(rows: Iterable[CorpusRow]) -> list[Example]:
    """The project's own messages as examples, with every label."""
    return [
        Example(
            text=row.text,
            source=OWN,
            sentiment=row.sentiment,
            complaint=row.complaint,
            urgent=row.urgent,
            intents=row.intents,
            tongue=tongue_of(row.language, row.script),
            language=row.group,
            script=str(row.script),
        )
        for row in rows
    ]


def language_examples(general: list[Example], rng: random.Random, joined: int) -> list[Example]:
    """Examples for the language head alone.

    The project's short texts, and ``joined`` texts made of a piece of English and a piece of
    Persian or Arabic: that such a text is mixed is a fact, not a guess.
    """
    made = [
        Example(text=text, source=LANGUAGES, tongue=tongue_of(language, script))
        for text, language, script in read_languages()
    ]
    english = [e.text.split() for e in general if e.tongue is Tongue.EN]
    others = [e.text.split() for e in general if e.tongue in (Tongue.FA, Tongue.AR)]
    if not english or not others:
        return made
    for _ in range(joined):
        pieces = [rng.choice(english)[: rng.randint(3, 7)], rng.choice(others)[: rng.randint(3, 7)]]
        rng.shuffle(pieces)
        made.append(
            Example(text=" ".join(pieces[0] + pieces[1]), source=JOINED, tongue=Tongue.MIXED)
        )
    return made
