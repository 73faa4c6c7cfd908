"""Makes probabilities honest: fitted lines from raw logits to calibrated ones, and thresholds.

All is fitted by Newton's method in numpy on answers for texts the model has not learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.data import Example
from sentiment.heads import (
    COMPLAINT,
    HEADS,
    INTENT,
    INTENTS,
    SENTIMENT,
    SENTIMENTS,
    TONGUE,
    TONGUES,
    URGENT,
)

Floats = NDArray[np.float32]
Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    """The logistic function, safe for large numbers."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def fit_line(logits: Array, truth: NDArray[np.bool_], strength: float = 1.0) -> tuple[Array, float]:
    """Slopes and offset that make ``sigmoid(logits @ slopes + offset)`` a probability (Platt).

    ``logits`` [texts, readers] are what each reader says. ``strength`` pulls towards the sum of all
    that they say in equal parts and offset 0, as so many thought-up examples would: with few
    positives the line stays near that.
    """
    readers = logits.shape[1]
    start = np.append(np.full(readers, 1 / readers), 0.0)
    theta = start.copy()
    columns = np.concatenate([logits, np.ones((len(logits), 1))], axis=1)
    for _ in range(50):
        p = sigmoid(columns @ theta)
        gradient = columns.T @ (p - truth) + strength * (theta - start)
        curve = (columns * (p * (1 - p))[:, None]).T @ columns + strength * np.eye(readers + 1)
        step = np.linalg.solve(curve, gradient)
        theta = theta - np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-8:
            break
    return np.maximum(theta[:-1], 0.05), float(theta[-1])


def softmax(scores: Array) -> Array:
    """Probabilities over the last axis."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def fit_classes(logits: Array, truth: NDArray[np.int64], weight: Array) -> tuple[Array, Array]:
    """One slope a reader (1 / temperature) and one offset a class for a softmax, by gradient
    descent.

    ``logits`` [texts, readers, classes]; ``weight`` says how much each example counts.
    """
    _, readers, classes = logits.shape
    slope, offset = np.full(readers, 1 / readers), np.zeros(classes)
    right = np.eye(classes)[truth]
    weight = weight / weight.sum()
    for _ in range(2000):
        mixed = np.einsum("trc,r->tc", logits, slope)
        wrong = (softmax(mixed + offset) - right) * weight[:, None]
        slope -= 0.3 * np.einsum("trc,tc->r", logits, wrong)
        offset -= 0.3 * wrong.sum(axis=0)
    return np.maximum(slope, 0.05), offset - offset.mean()


def best_threshold(probability: Array, truth: NDArray[np.bool_]) -> float:
    """The probability from which "yes" gives the best F1."""
    candidates = np.arange(0.2, 0.71, 0.01)
    scores = []
    for c in candidates:
        said = probability >= c
        scores.append(2 * (said & truth).sum() / max(1, said.sum() + truth.sum()))
    # The middle of the best plateau rather than its first point.
    best = np.flatnonzero(np.array(scores) >= max(scores) - 0.002)
    return round(float(candidates[best[len(best) // 2]]), 2)


def recall_threshold(probability: Array, truth: NDArray[np.bool_], recall: float) -> float:
    """The highest probability from which "yes" still finds ``recall`` of the positives."""
    positives = np.sort(probability[truth])
    missed = int((1 - recall) * len(positives))
    return float(np.floor(positives[missed] * 100) / 100)


def precision_threshold(probability: Array, truth: NDArray[np.bool_], precision: float) -> float:
    """The lowest probability, in steps of 0.01, from which "yes" is right so often; 0.99 where
    none is."""
    for step in range(1, 100):
        said = probability >= step / 100
        if said.any() and truth[said].mean() >= precision:
            return step / 100
    return 0.99


def expected_error(probability: Array, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean gap between probability and share right, 0 to 1."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    gap = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            gap += inside.mean() * abs(probability[inside].mean() - right[inside].mean())
    return float(gap)


URGENT_PRECISION = 0.72
"""Of the unseen own messages that are called urgent, this share is, or a little more…"""
URGENT_OR_MAYBE_RECALL = 0.96
"""…and "not sure" goes down to where this share of the urgent ones is found."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A slope for each reader and head ([readers, heads]) and an offset for each head, and what
    turns probabilities into answers."""

    slope: Floats
    offset: Floats
    complaint_band: dict[str, float]
    urgent_band: dict[str, float]
    intent_yes: list[float]


def calibrate(
    own_logits: Floats, own: Sequence[Example], dev_logits: Floats, dev: Sequence[Example]
) -> Calibration:
    """Fit on unseen own messages (``own``); sentiment on them and on ``dev``, half and half.

    ``own_logits`` and ``dev_logits`` [texts, readers, heads] are what each reader says.
    """
    readers = own_logits.shape[1]
    slope, offset = np.full((readers, HEADS), 1 / readers), np.zeros(HEADS)
    truth = {
        COMPLAINT: np.array([e.complaint for e in own], dtype=bool),
        URGENT: np.array([e.urgent for e in own], dtype=bool),
    }
    for k, intent in enumerate(INTENTS):
        truth[INTENT.start + k] = np.array([intent in (e.intents or ()) for e in own])
    chance = {}
    for head, yes in truth.items():
        x = own_logits[:, :, head].astype(np.float64)
        slope[:, head], offset[head] = fit_line(x, yes)
        chance[head] = sigmoid(x @ slope[:, head] + offset[head])

    three_way = {
        s
        for s in {e.source for e in dev}
        if len({e.sentiment for e in dev if e.source == s}) == len(SENTIMENTS)
    }
    kept = [i for i, e in enumerate(dev) if e.source in three_way]
    logits = np.concatenate([own_logits[:, :, SENTIMENT], dev_logits[kept][:, :, SENTIMENT]])
    labels = [e.sentiment for e in own] + [dev[i].sentiment for i in kept]
    weight = np.concatenate(
        [np.full(len(own), 1 / len(own)), np.full(len(kept), 1 / max(1, len(kept)))]
    )
    moods = np.array([SENTIMENTS.index(s) for s in labels if s])
    slope_of, offset[SENTIMENT] = fit_classes(logits.astype(np.float64), moods, weight)
    slope[:, SENTIMENT] = slope_of[:, None]
    told = [i for i, e in enumerate(own) if e.tongue is not None]
    tongues = np.array([TONGUES.index(e.tongue) for e in own if e.tongue is not None])
    slope_of, _ = fit_classes(
        own_logits[told][:, :, TONGUE].astype(np.float64), tongues, np.ones(len(told))
    )
    slope[:, TONGUE] = slope_of[:, None]

    complaint = best_threshold(chance[COMPLAINT], truth[COMPLAINT])
    urgent = precision_threshold(chance[URGENT], truth[URGENT], URGENT_PRECISION)
    maybe = recall_threshold(chance[URGENT], truth[URGENT], URGENT_OR_MAYBE_RECALL)
    intent_yes = best_threshold(
        np.concatenate([chance[h] for h in range(INTENT.start, INTENT.stop)]),
        np.concatenate([truth[h] for h in range(INTENT.start, INTENT.stop)]),
    )
    return Calibration(
        slope.astype(np.float32),
        offset.astype(np.float32),
        {"no": round(complaint - 0.15, 2), "yes": complaint},
        {"no": round(min(maybe, urgent), 2), "yes": round(urgent, 2)},
        [intent_yes] * len(INTENTS),
    )
