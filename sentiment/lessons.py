"""Learning from a shop's corrections: lessons in, a layer and the check of it out.

The layer is fitted by regularised logistic regression whose starting point is the model itself:
without lessons it changes nothing. Two kinds of lesson: what a person *said* (a correction, a row
of a labelled file), and what a person *let stand* when they worked on a message. The second kind
keeps the layer honest: corrections alone are the model's mistakes alone, and who learned
from them alone would turn every answer round.

A fifth of the texts, chosen by hash, is held back; the very layer that is going to be used is held
against the model on them, part by part, and a part that is not at least as good is left out.
Where that is too few, five layers are made instead, each checked on the fifth it did not see.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.calibrate import sigmoid, softmax
from sentiment.classifier import Classifier
from sentiment.features import extract
from sentiment.heads import COMPLAINT, INTENTS, SENTIMENT, SENTIMENTS
from sentiment.shop import HEADS_OF, LEARNED, Layer, Part
from shenava.messages import Intent, Sentiment
from shenava.text import normalise

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Check = dict[str, dict[str, Any]]
"""By part: ``rows``, ``said`` (of which so many a person's own word), ``on``, and ``log_loss`` and
``macro_f1`` as [of the model alone, with the layer]."""

PARTS = 5
LEAST_SAID = 10
"""A part with fewer words of people on it is not learned."""
LEAST_HELD = 30
"""With fewer words of people held back, all five fifths are checked in turn."""
MOST = 2_000
"""Lessons that are learned from: the newest. Bounds time and memory."""
MOST_BUCKETS = 12_288
"""N-grams that keep a weight: those that weigh most."""

STOOD = 0.5
"""What was let stand counts so much of what was said: people overlook things."""
PULL = 0.1
"""How strongly the weights of n-grams are drawn to nothing."""
SLOPE_PULL = 10.0
"""How strongly a slope is drawn to 1, as so many thought-up lessons would."""
OFFSET_PULL = 2.0
"""How strongly an offset is drawn to 0."""
RARITY = 0.75
"""The power of how telling an n-gram is, as in training."""
STEPS = 400
"""Of the fit; by then further ones change no answer that is seen."""
BALANCE = 0.7
"""How far rare moods are brought up to common ones: 0 not at all, 1 until all count alike."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text and what it is; ``None`` tells nothing. ``said``: a person's own word, rather than
    what they let stand."""

    text: str
    sentiment: Sentiment | None = None
    complaint: bool | None = None
    urgent: bool | None = None
    intents: frozenset[Intent] | None = None
    said: bool = True


@dataclass(frozen=True, slots=True)
class Taught:
    """``layer`` has only the ``parts`` that passed ``check``."""

    layer: Layer
    parts: tuple[Part, ...]
    check: Check
    lessons: int


def part_of(text: str, parts: int = PARTS) -> int:
    """Which of ``parts`` a text belongs to, by hash of its normalised form."""
    found = hashlib.sha256(normalise(text).encode("utf-8", "replace")).digest()
    return int.from_bytes(found[:4], "big") % parts


@dataclass(frozen=True, slots=True)
class Material:
    """Lessons as numbers: the model's log-odds [lessons, LEARNED], the n-grams of each text
    (``owner`` ascending), and truths: a class (-1: none) and yes or no [lessons, LEARNED - 3] (nan:
    not told)."""

    logits: Array
    bucket: NDArray[np.int32]
    owner: Ints
    sentiment: Ints
    yes_no: Array
    said: NDArray[np.bool_]
    part: Ints

    def take(self, which: NDArray[np.bool_]) -> Material:
        """Those lessons alone."""
        inside = which[self.owner]
        number = np.cumsum(which) - 1
        return Material(
            self.logits[which],
            self.bucket[inside],
            number[self.owner[inside]],
            self.sentiment[which],
            self.yes_no[which],
            self.said[which],
            self.part[which],
        )

    def __len__(self) -> int:
        return len(self.logits)


def material(classifier: Classifier, lessons: Sequence[Lesson]) -> Material:
    """Read the texts of ``lessons``, by the model alone: ``classifier`` has no layer of its own.
    Their order makes no difference to what is learned."""
    lessons = sorted(
        lessons,
        key=lambda one: (normalise(one.text), one.text, one.said, str(_answers(one))),
    )
    texts = [one.text for one in lessons]
    logits = classifier.scores(texts)[:, :LEARNED].astype(np.float64)
    found = extract(classifier.token_ids(texts), classifier.begins, classifier.rows)
    order = np.lexsort((found.bucket, found.text))
    return Material(
        logits,
        found.bucket[order],
        found.text[order].astype(np.int64),
        np.array(
            [SENTIMENTS.index(one.sentiment) if one.sentiment else -1 for one in lessons],
            dtype=np.int64,
        ),
        np.array([_answers(one) for one in lessons], dtype=np.float64).reshape(-1, LEARNED - 3),
        np.array([one.said for one in lessons], dtype=bool),
        np.array([part_of(text) for text in texts], dtype=np.int64),
    )


def _answers(one: Lesson) -> list[float]:
    def number(value: bool | None) -> float:
        return float("nan") if value is None else float(value)

    intents = [number(None if one.intents is None else i in one.intents) for i in INTENTS]
    return [number(one.complaint), number(one.urgent), *intents]


def fit(given: Material, base: str, rows: int) -> Layer:
    """The layer that ``given`` teaches. The same lessons give the same layer, to the last bit, on
    the same machine."""
    bucket, column = np.unique(given.bucket, return_inverse=True)
    lessons = len(given)
    count = np.maximum(np.bincount(given.owner, minlength=lessons), 1)
    once = np.unique(given.owner * len(bucket) + column)
    seen = np.bincount(once % max(1, len(bucket)), minlength=len(bucket))
    rarity = np.log((lessons + 1) / (seen + 0.5)) ** RARITY
    value = rarity[column] / np.sqrt(count)[given.owner]
    likeness = _likeness(given.owner, column, value, lessons, len(bucket))
    size = max(float(np.mean(np.diag(likeness))), 1e-9)
    likeness /= size
    theta, slope, offset, root = _solve(likeness, given)
    alpha = np.linalg.solve(root.T, theta)
    weight = np.zeros((len(bucket), LEARNED))
    share = value[:, None] * alpha[given.owner]
    for head in range(LEARNED):
        weight[:, head] = np.bincount(column, share[:, head], minlength=len(bucket))
    weight *= (rarity / size)[:, None]
    return _packed(base, rows, slope, offset, bucket, weight)


def _likeness(owner: Ints, column: Ints, value: Array, lessons: int, columns: int) -> Array:
    """The product of all pairs of texts, a piece of the n-grams at a time."""
    total = np.zeros((lessons, lessons))
    piece = 4_096
    order = np.argsort(column, kind="stable")
    ends = np.searchsorted(column[order], np.arange(0, columns + piece, piece))
    for begin, end in pairwise(ends):
        at = order[begin:end]
        dense = np.bincount(owner[at] * piece + column[at] % piece, value[at], lessons * piece)
        dense = dense.reshape(lessons, piece)
        total += dense @ dense.T
    return total


def _solve(likeness: Array, given: Material) -> tuple[Array, Array, Array, Array]:
    """Weights of the texts in the space of ``root`` (root @ root.T is the likeness), slopes,
    offsets. Accelerated gradient steps of a fixed length: few lines, and nothing left to chance."""
    lessons = len(given)
    root: Array = np.linalg.cholesky(likeness + 1e-6 * np.eye(lessons)).astype(np.float64)
    counts = np.where(given.said, 1.0, STOOD)
    has_class = _balanced(given.sentiment, counts)
    told = ~np.isnan(given.yes_no)
    truth = np.nan_to_num(given.yes_no)
    right = np.eye(3)[np.maximum(given.sentiment, 0)]
    before = given.logits
    steep = _steepness(root, before, np.maximum(counts, has_class))
    theta = np.zeros((lessons, LEARNED))
    line = np.stack([np.ones(LEARNED), np.zeros(LEARNED)])
    ahead, ahead_line, speed = theta, line, 1.0
    start = line.copy()
    pulls = np.array([[SLOPE_PULL], [OFFSET_PULL]])
    for _ in range(STEPS):
        logits = root @ ahead + before * ahead_line[0] + ahead_line[1]
        wrong = np.empty((lessons, LEARNED))
        wrong[:, SENTIMENT] = (softmax(logits[:, SENTIMENT]) - right) * has_class[:, None]
        wrong[:, COMPLAINT:] = (sigmoid(logits[:, COMPLAINT:]) - truth) * told * counts[:, None]
        slopes = (wrong * before).sum(axis=0)
        # One slope for the three moods: a temperature.
        slopes[SENTIMENT] = slopes[SENTIMENT].sum() / 3
        gradient = np.stack([slopes, wrong.sum(axis=0)]) + pulls * (ahead_line - start)
        after = ahead - (root.T @ wrong + PULL * ahead) / steep
        after_line = ahead_line - gradient / steep
        faster = (1 + np.sqrt(1 + 4 * speed**2)) / 2
        push = (speed - 1) / faster
        ahead = after + push * (after - theta)
        ahead_line = after_line + push * (after_line - line)
        theta, line, speed = after, after_line, faster
    return theta, line[0], line[1], root


def _balanced(sentiment: Ints, counts: Array) -> Array:
    """How much each lesson counts for the mood: a rare mood more than its share, halfway (by the
    root) to counting alike, so that it is not forgotten over a common one."""
    told = np.where(sentiment >= 0, counts, 0.0)
    each = np.bincount(np.maximum(sentiment, 0), told, minlength=len(SENTIMENTS))
    by_mood = (told.sum() / (len(SENTIMENTS) * np.maximum(each, 1.0))) ** BALANCE
    return np.asarray(told * by_mood[np.maximum(sentiment, 0)])


def _steepness(root: Array, before: Array, counts: Array) -> float:
    """No less than the largest curvature of the loss: the length of a safe step is its inverse."""
    vector = np.ones(len(root))
    largest = 1.0
    for _ in range(30):
        moved = root.T @ (counts * (root @ vector))
        largest = float(np.linalg.norm(moved))
        vector = moved / max(largest, 1e-12)
    lines = float(counts @ (before**2).max(axis=1)) + float(counts.sum())
    return 0.5 * (1.1 * largest + lines) + max(PULL, SLOPE_PULL, OFFSET_PULL)


def _packed(
    base: str, rows: int, slope: Array, offset: Array, bucket: NDArray[np.int32], weight: Array
) -> Layer:
    """The layer with the n-grams that weigh most, in 8 bits."""
    weigh = np.abs(weight).max(axis=1)
    kept = np.sort(np.lexsort((bucket, -weigh))[:MOST_BUCKETS])
    kept = kept[weigh[kept] > 0]
    scale = np.maximum(np.abs(weight[kept]).max(axis=0, initial=0.0), 1e-9) / 127
    small = np.round(weight[kept] / scale).astype(np.int8)
    told = small.any(axis=1)
    return Layer(
        base,
        rows,
        np.round(np.maximum(slope, 0.05), 4).astype(np.float32),
        np.round(offset, 4).astype(np.float32),
        bucket[kept][told].astype(np.int32),
        small[told],
        scale.astype(np.float32),
    )


def scored(layer: Layer, given: Material) -> Array:
    """Log-odds [lessons, LEARNED] with the layer."""
    changed = given.logits * layer.slope + layer.offset
    if not len(layer.bucket):
        return np.asarray(changed)
    count = np.maximum(np.bincount(given.owner, minlength=len(given)), 1)
    place = np.minimum(np.searchsorted(layer.bucket, given.bucket), len(layer.bucket) - 1)
    hit = np.flatnonzero(layer.bucket[place] == given.bucket)
    owner = given.owner[hit]
    amount = layer.weight[place[hit]] * layer.scale / np.sqrt(count[owner])[:, None]
    for head in range(LEARNED):
        changed[:, head] += np.bincount(owner, amount[:, head], minlength=len(given))
    return np.asarray(changed)


def teach(classifier: Classifier, lessons: Sequence[Lesson]) -> Taught:
    """Learn from ``lessons`` and check it. Nothing passes where there is too little to go by."""
    given = material(classifier, lessons)
    return taught_by(given, classifier)


def taught_by(given: Material, classifier: Classifier) -> Taught:
    """:func:`teach` for lessons that are read already."""
    said = {part: int((given.said & _told(given, part)).sum()) for part in Part}
    wanted = [part for part in Part if said[part] >= LEAST_SAID]
    least = classifier.thresholds
    held = given.part == 0
    if not wanted:
        empty = _packed(
            classifier.base,
            classifier.rows,
            np.ones(LEARNED),
            np.zeros(LEARNED),
            np.zeros(0, np.int32),
            np.zeros((0, LEARNED)),
        )
        return Taught(empty, (), {part: _little(given, part) for part in Part}, len(given))
    if int((held & given.said).sum()) >= LEAST_HELD:
        layer = fit(given.take(~held), classifier.base, classifier.rows)
        seen, after = given.take(held), scored(layer, given.take(held))
    else:
        seen, after = given, np.zeros_like(given.logits)
        for number in range(PARTS):
            other = given.part == number
            if other.any() and not other.all():
                part_layer = fit(given.take(~other), classifier.base, classifier.rows)
                after[other] = scored(part_layer, given.take(other))
        layer = fit(given, classifier.base, classifier.rows)
    check: Check = {}
    for part in Part:
        check[part] = (
            _compared(seen, after, part, least) if part in wanted else _little(given, part)
        )
    parts = tuple(part for part in Part if check[part]["on"])
    return Taught(layer.only(parts), parts, check, len(given))


def _told(given: Material, part: Part) -> NDArray[np.bool_]:
    if part is Part.SENTIMENT:
        return given.sentiment >= 0
    first = HEADS_OF[part][0] - COMPLAINT
    return np.asarray(~np.isnan(given.yes_no[:, first]))


def _little(given: Material, part: Part) -> dict[str, Any]:
    """A part that has too few words of people to be learned."""
    told = _told(given, part)
    return {"rows": 0, "said": int((told & given.said).sum()), "on": False, "enough": False}


def _compared(seen: Material, after: Array, part: Part, least: Array) -> dict[str, Any]:
    """The model alone against the model with the layer, on texts the layer has not seen."""
    at = np.flatnonzero(_told(seen, part))
    if part is Part.SENTIMENT:
        truth = seen.sentiment[at]
        pairs = [
            (_class_loss(x[at][:, SENTIMENT], truth), class_f1(x[at][:, SENTIMENT], truth))
            for x in (seen.logits, after)
        ]
    else:
        heads = list(HEADS_OF[part])
        answers = seen.yes_no[at][:, [head - COMPLAINT for head in heads]] > 0.5
        pairs = [
            (
                _yes_no_loss(x[at][:, heads], answers),
                yes_no_f1(sigmoid(x[at][:, heads]), answers, least[heads]),
            )
            for x in (seen.logits, after)
        ]
    (loss, f1), (new_loss, new_f1) = pairs
    return {
        "rows": len(at),
        "said": int(seen.said[at].sum()),
        "enough": True,
        "on": bool(len(at) and new_loss <= loss and new_f1 >= f1),
        "log_loss": [round(loss, 4), round(new_loss, 4)],
        "macro_f1": [round(f1, 4), round(new_f1, 4)],
    }


def _class_loss(logits: Array, truth: Ints) -> float:
    chance = softmax(logits)[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chance, 1e-12)).mean()) if len(truth) else 0.0


def class_f1(logits: Array, truth: Ints) -> float:
    """Macro-F1 over the classes that occur."""
    return _macro([(truth == c, logits.argmax(axis=1) == c) for c in np.unique(truth)])


def _yes_no_loss(logits: Array, truth: NDArray[np.bool_]) -> float:
    signed = np.where(truth, logits, -logits)
    return float(np.logaddexp(0.0, -signed).mean()) if signed.size else 0.0


def yes_no_f1(chance: Array, truth: NDArray[np.bool_], least: Array) -> float:
    """Macro-F1 of one head over yes and no; of several, over those that occur."""
    said = chance >= least
    if truth.shape[1] == 1:
        return _macro([(truth, said), (~truth, ~said)])
    return _macro([(truth[:, k], said[:, k]) for k in range(truth.shape[1]) if truth[:, k].any()])


def _macro(pairs: Collection[tuple[NDArray[np.bool_], NDArray[np.bool_]]]) -> float:
    each = [2 * int((t & s).sum()) / max(1, int(t.sum() + s.sum())) for t, s in pairs]
    return float(np.mean(each)) if each else 0.0
