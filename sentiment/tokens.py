"""The tokenizer: one token a character, which knows where it stands in its word.

It is an ordinary Hugging Face tokenizer (``tokenizer.json``): a BPE model without merges, whose
prefix ``##`` marks a character that continues a word and whose suffix ``</w>`` marks the last
one. So the ids alone tell where words begin, and the ONNX graph can build n-grams from them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from shenava.text import normalise

PAD, UNKNOWN = "[PAD]", "[UNK]"
CONTINUES, ENDS = "##", "</w>"

MAX_CHARACTERS = 2_000
"""Longer texts are cut here: 99 of 100 messages are under 500 characters."""

RARE = 8
"""A character seen less often than this in training is not in the vocabulary."""

_REPEATED = re.compile(r"(.)\1{2,}")


def model_text(text: str) -> str:
    """The form the tokenizer is given: cut, normalised, "soooo" written "soo"."""
    return _REPEATED.sub(r"\1\1", normalise(text[:MAX_CHARACTERS]))


def word_spans(text: str, normalised: str) -> tuple[list[tuple[int, int]], list[str]] | None:
    """Where each word of ``text`` stands in ``normalised``, which is its :func:`model_text`.

    Returns (start, end) in ``normalised`` for each word, and the words as they stand in
    ``text``; words that normalise to nothing are left out. ``None`` when they cannot be
    aligned, which takes rare signs of Unicode.
    """
    words = text[:MAX_CHARACTERS].split()
    parts = normalised.split(" ") if normalised else []
    # A word gives one part, or one for each piece between its ZWNJs. Only where that does not
    # come out even is each word normalised again to see what it gave: that is slow.
    counts = [len([p for p in word.split("\u200c") if p]) for word in words]
    if sum(counts) != len(parts):
        counts = [len(model_text(word).split()) for word in words]
        if sum(counts) != len(parts):
            return None
    spans: list[tuple[int, int]] = []
    at = number = 0
    for count in counts:
        length = sum(len(part) + 1 for part in parts[number : number + count]) - 1
        spans.append((at, at + length))
        at += length + 1
        number += count
    kept = [i for i, count in enumerate(counts) if count]
    return [spans[i] for i in kept], [words[i] for i in kept]


def pipeline() -> tuple[normalizers.Normalizer, pre_tokenizers.PreTokenizer]:
    """What happens before characters are looked up: addresses, names and numbers made alike."""
    normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"<[^<>]{1,300}>"), " "),
            normalizers.Replace(Regex(r"https?://\S+|www\.\S+"), " url "),
            normalizers.Replace(Regex(r"\S*@[\w.\-]+"), " @ "),
            normalizers.Replace(Regex(r"[0-9]{3,}"), "000"),
            normalizers.Replace(Regex(r"[_#]"), " "),
        ]
    )
    return normalizer, pre_tokenizers.Whitespace()


def build_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """Collect the characters of ``texts`` (in :func:`model_text` form) into a tokenizer."""
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update(text)
    common = sorted(c for c, n in seen.items() if n >= RARE and not c.isspace() and c != "#")
    vocabulary = {PAD: 0, UNKNOWN: 1}
    for character in common:
        for form in (character, CONTINUES + character):
            vocabulary[form] = len(vocabulary)
            vocabulary[form + ENDS] = len(vocabulary)
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=[],
            unk_token=UNKNOWN,
            continuing_subword_prefix=CONTINUES,
            end_of_word_suffix=ENDS,
        )
    )
    tokenizer.normalizer, tokenizer.pre_tokenizer = pipeline()
    tokenizer.enable_truncation(MAX_CHARACTERS)
    return tokenizer


def begins_word(tokenizer: Tokenizer) -> list[bool]:
    """For each id, whether a word begins there. Unknown characters and padding count as one."""
    vocabulary = tokenizer.get_vocab()
    begins = [True] * len(vocabulary)
    for token, number in vocabulary.items():
        begins[number] = not token.startswith(CONTINUES)
    return begins
