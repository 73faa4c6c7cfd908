"""The two stages of training; :mod:`sentiment.train` says what they are for.

Needs torch. Nothing here is imported at run time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from sentiment.bags import YES_NO, Bags, Batch, Labels, ragged, take
from sentiment.heads import COMPLAINT, HEADS, SENTIMENT, TONGUE

log = logging.getLogger("sentiment.train")

Floats = NDArray[np.float32]

POWER = 0.5
"""The sum over a text's features is divided by this power of their number."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every knob of the training. Rates are per step of AdamW."""

    rows: int = 2**18
    size: int = 32
    batch: int = 768
    epochs: float = 2.0
    rate: float = 0.006
    heads_rate: float = 0.01
    decay: float = 0.02
    drop_words: float = 0.15
    drop_features: float = 0.3
    own_steps: int = 200
    own_pull: float = 0.05
    own_rarity: float = 0.75
    silent: float = -2.0
    silent_pull: float = 5.0
    folds: int = 5
    seed: int = 7


class Bag:
    """Sum of embeddings, divided by the root of their number; then one linear layer.

    ``source`` is what is peculiar to each source: its share of labels. It is learned beside the
    rest so that the rest need not learn it, and is left out when the model is used.
    """

    def __init__(self, settings: Settings, sources: int) -> None:
        def learned(start: torch.Tensor) -> torch.Tensor:
            return start.requires_grad_()

        self.table = learned(torch.randn(settings.rows, settings.size) * 0.02)
        self.heads = learned(torch.randn(HEADS, settings.size) / settings.size**0.5)
        self.bias = learned(torch.zeros(HEADS))
        self.source = learned(torch.zeros(sources, COMPLAINT + 1))

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Logits [texts, heads]."""
        total = F.embedding_bag(batch.bucket, self.table, batch.offsets, mode="sum")
        hidden = total / batch.count[:, None] ** POWER
        return hidden @ self.heads.T + self.bias


def loss_of(model: Bag, logits: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Mean loss over the labelled heads; heads without a label add nothing."""
    own_way = model.source[labels.source]
    total = torch.zeros(())
    has = labels.sentiment >= 0
    if has.any():
        scores = logits[:, SENTIMENT] + own_way[:, :3]
        total = total + F.cross_entropy(scores[has], labels.sentiment[has], label_smoothing=0.05)
    has = labels.tongue >= 0
    if has.any():
        total = total + 0.3 * F.cross_entropy(logits[has][:, TONGUE], labels.tongue[has])
    known = ~torch.isnan(labels.yes_no[:, 0])
    if known.any():
        total = total + F.binary_cross_entropy_with_logits(
            logits[known, COMPLAINT] + own_way[known, 3], labels.yes_no[known, 0]
        )
    return total


def _optimiser(model: Bag, settings: Settings) -> torch.optim.Optimizer:
    small = [model.heads, model.bias, model.source]
    return torch.optim.AdamW(
        [
            {"params": [model.table], "lr": settings.rate, "weight_decay": settings.decay},
            {"params": small, "lr": settings.heads_rate, "weight_decay": 0.001},
        ],
        betas=(0.9, 0.99),
        fused=True,
    )


def _run(
    model: Bag,
    optimiser: torch.optim.Optimizer,
    steps: int,
    next_batch: Callable[[], tuple[Batch, Labels]],
    name: str,
) -> None:
    """``steps`` steps with a rate that falls to nothing."""
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda s: min(1.0, (s + 1) / 20) * max(0.0, 1 - s / steps)
    )
    began, running = time.monotonic(), 0.0
    for step in range(1, steps + 1):
        batch, labels = next_batch()
        loss = loss_of(model, model(batch), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        running += float(loss.detach())
        if step % 100 == 0:
            log.info(
                "%s: step %d/%d, loss %.4f, %.0f s",
                name,
                step,
                steps,
                running / 100,
                time.monotonic() - began,
            )
            running = 0.0


def _shuffled(
    rng: np.random.Generator, which: NDArray[np.int64], size: int
) -> Iterator[NDArray[np.int64]]:
    """Portions of ``which``, each element once a round, for ever."""
    left = rng.permutation(which)
    while True:
        if len(left) < size:
            left = np.concatenate([left, rng.permutation(which)])
        yield left[:size]
        left = left[size:]


def first_stage(
    settings: Settings, bags: Bags, labels: Labels, sources: int, which: NDArray[np.int64]
) -> Bag:
    """Learn from the rows ``which``: everything that is not the project's own."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    model = Bag(settings, sources)
    portions = _shuffled(rng, which, settings.batch)

    def batch() -> tuple[Batch, Labels]:
        part = next(portions)
        return (
            take(bags, part, rng, settings.drop_words, settings.drop_features),
            labels.take(part),
        )

    steps = int(settings.epochs * len(which) / settings.batch)
    _run(model, _optimiser(model, settings), steps, batch, "first stage")
    return model


def rarity(bags: Bags, which: NDArray[np.int64], rows: int, power: float) -> Floats:
    """For each row of the table, how telling it is: a power of the log of (texts / texts with
    it), over the texts ``which``."""
    seen = np.zeros(rows, dtype=np.int64)
    for start in range(0, len(which), 4000):
        at, owner = ragged(bags, which[start : start + 4000])
        once = np.unique(owner * np.int64(rows) + bags.bucket[at]) % rows
        seen += np.bincount(once, minlength=rows)
    return (np.log((len(which) + 1) / (seen + 1)) ** power).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Own:
    """The own messages as the second stage sees them.

    ``likeness`` [own, own] is the product of their weighted features; ``before`` [own, heads]
    is what the first stage says of them.
    """

    bags: Bags
    weight: Floats
    likeness: NDArray[np.float64]
    before: NDArray[np.float64]
    labels: Labels


def _dense(bags: Bags, which: NDArray[np.int64], weight: Floats) -> Floats:
    """Weighted features of a few texts as rows over the whole table."""
    at, owner = ragged(bags, which)
    rows = len(weight)
    flat = np.bincount(owner * rows + bags.bucket[at], minlength=len(which) * rows)
    dense = flat.reshape(len(which), rows).astype(np.float32) * weight
    count = np.maximum(np.bincount(owner, minlength=len(which)), 1)
    return np.asarray(dense / np.sqrt(count)[:, None], dtype=np.float32)


def own_messages(
    settings: Settings,
    first: Bag,
    bags: Bags,
    labels: Labels,
    ours: NDArray[np.int64],
    weight: Floats,
) -> Own:
    """Prepare the second stage for the texts ``ours``."""
    likeness = np.zeros((len(ours), len(ours)))
    at, owner = ragged(bags, ours)
    count = np.maximum(np.bincount(owner, minlength=len(ours)), 1)
    value = weight[bags.bucket[at]] / np.sqrt(count)[owner]
    whole = take(bags, ours)
    values = torch.from_numpy(value.astype(np.float32))
    for start in range(0, len(ours), PORTION):
        portion = _dense(bags, ours[start : start + PORTION], weight)
        likeness[:, start : start + len(portion)] = F.embedding_bag(
            whole.bucket,
            torch.from_numpy(np.ascontiguousarray(portion.T)),
            whole.offsets,
            mode="sum",
            per_sample_weights=values,
        ).numpy()
    # Features are scaled so that a text has length 1 in the mean: ``pull`` then means the same
    # for any table.
    size = float(np.mean(np.diag(likeness)))
    return Own(
        bags,
        (weight / np.sqrt(size)).astype(np.float32),
        likeness / size,
        answers(first, bags, ours).astype(np.float64),
        labels.take(ours),
    )


PORTION = 64


@dataclass(frozen=True, slots=True)
class Added:
    """What the second stage learned. Logits are ``keep`` times those of the first stage, plus
    ``likeness`` to the own texts times ``alpha``, plus ``bias``."""

    keep: NDArray[np.float64]
    alpha: NDArray[np.float64]
    bias: NDArray[np.float64]

    def logits(
        self, likeness: NDArray[np.float64], before: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """For texts with ``likeness`` [texts, own] and first-stage logits ``before``."""
        return np.asarray(before * self.keep + likeness @ self.alpha + self.bias)


def second_stage(settings: Settings, own: Own, which: NDArray[np.int64]) -> Added:
    """Logistic regression on the own texts ``which``, on top of the first stage's answers.

    With a few thousand texts and many more features it is solved in the space of the texts: the
    weights of the n-grams are a sum of the texts' features, so the square of the weights is
    known from the likeness of the texts alone. Deterministic.
    """
    values, vectors = np.linalg.eigh(own.likeness[np.ix_(which, which)])
    roots = np.sqrt(np.maximum(values, 1e-9))
    space = torch.from_numpy(vectors * roots)
    part = own.labels.take(which)
    before = torch.from_numpy(own.before[which])
    theta = torch.zeros(len(which), HEADS, dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(HEADS, dtype=torch.float64, requires_grad=True)
    # One factor each for sentiment, complaint, language; the other heads learned nothing before.
    keep = torch.tensor([1.0, 0.5, 1.0], dtype=torch.float64, requires_grad=True)
    spread = torch.zeros(3, HEADS, dtype=torch.float64)
    spread[0, SENTIMENT] = spread[1, COMPLAINT] = spread[2, TONGUE] = 1.0
    optimiser = torch.optim.LBFGS(
        [theta, bias, keep],
        max_iter=settings.own_steps,
        history_size=20,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        logits = before * (keep @ spread) + space @ theta + bias
        loss = (
            F.cross_entropy(logits[:, SENTIMENT], part.sentiment, reduction="sum")
            + F.cross_entropy(logits[:, TONGUE], part.tongue, reduction="sum")
            + F.binary_cross_entropy_with_logits(
                logits[:, YES_NO], part.yes_no.double(), reduction="sum"
            )
            # Towards "says nothing, is no complaint": see Settings.silent.
            + settings.own_pull / 2 * (theta**2).sum()
            + ((bias[YES_NO] - settings.silent) ** 2).sum() * settings.silent_pull
        )
        loss.backward()
        return loss

    optimiser.step(closure)
    with torch.no_grad():
        alpha = np.zeros((len(own.likeness), HEADS))
        alpha[which] = (vectors / roots) @ theta.numpy()
        return Added((keep @ spread).numpy(), alpha, bias.numpy().copy())


def folded(
    settings: Settings, first: Bag, own: Own, ours: NDArray[np.int64], added: Added
) -> tuple[Floats, Floats]:
    """Both stages as one table [rows, heads] and one bias [heads]."""
    before = first.table.detach().numpy() @ first.heads.detach().numpy().T
    table = before * added.keep.astype(np.float32)
    at, owner = ragged(own.bags, ours)
    count = np.maximum(np.bincount(owner, minlength=len(ours)), 1)
    share = added.alpha / np.sqrt(count)[:, None]
    gained = np.zeros((settings.rows, HEADS))
    for head in range(HEADS):
        gained[:, head] = np.bincount(
            own.bags.bucket[at], share[owner, head], minlength=settings.rows
        )
    bias = first.bias.detach().numpy() * added.keep + added.bias
    return ((table + gained * own.weight[:, None] ** 2).astype(np.float32), bias.astype(np.float32))


def answers(model: Bag, bags: Bags, which: NDArray[np.int64]) -> Floats:
    """Logits of the texts ``which`` by the first stage."""
    with torch.no_grad():
        out = [
            model(take(bags, which[at : at + 2000])).numpy() for at in range(0, len(which), 2000)
        ]
    return np.concatenate(out).astype(np.float32)


def logits_of(table: Floats, bias: Floats, bags: Bags, which: NDArray[np.int64]) -> Floats:
    """Logits of the texts ``which`` by a table with a column for each head."""
    weights = torch.from_numpy(table)
    out = []
    for at in range(0, len(which), 2000):
        batch = take(bags, which[at : at + 2000])
        total = F.embedding_bag(batch.bucket, weights, batch.offsets, mode="sum")
        out.append((total / batch.count[:, None].sqrt()).numpy() + bias)
    return np.concatenate(out).astype(np.float32)
