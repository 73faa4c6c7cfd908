"""From character ids to rows of the n-gram table: the recipe, in numpy.

The ONNX graph (:mod:`sentiment.graph`) does the same with integer operators; a test holds the
two together. Training uses this one. For each character: the n-grams of 1 to 5 characters that
begin there and stay inside its word. For each word: the word, the pair with the word before it,
and the pair with the word before that one.

All hashing is polynomial, modulo the prime 2^31 - 1, so that products fit 63 bits and no
operator needs to overflow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

PRIME = 2**31 - 1
STEP = 1_000_003
SPREAD = 1_540_483_477
LONGEST = 5
"""The longest character n-gram."""
WORD, PAIR, SKIP = LONGEST, LONGEST + 1, LONGEST + 2
KINDS = LONGEST + 3
"""Columns of features a position can have: n-grams of 1..5, word, pair, skipping pair."""
SALTS = tuple(7_368_787 * (k + 1) for k in range(KINDS))
CODES_SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class Features:
    """Features of many texts, flat.

    ``bucket`` is the row of the table; ``text`` and ``word`` say which text, and which word
    counted from the beginning of all, the feature belongs to; ``back`` is how many words before
    it a pair begins, 0 for anything that is no pair.
    """

    bucket: NDArray[np.int32]
    text: NDArray[np.int32]
    word: NDArray[np.int32]
    back: NDArray[np.int8]


def codes_for(size: int) -> Ints:
    """A fixed pseudo-random code for every id of a vocabulary of ``size``; padding has 0."""
    codes = np.random.default_rng(CODES_SEED).integers(1, PRIME, size=size, dtype=np.int64)
    codes[0] = 0
    return codes


def bucket_of(hashes: Ints, kind: int, rows: int) -> Ints:
    """The table's row, below ``rows``, for hashes of one kind of feature."""
    return (hashes + SALTS[kind]) * SPREAD % PRIME % rows


def _shift(values: Ints, by: int, fill: int) -> Ints:
    """``values`` moved ``by`` places to the left."""
    return np.concatenate([values, np.full(by, fill, dtype=np.int64)])[by:]


def extract(ids: list[list[int]], begins: NDArray[np.bool_], rows: int) -> Features:
    """All features of texts given as lists of token ids; order within a text is not promised."""
    lengths = np.array([len(i) for i in ids], dtype=np.int64)
    flat = np.array([i for one in ids for i in one], dtype=np.int64)
    if flat.size == 0:
        empty = np.zeros(0, dtype=np.int32)
        return Features(empty, empty, empty, empty.astype(np.int8))
    codes = codes_for(len(begins))[flat]
    starts = begins[flat].astype(np.int64)
    text = np.repeat(np.arange(len(ids)), lengths)
    word = np.cumsum(starts) - 1

    buckets, texts, words, backs = [], [], [], [0] * (LONGEST + 1)
    joined, hashes = np.ones_like(flat), codes
    within = codes
    for n in range(1, LONGEST + 1):
        if n > 1:
            joined = joined * (1 - _shift(starts, n - 1, 1))
            following = _shift(codes, n - 1, 0)
            hashes = (hashes * STEP + following) % PRIME
            if n <= 3:
                within = (within * STEP + following * joined) % PRIME
        at = np.flatnonzero(joined)
        buckets.append(bucket_of(hashes[at], n - 1, rows))
        texts.append(text[at])
        words.append(word[at])

    # A word's hash is the sum over its characters of the squared hash of three characters.
    first = np.flatnonzero(starts)
    whole = np.add.reduceat(within * within % PRIME, first) % PRIME
    row = text[first]
    number = np.arange(len(first))
    buckets.append(bucket_of(whole, WORD, rows))
    texts.append(row)
    words.append(number)
    for kind, back in ((PAIR, 1), (SKIP, 2)):
        if len(first) > back:
            same = np.flatnonzero(row[back:] == row[:-back])
            both = (whole[:-back][same] * STEP + whole[back:][same]) % PRIME
            buckets.append(bucket_of(both, kind, rows))
            texts.append(row[back:][same])
            words.append(number[back:][same])
            backs.append(back)
    return Features(
        np.concatenate(buckets).astype(np.int32),
        np.concatenate(texts).astype(np.int32),
        np.concatenate(words).astype(np.int32),
        np.repeat(np.array(backs, dtype=np.int8), [len(b) for b in buckets]),
    )
