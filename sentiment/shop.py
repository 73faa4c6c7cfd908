"""What a shop has taught: a small layer on top of the model's answers.

The model's calibrated log-odds are stretched and moved (the shop has its own share of complaints),
and each n-gram that the shop's corrections told something about adds its weight. All is linear,
as the model below it, so what a word adds is still known exactly. numpy alone; what is learned
(:mod:`sentiment.lessons`) is kept as bytes, and the same bytes give the same answers.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from sentiment.features import extract
from sentiment.heads import COMPLAINT, INTENT, SENTIMENT, SHARES, TONGUE, URGENT

Floats = NDArray[np.float32]

LEARNED = TONGUE.start
"""So many heads, the first of all, can learn from a shop; the language of a text is no opinion."""

_FORM = 1
"""The form of the bytes."""


class Part(StrEnum):
    """What is learned, checked and switched on by itself."""

    SENTIMENT = "sentiment"
    COMPLAINT = "complaint"
    URGENT = "urgent"
    INTENTS = "intents"


HEADS_OF = {
    Part.SENTIMENT: tuple(range(SENTIMENT.start, SENTIMENT.stop)),
    Part.COMPLAINT: (COMPLAINT,),
    Part.URGENT: (URGENT,),
    Part.INTENTS: tuple(range(INTENT.start, INTENT.stop)),
}


class LayerError(ValueError):
    """The bytes are no layer that this version can read."""


@dataclass(frozen=True, slots=True)
class Added:
    """What a layer makes of the answers for some texts.

    ``logits`` [texts, LEARNED] replaces the model's. ``own`` and ``pairs`` [tokens, shares] are
    what the layer's n-grams add at each token, for all texts one after the other; see
    :mod:`sentiment.graph`.
    """

    logits: Floats
    own: Floats
    pairs: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """A linear layer for the model ``base``.

    ``slope`` and ``offset`` [LEARNED] go over the model's log-odds; ``bucket`` are the rows of the
    n-gram table that have a weight, ascending; ``weight`` [buckets, LEARNED] in steps of ``scale``
    [LEARNED]. A text's weights are summed and divided by the root of the number of its n-grams.
    """

    base: str
    rows: int
    slope: Floats
    offset: Floats
    bucket: NDArray[np.int32]
    weight: NDArray[np.int8]
    scale: Floats

    def apply(
        self, ids: Sequence[Sequence[int]], begins: NDArray[np.bool_], logits: Floats
    ) -> Added:
        """For texts given as token ids, and the model's ``logits`` [texts, LEARNED] of them."""
        found = extract([list(one) for one in ids], begins, self.rows)
        tokens = sum(len(one) for one in ids)
        changed = logits * self.slope + self.offset
        own = np.zeros((tokens, len(SHARES)), dtype=np.float32)
        pairs = np.zeros_like(own)
        if not len(self.bucket) or not len(found.bucket):
            return Added(changed.astype(np.float32), own, pairs)
        count = np.bincount(found.text, minlength=len(ids))
        place = np.minimum(np.searchsorted(self.bucket, found.bucket), len(self.bucket) - 1)
        hit = np.flatnonzero(self.bucket[place] == found.bucket)
        text, word = found.text[hit], found.word[hit]
        amount = self.weight[place[hit]] * self.scale / np.sqrt(count[text])[:, None]
        for head in range(LEARNED):
            changed[:, head] += np.bincount(text, amount[:, head], minlength=len(ids))
        flat = np.array([token for one in ids for token in one], dtype=np.int64)
        starts = np.flatnonzero(begins[flat])
        pair = found.back[hit] > 0
        for share, head in enumerate(SHARES):
            for which, out in ((~pair, own), (pair, pairs)):
                at = starts[word[which]]
                out[:, share] = np.bincount(at, amount[which, head], minlength=tokens)
        return Added(changed.astype(np.float32), own, pairs)

    def only(self, parts: Collection[Part]) -> Layer:
        """The same for ``parts``; of all else the model's own answer stands."""
        kept = np.zeros(LEARNED, dtype=bool)
        for part in parts:
            kept[list(HEADS_OF[part])] = True
        weight = self.weight * kept
        told = np.flatnonzero(weight.any(axis=1))
        return Layer(
            self.base,
            self.rows,
            np.where(kept, self.slope, 1.0).astype(np.float32),
            np.where(kept, self.offset, 0.0).astype(np.float32),
            self.bucket[told],
            weight[told].astype(np.int8),
            self.scale,
        )

    def to_bytes(self) -> bytes:
        """The layer as it is kept. The same layer always gives the same bytes."""
        head = json.dumps(
            {"form": _FORM, "base": self.base, "rows": self.rows, "buckets": len(self.bucket)}
        ).encode()
        numbers = (
            self.slope.astype("<f4"),
            self.offset.astype("<f4"),
            self.scale.astype("<f4"),
            self.bucket.astype("<i4"),
            self.weight.astype("i1"),
        )
        return zlib.compress(head + b"\n" + b"".join(one.tobytes() for one in numbers), 9)

    @classmethod
    def from_bytes(cls, kept: bytes) -> Layer:
        """Raises :class:`LayerError` for what :meth:`to_bytes` did not make."""
        try:
            head, _, body = zlib.decompress(kept).partition(b"\n")
            told = json.loads(head)
            buckets = int(told["buckets"])
            if told["form"] != _FORM or len(body) != 12 * LEARNED + (4 + LEARNED) * buckets:
                raise LayerError("the layer is of another form")
            lines = np.frombuffer(body, "<f4", 3 * LEARNED).reshape(3, LEARNED)
            at = 12 * LEARNED
            bucket = np.frombuffer(body, "<i4", buckets, at).astype(np.int32)
            weight = np.frombuffer(body, "i1", buckets * LEARNED, at + 4 * buckets)
            return cls(
                str(told["base"]),
                int(told["rows"]),
                lines[0],
                lines[1],
                bucket,
                weight.reshape(buckets, LEARNED),
                lines[2],
            )
        except (zlib.error, ValueError, KeyError, TypeError) as error:
            raise LayerError(f"the layer cannot be read ({type(error).__name__})") from None
