"""Texts as bags of features, and their labels as tensors: what training works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sentiment.data import Example
from sentiment.features import extract
from sentiment.heads import COMPLAINT, INTENT, INTENTS, SENTIMENTS, TONGUES
from sentiment.tokens import begins_word, model_text


@dataclass(frozen=True, slots=True)
class Bags:
    """The features of many texts: those of text ``i`` are at ``start[i]`` to ``start[i + 1]``."""

    start: NDArray[np.int64]
    bucket: NDArray[np.int32]
    word: NDArray[np.int32]
    back: NDArray[np.int8]


def make_bags(texts: Sequence[str], tokenizer: Any, rows: int) -> Bags:
    """Features of ``texts``, in portions so that memory stays small."""
    begins = np.array(begins_word(tokenizer))
    starts, columns, words_before = [np.zeros(1, dtype=np.int64)], [], 0
    for at in range(0, len(texts), 4000):
        portion = [model_text(t) for t in texts[at : at + 4000]]
        ids = [e.ids for e in tokenizer.encode_batch_fast(portion)]
        found = extract(ids, begins, rows)
        order = np.argsort(found.text, kind="stable")
        counts = np.bincount(found.text, minlength=len(ids))
        starts.append(starts[-1][-1] + np.cumsum(counts))
        words = found.word[order] + words_before
        columns.append((found.bucket[order], words.astype(np.int32), found.back[order]))
        words_before += int(found.word.max(initial=-1)) + 1
    bucket, word, back = (np.concatenate(c) for c in zip(*columns, strict=True))
    return Bags(np.concatenate(starts), bucket, word, back)


def ragged(bags: Bags, which: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of all features of the texts ``which``, and for each its place in ``which``."""
    lengths = bags.start[which + 1] - bags.start[which]
    owner = np.repeat(np.arange(len(which)), lengths)
    first = np.repeat(bags.start[which] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return first + np.arange(len(owner)), owner


@dataclass(frozen=True, slots=True)
class Batch:
    """Features as ``embedding_bag`` takes them, and how many each text has."""

    bucket: torch.Tensor
    offsets: torch.Tensor
    count: torch.Tensor


def take(
    bags: Bags,
    which: NDArray[np.int64],
    rng: np.random.Generator | None = None,
    drop_words: float = 0.0,
    drop_features: float = 0.0,
) -> Batch:
    """The texts ``which``; with ``rng``, some words and some single features are left out.

    A pair goes when either of its words goes.
    """
    at, owner = ragged(bags, which)
    if rng is not None:
        word = bags.word[at].astype(np.int64)
        # Texts of a batch lie far apart: number their words anew.
        unique, number = np.unique(word, return_inverse=True)
        gone = rng.random(len(unique)) < drop_words
        keep = ~gone[number]
        pair = np.flatnonzero(bags.back[at])
        earlier = np.searchsorted(unique, word[pair] - bags.back[at][pair])
        keep[pair] &= ~gone[np.minimum(earlier, len(unique) - 1)]
        keep &= rng.random(len(at)) >= drop_features
        at, owner = at[keep], owner[keep]
    count = np.bincount(owner, minlength=len(which))
    offsets = np.concatenate([[0], np.cumsum(count)[:-1]])
    return Batch(
        torch.from_numpy(bags.bucket[at].astype(np.int64)),
        torch.from_numpy(offsets),
        torch.from_numpy(np.maximum(count, 1).astype(np.float32)),
    )


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels as tensors. -1 (or NaN) means "not labelled"."""

    sentiment: torch.Tensor
    yes_no: torch.Tensor
    tongue: torch.Tensor
    source: torch.Tensor

    def take(self, which: NDArray[np.int64]) -> Labels:
        i = torch.from_numpy(which)
        return Labels(self.sentiment[i], self.yes_no[i], self.tongue[i], self.source[i])


def make_labels(examples: Sequence[Example], sources: Sequence[str]) -> Labels:
    """Labels of ``examples``; ``sources`` numbers the sources."""
    number = {s: i for i, s in enumerate(sources)}
    yes_no = np.full((len(examples), INTENT.stop - COMPLAINT), np.nan, dtype=np.float32)
    for i, e in enumerate(examples):
        if e.complaint is not None:
            yes_no[i, 0] = e.complaint
        if e.urgent is not None:
            yes_no[i, 1] = e.urgent
        if e.intents is not None:
            yes_no[i, 2:] = [intent in e.intents for intent in INTENTS]
    return Labels(
        torch.tensor([SENTIMENTS.index(e.sentiment) if e.sentiment else -1 for e in examples]),
        torch.from_numpy(yes_no),
        torch.tensor([TONGUES.index(e.tongue) if e.tongue else -1 for e in examples]),
        torch.tensor([number[e.source] for e in examples]),
    )
