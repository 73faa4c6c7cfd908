"""The second reader at run time: a small transformer beside the bag of n-grams.

The bag sees which words stand in a text; the transformer also sees them in their order. What it
says is added to what the bag says, in log-odds. It is run by onnxruntime from
``encoder/model.onnx`` in the model's folder; see :mod:`sentiment.encoder_graph`.

A text's answer never depends on the texts beside it: a batch holds texts of one padded length,
which depends on the text alone, and all that the graph sums across words it sums in the same
order whatever the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LONGEST = 128
"""Subwords read of a text, with its two marks: 99 of 100 messages have fewer."""
STEP = 2
"""Texts are padded to a multiple of this many subwords."""
BATCH_SUBWORDS = 384
"""A batch holds at most so many subwords with its padding (or one text): bounds memory."""

FOLDER = "encoder"
_MARKS = 2


@dataclass(frozen=True, slots=True)
class Read:
    """What the transformer says of one text.

    ``logits`` [heads] are log-odds to add; ``own`` [subwords, shares] is what each subword adds
    to the heads that are explained, and ``starts`` where it begins in the text that was given.
    The marks of beginning and end are left out there; ``marks`` [shares] is what they add.
    """

    logits: Floats
    own: Floats
    starts: NDArray[np.int64]
    marks: Floats

    def lost_with(self, places: NDArray[np.int64], words: int, share: int) -> NDArray[np.float64]:
        """For each of ``words`` words, what the logit of ``share`` would lose without it, were the
        other subwords read as before. ``places`` says which word each subword belongs to.

        The logit is a mean over subwords: without some, the others count for more.
        """
        own = self.own[:, share].astype(np.float64)
        theirs = np.bincount(places, own, minlength=words)
        left = len(own) + _MARKS - np.bincount(places, minlength=words)
        total = float(own.sum()) + float(self.marks[share])
        return np.asarray(total - (total - theirs) * (len(own) + _MARKS) / left)


class Encoder:
    """Safe to use from several threads."""

    def __init__(self, tokenizer: Any, session: Any, threads: int) -> None:
        """``session`` is to use one thread itself; ``threads`` batches are read at once."""
        self._tokenizer = tokenizer
        self._session = session
        self._threads = threads

    @classmethod
    def load(cls, folder: Path, session: Any, threads: int) -> Encoder:
        """Raises ``OSError`` where ``folder`` holds no tokenizer."""
        from tokenizers import Tokenizer

        file = folder / "tokenizer.json"
        if not file.is_file():
            raise FileNotFoundError(f"no model in {folder}: tokenizer.json is missing")
        return cls(Tokenizer.from_file(str(file)), session, threads)

    def read(self, texts: Sequence[str]) -> list[Read]:
        """One answer for each text (in the form of :func:`sentiment.tokens.model_text`)."""
        return self.begin(texts)()

    def begin(self, texts: Sequence[str]) -> Callable[[], list[Read]]:
        """Begin to :meth:`read`, where there are threads for it; gives what ends it."""
        encodings = self._tokenizer.encode_batch(list(texts))
        ids = [e.ids for e in encodings]
        batches = list(_batches([len(one) for one in ids]))
        if self._threads > 1 and len(batches) > 1:
            pool = ThreadPoolExecutor(self._threads)
            begun = [pool.submit(self._run, ids, batch) for batch in batches]
            pool.shutdown(wait=False)
            return lambda: _in_order(encodings, batches, [one.result() for one in begun])
        return lambda: _in_order(encodings, batches, [self._run(ids, b) for b in batches])

    def _run(self, ids: Sequence[Sequence[int]], batch: Sequence[int]) -> tuple[Floats, Floats]:
        padded = np.zeros((len(batch), _padded(len(ids[batch[0]]))), dtype=np.int64)
        for place, i in enumerate(batch):
            padded[place, : len(ids[i])] = ids[i]
        logits, own = self._session.run(None, {"input_ids": padded})
        return logits, own


def _in_order(
    encodings: Sequence[Any], batches: Sequence[list[int]], answers: Sequence[tuple[Floats, Floats]]
) -> list[Read]:
    """What was said of each text, in the order of ``encodings``."""
    found: dict[int, Read] = {}
    for batch, (logits, own) in zip(batches, answers, strict=True):
        for place, i in enumerate(batch):
            # Without the marks of beginning and end, which are no words.
            offsets = encodings[i].offsets[1:-1]
            starts = np.array([start for start, _ in offsets], dtype=np.int64)
            each = own[place, : len(offsets) + _MARKS]
            found[i] = Read(logits[place], each[1:-1], starts, each[0] + each[-1])
    return [found[i] for i in range(len(encodings))]


def _padded(length: int) -> int:
    return -(-length // STEP) * STEP


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Indices of texts, in batches of one padded length, the longest first."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for i, length in enumerate(lengths):
        alike[_padded(length)].append(i)
    for length in sorted(alike, reverse=True):
        most = max(1, BATCH_SUBWORDS // length)
        for at in range(0, len(alike[length]), most):
            yield alike[length][at : at + most]
