"""The two stages of training; :mod:`sentiment.train` says what they are for.

Needs torch. Nothing here is imported at run time.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from sentiment.bags import Bags, Batch, Labels, ragged, take
from sentiment.heads import COMPLAINT, HEADS, INTENT, SENTIMENT, TONGUE, URGENT

log = logging.getLogger("sentiment.train")

Floats = NDArray[np.float32]

POWER = 0.5
"""The sum over a text's features is divided by this power of their number."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every knob of the training. Rates are per step of AdamW."""

    rows: int = 2**18
    size: int = 64
    batch: int = 768
    epochs: float = 2.0
    rate: float = 0.006
    heads_rate: float = 0.01
    decay: float = 0.02
    drop_words: float = 0.15
    drop_features: float = 0.3
    own_steps: int = 100
    own_pull: float = 0.05
    own_rarity: float = 0.75
    replayed: int = 3000
    replay: float = 0.1
    complaint_keep: float = 0.3
    complaint_replay: float = 0.5
    silent: float = -2.0
    silent_pull: float = 5.0
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


def loss_of_classes(logits: torch.Tensor, own_way: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Mean loss of sentiment and language; texts without a label add nothing. ``own_way`` is what
    is peculiar to each text's source."""
    total = torch.zeros(())
    has = labels.sentiment >= 0
    if has.any():
        scores = logits[:, SENTIMENT] + own_way[:, :3]
        total = total + F.cross_entropy(scores[has], labels.sentiment[has], label_smoothing=0.05)
    has = labels.tongue >= 0
    if has.any():
        total = total + 0.3 * F.cross_entropy(logits[has][:, TONGUE], labels.tongue[has])
    return total


def loss_of(model: Bag, logits: torch.Tensor, labels: Labels) -> torch.Tensor:
    """Mean loss over the labelled heads; heads without a label add nothing."""
    own_way = model.source[labels.source]
    total = loss_of_classes(logits, own_way, labels)
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
class _Texts:
    """Weighted features of some texts as a sparse matrix, and its transpose."""

    rows: torch.Tensor
    columns: torch.Tensor

    @classmethod
    def of(cls, bags: Bags, which: NDArray[np.int64], weight: Floats) -> _Texts:
        at, owner = ragged(bags, which)
        count = np.bincount(owner, minlength=len(which))
        bucket = bags.bucket[at].astype(np.int64)
        root = np.sqrt(np.maximum(count, 1)).astype(np.float32)
        value = (weight[bucket] / root[owner]).astype(np.float32)
        by_column = np.argsort(bucket, kind="stable")
        return cls(
            _sparse(count, bucket, value, len(weight)),
            _sparse(
                np.bincount(bucket, minlength=len(weight)),
                owner[by_column],
                value[by_column],
                len(which),
            ),
        )


def _sparse(
    count: NDArray[np.int64], column: NDArray[np.int64], value: Floats, width: int
) -> torch.Tensor:
    """A sparse matrix with ``count`` entries in each row."""
    start = np.concatenate([[0], np.cumsum(count)])
    return torch.sparse_csr_tensor(
        torch.from_numpy(start),
        torch.from_numpy(column),
        torch.from_numpy(value),
        size=(len(count), width),
    )


class SecondStage:
    """Logistic regression on the project's own messages, on top of what the first stage says.

    Each head is on its own. Those that the first stage knows too (sentiment, complaint,
    language) go on seeing a sample of its rows, at a small weight: own messages alone would
    drown what those rows taught. Deterministic.
    """

    def __init__(
        self,
        settings: Settings,
        first: Bag,
        bags: Bags,
        labels: Labels,
        replayed: NDArray[np.int64],
        weight: Floats,
    ) -> None:
        self._settings = settings
        self._bags = bags
        self._labels = labels
        self._replayed = replayed
        self._weight = weight
        with torch.no_grad():
            self._table = (first.table @ first.heads.T).numpy()
            self._bias = first.bias.numpy().copy()
            self._source = first.source.clone()

    def learn(
        self, ours: NDArray[np.int64], heads: Sequence[slice] | None = None
    ) -> tuple[Floats, Floats]:
        """Learn from the own texts ``ours``; both stages as one table [rows, heads] and bias.

        With ``heads``, only those are learned: for measuring.
        """
        s = self._settings
        at, owner = ragged(self._bags, ours)
        count = np.maximum(np.bincount(owner, minlength=len(ours)), 1)
        # Features are scaled so that a text has length 1 in the mean: ``pull`` then means the
        # same for any table. (Repeated n-grams count once here; that is near enough.)
        square = self._weight[self._bags.bucket[at]] ** 2 / count[owner]
        weight = (self._weight / np.sqrt(square.sum() / len(ours))).astype(np.float32)
        table, bias = self._table.copy(), self._bias.copy()
        table[:, ASKED] = 0
        bias[ASKED] = 0
        table[:, COMPLAINT] *= s.complaint_keep
        bias[COMPLAINT] *= s.complaint_keep
        for head, replay in (
            (SENTIMENT, s.replay),
            (slice(COMPLAINT, COMPLAINT + 1), s.complaint_replay),
            (ASKED, 0.0),
            (TONGUE, s.replay),
        ):
            if heads is None or head in heads:
                self._fit(head, replay, ours, weight, table, bias)
        return table, bias

    def _labelled(self, head: slice) -> NDArray[np.int64]:
        """The replayed texts that have a label for ``head``."""
        known = self._labels
        if head == SENTIMENT:
            has = known.sentiment >= 0
        elif head == TONGUE:
            has = known.tongue >= 0
        else:
            has = ~torch.isnan(known.yes_no[:, head.start - COMPLAINT])
        known_at: NDArray[np.bool_] = has.numpy()
        return np.asarray(self._replayed[known_at[self._replayed]], dtype=np.int64)

    def _fit(
        self,
        head: slice,
        replay: float,
        ours: NDArray[np.int64],
        weight: Floats,
        table: Floats,
        bias: Floats,
    ) -> None:
        """Fit the columns ``head`` of ``table`` and ``bias``, in place."""
        which = np.concatenate([ours, self._labelled(head)]) if replay else ours
        texts = _Texts.of(self._bags, which, weight)
        labels = self._labels.take(which)
        counts = torch.full((len(which),), replay)
        counts[: len(ours)] = 1.0
        before = torch.from_numpy(logits_of(table[:, head], bias[head], self._bags, which))
        if head.start <= COMPLAINT:
            peculiar = self._source[labels.source, head]
            peculiar[: len(ours)] = 0
            before = before + peculiar
        size, width = len(table), head.stop - head.start
        flat = torch.zeros((size + 1) * width).requires_grad_()
        optimiser = torch.optim.LBFGS(
            [flat],
            max_iter=self._settings.own_steps,
            history_size=10,
            tolerance_change=1e-6,
            line_search_fn="strong_wolfe",
        )

        def closure() -> float:
            w = flat.data.view(size + 1, width)
            logits = (before + texts.rows @ w[:-1] + w[-1]).requires_grad_()
            loss = (_loss(logits, labels, head) * counts).sum()
            (slope,) = torch.autograd.grad(loss, logits)
            gained = w.clone() * self._settings.own_pull
            penalty = self._settings.own_pull / 2 * float((w[:-1] ** 2).sum())
            gained[-1] = 0
            if head == ASKED:
                # Towards "says nothing": see Settings.silent.
                off = w[-1] - self._settings.silent
                penalty += self._settings.silent_pull * float((off**2).sum())
                gained[-1] = 2 * self._settings.silent_pull * off
            gained[:-1] += texts.columns @ slope
            gained[-1] += slope.sum(0)
            flat.grad = gained.reshape(-1)
            return float(loss.detach()) + penalty

        optimiser.step(closure)
        w = flat.data.view(size + 1, width).numpy()
        table[:, head] += w[:-1] * weight[:, None]
        bias[head] += w[-1]


def sampled(source: NDArray[np.int64], most: int, seed: int) -> NDArray[np.int64]:
    """At most ``most`` rows of each source: places in ``source``, in order."""
    rng = np.random.default_rng(seed)
    chosen = []
    for one in np.unique(source):
        there = np.flatnonzero(source == one)
        chosen.append(rng.permutation(there)[:most])
    return np.sort(np.concatenate(chosen))


ASKED = slice(URGENT, INTENT.stop)
"""Urgent and the intents: only own messages have labels for them."""


def _loss(logits: torch.Tensor, labels: Labels, head: slice) -> torch.Tensor:
    """The loss of each text in the columns ``head``."""
    if head == SENTIMENT:
        return F.cross_entropy(logits, labels.sentiment, reduction="none")
    if head == TONGUE:
        return F.cross_entropy(logits, labels.tongue, reduction="none")
    truth = labels.yes_no[:, head.start - COMPLAINT : head.stop - COMPLAINT]
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1)


def logits_of(table: Floats, bias: Floats, bags: Bags, which: NDArray[np.int64]) -> Floats:
    """Logits of the texts ``which`` by a table with a column for each head."""
    weights = torch.from_numpy(table)
    out = []
    for at in range(0, len(which), 2000):
        batch = take(bags, which[at : at + 2000])
        total = F.embedding_bag(batch.bucket, weights, batch.offsets, mode="sum")
        out.append((total / batch.count[:, None].sqrt()).numpy() + bias)
    return np.concatenate(out).astype(np.float32)
